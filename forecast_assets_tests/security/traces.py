"""Where a text can be found in what a system has written: files, databases, and packed columns."""

import sqlite3
import zlib
from collections.abc import Collection, Iterator
from contextlib import closing, suppress
from pathlib import Path

import duckdb

from forecast_assets.store.sql.names import quoted


def traces(folder: Path, texts: Collection[str], but: Collection[Path] = ()) -> list[str]:
    """A line for each place in a folder that holds one of some texts; ``but``: files left out."""
    found = []
    for file in sorted(folder.rglob("*")):
        if file.is_file() and file not in but:
            for place, content in contents(file):
                found += [f"{file.relative_to(folder)} {place}: {x}" for x in texts if x in content]
    return found


def contents(file: Path) -> Iterator[tuple[str, str]]:
    """What a file holds: its bytes, and the rows of a database, those that are packed too."""
    content = file.read_bytes()
    yield "", content.decode("utf-8", "replace")
    if content[8:12] == b"DUCK":
        yield from tables_of(file)
    elif content.startswith(b"SQLite format 3\0"):
        yield from packed_in(file)


def tables_of(file: Path) -> Iterator[tuple[str, str]]:
    """All rows of a DuckDB file, as text."""
    with closing(duckdb.connect(file, read_only=True)) as connection:
        names = connection.execute(
            "SELECT schema_name, table_name FROM duckdb_tables() WHERE NOT internal"
        ).fetchall()
        for schema, table in names:
            if table != "distributions":  # numbers, and keys that the ledger has
                name = f"{quoted(schema)}.{quoted(table)}"
                yield name, str(connection.execute(f"FROM {name}").fetchall())


def packed_in(file: Path) -> Iterator[tuple[str, str]]:
    """All packed values of an SQLite file, unpacked."""
    with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as connection:
        named = "SELECT name FROM sqlite_master WHERE type = 'table'"
        for (table,) in connection.execute(named).fetchall():
            for row in connection.execute(f"SELECT * FROM {quoted(table)}"):  # noqa: S608
                for value in row:
                    if isinstance(value, bytes):
                        with suppress(zlib.error):
                            yield table, zlib.decompress(value).decode("utf-8", "replace")
