"""Converting numbers as people and vendors write them: 3,382.77, 4.090,50, $12.5, 131.03K.

A whole column, or the other columns of its file, decides what a comma and a point mean: 1,234.5 and
0.123 prove it, while 1,234 and 1.012 alone leave it open.
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
"""The texts that stand for a missing value, in any case."""

PLAIN = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?"
"""A number as Python writes it. Its digits can be read in one way only, however many they are."""

_EITHER = r"[+-]?[1-9]\d{0,2}\.\d{3}"
"""A plain number whose point may also separate thousands."""

_SIGN, _CURRENCY = "[-+\u2212]", r"(?:US\$|[$€£¥]|USD|EUR|GBP)"
_WRITTEN = re.compile(
    rf"(?P<open>\()?(?P<sign>{_SIGN})?(?P<currency>{_CURRENCY})?\s?(?P<inner>{_SIGN})?"
    r"(?P<body>[.,]?\d[\d.,'\u2019\s]*?)(?P<power>[eE][+-]?\d+)?"
    rf"\s?(?P<unit>{_CURRENCY})?(?P<suffix>[KMB])?(?P<close>\))?"
)
LONGEST = 100
"""A cell with more characters is no written number."""

_SUFFIXES = {"K": 3, "M": 6, "B": 9}
_SPACES = dict.fromkeys(map(ord, "\u00a0\u202f\u2009\t"), " ") | {ord("\u2019"): "'"}

_WHOLE = {
    # With a decimal point, thousands are separated by commas, spaces or apostrophes. Commas may
    # also group digits as in India.
    ".": re.compile(
        r"(?:\d+|[1-9]\d{0,2}(?P<by>[,' ])\d{3}(?:(?P=by)\d{3})*|[1-9]\d?(?:,\d{2})+,\d{3})"
        r"(?:\.\d*)?|\.\d+"
    ),
    ",": re.compile(r"(?:\d+|[1-9]\d{0,2}(?P<by>[.' ])\d{3}(?:(?P=by)\d{3})*)(?:,\d*)?|,\d+"),
}
"""The pattern of a number's digits, by its decimal separator."""


@dataclass(frozen=True)
class Number:
    """A written number in its parts; ``body``: its digits with their separators."""

    body: str
    negative: bool
    power: int
    currency: str
    decorated: bool
    """Whether it has more than digits, a sign and an exponent, such as a currency."""

    def plain(self, decimal: str, thousands: str | None) -> str | None:
        """The plain number; None if the digits do not fit these separators."""
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
    """The number in a cell; None if it holds none."""
    found = _WRITTEN.fullmatch(text.translate(_SPACES)) if len(text) <= LONGEST else None
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
    """Evidence for the decimal separator.

    ``point``: how many values can only have a decimal point. ``comma``: how many can only have a
    decimal comma. ``either``: how many may have either. ``examples``: a value of each of these
    kinds in this order, "" if there is none.
    """

    point: int = 0
    comma: int = 0
    either: int = 0
    examples: tuple[str, str, str] = ("", "", "")

    @property
    def decimal(self) -> str | None:
        """The separator that is proved; None if none is, or if values contradict each other."""
        if bool(self.point) == bool(self.comma):
            return None
        return "." if self.point else ","

    def __add__(self, other: "Evidence") -> "Evidence":
        """Combine the evidence of both."""
        examples = (x or y for x, y in zip(self.examples, other.examples, strict=True))
        return Evidence(
            self.point + other.point,
            self.comma + other.comma,
            self.either + other.either,
            (next(examples), next(examples), next(examples)),
        )


def evidence_of(cells: Iterable[str]) -> Evidence:
    """The evidence of cells for the decimal separator; cells that are not numbers do not count."""
    counts, examples = [0, 0, 0], ["", "", ""]
    for cell in cells:
        kind = _kind(cell)
        if kind is not None:
            counts[kind] += 1
            examples[kind] = examples[kind] or cell
    point, comma, either = counts
    return Evidence(point, comma, either, (examples[0], examples[1], examples[2]))


def _kind(cell: str) -> int | None:
    """0 if a cell proves a decimal point, 1 a comma, 2 if it may have either; None for no proof."""
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
    """Whether all cells are plain numbers, and no point could be a separator of thousands.

    One cell with a clear decimal point shows that all other points are decimal points too.
    """
    if not cells.str.fullmatch(PLAIN).all():
        return False
    either = cells.str.fullmatch(_EITHER)
    return not either.any() or bool(cells[~either].str.contains(".", regex=False).any())


def plain_numbers(
    cells: pd.Series, decimal: str, thousands: str | None, *, slips: bool
) -> pd.Series:
    """Cells as plain numbers; a cell that is no number by these separators stays as written.

    ``thousands``: None allows any separator. ``slips``: whether a single cell that looks like a
    slip also stays: one with a currency sign or the like, or one whose separator only the other
    cells explain.
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
        # Otherwise a cell with a point would be read as a plain number.
        pointed = [cell for cell in numbers if cell not in read and re.fullmatch(PLAIN, cell)]
        read |= {cell: f"{cell} (decimals follow a comma)" for cell in pointed}
    return cells.map(lambda cell: read.get(cell, cell))


def _may_slip(cell: str, number: Number | None) -> bool:
    return number is not None and (number.decorated or _kind(cell) == 2)


def currencies_of(cells: Iterable[str]) -> set[str]:
    """The currency signs that stand beside numbers."""
    numbers = (number_of(cell) for cell in cells)
    return {number.currency for number in numbers if number is not None and number.currency}
