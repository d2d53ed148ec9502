"""The store of DuckDB: all tables in one file."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from pathlib import Path

from forecast_assets.configuration.settings import Settings
from forecast_assets.store.compacted import Compacted
from forecast_assets.store.duckdb.database import Database
from forecast_assets.store.duckdb.file_names import catalog_of
from forecast_assets.store.duckdb.migrations import file_definitions
from forecast_assets.store.duckdb.snapshot import snapshot
from forecast_assets.store.patience import Patience, Told
from forecast_assets.store.sql.database import Connection
from forecast_assets.store.sql.reading import DuckDBReading
from forecast_assets.store.sql.store import SqlStore


class DuckDBStore(SqlStore):
    """The ``Store`` in a DuckDB file; the file's name, ``commodity``, is the catalog of tables."""

    def __init__(
        self,
        path: Path,
        horizon: int,
        memory_limit: str,
        lock_timeout_seconds: float,
        patience: Patience | None = None,
        told: Told | None = None,
    ) -> None:
        self.database = Database(
            path,
            file_definitions(horizon, catalog_of(path)),
            memory_limit,
            patience or Patience(lock_timeout_seconds),
            told,
        )
        super().__init__(self.database, horizon)

    @classmethod
    def of(cls, settings: Settings, patience: Patience | None = None) -> "DuckDBStore":
        """The store of a configuration; ``patience``: shared by all waits, if it is given."""
        return cls(
            settings.database_path,
            settings.horizon,
            settings.database.memory_limit,
            settings.database.lock_timeout_seconds,
            patience,
        )

    engine = "DuckDB"

    @property
    def place(self) -> str:
        """Where the tables are, for users."""
        return self.database.place

    def size(self) -> int:
        """The bytes of the file."""
        path = self.database.path
        return path.stat().st_size if path.exists() else 0

    def compact(self, keep: timedelta) -> list[Compacted]:
        """Return at once: the file takes new rows where old ones were."""
        return []

    @contextmanager
    def reading(self) -> Iterator[DuckDBReading]:
        """All tables as they are at one moment; tables that do not exist yet are empty."""
        with self.database.reading() as connection:
            yield DuckDBReading(connection, str(self.database.path))

    def connection(self, *, read_only: bool) -> AbstractContextManager[Connection]:
        """A connection to the file: read-only, or in one transaction."""
        return self.database.reading() if read_only else self.database.writing()

    def token(self) -> str:
        """A text that is different whenever the tables may have changed."""
        return self.database.token()

    def require_free(self) -> None:
        """Raise StoreLocked if another program keeps the tables from being written."""
        self.database.require_free()

    def copy_to(self, target: Path) -> int:
        """Replace the copy for programs that only read; return its size in bytes."""
        return snapshot(self.database, target)
