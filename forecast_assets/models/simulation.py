"""Drawing paths: seeds by name, shocks, and the paths of linear models.

Arrays are laid out (n_origins, horizon, n_paths): each origin's shocks are drawn into one
contiguous block, and a session's prices of all origins are one column of the table.
"""

import hashlib
from collections.abc import Callable, Sequence

import numpy as np
from numpy.random import Generator, SeedSequence
from numpy.typing import NDArray

Seeds = Sequence[SeedSequence]
Blocks = NDArray[np.float32]
"""Float32, shape (n_origins, horizon, n_paths)."""


def seed_of(*names: str) -> SeedSequence:
    """The seed of a forecast, which depends only on its names.

    It is the SHA-256 of the names, each preceded by its length, so that different lists of names
    have different seeds.
    """
    digest = hashlib.sha256()
    for name in names:
        encoded = name.encode()
        digest.update(len(encoded).to_bytes(4, "little") + encoded)
    return SeedSequence(int.from_bytes(digest.digest(), "little"))


def draw(
    seeds: Seeds, horizon: int, n_paths: int, fill: Callable[[Generator, Blocks], object]
) -> Blocks:
    """Draw the shocks of each origin with its own generator, by ``fill(generator, block)``."""
    shocks = np.empty((len(seeds), horizon, n_paths), dtype=np.float32)
    for block, seed in zip(shocks, seeds, strict=True):
        fill(np.random.default_rng(seed), block)
    return shocks


def standard_normal(seeds: Seeds, horizon: int, n_paths: int) -> Blocks:
    """Draw independent standard normal shocks, shape (n_origins, horizon, n_paths)."""
    return draw(
        seeds, horizon, n_paths, lambda rng, out: rng.standard_normal(dtype=np.float32, out=out)
    )


def linear_moves(
    shocks: Blocks, psi: NDArray[np.float64], scale: NDArray[np.float64], mean: NDArray[np.float64]
) -> Blocks:
    """Cumulative moves of a linear process: mean[d, h] + sum_j psi[h-j] * scale[d, j] * eps[d, j].

    ``psi``: impulse responses of the level, shape (horizon,). ``scale``: standard deviation of
    the shock of each session ahead, and ``mean``: expected cumulative move, both of shape
    (n_origins, horizon). Each origin has its own matrix product, so that its bytes do not depend
    on other origins. Hamilton (1994), Time Series Analysis, section 4.2.
    """
    horizon = len(psi)
    lags = np.subtract.outer(np.arange(horizon), np.arange(horizon))
    responses = np.where(lags >= 0, psi[np.maximum(lags, 0)], 0.0)
    by_origin = (responses * scale[:, None, :]).astype(np.float32)
    moves: Blocks = np.matmul(by_origin, shocks)
    moves += mean[:, :, None].astype(np.float32)
    return moves


def prices(
    closes: NDArray[np.float64], moves: Blocks, logarithmic: NDArray[np.bool_] | bool = True
) -> Blocks:
    """Convert cumulative moves to prices, in place: close * exp(move), or close + move.

    ``closes``: the close at each origin, shape (n_origins,). ``logarithmic``: whether the moves are
    of the logarithm, for each origin or for all.
    """
    by_origin = np.broadcast_to(logarithmic, closes.shape)
    for block, close, is_log in zip(moves, closes.astype(np.float32), by_origin, strict=True):
        if is_log:
            np.exp(block, out=block)
            block *= close
        else:
            block += close
    return moves


def as_paths(blocks: Blocks) -> NDArray[np.float32]:
    """A view of the same memory with shape (n_origins, n_paths, horizon)."""
    return blocks.transpose(0, 2, 1)
