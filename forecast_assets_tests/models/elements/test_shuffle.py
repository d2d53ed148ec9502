import numpy as np
import pytest
from scipy.stats import rankdata, spearmanr

from forecast_assets.models.elements.shuffle import drawn_orders, ranks_of

WALKS = np.cumsum(np.random.default_rng(5).standard_normal((800, 4)), axis=1)


def shuffled(n_paths: int, seed: int = 1) -> np.ndarray:
    """Rank of each path on each session, shape (horizon, n_paths)."""
    orders = drawn_orders(np.random.default_rng(seed), ranks_of(WALKS), n_paths)
    ranks = np.empty_like(orders)
    np.put_along_axis(ranks, orders, np.arange(n_paths)[None, :], axis=1)
    return ranks


def test_ranks_equal_those_of_scipy() -> None:
    expected = [rankdata(column, method="ordinal") - 1 for column in WALKS.T]
    assert np.array_equal(ranks_of(WALKS), np.array(expected))


def test_of_equals_the_earlier_block_comes_first() -> None:
    assert ranks_of(np.array([[2.0], [1.0], [2.0], [1.0]])).tolist() == [[2, 0, 3, 1]]


def test_every_session_gives_every_path_one_rank() -> None:
    for session in shuffled(500):
        assert sorted(session) == list(range(500))


def test_paths_keep_the_order_of_the_blocks_drawn() -> None:
    blocks = np.random.default_rng(1).integers(len(WALKS), size=60)
    ranks = shuffled(60)
    for session in range(4):
        for one in range(60):
            for other in range(60):
                if WALKS[blocks[one], session] < WALKS[blocks[other], session]:
                    assert ranks[session, one] < ranks[session, other]


def test_sessions_depend_on_each_other_as_in_the_past() -> None:
    ranks = shuffled(4000)
    past = spearmanr(WALKS).statistic
    assert spearmanr(ranks.T).statistic == pytest.approx(past, abs=0.03)
