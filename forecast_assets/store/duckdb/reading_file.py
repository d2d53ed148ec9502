"""Reading a file of tables that a program names."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from forecast_assets.errors import StoreError
from forecast_assets.store.duckdb.database import Database
from forecast_assets.store.patience import Patience
from forecast_assets.store.sql.reading import DuckDBReading


@contextmanager
def reading_file(
    path: Path, memory_limit: str, lock_timeout_seconds: float
) -> Iterator[DuckDBReading]:
    """Open the tables in a file without making any. Raises StoreError if there is no file."""
    if not path.is_file():
        raise StoreError(f"{path}: there is no such file: run `forecast run` first")
    database = Database(path, (), memory_limit, Patience(lock_timeout_seconds))
    with database.reading() as connection:
        yield DuckDBReading(connection, str(path))
