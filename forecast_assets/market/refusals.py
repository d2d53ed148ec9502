"""Refusals: what was refused of rows, told in a few lines, and what of it does no harm."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import pandas as pd

from forecast_assets.market.rows import Rejection, is_missing, rejections_of

SINGLY = 3
"""More refusals of a kind in a file than these are told in one line."""

SINGLY_IN_A_NOTE = 50
"""The same for the note beside a landed file, which somebody mends it by."""

RUNS = 5
"""So many runs of lines are named one by one."""

SHOWN = 12
"""So many kinds of refusals are told where a reader may look them up one by one elsewhere."""

NO_ROW = "a line of text and no row of prices: left out"


@dataclass(frozen=True)
class Refused:
    """What was refused, as it is told: the first kinds of it by file, and how much it is in all.

    ``n_rows``: rows that have a refused value. ``n_values``: all refused values, also those that
    are not in ``shown``.
    """

    shown: list[Rejection]
    n_rows: int
    n_values: int

    @classmethod
    def of(cls, rejections: Sequence[Rejection]) -> "Refused":
        """What is told of refusals that stand for one value each."""
        return cls(grouped(rejections)[:SHOWN], rows_of(rejections), values_of(rejections))

    @property
    def lines(self) -> list[str]:
        """A line for each kind that is shown, and one for the number of the others."""
        more = self.n_values - values_of(self.shown)
        others = [f"{self.shown[0].commodity}: and {more} more refused values"] if more else []
        return [*map(str, self.shown), *others]


def grouped(rejections: Iterable[Rejection], singly: int = SINGLY) -> list[Rejection]:
    """One refusal for all of a file, column and rule, where they are more than ``singly``."""

    def kind(each: Rejection) -> tuple[str, str, str, str, bool]:
        return each.commodity, each.file, each.column, each.rule, each.harmless

    of_kind: dict[tuple[str, str, str, str, bool], list[Rejection]] = {}
    for each in rejections:
        of_kind.setdefault(kind(each), []).append(each)
    told: list[Rejection] = []
    for same in of_kind.values():
        told += same if len(same) <= singly else [together(same)]
    return told


def together(same: Sequence[Rejection]) -> Rejection:
    """Refusals of a kind as one: the first of them, how many they are, and all lines."""
    first = min(same, key=lambda each: each.line)
    lines = lines_of(each.line for each in same)
    return first if len(same) == 1 else replace(first, lines=lines, count=values_of(same))


def lines_of(numbers: Iterable[int]) -> str:
    """Some lines as an error names them: by their runs, or the first and last of many."""
    lines = sorted(set(numbers))
    runs = [[lines[0], lines[0]]]
    for line in lines[1:]:
        if line == runs[-1][1] + 1:
            runs[-1][1] = line
        else:
            runs.append([line, line])
    if len(runs) > RUNS:
        return f"{len(lines)} lines from {lines[0]} to {lines[-1]}"
    said = [f"{first} to {last}" if last > first else str(first) for first, last in runs]
    return f"{'line' if len(lines) == 1 else 'lines'} {', '.join(said)}"


def values_of(rejections: Iterable[Rejection]) -> int:
    """How many values were refused."""
    return sum(each.count for each in rejections)


def rows_of(rejections: Iterable[Rejection]) -> int:
    """How many rows have a value that was refused, of refusals that stand for one value each."""
    places = sorted({(each.commodity, each.file, each.line, each.count) for each in rejections})
    return sum(
        max(count for *_, count in rows) for _, rows in groupby(places, key=lambda place: place[:3])
    )


def harmful(rejections: Iterable[Rejection]) -> list[Rejection]:
    """Those by which a price may be lost."""
    return [each for each in rejections if not is_harmless(each)]


def notes_of(rejections: Iterable[Rejection]) -> list[str]:
    """The harmless ones, a line for each file and kind, without the commodity."""
    return [each.told for each in grouped(filter(is_harmless, rejections), singly=1)]


def is_harmless(rejection: Rejection) -> bool:
    """Whether no price is lost: it says so, or it is a row with too many fields, and is text."""
    too_many = rejection.column == "*" and "fields, the header" in rejection.rule
    return rejection.harmless or (too_many and is_text(rejection.value))


def is_text(value: str) -> bool:
    """Whether a cell holds words rather than a date or a number, as the footer of a vendor does."""
    letters, digits = sum(map(str.isalpha, value)), sum(map(str.isdigit, value))
    return letters > 2 * digits and re.search(r"[^\W\d_]{2}", value) is not None


def without_text(name: str, rows: pd.DataFrame, rejections: list[Rejection]) -> pd.DataFrame:
    """The rows without those that hold text in place of date and close, or nothing in both.

    A close that has digits is text only below the last row with a price: the end of a footer.
    """
    date, close = rows["date"], rows["close"]
    priced = pd.to_numeric(close, errors="coerce").notna()
    last = rows["line"].where(priced).groupby(rows["file"]).transform("max")
    date_is_text, close_is_text = date.map(is_text).astype(bool), close.map(is_text).astype(bool)
    words = close_is_text & ~close.str.contains(r"\d").astype(bool)
    below = (rows["line"] > last.fillna(-1)) & ~priced
    no_date, no_close = is_missing(date) | date_is_text, is_missing(close) | words
    text = no_date & (no_close | (date_is_text & below))
    rejections += rejections_of(name, rows[text], "date", NO_ROW, harmless=True)
    return rows[~text]
