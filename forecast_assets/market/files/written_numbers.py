"""Numbers as people and vendors write them, made plain: 3,382.77, 4.090,50, $12.5, 131.03K.

What a comma and a point mean is proved over a whole column, or by the other columns of its file:
1,234.5 and 0.123 say it, 1,234 and 1.012 alone do not.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

import pandas as pd

from forecast_assets.configuration.file_format import NO_SEPARATOR

MISSING = (
    "", ".", "..", "-", "--", "\u2013", "\u2014", "na", "n/a", "n.a.", "#n/a", "#n/a n/a", "<na>",
    "nd", "nan", "nat", "null", "none",
)  # fmt: skip
"""How files write a value that is not there; case does not matter."""

PLAIN = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
"""A number as Python writes it."""

_EITHER = r"[+-]?[1-9]\d{0,2}\.\d{3}"
"""A plain number that may be one of thousands, too."""

_SIGN, _CURRENCY = "[-+\u2212]", r"(?:US\$|[$€£¥]|USD|EUR|GBP)"
_WRITTEN = re.compile(
    rf"(?P<open>\()?(?P<sign>{_SIGN})?(?P<currency>{_CURRENCY})?\s?(?P<inner>{_SIGN})?"
    r"(?P<body>[.,]?\d[\d.,'\u2019\s]*?)(?P<power>[eE][+-]?\d+)?"
    rf"\s?(?P<unit>{_CURRENCY})?(?P<suffix>[KMB])?(?P<close>\))?"
)
_SUFFIXES = {"K": 3, "M": 6, "B": 9}
_SPACES = dict.fromkeys(map(ord, "\u00a0\u202f\u2009\t"), " ") | {ord("\u2019"): "'"}

_WHOLE = {
    # Of a point: its thousands are commas, spaces or apostrophes; commas may group as in India.
    ".": re.compile(
        r"(?:\d+|[1-9]\d{0,2}(?P<by>[,' ])\d{3}(?:(?P=by)\d{3})*|[1-9]\d?(?:,\d{2})+,\d{3})"
        r"(?:\.\d*)?|\.\d+"
    ),
    ",": re.compile(r"(?:\d+|[1-9]\d{0,2}(?P<by>[.' ])\d{3}(?:(?P=by)\d{3})*)(?:,\d*)?|,\d+"),
}
"""What the digits of a number may look like, by its decimal separator."""


@dataclass(frozen=True)
class Number:
    """A number as it is written, taken apart: its digits with separators, and what is around."""

    body: str
    negative: bool
    power: int
    currency: str
    decorated: bool
    """Whether there is more to it than a number, a sign and an exponent."""

    def plain(self, decimal: str, thousands: str | None) -> str | None:
        """It as a plain number, None where it is none by these separators."""
        if not _WHOLE[decimal].fullmatch(self.body):
            return None
        between = set(re.sub(r"\d", "", self.body)) - {decimal}
        if thousands is not None and between - {thousands}:
            return None
        digits = re.sub(r"[^\d.]", "", self.body.translate(_POINT[decimal])).rstrip(".")
        value = f"{Decimal(digits).scaleb(self.power):f}" if self.power else digits
        return f"-{value}" if self.negative else value


_POINT = {".": {}, ",": {ord("."): None, ord(","): "."}}


def number_of(text: str) -> Number | None:
    """What a cell says, None where it is no number."""
    found = _WRITTEN.fullmatch(text.translate(_SPACES))
    if found is None or (found["open"] is None) != (found["close"] is None):
        return None
    signs = [sign for sign in (found["sign"], found["inner"]) if sign]
    if len(signs) + bool(found["open"]) > 1 or (found["currency"] and found["unit"]):
        return None
    power = int(found["power"][1:]) if found["power"] else 0
    if abs(power) > 300:
        return None
    negative = bool(found["open"]) or any(sign != "+" for sign in signs)
    suffix = _SUFFIXES.get(found["suffix"] or "", 0)
    currency = found["currency"] or found["unit"] or ""
    decorated = bool(currency or suffix or found["open"])
    return Number(found["body"].strip(), negative, power + suffix, currency, decorated)


@dataclass(frozen=True)
class Evidence:
    """How many values can only have a decimal point, or only a comma, and how many either.

    ``examples``: a value of each of these kinds, "" where there is none.
    """

    point: int = 0
    comma: int = 0
    either: int = 0
    examples: tuple[str, str, str] = ("", "", "")

    @property
    def decimal(self) -> str | None:
        """What is proved, None where nothing is or the values contradict each other."""
        if bool(self.point) == bool(self.comma):
            return None
        return "." if self.point else ","

    def __add__(self, other: "Evidence") -> "Evidence":
        """What both say."""
        examples = (x or y for x, y in zip(self.examples, other.examples, strict=True))
        return Evidence(
            self.point + other.point,
            self.comma + other.comma,
            self.either + other.either,
            (next(examples), next(examples), next(examples)),
        )


def evidence_of(cells: Iterable[str]) -> Evidence:
    """What cells say of the decimal separator; ones that are no numbers say nothing."""
    counts, examples = [0, 0, 0], ["", "", ""]
    for cell in cells:
        kind = _kind(cell)
        if kind is not None:
            counts[kind] += 1
            examples[kind] = examples[kind] or cell
    point, comma, either = counts
    return Evidence(point, comma, either, (examples[0], examples[1], examples[2]))


def _kind(cell: str) -> int | None:
    """0 for a point, 1 for a comma, 2 for either; None where it says nothing."""
    if not ("." in cell or "," in cell):
        return None
    number = number_of(cell.rstrip("%").rstrip())
    if number is None:
        return None
    point, comma = number.plain(".", None), number.plain(",", None)
    if point is None and comma is None:
        return None
    if comma is None:
        return 0
    if point is None:
        return 1
    return 2 if point != comma else None


def are_plain(cells: pd.Series) -> bool:
    """Whether all cells are plain numbers, and none could be one of thousands instead.

    One that has decimals beyond doubt shows that the points of all others are for decimals.
    """
    if not cells.str.fullmatch(PLAIN).all():
        return False
    either = cells.str.fullmatch(_EITHER)
    return not either.any() or bool(cells[~either].str.contains(".", regex=False).any())


def plain_numbers(
    cells: pd.Series, decimal: str, thousands: str | None, *, slips: bool
) -> pd.Series:
    """Cells as plain numbers; what is no number by these separators stays as it is written.

    ``thousands``: None where any may be. ``slips``: whether a lone cell with a sign of currency or
    the like, or one that only the other cells tell to be of thousands, stays, too.
    """
    by = "" if thousands == NO_SEPARATOR else thousands
    written = cells if decimal == "," else cells[~cells.str.fullmatch(PLAIN)]
    numbers = {cell: number_of(cell) for cell in written.unique()}
    made = {cell: number.plain(decimal, by) for cell, number in numbers.items() if number}
    read = {cell: value for cell, value in made.items() if value is not None}
    lone = cells[cells.isin([cell for cell in read if _may_slip(cell, numbers[cell])])]
    if slips and len(lone) == 1 and len(cells) > 1:
        del read[lone.iloc[0]]
    if decimal == ",":
        # Else it would be taken for a plain number.
        pointed = [cell for cell in numbers if cell not in read and re.fullmatch(PLAIN, cell)]
        read |= {cell: f"{cell} (decimals follow a comma)" for cell in pointed}
    return cells.map(lambda cell: read.get(cell, cell))


def _may_slip(cell: str, number: Number | None) -> bool:
    return number is not None and (number.decorated or _kind(cell) == 2)


def currencies_of(cells: Iterable[str]) -> set[str]:
    """The signs of currency that stand beside numbers."""
    numbers = (number_of(cell) for cell in cells)
    return {number.currency for number in numbers if number is not None and number.currency}
