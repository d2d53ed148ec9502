"""Refusals: summarising refused rows in a few lines, and telling which of them do no harm."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import pandas as pd

from forecast_assets.market.rows import Rejection, is_missing, rejections_of

SINGLY = 3
"""Up to this many refusals of a kind in a file have a line each; more share one line."""

SINGLY_IN_A_NOTE = 50
"""The same for the note beside a landed file, which a user needs to correct the file."""

RUNS = 5
"""A text names at most this many ranges of line numbers one by one."""

SHOWN = 12
"""A summary shows at most this many kinds of refusals."""

NO_ROW = "a line of text and no row of prices: left out"


@dataclass(frozen=True)
class Refused:
    """A summary of refusals.

    ``shown``: the first kinds of them, by file. ``n_rows``: how many rows have a refused value.
    ``n_values``: how many values were refused, including those that are not in ``shown``.
    """

    shown: list[Rejection]
    n_rows: int
    n_values: int

    @classmethod
    def of(cls, rejections: Sequence[Rejection]) -> "Refused":
        """Summarise refusals that stand for one value each."""
        return cls(grouped(rejections)[:SHOWN], rows_of(rejections), values_of(rejections))

    @property
    def lines(self) -> list[str]:
        """A line for each kind that is shown, and a line with the number of the others."""
        more = self.n_values - values_of(self.shown)
        others = [f"{self.shown[0].commodity}: and {more} more refused values"] if more else []
        return [*map(str, self.shown), *others]


def grouped(rejections: Iterable[Rejection], singly: int = SINGLY) -> list[Rejection]:
    """Combine the refusals of a file, column and rule into one if they are more than ``singly``."""

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
    """Combine refusals of a kind into the first of them, with their number and all their lines."""
    first = min(same, key=lambda each: each.line)
    lines = lines_of(each.line for each in same)
    return first if len(same) == 1 else replace(first, lines=lines, count=values_of(same))


def lines_of(numbers: Iterable[int]) -> str:
    """A text that names line numbers by their ranges, or by the first and last of many."""
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


def first_of(rejections: Sequence[Rejection]) -> str:
    """The end of an error text that names the first kind of refusals; empty without any."""
    return f". First: {grouped(rejections)[0]}" if rejections else ""


def values_of(rejections: Iterable[Rejection]) -> int:
    """How many values were refused."""
    return sum(each.count for each in rejections)


def rows_of(rejections: Iterable[Rejection]) -> int:
    """How many rows have a refused value; each refusal stands for one value."""
    places = sorted({(each.commodity, each.file, each.line, each.count) for each in rejections})
    return sum(
        max(count for *_, count in rows) for _, rows in groupby(places, key=lambda place: place[:3])
    )


def harmful(rejections: Iterable[Rejection]) -> list[Rejection]:
    """The refusals by which a price may be lost."""
    return [each for each in rejections if not is_harmless(each)]


def notes_of(rejections: Iterable[Rejection]) -> list[str]:
    """A line for each file and kind of the harmless refusals, without the commodity's name."""
    return [each.told for each in grouped(filter(is_harmless, rejections), singly=1)]


def is_harmless(rejection: Rejection) -> bool:
    """Whether no price is lost by a refusal.

    That is so if it is marked as harmless, or if the row has too many fields and is text.
    """
    too_many = rejection.column == "*" and "fields, the header" in rejection.rule
    return rejection.harmless or (too_many and is_text(rejection.value))


def is_text(value: str) -> bool:
    """Whether a cell holds words, as in a vendor's footer, and not a date or a number."""
    letters, digits = sum(map(str.isalpha, value)), sum(map(str.isdigit, value))
    return letters > 2 * digits and re.search(r"[^\W\d_]{2}", value) is not None


def without_text(name: str, rows: pd.DataFrame, rejections: list[Rejection]) -> pd.DataFrame:
    """Leave out rows that hold text or nothing where date and close should be.

    A close with digits counts as text only below the last row with a price, since it then belongs
    to a footer.
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
