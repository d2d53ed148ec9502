"""Importing whole tables from elsewhere: an export, Delta tables, or another file of tables.

The rows are copied as they are, with their moments and runs. First all rows of a commodity are
looked at; nothing of it is taken if one breaks a rule, or if the tables have other rows of it. Then
they are written, a part at a time: first the payloads that are too large for their models' rows,
and a forecast's row in the ledger after its paths. What is there already is the same, so an import
that was killed is run again and goes on.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from forecast_assets.boundary import boundary
from forecast_assets.configuration.names import NAME_PATTERN, NAME_RULE, alike
from forecast_assets.errors import ConfigurationError, StoreError
from forecast_assets.evaluation.leaderboard import ALL
from forecast_assets.store.contract import Condition, Reading, Store
from forecast_assets.store.ledger import FORECAST, LEDGER, MODEL, PATHS, of
from forecast_assets.store.moving.moved_artifacts import Payloads
from forecast_assets.store.moving.pieces import Choice, between, of_forecasts, pieces
from forecast_assets.store.sql.writes import (
    AFTER_FORECASTS,
    BEFORE_FORECASTS,
    LEADERBOARD,
    SHARED,
    TAKEN_FORECASTS,
    Part,
    Write,
)
from forecast_assets.store.tables import tables as declared_tables
from forecast_assets.store.tables.table import CATALOG

SCHEMAS = f"{CATALOG}.market.schema_versions"
POINTS = f"{CATALOG}.forecast.point_estimates"

NAMES = (*MODEL, "covariate")
"""The columns of names that users choose."""

MOST_TOLD = 20
"""So many reasons are told of one commodity."""

RANKING = f"{CATALOG}.forecast.leaderboard"

TOLD = (PATHS, POINTS, RANKING)
"""The tables whose commodities others tell."""


@dataclass
class Moved:
    """What became of the rows of a table, of one commodity or, if it is empty, of no commodity.

    ``taken``: how many were written; ``same``: how many were there already.
    """

    table: str
    commodity: str
    taken: int = 0
    same: int = 0


@dataclass(frozen=True)
class Refused:
    """Rows that were not taken, and why."""

    table: str
    commodity: str
    rows: int
    reason: str


@dataclass
class Import:
    """What became of all rows.

    ``failures``: a line for each commodity of which an error kept some rows. ``lacking``: a line
    for each payload that could not be copied.
    """

    moved: dict[tuple[str, str], Moved] = field(default_factory=dict)
    refused: list[Refused] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    lacking: list[str] = field(default_factory=list)

    def of(self, table: str, commodity: str) -> Moved:
        """What became of a table's rows of a commodity."""
        short = table.removeprefix(f"{CATALOG}.")
        return self.moved.setdefault((commodity, short), Moved(short, commodity))

    def refuse(self, table: str, commodity: str, rows: int, reason: str) -> None:
        """Note rows that are not taken."""
        short = table.removeprefix(f"{CATALOG}.")
        self.refused.append(Refused(short, commodity, rows, reason))

    def refusals(self, commodity: str) -> int:
        """How many reasons there are not to take a commodity."""
        return sum(each.commodity == commodity for each in self.refused)


@dataclass(frozen=True)
class Mover:
    """Moves rows from ``tables``, which are those of one moment, to ``store``, with payloads."""

    tables: Reading
    store: Store
    horizon: int
    payloads: Payloads
    done: Import = field(default_factory=Import)

    def move(self, commodities: Sequence[str] = ()) -> Import:
        """Move some commodities, or all. Raises StoreError if nothing can be moved at all.

        What belongs to no commodity is taken too, as far as the tables lack it.
        """
        self._require_like()
        known = self._known(commodities)
        ours = self.store.names.known()
        shared = {name: self.tables.read(name) for name in map(_full, SHARED.changed)}
        for name, rows in shared.items():
            self._look(name, "", rows)
        if self.done.refused:
            return self.done
        taken = self.store.moved.take_shared(shared, fresh=not ours)
        for name, rows in taken.items():
            self.done.of(name, "").taken += rows
            self.done.of(name, "").same += len(shared[name]) - rows
        for name in known:
            with boundary(name, self.done.failures):
                self._move(name, [] if name in ours else [*ours, *known])
        if not (commodities or self.done.refused or self.done.failures):
            self._take_ranking()
        return self.done

    def _take_ranking(self) -> None:
        """Take the leaderboard, unless it is of a part or there is another: a report makes one."""
        rows = {RANKING: self.tables.read(RANKING)}
        found = self.store.moved.compare(rows, ())[RANKING]
        if found.other == 0 and ALL in rows[RANKING].column("commodity").to_pylist():
            self._take("", LEADERBOARD, rows, ())
            self.done.of(RANKING, "").same += found.same

    def _require_like(self) -> None:
        """Raise StoreError unless these are tables of this release, with the same horizon."""
        schemas = self.tables.read(SCHEMAS, ["schema_version"]).column(0).to_pylist()
        with self.store.reading() as ours:
            mine = max(ours.read(SCHEMAS, ["schema_version"]).column(0).to_pylist())
        found = max(schemas, default=0)
        if found > mine:
            raise StoreError(
                f"the tables to import are of a newer release (schema {found}; this one knows up to"
                f" {mine}): install that release"
            )
        if found < mine:
            raise StoreError(
                f"the tables to import are of an older release (schema {found}, and here it is"
                f" {mine}): run a command of this release on them first, which upgrades them, and"
                " export them again"
            )
        days = sum(name.startswith("day_") for name in self.tables.columns(PATHS))
        if days != self.horizon:
            raise StoreError(
                f"the tables to import have {days} sessions ahead, another horizon than the"
                f" configured {self.horizon}: import with that horizon"
            )

    def _known(self, wanted: Sequence[str]) -> list[str]:
        """The commodities to move. Raises ConfigurationError for one that is not there."""
        found: set[str] = set()
        for table in declared_tables(self.horizon).values():
            if not table.view and "commodity" in table.schema.names and table.name not in TOLD:
                there = self.tables.read(table.name, ["commodity"]).column(0)
                if there.null_count:
                    self.done.refuse(table.name, "", there.null_count, "a row has no commodity")
                found |= set(there.drop_null().unique().to_pylist())
        if strange := [name for name in wanted if name not in found]:
            raise ConfigurationError(
                f"--commodity: found {', '.join(strange)}, allowed: {', '.join(sorted(found))}"
            )
        return list(dict.fromkeys(wanted)) or sorted(found)

    def _move(self, commodity: str, others: Sequence[str]) -> None:
        """Look at all rows of a commodity, and write them if all can be taken.

        ``others``: names that its own may not differ from only by case.
        """
        if not NAME_PATTERN.fullmatch(commodity):
            self.done.refuse(LEDGER, commodity, 0, f"its name is none: allowed: {NAME_RULE}")
        other = next((x for x in others if alike([x, commodity])), None)
        if other is not None:
            self.done.refuse(LEDGER, commodity, 0, f"{other} differs from it only by case")
        counts: dict[str, int] = {}
        for _, rows, where in self._parts(commodity):
            self._look_at(commodity, rows, where, counts)
        for rows, _ in self._forecasts(commodity):
            self._look_at_forecasts(commodity, rows)
        self._look_for_others(commodity, counts)
        if self.done.refusals(commodity):
            return
        self.done.lacking.extend(self.payloads.copy(self.tables, Choice((commodity,))))
        for write, rows, where in self._parts(commodity, BEFORE_FORECASTS):
            self._take(commodity, write, rows, where)
        for rows, where in self._forecasts(commodity):
            self._take(commodity, TAKEN_FORECASTS, rows, where)
        for write, rows, where in self._parts(commodity, AFTER_FORECASTS):
            self._take(commodity, write, rows, where)

    def _parts(
        self, commodity: str, parts: Sequence[Part] = (*BEFORE_FORECASTS, *AFTER_FORECASTS)
    ) -> Iterator[tuple[Write, dict[str, pa.Table], list[Condition]]]:
        """The rows of a commodity besides forecasts: the write of each piece, rows, conditions."""
        mine = of(commodity)
        for part in parts:
            divided = [mine]
            if part.by is not None:
                by = declared_tables(self.horizon)[_full(part.by)]
                divided = list(pieces(self.tables, by, Choice((commodity,))))
            for where in divided:
                names = map(_full, part.write.changed)
                yield (
                    part.write,
                    {name: self.tables.read(name, where=where) for name in names},
                    where,
                )

    def _forecasts(self, commodity: str) -> Iterator[tuple[dict[str, pa.Table], list[Condition]]]:
        """The rows of the forecasts that the store lacks, piece by piece."""
        ledger = self.tables.read(LEDGER, where=of(commodity))
        with self.store.reading() as ours:
            there = ours.read(LEDGER, FORECAST, of(commodity))
        lacking = ledger.select([*FORECAST, "n_paths"]).join(there, FORECAST, join_type="left anti")
        for model, days in of_forecasts(lacking):
            where = [*of(*model), *between(days)]
            names = (PATHS, POINTS, LEDGER)
            yield {name: self.tables.read(name, where=where) for name in names}, where

    def _look(self, table: str, commodity: str, rows: pa.Table) -> None:
        """Refuse rows that break what their table declares, or have names that are none."""
        broken = self.store.integrity.broken_among(table, rows)
        for each in broken.to_pylist()[:MOST_TOLD]:
            named = (each["commodity"], each["model_name"], each["model_version"], each["day"])
            which = " ".join(str(x) for x in named if x)
            self.done.refuse(table, commodity, each["rows"], f"{which}: {each['found']}")
        for column in [name for name in NAMES if name in rows.column_names and commodity]:
            for name in rows.column(column).unique().to_pylist():
                if not isinstance(name, str) or not NAME_PATTERN.fullmatch(name):
                    count = pc.sum(pc.equal(rows.column(column), name)).as_py() or 0
                    reason = f"{column} {name!r} is no name: allowed: {NAME_RULE}"
                    self.done.refuse(table, commodity, count, reason)

    def _look_at(
        self,
        commodity: str,
        rows: Mapping[str, pa.Table],
        where: Sequence[Condition],
        counts: dict[str, int],
    ) -> None:
        """Refuse rows of a piece that break rules; count those of the store that are the same."""
        for name, some in rows.items():
            self._look(name, commodity, some)
        for name, found in self.store.moved.compare(rows, where).items():
            counts[name] = counts.get(name, 0) + found.same
            self.done.of(name, commodity).same += found.same

    def _look_at_forecasts(self, commodity: str, rows: Mapping[str, pa.Table]) -> None:
        """Refuse forecasts whose paths or numbers break rules, or are not all there once."""
        for name, some in rows.items():
            self._look(name, commodity, some)
        paths = (
            rows[PATHS]
            .group_by(FORECAST)
            .aggregate(
                [
                    ("path_id", "count"),
                    ("path_id", "count_distinct"),
                    ("path_id", "min"),
                    ("path_id", "max"),
                ]
            )
        )
        points = rows[POINTS].group_by(FORECAST).aggregate([("day_ahead", "count")])
        both = (
            rows[LEDGER].select([*FORECAST, "n_paths"]).join(paths, FORECAST).join(points, FORECAST)
        )
        for each in both.to_pylist():
            due = each["n_paths"] + 1
            numbered = [each[f"path_id_{x}"] for x in ("count", "count_distinct", "min", "max")]
            which = " ".join(str(each[name]) for name in FORECAST)
            if numbered != [due, due, 0, due - 1]:
                reason = f"{which}: its paths are not 0 to {due - 1}, each once"
                self.done.refuse(PATHS, commodity, each["path_id_count"] or 0, reason)
            if each["day_ahead_count"] != self.horizon:
                reason = f"{which}: its numbers are not those of {self.horizon} sessions"
                self.done.refuse(POINTS, commodity, each["day_ahead_count"] or 0, reason)

    def _look_for_others(self, commodity: str, counts: Mapping[str, int]) -> None:
        """Refuse a commodity of which the store has other rows; paths are told by their ledger."""
        issued = self.tables.read(LEDGER, where=of(commodity))
        found = self.store.moved.compare({LEDGER: issued}, of(commodity))[LEDGER]
        same = {**counts, LEDGER: found.same}
        self.done.of(LEDGER, commodity).same += found.same
        with self.store.reading() as ours:
            for name, rows in same.items():
                there = len(ours.read(name, ["commodity"], of(commodity)))
                if there > rows:
                    self.done.refuse(
                        name,
                        commodity,
                        there - rows,
                        "the tables here have other rows of this commodity: import it into tables"
                        " without it",
                    )

    def _take(
        self,
        commodity: str,
        write: Write,
        rows: Mapping[str, pa.Table],
        where: Sequence[Condition],
    ) -> None:
        """Write a piece."""
        if not any(len(some) for some in rows.values()):
            return
        days = [
            day
            for some in rows.values()
            if "data_cutoff_date" in some.column_names
            for day in some.column("data_cutoff_date").unique().to_pylist()
        ]
        mine = write.of(commodity, cutoffs=days or None) if commodity else write
        taken = self.store.moved.take(mine, rows, where)
        for name, count in taken.items():
            self.done.of(name, commodity).taken += count


def _full(name: str) -> str:
    return f"{CATALOG}.{name}"
