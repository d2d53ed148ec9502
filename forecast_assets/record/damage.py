"""Damage: what is wrong in the tables, where, and the command that mends it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd

MODEL = ["model_name", "model_version"]
FORECAST = [*MODEL, "data_cutoff_date"]
"""The columns that identify a forecast of a commodity."""


@dataclass(frozen=True)
class Damage:
    """One thing that is wrong.

    ``kind``: in a few words that are the same for all damage of this kind. ``table``: the full name
    of the table whose rows are wrong. ``commodity``, ``model_name``, ``model_version``: whose rows,
    empty where the table has no such column. ``day``: the cutoff, training date or session.
    ``found``: what is wrong, in words. ``mended_by``: a command, or what else brings the rows back.
    """

    kind: str
    table: str
    commodity: str
    model_name: str
    model_version: str
    day: date | None
    found: str
    mended_by: str


@dataclass(frozen=True)
class Group:
    """Damage of one kind to one table, commodity, model and version, that is mended alike.

    ``first`` and ``last``: the first and last day of it. ``count``: how many places.
    """

    damage: Damage
    first: date | None
    last: date | None
    count: int


def grouped(damages: Sequence[Damage]) -> list[Group]:
    """The damage by kind, place and what mends it, in the order in which it was found."""
    groups: dict[tuple[str, ...], list[Damage]] = {}
    for each in damages:
        whose = (each.commodity, each.model_name, each.model_version)
        groups.setdefault((each.kind, each.table, *whose, each.mended_by), []).append(each)
    found = []
    for some in groups.values():
        days = sorted(each.day for each in some if each.day is not None)
        first, last = (days[0], days[-1]) if days else (None, None)
        found.append(Group(some[0], first, last, len(some)))
    return found


Said = str | Callable[[Any], str]
"""A text, or a function that makes it from a row."""


def damages(
    kind: str,
    table: str,
    commodity: str,
    rows: pd.DataFrame,
    found: Said,
    mended_by: Said,
    day: str = "data_cutoff_date",
) -> list[Damage]:
    """A damage for each row; ``day``: the column that says of which day a row is."""
    if rows.empty:
        return []
    return list(_each(kind, table, commodity, rows, found, mended_by, day))


def _each(
    kind: str,
    table: str,
    commodity: str,
    rows: pd.DataFrame,
    found: Said,
    mended_by: Said,
    day: str,
) -> Iterable[Damage]:
    for row in rows.itertuples(index=False):
        yield Damage(
            kind,
            f"commodity.{table}",
            commodity,
            getattr(row, "model_name", ""),
            getattr(row, "model_version", ""),
            day_of(getattr(row, day)),
            found if isinstance(found, str) else found(row),
            mended_by if isinstance(mended_by, str) else mended_by(row),
        )


def day_of(moment: Any) -> date | None:
    """The date of a cell; None if it is empty."""
    return None if pd.isna(moment) else pd.Timestamp(moment).date()


def days_of(column: pd.Series) -> list[date]:
    """The dates of a column without empty cells."""
    found: list[date] = column.dt.date.tolist()
    return found


def without(rows: pd.DataFrame, others: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """The rows that have no counterpart among ``others``, by these columns."""
    if rows.empty or others.empty:
        return rows
    mine, theirs = (pd.MultiIndex.from_frame(some[by]) for some in (rows, others))
    return rows[~mine.isin(theirs)]
