"""A quantile function through a few predicted quantiles."""

import numpy as np
import scipy
from numpy.typing import NDArray


def quantile_function(
    levels: NDArray[np.float64], quantiles: NDArray[np.float64], at: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Quantiles at the probabilities ``at``, shape (..., n_at), from those at ``levels``.

    ``levels``: strictly increasing, inside (0, 1), shape (n_levels,), at least two.
    ``quantiles``: not decreasing along the last axis, shape (..., n_levels). ``at``: inside
    (0, 1), shape (n_at,).

    The function is linear in the standard normal score of the probability, between two levels and
    beyond the outermost ones. So each tail is that of the normal distribution through the two
    outermost quantiles, and the quantiles of a normal distribution are reproduced exactly.
    """
    knots, scores = scipy.special.ndtri(levels), scipy.special.ndtri(at)
    left = np.clip(np.searchsorted(knots, scores) - 1, 0, len(levels) - 2)
    weight = (scores - knots[left]) / (knots[left + 1] - knots[left])
    filled: NDArray[np.float64] = (
        quantiles[..., left] * (1 - weight) + quantiles[..., left + 1] * weight
    )
    return filled
