"""DuckDB instances that load no extension and read and write no file outside one folder.

A file of tables may hold views that somebody else has written. Without these settings, DuckDB would
read any file or web address that a view names, and download extensions for it.
"""

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


def confined(folder: Path | None, **config: Any) -> duckdb.DuckDBPyConnection:
    """Start an instance in memory, with access to the files of a folder or to none.

    Its settings cannot be changed afterwards. ``config``: further settings.
    """
    return confine(duckdb.connect(config=CONFINED | config), folder)


def confined_to(path: Path) -> duckdb.DuckDBPyConnection:
    """Open a file of tables for reading, with access to no other file."""
    return confine(duckdb.connect(path, read_only=True, config=CONFINED), None)


def confine(
    connection: duckdb.DuckDBPyConnection, folder: Path | None
) -> duckdb.DuckDBPyConnection:
    """Take from an instance the access to all files outside a folder, for good."""
    if folder is not None:
        connection.execute(f"SET allowed_directories = [{text(f'{folder}/')}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection


def text(value: str) -> str:
    """Return a text as an SQL literal, for statements that take no parameters."""
    return "'" + value.replace("'", "''") + "'"
