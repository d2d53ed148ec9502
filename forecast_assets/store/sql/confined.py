"""DuckDB instances that load no extension and read and write no file but that of the tables.

A file of tables may hold views that somebody else has written. Without these settings, DuckDB would
read any file or web address that a view names, and download extensions for it.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb

CONFINED: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
    "allow_persistent_secrets": False,
    "python_enable_replacements": False,
}
"""Settings of each instance. The last keeps SQL from reading variables of the Python program."""


def confined(files: Sequence[Path] = (), **config: Any) -> duckdb.DuckDBPyConnection:
    """Start an instance in memory, with access to some files, or to none.

    Its settings cannot be changed afterwards. ``config``: further settings. DuckDB itself also
    allows what is in the ``temp_directory``.
    """
    return confine(duckdb.connect(config=CONFINED | config), files)


def confined_to(path: Path) -> duckdb.DuckDBPyConnection:
    """Open a file of tables for reading, with access to no other file."""
    return confine(duckdb.connect(path, read_only=True, config=CONFINED))


def confine(
    connection: duckdb.DuckDBPyConnection, files: Sequence[Path] = ()
) -> duckdb.DuckDBPyConnection:
    """Take from an instance the access to all files but these, for good."""
    if files:
        allowed = ", ".join(text(str(file)) for file in files)
        connection.execute(f"SET allowed_paths = [{allowed}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection


def text(value: str) -> str:
    """Return a text as an SQL literal, for statements that take no parameters."""
    return "'" + value.replace("'", "''") + "'"
