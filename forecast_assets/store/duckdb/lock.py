"""Whom DuckDB says that it finds the file open in."""

import re

import duckdb

LOCKED = 'IO Error: Could not set lock on file "'
"""What DuckDB's message begins with; it goes on with the path, whatever words are in that."""

HELD = re.compile(r".*Conflicting lock is held in (?:(.+) \(PID (\d+)\)|PID (\d+))", re.DOTALL)


def holder_of(error: duckdb.Error) -> str | None:
    """The program, with its PID, whose connection excludes ours; None if the error says no such."""
    message = str(error)
    if not isinstance(error, duckdb.IOException) or not message.startswith(LOCKED):
        return None
    found = HELD.match(message)
    if found is None:
        return "another program"
    program, pid, lone = found.groups()
    return f"{program} (PID {pid})" if pid else f"a program (PID {lone})"
