"""Names in SQL: quoted ones, and the catalog under which DuckDB knows a file."""

from pathlib import Path


def quoted(name: str) -> str:
    """Return a name as an SQL identifier, whatever characters it has."""
    return '"' + name.replace('"', '""') + '"'


def catalog_of(path: Path) -> str:
    """Return the catalog name that DuckDB gives a file: its name up to the first dot."""
    return path.name.partition(".")[0]
