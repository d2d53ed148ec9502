"""The Delta tables below one address: making them, opening them, and all of them at one moment."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from threading import Lock

import pyarrow as pa
import pyarrow.dataset as ds
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError, TableNotFoundError

from forecast_assets.errors import StoreError
from forecast_assets.store.delta.storage import in_words, options_of
from forecast_assets.store.readings import Readings
from forecast_assets.store.sql.writes import MARKERS
from forecast_assets.store.tables import tables
from forecast_assets.store.tables.table import Table

PARTITIONED = ("model_version", "commodity", "training_date")
"""The columns by which the files of a table lie in folders, as far as it has them."""

KEPT = 4
"""How many addresses a process keeps the tables of."""

LARGE = ("forecast.distributions", "forecast.point_estimates")
"""The tables whose files lie in folders by all of these columns, and not only by commodity."""


@dataclass(frozen=True)
class Moment:
    """The rows of all tables as they were at one moment, and a text for their versions."""

    rows: dict[str, ds.Dataset]
    token: str


@dataclass
class DeltaTables:
    """Delta tables by their names without the catalog, such as ``forecast.scores``.

    ``url``: a folder or prefix below which each table has a folder. ``options``: of its storage.
    """

    url: str
    options: Mapping[str, str]
    declared: Mapping[str, Table]
    readings: Readings = field(default_factory=Readings)
    _shown: dict[str, tuple[int, ds.Dataset]] = field(default_factory=dict)
    _opened: dict[str, DeltaTable] = field(default_factory=dict)
    _made: set[str] = field(default_factory=set)
    _lock: Lock = field(default_factory=Lock)

    def address(self, name: str) -> str:
        """Where a table is."""
        return f"{self.url}/{name.replace('.', '/')}"

    def open(self, name: str) -> DeltaTable:
        """A table as it is now. Raises TableNotFoundError if it has not been made."""
        return DeltaTable(self.address(name), storage_options=dict(self.options))

    def make(self, names: Iterable[str]) -> set[str]:
        """Make those tables that are not there; several programs may do so at once.

        Returns those of which this was not known.
        """
        unknown = set(names) - self._made
        for name in unknown:
            table = self.declared[name]
            DeltaTable.create(
                self.address(name),
                table.plain_schema,
                mode="ignore",
                partition_by=partition_of(name, table),
                name=table.name,
                description=table.description,
                storage_options=dict(self.options),
            )
        self._made |= unknown
        return unknown

    def forget(self) -> None:
        """Look anew at what there is: somebody has taken tables away."""
        with self._lock:
            self._made.clear()
            self._opened.clear()
            self._shown.clear()
            self.readings.forget()

    def versions(self) -> dict[str, int]:
        """The number of the newest commit of each table that there is."""
        with self._lock:
            return {name: table.version() for name, table in self._newest(self.declared).items()}

    def size(self) -> int:
        """The bytes of the files that the tables have now, without those of earlier versions."""
        with self._lock:
            found = self._newest(self.declared).values()
            actions = [pa.table(table.get_add_actions()) for table in found]
        return sum(sum(each.column("size_bytes").to_pylist()) for each in actions)

    def at_one_moment(self) -> Moment:
        """The rows of all tables, such that no write has marked any of them in between.

        A writer takes marks away before it changes what they name, and sets them afterwards.
        """
        with self._lock:
            while True:
                marks = self._newest(MARKERS)
                before = {name: table.version() for name, table in marks.items()}
                found = self._newest(name for name in self.declared if name not in MARKERS)
                shown = {name: self._show(name, table) for name, table in (marks | found).items()}
                after = {name: table.version() for name, table in self._newest(MARKERS).items()}
                if before == after:
                    versions = {name: version for name, (version, _) in self._shown.items()}
                    return Moment(shown, token_of({name: versions[name] for name in shown}))

    def _newest(self, names: Iterable[str]) -> dict[str, DeltaTable]:
        found = {}
        for name in names:
            try:
                if name in self._opened:
                    self._opened[name].update_incremental()
                else:
                    self._opened[name] = self.open(name)
            except TableNotFoundError:
                self._opened.pop(name, None)
            else:
                found[name] = self._opened[name]
        return found

    def _show(self, name: str, table: DeltaTable) -> ds.Dataset:
        """The rows of a table as it is open: one dataset for each of its versions."""
        known = self._shown.get(name)
        if known is None or known[0] != table.version():
            known = self._shown[name] = (table.version(), rows_of(table))
        return known[1]


@lru_cache(maxsize=KEPT)
def delta_tables(url: str, horizon: int) -> DeltaTables:
    """The tables below an address: the same for all of this process, which opens each once."""
    return DeltaTables(url, options_of(url), stored_tables(horizon))


def token_of(versions: Mapping[str, int]) -> str:
    """A text that is different if any table has another version."""
    return " ".join(f"{name}:{version}" for name, version in sorted(versions.items()))


def rows_of(table: DeltaTable) -> ds.Dataset:
    """The rows of a table as it is open, read when they are asked for."""
    return table.to_pyarrow_dataset()


def rows_at(address: str) -> ds.Dataset | None:
    """The rows of the Delta table at an address; None if there is none. Raises StoreError."""
    try:
        return rows_of(DeltaTable(address, storage_options=options_of(address)))
    except TableNotFoundError:
        return None
    except (DeltaError, OSError) as error:
        raise StoreError(f"{address}: {in_words(error)}") from error


def stored_tables(horizon: int) -> dict[str, Table]:
    """The tables that are stored, by their names without the catalog."""
    return {
        f"{table.room}.{table.short_name}": table
        for table in tables(horizon).values()
        if not table.view
    }


def partition_of(name: str, table: Table) -> list[str]:
    """The columns by which a table's files lie in folders."""
    columns = PARTITIONED if name in LARGE else ("commodity",)
    return [column for column in columns if column in table.schema.names]


def horizon_of(url: str) -> int:
    """How many sessions the paths of some tables have. Raises StoreError if there are none."""
    tables = DeltaTables(url, options_of(url), {})
    try:
        columns = [each.name for each in tables.open("forecast.distributions").schema().fields]
    except TableNotFoundError:
        raise StoreError(f"{url}: there are no tables: run `forecast run` first") from None
    except (DeltaError, OSError) as error:
        raise StoreError(f"{url}: {in_words(error)}") from error
    return sessions_in(columns)


def sessions_in(columns: Sequence[str]) -> int:
    """How many sessions ahead the columns of paths are."""
    return sum(column.startswith("day_") for column in columns)
