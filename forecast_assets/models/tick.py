"""Ticks: the step of a commodity's prices, to which paths are rounded when they are drawn.

A tick is a fraction of whole numbers, and its denominator is at most 10 ** DECIMALS. So a price of
float32 times the denominator is exact in float64, and a count of ticks over the denominator is the
float64 nearest to the decimal price. The float32 nearest to that is the one nearest to the decimal
price too: a decimal of so few places is either the middle of two float32 or farther from it than
float64 is wrong. Only multiplication, division and rounding are used, which IEEE 754 determines, so
the bytes are the same on every machine.
"""

from collections.abc import Mapping
from fractions import Fraction
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field

DECIMALS = 8
"""Most decimal places of a tick; 1/256 has as many."""

LARGEST = 1e6
"""The largest tick, in the commodity's unit."""


def _of_few_decimals(tick: float) -> float:
    if 10**DECIMALS % Fraction(repr(tick)).denominator:
        raise ValueError(f"allowed: a number of at most {DECIMALS} decimal places")
    return tick


Tick = Annotated[
    float,
    Field(strict=True, gt=0, le=LARGEST, allow_inf_nan=False),
    AfterValidator(_of_few_decimals),
]
"""A tick, in the commodity's unit."""

TICK = "tick"
"""What a tick is called among the options of a stored model."""


def with_tick(options: Mapping[str, Any], tick: float | None) -> dict[str, Any]:
    """The options of a model as they are stored: with the tick of its commodity, if it has one."""
    return {**options} if tick is None else {**options, TICK: tick}


def in_ticks(paths: NDArray[np.float32], tick: float) -> NDArray[np.float32]:
    """Round prices to multiples of a tick, in place.

    ``paths``: shape (n_origins, n_paths, horizon). Each price becomes the float32 nearest to the
    nearest multiple; of two equally near ones, to the even multiple. A price above zero becomes one
    tick at least, so that models of logarithms stay above zero. A price so large that float32 is
    coarser than the tick stays nearly as it is.
    """
    ratio = Fraction(repr(tick))
    steps, per_unit = float(ratio.numerator), float(ratio.denominator)
    for block in paths.transpose(0, 2, 1):  # one origin's float64 temporary fits the cache
        counts = np.multiply(block, per_unit, dtype=np.float64)
        if steps != 1:
            counts /= steps
        np.rint(counts, out=counts)
        if not counts.min() >= 1:  # also where a price is no number
            counts[(counts == 0) & (block > 0)] = 1
            counts += 0.0  # no zero is negative
        if steps != 1:
            counts *= steps
        np.divide(counts, per_unit, out=counts)
        block[:] = counts
    return paths
