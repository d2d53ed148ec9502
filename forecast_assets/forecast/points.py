"""Points: the mean, standard deviation and quantiles of a forecast's paths at each session.

Sums are taken over a few origins at a time, so that temporary arrays stay in the processor's cache.
A central price is subtracted before summing, since prices near 100,000 may differ by less than a
cent and a sum of squares would lose that.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEVELS = (0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975)
"""The levels of the quantiles that are stored."""

INTERVALS = {0.5: (0.25, 0.75), 0.8: (0.1, 0.9), 0.95: (0.025, 0.975)}
"""The levels of the lower and upper bound of each central interval, by its coverage."""

ORIGINS_AT_ONCE = 8
"""So many origins of 2,000 paths and 14 sessions have float64 temporaries that fit the cache."""

Ordered = NDArray[np.float32]
"""Prices in ascending order: float32, C-contiguous, shape (n_origins, horizon, n_paths)."""


@dataclass(frozen=True, eq=False)
class Points:
    """Point forecasts: float64, shape (n_origins, horizon), in the unit of the price.

    ``standard_deviation``: with n_paths - 1 in its denominator. ``quantiles``: at LEVELS, shape
    (len(LEVELS), n_origins, horizon).
    """

    mean: NDArray[np.float64]
    standard_deviation: NDArray[np.float64]
    quantiles: NDArray[np.float64]

    def only(self, origins: Sequence[int] | NDArray[np.intp]) -> "Points":
        """The points of some origins, by their places."""
        kept = list(origins)
        return Points(self.mean[kept], self.standard_deviation[kept], self.quantiles[:, kept])

    @property
    def median(self) -> NDArray[np.float64]:
        """The quantile at level 0.5, shape (n_origins, horizon)."""
        return self.at(0.5)

    def at(self, level: float) -> NDArray[np.float64]:
        """The quantile at one of LEVELS. Raises ValueError for another level."""
        found: NDArray[np.float64] = self.quantiles[LEVELS.index(level)]
        return found

    def bounds(self, coverage: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Lower and upper bound of a central interval. Raises KeyError if not in INTERVALS."""
        lower, upper = INTERVALS[coverage]
        return self.at(lower), self.at(upper)

    @property
    def columns(self) -> dict[str, NDArray[np.float64]]:
        """All numbers by the names that they have in tables, each of shape (n_origins, horizon)."""
        found = {
            "mean": self.mean,
            "median": self.median,
            "standard_deviation": self.standard_deviation,
        }
        for coverage in INTERVALS:
            for side, bound in zip(("lower", "upper"), self.bounds(coverage), strict=True):
                found[f"{side}_{100 * coverage:.0f}"] = bound
        return found


def chunks(n_origins: int) -> Iterator[slice]:
    """Slices of ORIGINS_AT_ONCE origins, in order; the last may be shorter."""
    for first in range(0, n_origins, ORIGINS_AT_ONCE):
        yield slice(first, min(first + ORIGINS_AT_ONCE, n_origins))


def in_order(paths: NDArray[np.float32]) -> Ordered:
    """Each session's prices in ascending order.

    ``paths``: float32, shape (n_origins, n_paths, horizon); they are left as they are. They are
    sorted as float32, which is much faster than float64.
    """
    n_origins, n_paths, horizon = paths.shape
    ordered = np.empty((n_origins, horizon, n_paths), dtype=np.float32)
    for some in chunks(n_origins):
        ordered[some] = paths[some].transpose(0, 2, 1)
        ordered[some].sort(axis=-1)
    return ordered


def points_of(ordered: Ordered) -> Points:
    """Means, deviations and quantiles of ordered prices, shape (n_origins, horizon, n_paths).

    Raises ValueError for fewer than two paths, which have no deviation.
    """
    n_origins, horizon, n_paths = ordered.shape
    if n_paths < 2:
        raise ValueError(f"{n_paths} paths have no standard deviation: two are needed at least")
    mean, deviation = np.empty((2, n_origins, horizon))
    quantiles = np.empty((len(LEVELS), n_origins, horizon))
    for some in chunks(n_origins):
        centre, rest = centred(ordered[some])
        mean[some] = centre + rest.mean(axis=-1)
        deviation[some] = rest.std(axis=-1, ddof=1)
        quantiles[:, some] = _quantiles(ordered[some])
    return Points(mean, deviation, quantiles)


def centred(ordered: Ordered) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The middle price, shape (n_origins, horizon), and each price minus it, in float64."""
    centre = ordered[..., ordered.shape[-1] // 2].astype(np.float64)
    return centre, np.subtract(ordered, centre[..., None], dtype=np.float64)


def _quantiles(ordered: Ordered) -> NDArray[np.float64]:
    """Quantiles at LEVELS, linear between two prices, shape (len(LEVELS), n_origins, horizon).

    Definition 7 of Hyndman and Fan (1996), which is numpy's default.
    """
    places = np.array(LEVELS) * (ordered.shape[-1] - 1)
    below = places.astype(np.intp)
    above = np.minimum(below + 1, ordered.shape[-1] - 1)
    lower, upper = ordered[..., below].astype(np.float64), ordered[..., above].astype(np.float64)
    between: NDArray[np.float64] = lower + (upper - lower) * (places - below)
    return np.moveaxis(between, -1, 0)
