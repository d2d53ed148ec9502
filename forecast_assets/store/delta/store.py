"""The store of Delta Lake: each table in a folder below one address."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from forecast_assets.errors import StoreError
from forecast_assets.store.compacted import Compacted
from forecast_assets.store.delta.beginning import begin
from forecast_assets.store.delta.compaction import compact
from forecast_assets.store.delta.delta_tables import horizon_of
from forecast_assets.store.delta.lake import Lake
from forecast_assets.store.patience import Patience
from forecast_assets.store.sql.database import Connection
from forecast_assets.store.sql.reading import DuckDBReading
from forecast_assets.store.sql.store import SqlStore


class DeltaStore(SqlStore):
    """The ``Store`` in Delta tables below a folder or a prefix of S3."""

    def __init__(
        self,
        url: str,
        horizon: int | None,
        memory_limit: str,
        patience: Patience,
    ) -> None:
        """Raise StoreError without a ``horizon`` if there are no tables that have one."""
        found = horizon_of(url) if horizon is None else horizon
        self.lake = Lake(url, found, memory_limit, patience)
        super().__init__(self.lake, found)

    engine = "Delta Lake"

    @property
    def place(self) -> str:
        """Where the tables are, for users."""
        return self.lake.place

    def size(self) -> int:
        """The bytes of the files that the tables have now."""
        return self.lake.stored.size()

    def make_all(self) -> None:
        """Make those tables that are not there yet."""
        with self.lake.told_as_ours():
            begin(self.lake.stored)
            self.lake.stored.make(self.lake.declared)

    def compact(self, keep: timedelta) -> list[Compacted]:
        """Merge small files, and delete those that were replaced longer than ``keep`` ago."""
        return compact(self.lake, keep)

    @contextmanager
    def reading(self, moment: datetime | None = None) -> Iterator[DuckDBReading]:
        """All tables as they are at one moment; tables that do not exist yet are empty.

        ``moment``: an earlier one, in UTC without a zone.
        """
        with self.lake.reading(moment) as connection:
            yield DuckDBReading(connection, self.lake.place)

    def connection(self, *, read_only: bool) -> AbstractContextManager[Connection]:
        """A connection of DuckDB that reads the tables as they are at one moment."""
        if not read_only:
            raise StoreError(f"{self.place}: SQL can only read these tables: pass read_only=True")
        return self.lake.reading()

    def token(self) -> str:
        """A text that is different whenever the tables may have changed."""
        return self.lake.token()

    def require_free(self) -> None:
        """Return at once: programs that read keep nobody from writing."""

    def copy_to(self, target: Path) -> int:
        """Raise StoreError: whoever reads these tables needs no copy of them."""
        raise StoreError(
            f"{self.lake.url}: a copy for programs that only read is not needed: they can read the"
            " tables themselves, while they are written"
        )
