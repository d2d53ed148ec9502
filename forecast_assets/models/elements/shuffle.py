"""The Schaake shuffle: paths from the distribution at each session and the order of past blocks.

Clark, Gangopadhyay, Hay, Rajagopalan and Wilby (2004), The Schaake Shuffle, Journal of
Hydrometeorology 5. The paths receive a session's quantiles in the order that blocks of past
outcomes have on that session. So paths have the dependence of past sessions on each other, the
empirical copula of the past (Schefzik, Thorarinsdottir and Gneiting 2013).
"""

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Ranks = NDArray[np.unsignedinteger]
"""The rank of each past block on each session ahead, from 0; shape (horizon, n_blocks)."""


def ranks_of(outcomes: NDArray[np.float64]) -> Ranks:
    """Rank the blocks of ``outcomes``, shape (n_blocks, horizon), on every session.

    Among equal values the earlier block has the lower rank. Ranks have the narrowest integer type
    that holds them, since numpy sorts 16-bit integers many times faster than wider ones.
    """
    order = np.argsort(outcomes, axis=0, kind="stable").T
    ranks = np.empty(order.shape, dtype=np.min_scalar_type(len(outcomes)))
    np.put_along_axis(ranks, order, np.arange(len(outcomes), dtype=ranks.dtype)[None, :], axis=1)
    return ranks


def drawn_orders(rng: Generator, ranks: Ranks, n_paths: int) -> NDArray[np.intp]:
    """Draw a past block for each path, and order the paths on each session by their blocks.

    The result has shape (horizon, n_paths): the number of the lowest path on a session, then that
    of the next, and so on. Blocks are drawn with replacement; paths with the same block are
    neighbours on every session.
    """
    blocks = rng.integers(ranks.shape[1], size=n_paths)
    return np.argsort(ranks[:, blocks], axis=1, kind="stable")
