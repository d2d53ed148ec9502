"""Locks: finding out from DuckDB's error which program has the file open."""

import re

import duckdb

LOCKED = 'IO Error: Could not set lock on file "'
"""The beginning of DuckDB's message; the path follows, and may contain any words."""

HELD = re.compile(r".*Conflicting lock is held in (?:(.+) \(PID (\d+)\)|PID (\d+))", re.DOTALL)


def holder_of(error: duckdb.Error) -> str | None:
    """The program, with its PID, whose lock excludes ours; None if the error is another one."""
    message = str(error)
    if not isinstance(error, duckdb.IOException) or not message.startswith(LOCKED):
        return None
    found = HELD.match(message)
    if found is None:
        return "another program"
    program, pid, lone = found.groups()
    return f"{program} (PID {pid})" if pid else f"a program (PID {lone})"
