"""The risk of holding one unit: value-at-risk, expected shortfall and the probability of a rise.

``prices``: the paths at one session ahead along the last axis, shape (..., n_paths), in the
commodity's unit. ``close``: what the position cost, shape (...). Both broadcast, and results have
shape (...). The position is long: its loss is close - price.
"""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

Prices = NDArray[np.floating]
Numbers = NDArray[np.float64]


def value_at_risk(prices: Prices, close: ArrayLike, level: float) -> Numbers:
    """The quantile of the loss at ``level``, in the commodity's unit; a negative loss is a gain.

    It is interpolated between two paths, as all quantiles of the tables are. Raises ValueError for
    a level that is not between 0 and 1.
    """
    _require_level(level)
    losses = _column(close) - np.asarray(prices, dtype=np.float64)
    return np.asarray(np.quantile(losses, level, axis=-1))


def expected_shortfall(prices: Prices, close: ArrayLike, level: float) -> Numbers:
    """The mean loss over the worst share 1 - ``level`` of the paths, also called CVaR.

    If that share is not a whole number of paths, the last path counts by the fraction: Acerbi and
    Tasche (2002), On the coherence of expected shortfall, definition 2.6. Raises ValueError for a
    level that is not between 0 and 1.
    """
    _require_level(level)
    share = np.shape(prices)[-1] * (1.0 - level)
    count = math.ceil(share)
    lowest = np.partition(prices, count - 1, axis=-1)[..., :count]
    weights = np.ones(count)
    weights[-1] = share - (count - 1)
    losses = _column(close) - lowest.astype(np.float64)
    # A sum, since a BLAS may round a row of a larger product differently.
    return np.asarray(np.sum(losses * (weights / share), axis=-1))


def probability_above(prices: Prices, close: ArrayLike) -> Numbers:
    """The share of paths above ``close``; a path that equals it counts as half a path.

    ``close`` is first rounded to the type of ``prices``, so that a path that never moved equals it.
    """
    paths = np.asarray(prices)
    level = np.asarray(close, dtype=paths.dtype)[..., None]
    return np.asarray(np.mean(paths > level, axis=-1) + np.mean(paths == level, axis=-1) / 2)


def _column(close: ArrayLike) -> Numbers:
    return np.asarray(close, dtype=np.float64)[..., None]


def _require_level(level: float) -> None:
    if not 0.0 < level < 1.0:
        raise ValueError(f"level: found {level}, allowed: between 0 and 1, such as 0.95")
