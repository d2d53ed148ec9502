"""DuckDB instances that load no extension and read and write no file but that of the tables.

A file of tables may hold views that somebody else has written. Without these settings, DuckDB would
read any file or web address that a view names, and download extensions for it.
"""

from pathlib import Path
from typing import Any

import duckdb

from forecast_assets.store.duckdb.names import files_of

CONFINED: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
    "allow_persistent_secrets": False,
    "python_enable_replacements": False,
}
"""Settings of each instance. The last keeps SQL from reading variables of the Python program."""


def confined(path: Path | None, **config: Any) -> duckdb.DuckDBPyConnection:
    """Start an instance in memory, with access to a file of tables and its logs, or to no file.

    Its settings cannot be changed afterwards. ``config``: further settings. DuckDB itself also
    allows what is in the ``temp_directory``.
    """
    return confine(duckdb.connect(config=CONFINED | config), path)


def confined_to(path: Path) -> duckdb.DuckDBPyConnection:
    """Open a file of tables for reading, with access to no other file."""
    return confine(duckdb.connect(path, read_only=True, config=CONFINED), None)


def confine(connection: duckdb.DuckDBPyConnection, path: Path | None) -> duckdb.DuckDBPyConnection:
    """Take from an instance the access to all files but those of some tables, for good."""
    if path is not None:
        allowed = ", ".join(text(str(file)) for file in files_of(path))
        connection.execute(f"SET allowed_paths = [{allowed}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection


def text(value: str) -> str:
    """Return a text as an SQL literal, for statements that take no parameters."""
    return "'" + value.replace("'", "''") + "'"
