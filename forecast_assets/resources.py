"""Resources: the store that assets and IO managers are given."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dagster_duckdb import DuckDBResource
from pydantic import Field

from forecast_assets.configuration import Settings
from forecast_assets.store.contract import Store
from forecast_assets.store.database import Connection
from forecast_assets.store.duckdb import DuckDBStore


class StoreResource(DuckDBResource):
    """The tables, in one DuckDB file. Another backend overrides ``tables``."""

    horizon: int = Field(description="Sessions ahead: the day columns of distributions.")
    memory_limit: str = Field(description="What DuckDB may use, such as 512MB.")
    lock_timeout_seconds: float = Field(description="How long a locked file is waited for.")

    @classmethod
    def of(cls, settings: Settings) -> "StoreResource":
        """The store that a configuration describes."""
        return cls(
            database=str(settings.database_path),
            horizon=settings.horizon,
            memory_limit=settings.database.memory_limit,
            lock_timeout_seconds=settings.database.lock_timeout_seconds,
        )

    def tables(self) -> Store:
        """The tables behind their contract."""
        return self._store()

    @contextmanager
    def get_connection(self, *, read_only: bool = True) -> Iterator[Connection]:
        """A connection for SQL of one's own: read-only, or one transaction."""
        database = self._store().database
        with database.reading() if read_only else database.writing() as connection:
            yield connection

    def _store(self) -> DuckDBStore:
        return DuckDBStore(
            Path(self.database), self.horizon, self.memory_limit, self.lock_timeout_seconds
        )
