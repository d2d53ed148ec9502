"""The Schaake shuffle: paths from the distribution of each session and the order of the past.

Clark, Gangopadhyay, Hay, Rajagopalan and Wilby (2004), The Schaake Shuffle, Journal of
Hydrometeorology 5. A session's quantiles are handed to the paths in the order that blocks of
past outcomes have on that session, so that paths keep their dependence from session to session:
the empirical copula of the past (Schefzik, Thorarinsdottir and Gneiting 2013).
"""

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Ranks = NDArray[np.unsignedinteger]
"""Rank of each block of the past on each session ahead, from 0; shape (horizon, n_blocks)."""


def ranks_of(outcomes: NDArray[np.float64]) -> Ranks:
    """Rank the blocks of ``outcomes``, shape (n_blocks, horizon), on every session.

    Of equals the earlier block comes first. The narrowest integers that hold a rank: numpy sorts
    16-bit ones by radix, many times faster than wider ones.
    """
    order = np.argsort(outcomes, axis=0, kind="stable").T
    ranks = np.empty(order.shape, dtype=np.min_scalar_type(len(outcomes)))
    np.put_along_axis(ranks, order, np.arange(len(outcomes), dtype=ranks.dtype)[None, :], axis=1)
    return ranks


def drawn_orders(rng: Generator, ranks: Ranks, n_paths: int) -> NDArray[np.intp]:
    """Draw a past block for each path: which path is lowest on a session, which next, and so on.

    Shape (horizon, n_paths). Blocks are drawn with replacement; paths of one block are
    neighbours on every session.
    """
    blocks = rng.integers(ranks.shape[1], size=n_paths)
    return np.argsort(ranks[:, blocks], axis=1, kind="stable")
