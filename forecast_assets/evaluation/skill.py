"""Skill: by how much a model's CRPS is smaller than the naive model's, as a share of the latter."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def skill(crps: ArrayLike, naive_crps: ArrayLike) -> NDArray[np.float64]:
    """1 - crps / naive_crps, each an array of shape (n,) or a number.

    Both are means, or both sums, over forecasts that both models have. The result is NaN if
    ``naive_crps`` is not above zero.
    """
    mine, naive = np.asarray(crps, dtype=np.float64), np.asarray(naive_crps, dtype=np.float64)
    found = np.full(naive.shape, np.nan)
    np.divide(naive - mine, naive, out=found, where=naive > 0)
    return found
