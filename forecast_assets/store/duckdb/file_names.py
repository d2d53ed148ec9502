"""Names of a file of tables: its catalog in DuckDB, and its logs."""

from pathlib import Path


def catalog_of(path: Path) -> str:
    """Return the catalog name that DuckDB gives a file: its name up to the first dot."""
    return path.name.partition(".")[0]


def log_of(path: Path) -> Path:
    """Return the path of a file's log, which has what is committed and not in the file yet."""
    return path.with_name(f"{path.name}.wal")


def files_of(path: Path) -> list[Path]:
    """Return the paths of a file and of all logs that DuckDB may keep of it.

    While it merges its log into the file, a second log has what is committed meanwhile. After a
    kill in this time it makes one of both.
    """
    log = log_of(path)
    return [path, log, *(log.with_name(f"{log.name}.{of}") for of in ("checkpoint", "recovery"))]
