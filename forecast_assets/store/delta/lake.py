"""Delta tables below one address, read by DuckDB and written in the order of the contract."""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TypeVar

import duckdb
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError
from tenacity import RetryCallState, RetryError, Retrying, retry_if_exception_type, stop_after_delay

from forecast_assets.errors import StoreError, StoreLocked
from forecast_assets.store.delta.beginning import begin, first_rows
from forecast_assets.store.delta.claims import Claim, Claimed, claimed
from forecast_assets.store.delta.delta_tables import (
    DeltaTables,
    delta_tables,
)
from forecast_assets.store.delta.frames import FRAMES
from forecast_assets.store.delta.layout import sessions_in, stored_tables
from forecast_assets.store.delta.moment import Rows
from forecast_assets.store.delta.storage import in_words, rows_of
from forecast_assets.store.delta.visible import (
    in_order,
    in_place_of_a_view,
    loaded,
    stored_as,
    unnamed,
)
from forecast_assets.store.delta.workbench import BY_CUTOFF, OUTCOME, PATH, PATHS, Bench
from forecast_assets.store.patience import PAUSES, Patience
from forecast_assets.store.readings import Read
from forecast_assets.store.sql.database import Connection
from forecast_assets.store.sql.path_table import require_horizon
from forecast_assets.store.sql.writes import Write
from forecast_assets.store.tables.table import Table

Result = TypeVar("Result")

ALL = "(all)"
"""The claim of a write to rows of no commodity."""


@dataclass(frozen=True)
class Lake:
    """The tables below an address."""

    url: str
    horizon: int
    memory_limit: str = "512MB"
    patience: Patience = field(default_factory=lambda: Patience(120.0))

    @property
    def place(self) -> str:
        """Where the tables are, for users."""
        return self.url

    @cached_property
    def declared(self) -> dict[str, Table]:
        """The declarations of the stored tables, by their names without the catalog."""
        return stored_tables(self.horizon)

    @cached_property
    def stored(self) -> DeltaTables:
        """The Delta tables."""
        return delta_tables(self.url, self.horizon)

    @contextmanager
    def reading(self, moment: datetime | None = None) -> Iterator[Connection]:
        """A connection in which all tables are as they are at one moment.

        ``moment``: an earlier one, in UTC without a zone, if its files are still there.
        """
        with (
            self.told_as_ours(),
            FRAMES.lend(self.horizon, self.memory_limit) as connection,
        ):
            shown = self.stored.as_of(moment) if moment else self.stored.at_one_moment()
            self._register(connection, shown.rows)
            yield connection

    def _register(self, connection: Connection, shown: Mapping[str, Rows]) -> None:
        """Put rows behind the views of a connection; a table that is not there has none."""
        if PATHS in shown:
            require_horizon(self.url, sessions_in(shown[PATHS].schema.names), self.horizon)
        for name, table in self.declared.items():
            rows = shown.get(name)
            connection.register(stored_as(name), first_rows(name, table) if rows is None else rows)

    def write(self, write: Write, change: Callable[[Connection], Result]) -> Result:
        """Have ``change`` write, and again if another program has written the same meanwhile."""

        def once(claims: Sequence[Claim]) -> Result:
            return self._once(write, change, claims)

        with self.told_as_ours():
            return self.insist(write.commodities or [ALL], once)

    def insist(
        self, commodities: Sequence[str], act: Callable[[Sequence[Claim]], Result]
    ) -> Result:
        """Act with the claims of commodities, and again if another program was faster.

        Raises StoreLocked if others have had them for as long as this program may wait.
        """
        attempts = Retrying(
            retry=retry_if_exception_type((CommitFailedError, Claimed, TableNotFoundError)),
            wait=PAUSES,
            stop=stop_after_delay(self.patience.seconds),
            before_sleep=self._look_anew,
        )
        try:
            result: Result = attempts(self._claimed, commodities, act)
        except RetryError as error:
            last = error.last_attempt.exception()
            whose = ", ".join(each for each in commodities if each != ALL) or "these tables"
            raise StoreLocked(
                f"{self.url}: {whose}: for"
                f" {self.patience.seconds:g} s {last} has written; nothing was written: run again"
            ) from error
        return result

    def _look_anew(self, state: RetryCallState) -> None:
        """Before a write is made again: if tables are gone, they are made again too."""
        if state.outcome and isinstance(state.outcome.exception(), TableNotFoundError):
            self.stored.forget()

    def _claimed(
        self, commodities: Sequence[str], act: Callable[[Sequence[Claim]], Result]
    ) -> Result:
        with claimed(self.stored.address("claims"), self.stored.options, commodities) as claims:
            return act(claims)

    def _once(
        self, write: Write, change: Callable[[Connection], Result], claims: Sequence[Claim]
    ) -> Result:
        begin(self.stored)
        self.stored.make(write.changed)
        with FRAMES.lend(self.horizon, self.memory_limit) as connection:
            connection.begin()  # it is never committed: what is kept is committed to Delta
            benches = self._benches(connection, write)
            result = change(connection)
            for commit in commits(write, benches):
                for claim in claims:
                    claim.extend()
                commit()
        return result

    def _benches(self, connection: Connection, write: Write) -> dict[str, list[Bench]]:
        """Put tables with the rows that a write may change in the place of their views."""
        opened = dict(self.stored.at_once(self.stored.open, write.changed))
        shown = self.stored.at_one_moment().rows | {
            name: rows_of(table) for name, table in opened.items()
        }
        benches: dict[str, list[Bench]] = {}
        self._register(connection, shown)
        for name in in_order(self.declared):
            table = self.declared[name]
            if name not in opened:
                continue
            for statement in in_place_of_a_view(name, table):
                connection.execute(statement)
            for where, values in scopes(name, table, write):
                connection.execute(loaded(name, table, where), values)
            parts = (PATH, OUTCOME) if name == PATHS else (None,)
            benches[name] = [Bench(connection, name, table, opened[name], part) for part in parts]
            for bench in benches[name]:
                bench.remember()
            connection.execute(unnamed(name))
        return benches

    def at_rest(self, key: Hashable, read: Callable[[Connection], Read]) -> Read:
        """What is read of the tables; as long as none has another version, it is read once."""
        with (
            self.told_as_ours(),
            FRAMES.lend(self.horizon, self.memory_limit) as connection,
        ):
            moment = self.stored.at_one_moment()
            self._register(connection, moment.rows)
            return self.stored.readings.of(key, moment.token, lambda: read(connection))

    def token(self) -> str:
        """A text that is different whenever a table has changed."""
        with self.told_as_ours():
            return self.stored.at_one_moment().token

    @contextmanager
    def told_as_ours(self) -> Iterator[None]:
        """Turn errors of the libraries into a StoreError that says where the tables are.

        Whatever went wrong, the tables are looked at anew then: their files may be gone.
        """
        try:
            yield
        except CommitFailedError:
            raise
        except (duckdb.Error, DeltaError, OSError) as error:
            self.stored.forget()
            raise StoreError(f"{self.url}: {in_words(error)}") from error


def commits(write: Write, benches: Mapping[str, list[Bench]]) -> Iterator[Callable[[], None]]:
    """The commits of what a write has changed, in its order.

    Marks of rows that are replaced are taken away before these.
    """
    marker = benches[write.marker][0] if write.marker else None
    for name in write.records:
        yield from (bench.commit for bench in benches[name] if bench.is_changed)
    if marker and write.tables and marker.gone:
        yield marker.take_away
    marked = (*write.tables, *([write.marker] if write.marker else []), *write.afterwards)
    for name in marked:
        yield from (bench.commit for bench in benches[name] if bench.is_changed)


def scopes(name: str, table: Table, write: Write) -> list[tuple[str, dict[str, object]]]:
    """The rows of a table that a write may change, as conditions with their values."""
    mine: str = "true"
    values: dict[str, object] = {}
    if write.commodities and "commodity" in table.schema.names:
        mine, values = (
            "list_contains($commodities, commodity)",
            {"commodities": [*write.commodities]},
        )
    if name not in BY_CUTOFF or write.cutoffs is None:
        return [(mine, values)]
    found = []
    for cutoffs, among in ((write.cutoffs, "true"), (write.told - write.cutoffs, OUTCOME)):
        if cutoffs and (among == "true" or name == PATHS):
            of_days = (
                f"{mine} AND {among} AND data_cutoff_date BETWEEN $first AND $last"
                " AND list_contains($cutoffs::DATE[], data_cutoff_date)"
            )
            days = {"first": min(cutoffs), "last": max(cutoffs), "cutoffs": sorted(cutoffs)}
            found.append((of_days, values | days))
    return found
