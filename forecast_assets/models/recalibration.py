"""Recalibration: stretching paths about their median so that intervals have nominal coverage.

On a hold-out, the factor that gives an interval its nominal coverage is a quantile of how far
outcomes lie from the median, in units of the interval: split conformal prediction (Lei et al.
2018). The factor is computed on the log scale, as a mean over two intervals, and shrunk towards 1
if the hold-out has few independent origins.
"""

import numpy as np
from numpy.typing import NDArray

COVERAGES = (0.8, 0.95)

PRIOR_ORIGINS = 100.0
"""A factor of 1 has the weight of this many independent origins."""

LEAST, MOST = 0.25, 4.0
"""Limits: a factor outside them means that the model is wrong, not merely too narrow or wide."""


def stretch(
    quantiles: NDArray[np.float64], outcomes: NDArray[np.float64], every: int
) -> tuple[float, ...]:
    """The factor of each session ahead that gives nominal coverage, shape (horizon,).

    ``quantiles``: equally likely values, ascending, shape (n_origins, horizon, n_levels).
    ``outcomes``: shape (n_origins, horizon). ``every``: the sessions from one origin to the next.
    Origins with a value at or below zero, or with an interval of no width, are left out; if none
    remains, the result is empty.
    """
    positive = (quantiles > 0).all(axis=(1, 2)) & (outcomes > 0).all(axis=1)
    logs, came = np.log(quantiles[positive]), np.log(outcomes[positive])
    wide = has_width(logs)
    if not wide.any():
        return ()
    logs, came = logs[wide], came[wide]
    horizon = came.shape[1]
    middle = at_level(logs, 0.5)
    factors = np.zeros(horizon)
    for coverage in COVERAGES:
        above = (came - middle) / (at_level(logs, (1 + coverage) / 2) - middle)
        below = (came - middle) / (at_level(logs, (1 - coverage) / 2) - middle)
        factor = np.quantile(np.maximum(above, below), coverage, axis=0)
        factors += np.log(np.clip(factor, LEAST, MOST))
    independent = len(came) * every / np.arange(1, horizon + 1).clip(min=every)
    weight = independent / (independent + PRIOR_ORIGINS)
    return tuple(np.exp(weight * factors / len(COVERAGES)).tolist())


def has_width(ascending: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether each origin's intervals reach above and below the median, shape (n_origins,)."""
    narrow = min(COVERAGES)
    low, middle, high = (at_level(ascending, x) for x in ((1 - narrow) / 2, 0.5, (1 + narrow) / 2))
    return np.asarray(((low < middle) & (middle < high)).all(axis=1))


def at_level(ascending: NDArray[np.float64], level: float) -> NDArray[np.float64]:
    """A quantile of equally likely values along the last axis, with linear interpolation."""
    count = ascending.shape[-1]
    place = np.clip(level * count - 0.5, 0, count - 1)
    low = min(int(place), count - 2)
    share = place - low
    found: NDArray[np.float64] = (1 - share) * ascending[..., low] + share * ascending[..., low + 1]
    return found


def stretched(paths: NDArray[np.float32], factors: tuple[float, ...]) -> NDArray[np.float32]:
    """Stretch paths about their median, session by session, in place.

    ``paths``: shape (n_origins, n_paths, horizon). Logarithms are stretched if all prices of an
    origin are above zero, otherwise prices.
    """
    n_paths, horizon = paths.shape[1:]
    padded = np.r_[factors, np.full(max(0, horizon - len(factors)), factors[-1])]
    by_session = padded[:horizon, None].astype(np.float32)
    for block in paths.transpose(0, 2, 1):
        logarithmic = bool((block > 0).all())
        levels = np.log(block) if logarithmic else block
        ascending = np.sort(levels, axis=1)  # numpy sorts faster than it finds a median
        middle = ascending[:, (n_paths - 1) // 2 : n_paths // 2 + 1].mean(axis=1, keepdims=True)
        moved = middle + (levels - middle) * by_session
        block[:] = np.exp(moved) if logarithmic else moved
    return paths
