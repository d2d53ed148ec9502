"""What one unit may lose: value-at-risk, expected shortfall and the odds of a rise, from paths.

``prices`` hold the paths of one session ahead along their last axis, shape (..., n_paths), in the
commodity's unit; ``close`` is what the position cost, shape (...). Both broadcast, and so do the
results, of shape (...). The position is long: it loses close - price.
"""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

Prices = NDArray[np.floating]
Numbers = NDArray[np.float64]


def value_at_risk(prices: Prices, close: ArrayLike, level: float) -> Numbers:
    """The quantile ``level`` of the loss, in the commodity's unit: below zero, a gain.

    Between two paths it is interpolated, as all quantiles of the tables are. Raises ValueError
    for a level that is not between 0 and 1.
    """
    _require_level(level)
    losses = _column(close) - np.asarray(prices, dtype=np.float64)
    return np.asarray(np.quantile(losses, level, axis=-1))


def expected_shortfall(prices: Prices, close: ArrayLike, level: float) -> Numbers:
    """The mean loss of the worst 1 - ``level`` of the paths, also called CVaR.

    Where that share is no whole number of paths, the last of them counts with its fraction:
    Acerbi and Tasche (2002), On the coherence of expected shortfall, definition 2.6. Raises
    ValueError for a level that is not between 0 and 1.
    """
    _require_level(level)
    share = np.shape(prices)[-1] * (1.0 - level)
    count = math.ceil(share)
    lowest = np.partition(prices, count - 1, axis=-1)[..., :count]
    weights = np.ones(count)
    weights[-1] = share - (count - 1)
    losses = _column(close) - lowest.astype(np.float64)
    return np.asarray(losses @ (weights / share))


def probability_above(prices: Prices, close: ArrayLike) -> Numbers:
    """The share of paths above ``close``, where a path that equals it counts as half a path.

    ``close`` is rounded to the type of ``prices``: a path that never moved ends at its close.
    """
    paths = np.asarray(prices)
    level = np.asarray(close, dtype=paths.dtype)[..., None]
    return np.asarray(np.mean(paths > level, axis=-1) + np.mean(paths == level, axis=-1) / 2)


def _column(close: ArrayLike) -> Numbers:
    return np.asarray(close, dtype=np.float64)[..., None]


def _require_level(level: float) -> None:
    if not 0.0 < level < 1.0:
        raise ValueError(f"level: found {level}, allowed: between 0 and 1, such as 0.95")
