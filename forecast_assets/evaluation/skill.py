"""Skill: how much smaller a model's CRPS is than the naive model's, as a share of it."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def skill(crps: ArrayLike, naive_crps: ArrayLike) -> NDArray[np.float64]:
    """1 - crps / naive_crps of the same forecasts, each an array of shape (n,) or one number.

    Of means, or of sums, over forecasts that both models have. NaN where the naive model's is not
    above zero.
    """
    mine, naive = np.asarray(crps, dtype=np.float64), np.asarray(naive_crps, dtype=np.float64)
    found = np.full(naive.shape, np.nan)
    np.divide(naive - mine, naive, out=found, where=naive > 0)
    return found
