"""Figures: numbers for readers, with few digits and a unit, and sparklines."""

from collections.abc import Sequence
from math import floor, isfinite, log10

import numpy as np
from numpy.typing import NDArray

UNBROKEN = "\N{NO-BREAK SPACE}"
"""A space at which the text of a table's cell is not broken into two lines."""

UNBROKEN_HYPHEN = "\N{NON-BREAKING HYPHEN}"

SIGNIFICANT = 3
"""How many digits a score or a size is shown with."""

MOST_DECIMALS = 12
"""The most decimals of a figure; smaller numbers are shown as zero."""

NONE = "none"
"""The text for a missing number."""

BLOCKS = "▁▂▃▄▅▆▇█"
"""The characters of a sparkline, the lowest first."""

KILO = 1000


def figure(value: float | None, unit: str = "") -> str:
    """A number with three significant digits, and its unit: 0.8341234 is "0.834 USD/bbl"."""
    if value is None or not isfinite(value):
        return NONE
    rounded = float(f"{value:.{SIGNIFICANT - 1}e}")
    whole = floor(log10(abs(rounded))) + 1 if rounded else SIGNIFICANT
    decimals = min(max(SIGNIFICANT - whole, 0), MOST_DECIMALS)
    return f"{rounded:,.{decimals}f}{UNBROKEN}{unit}".rstrip()


def price(value: float, unit: str = "") -> str:
    """A price with up to six digits and its unit; all closes are shown so."""
    return f"{value:g} {unit}".rstrip()


def share(value: float | None) -> str:
    """A share in per cent: 0.8123 is "81.2 %"."""
    return NONE if value is None or not isfinite(value) else f"{value * 100:.1f}{UNBROKEN}%"


def change(value: float | None) -> str:
    """A share with its sign, in per cent: 0.0421 is "+4.2 %"."""
    return NONE if value is None or not isfinite(value) else f"{value * 100:+.1f}{UNBROKEN}%"


def size(n_bytes: int) -> str:
    """A number of bytes in a fitting unit: 1934 is "1.93 kB"."""
    value, units = float(n_bytes), iter(("B", "kB", "MB", "GB"))
    unit = next(units)
    while value >= KILO and unit != "GB":
        value, unit = value / KILO, next(units)
    return f"{n_bytes}{UNBROKEN}B" if unit == "B" else figure(value, unit)


def unbroken(text: str) -> str:
    """A short text that a table's cell does not break into two lines."""
    return text.replace(" ", UNBROKEN).replace("-", UNBROKEN_HYPHEN)


def span(first: object, last: object) -> str:
    """The text "first to last" of two days, which is not broken into two lines."""
    return unbroken(f"{first} to {last}")


def sparkline(values: Sequence[float] | NDArray[np.float64]) -> str:
    """A sparkline: one character for each value, and a gap for one that is not finite."""
    numbers = np.asarray(values, dtype=np.float64)
    finite = numbers[np.isfinite(numbers)]
    if len(finite) == 0:
        return ""
    low, high = float(finite.min()), float(finite.max())
    scale = (len(BLOCKS) - 1) / (high - low) if high > low else 0.0
    return "".join(
        BLOCKS[round((value - low) * scale)] if isfinite(value) else "·" for value in numbers
    )
