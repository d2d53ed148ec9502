"""Pieces of tables: conditions by which a table is read a part at a time, so that memory suffices.

The paths of a large database do not fit into memory, and their own columns take long to look at. So
they are divided by the ledger: the pieces have the paths of forecasts, and of nothing else.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import pyarrow as pa

from forecast_assets.store.contract import Condition, Reading
from forecast_assets.store.frames import in_order_of
from forecast_assets.store.ledger import FORECAST, LEDGER, MODEL, PUBLICATIONS
from forecast_assets.store.tables.forecast import published_distributions
from forecast_assets.store.tables.table import Table

AT_ONCE = 250_000
"""About so many paths are in memory at the same time: 30 MB of 14 sessions."""

PUBLISHED = published_distributions(1).name


@dataclass(frozen=True)
class Choice:
    """The rows that are wanted: all of them, unless something is given.

    ``first`` and ``last``: the first and last day, by the column ``Table.day``. A table without
    such a column, or without commodities, is wanted whole.
    """

    commodities: tuple[str, ...] = ()
    first: date | None = None
    last: date | None = None

    def of(self, table: Table) -> list[Condition]:
        """The conditions that rows of a table are wanted."""
        found: list[Condition] = []
        if self.commodities and "commodity" in table.schema.names:
            found.append(("commodity", "in", list(self.commodities)))
        if table.day and self.first:
            found.append((table.day, ">=", self.first))
        if table.day and self.last:
            found.append((table.day, "<=", self.last))
        return found


ALL = Choice()


def pieces(tables: Reading, table: Table, choice: Choice = ALL) -> Iterator[list[Condition]]:
    """The conditions of the pieces of a table, in order of models and days."""
    if "path_id" in table.schema.names:
        yield from _of_paths(tables, table, choice)
        return
    where = choice.of(table)
    named = [name for name in MODEL if name in table.schema.names]
    if not named:
        yield where
        return
    found = tables.read(table.name, named, where).group_by(named).aggregate([])
    for row in in_order_of(found, *named).to_pylist():
        yield [*((name, "=", value) for name, value in row.items()), *where]


def _of_paths(tables: Reading, table: Table, choice: Choice) -> Iterator[list[Condition]]:
    """The pieces of a table or view of paths, by the forecasts that it has."""
    columns = [*FORECAST, "n_paths"]
    issued = tables.read(LEDGER, columns, choice.of(table))
    if table.name == PUBLISHED:
        chosen = tables.read(PUBLICATIONS, FORECAST, choice.of(table))
        issued = issued.join(chosen, FORECAST, join_type="left semi")
    for model, days in of_forecasts(issued):
        commodity, model_name, model_version = model
        if table.name == PUBLISHED:
            model_version = f"{model_name}_{model_version}"
        names = zip(MODEL, (commodity, model_name, model_version), strict=True)
        yield [*((name, "=", value) for name, value in names), *between(days)]


def of_forecasts(issued: pa.Table) -> Iterator[tuple[tuple[str, str, str], list[date]]]:
    """Models, and cutoffs of theirs in order, of which the paths are a piece.

    ``issued``: the columns of ``FORECAST`` and ``n_paths`` of rows of the ledger.
    """
    model: tuple[str, str, str] | None = None
    days: list[date] = []
    paths = 0
    for row in in_order_of(issued, *FORECAST).to_pylist():
        mine = (row["commodity"], row["model_name"], row["model_version"])
        if model is not None and (mine != model or paths + row["n_paths"] > AT_ONCE):
            yield model, days
            days, paths = [], 0
        model = mine
        days.append(row["data_cutoff_date"])
        paths += row["n_paths"]
    if model is not None:
        yield model, days


def between(days: list[date]) -> list[Condition]:
    """The conditions that a cutoff is one of some days, which are in order."""
    return [
        ("data_cutoff_date", "in", days),
        ("data_cutoff_date", ">=", days[0]),
        ("data_cutoff_date", "<=", days[-1]),
    ]
