"""The Delta tables below one address: making them, opening them, and all of them at one moment."""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from threading import Lock
from typing import TypeVar

import pyarrow as pa
import pyarrow.dataset as ds
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError, TableNotFoundError

from forecast_assets.errors import StoreError
from forecast_assets.store.delta.layout import (
    identity,
    partition_of,
    sessions_in,
    stored_tables,
)
from forecast_assets.store.delta.making import made
from forecast_assets.store.delta.moment import NOTHING, Moment, Shown, rows_in_both, versions_of
from forecast_assets.store.delta.storage import in_words, options_of, rows_of
from forecast_assets.store.readings import Readings
from forecast_assets.store.sql.writes import MARKERS
from forecast_assets.store.tables.table import Table

Result = TypeVar("Result")

KEPT = 4
"""How many addresses a process keeps the tables of."""

MILLISECOND = timedelta(milliseconds=1)

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - in UTC, as all moments of the tables

MOST_LOOKS = 3
"""So often all tables are looked at before a reader makes do with what was marked throughout."""

MOST_AT_ONCE = 8
"""The most requests that are made at once of a store that is far away."""


@dataclass
class DeltaTables:
    """Delta tables by their names without the catalog, such as ``forecast.scores``.

    ``url``: a folder or prefix below which each table has a folder. ``options``: of its storage.
    """

    url: str
    options: Mapping[str, str]
    declared: Mapping[str, Table]
    readings: Readings = field(default_factory=Readings)
    _shown: dict[str, Shown] = field(default_factory=dict)
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
        self.at_once(self._make, sorted(unknown))
        self._made |= unknown
        return unknown

    def _make(self, name: str) -> None:
        table = self.declared[name]
        made(
            self.address(name),
            table.plain_schema,
            self.options,
            partition_by=partition_of(name, table),
            name=table.name,
            description=table.description,
        )

    def forget(self) -> None:
        """Look anew at what there is: somebody has taken tables away."""
        with self._lock:
            self._made.clear()
            self._opened.clear()
            self._shown.clear()
            self.readings.forget()

    def size(self) -> int:
        """The bytes of the files that the tables have now, without those of earlier versions."""
        with self._lock:
            found = self._newest(self.declared).values()
            actions = [pa.table(table.get_add_actions()) for table in found]
        return sum(sum(each.column("size_bytes").to_pylist()) for each in actions)

    def there(self) -> dict[str, DeltaTable]:
        """The tables that have been made, each opened anew."""
        found = self.at_once(self._if_there, self.declared)
        return {name: table for name, table in found if table is not None}

    def _if_there(self, name: str) -> DeltaTable | None:
        try:
            return self.open(name)
        except TableNotFoundError:
            return None

    def as_of(self, moment: datetime) -> Moment:
        """The rows of all tables as they were; ``moment``: in UTC, without a zone.

        Raises StoreError if there were none.
        """
        shown = {}
        for name, table in self.there().items():
            versions = [
                each["version"]
                for each in table.history()
                if EPOCH + each["timestamp"] * MILLISECOND <= moment
            ]
            if versions:
                table.load_as_version(max(versions))
                shown[name] = Shown((max(versions),), rows_of(table))
        if not shown:
            raise StoreError(
                f"{self.url}: there were no tables at {moment} UTC: name a later moment"
            )
        return Moment(shown)

    def at_one_moment(self) -> Moment:
        """The rows of all tables, such that no write has marked any of them in between.

        A writer takes marks away before it changes what they name, and sets them afterwards. If
        others write all the time, what was marked both before and after is what all tables have.
        """
        with self._lock:
            marks = self._look(MARKERS)
            for _ in range(MOST_LOOKS):
                named = self._look(self.declared.keys() - set(MARKERS))
                before, marks = marks, self._look(MARKERS)
                if versions_of(before) == versions_of(marks):
                    return Moment(marks | named)
            return Moment(
                {name: self._marked_in_both(name, before, marks) for name in marks} | named
            )

    def _marked_in_both(
        self, name: str, before: Mapping[str, Shown], after: Mapping[str, Shown]
    ) -> Shown:
        """The marks in a table that were there before, and are there after others were read."""
        was, now = before.get(name, NOTHING), after[name]
        if was.versions == now.versions:
            return now
        rows = rows_in_both(was.rows, now.rows, identity(self.declared[name]))
        return Shown((*was.versions, *now.versions), rows)

    def _look(self, names: Iterable[str]) -> dict[str, Shown]:
        """Those tables that there are, as they are now."""
        return {name: self._show(name, table) for name, table in self._newest(names).items()}

    def _newest(self, names: Iterable[str]) -> dict[str, DeltaTable]:
        found = dict(self.at_once(self._renewed, names))
        for name, table in found.items():
            if table is None:
                self._opened.pop(name, None)
            else:
                self._opened[name] = table
        return {name: table for name, table in found.items() if table is not None}

    def _renewed(self, name: str) -> DeltaTable | None:
        """A table as it is now; None if it has not been made."""
        known = self._opened.get(name)
        if known is None:
            return self._if_there(name)
        try:
            known.update_incremental()
        except TableNotFoundError:
            return None
        return known

    def at_once(
        self, act: Callable[[str], Result], names: Iterable[str]
    ) -> list[tuple[str, Result]]:
        """What is got for each name: for all at once if each waits for a store far away."""
        named = list(names)
        if not self.options or len(named) < 2:
            return [(name, act(name)) for name in named]
        with ThreadPoolExecutor(min(len(named), MOST_AT_ONCE)) as pool:
            return list(zip(named, pool.map(act, named), strict=True))

    def _show(self, name: str, table: DeltaTable) -> Shown:
        """The rows of a table as it is open: one dataset for each of its versions."""
        versions = (table.version(),)
        known = self._shown.get(name)
        if known is None or known.versions != versions:
            known = self._shown[name] = Shown(versions, rows_of(table))
        return known


@lru_cache(maxsize=KEPT)
def delta_tables(url: str, horizon: int) -> DeltaTables:
    """The tables below an address: the same for all of this process, which opens each once."""
    return DeltaTables(url, options_of(url), stored_tables(horizon))


def rows_at(address: str) -> ds.Dataset | None:
    """The rows of the Delta table at an address; None if there is none. Raises StoreError."""
    try:
        return rows_of(DeltaTable(address, storage_options=options_of(address)))
    except TableNotFoundError:
        return None
    except (DeltaError, OSError) as error:
        raise StoreError(f"{address}: {in_words(error)}") from error


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
