"""Drawing: seeds by name, linear moves against a slow loop, prices from moves."""

import numpy as np
import pytest
from numpy.random import SeedSequence
from numpy.typing import NDArray

from forecast_assets.models.simulation import (
    Blocks,
    Seeds,
    as_paths,
    draw,
    linear_moves,
    prices,
    seed_of,
    standard_normal,
)

FLOAT32_TOLERANCE = 2e-6
"""Some ten times float32's relative precision of 1.2e-7: sums of at most sixty terms."""

PSI = np.cumsum(0.7 ** np.arange(9))
"""Impulse responses of the level of an AR(1) in differences."""
SCALE = np.outer([0.01, 0.02, 0.5], [1, 1, 3, 2, 0, 1, 0.5, 4, 1])
"""Deviations of the shocks of three origins, session by session."""
MEAN = np.arange(27, dtype=np.float64).reshape(3, 9) / 100


def seeds_of(*names: str) -> list[SeedSequence]:
    return [seed_of("Coffee", name) for name in names]


def slow_moves(
    shocks: Blocks, psi: NDArray[np.float64], scale: NDArray[np.float64], mean: NDArray[np.float64]
) -> NDArray[np.float64]:
    n_origins, horizon, n_paths = shocks.shape
    moves = np.zeros((n_origins, horizon, n_paths))
    for d in range(n_origins):
        for h in range(horizon):
            for p in range(n_paths):
                moves[d, h, p] = mean[d, h] + sum(
                    psi[h - j] * scale[d, j] * float(shocks[d, j, p]) for j in range(h + 1)
                )
    return moves


def moves_of(*closes_and_moves: list[float]) -> Blocks:
    """One origin a list, one path, as many sessions as there are moves."""
    return np.array(closes_and_moves, dtype=np.float32)[:, :, None]


def test_names_that_join_to_the_same_text_have_different_seeds() -> None:
    splits = [("ab", "c"), ("a", "bc"), ("abc",), ("abc", ""), ("", "abc"), ("a", "b", "c")]
    assert len({seed_of(*names).entropy for names in splits}) == len(splits)


def test_the_order_of_names_matters_and_the_seed_is_repeatable() -> None:
    assert seed_of("a", "b").entropy != seed_of("b", "a").entropy
    assert seed_of("a", "b").entropy == seed_of("a", "b").entropy


def test_a_change_of_the_seed_algorithm_is_noticed() -> None:
    # int.from_bytes(sha256(b"\x06\0\0\0Coffee\x04\0\0\0v1.0\x05\0\0\0naive").digest(), "little")
    expected = 0x2B1DE1E0B3BB6F17969473A071F6F80E91C12BD80B6384ADBFD75F22C49A9D35
    assert seed_of("Coffee", "v1.0", "naive").entropy == expected


def test_a_change_of_the_generator_is_noticed() -> None:
    drawn = standard_normal([seed_of("Coffee", "v1.0", "naive")], horizon=2, n_paths=2)
    expected = np.array([[0.3252297, -0.5671434], [0.0437, 0.1213566]])
    assert drawn[0] == pytest.approx(expected, abs=1e-6)


def test_every_origin_is_drawn_by_its_own_generator_whatever_the_others_are() -> None:
    batch = standard_normal(seeds_of("a", "b", "c"), horizon=5, n_paths=7)
    reordered = standard_normal(seeds_of("c", "b"), horizon=5, n_paths=7)
    assert batch.shape == (3, 5, 7)
    assert batch.dtype == np.float32
    assert reordered[0].tobytes() == batch[2].tobytes()
    assert reordered[1].tobytes() == batch[1].tobytes()
    assert not np.any(batch[0] == batch[1])


def test_the_same_seeds_draw_the_same_bytes_twice() -> None:
    seeds: Seeds = seeds_of("a", "b")
    assert standard_normal(seeds, 3, 4).tobytes() == standard_normal(seeds, 3, 4).tobytes()


def test_draw_gives_each_origin_a_block_of_its_own_to_fill() -> None:
    counted = iter(range(1, 4))
    drawn = draw(seeds_of("a", "b", "c"), 2, 2, lambda _, block: block.fill(next(counted)))
    assert drawn[:, 0, 0].tolist() == [1.0, 2.0, 3.0]
    assert np.all(drawn == drawn[:, :1, :1])


@pytest.mark.parametrize("psi", [np.ones(9), PSI, np.r_[1.0, np.zeros(8)], -PSI[::-1]])
def test_linear_moves_are_those_of_a_slow_loop_in_float64(psi: NDArray[np.float64]) -> None:
    shocks = standard_normal(seeds_of("a", "b", "c"), horizon=9, n_paths=11)
    fast = linear_moves(shocks, psi, SCALE, MEAN)
    slow = slow_moves(shocks, psi, SCALE, MEAN)
    assert fast.dtype == np.float32
    np.testing.assert_allclose(fast, slow, rtol=FLOAT32_TOLERANCE, atol=FLOAT32_TOLERANCE)


def test_a_shock_moves_its_own_session_and_later_ones_only() -> None:
    unit = np.eye(3, dtype=np.float32)[None]
    scale = np.array([[2.0, 4.0, 8.0]])
    moves = linear_moves(unit, np.array([1.0, 0.5, 0.25]), scale, np.zeros((1, 3)))
    assert moves[0].tolist() == [[2.0, 0.0, 0.0], [1.0, 4.0, 0.0], [0.5, 2.0, 8.0]]


def test_the_variance_of_moves_is_the_sum_of_squared_responses() -> None:
    # Each column is one unit shock, so the squares over columns add up to the variance.
    unit = np.eye(9, dtype=np.float32)[None]
    scale = np.full((1, 9), 0.02)
    moves = linear_moves(unit, PSI, scale, np.zeros((1, 9))).astype(np.float64)
    closed_form = 0.02**2 * np.cumsum(PSI**2)
    np.testing.assert_allclose((moves[0] ** 2).sum(axis=1), closed_form, rtol=FLOAT32_TOLERANCE)


def test_sampled_moves_have_the_mean_and_variance_of_the_closed_form() -> None:
    n_paths = 100_000
    shocks = standard_normal(seeds_of("a"), 9, n_paths)
    moves = linear_moves(shocks, PSI, SCALE[:1], MEAN[:1])[0].astype(np.float64)
    variance = np.array([(PSI[h::-1] ** 2) @ SCALE[0, : h + 1] ** 2 for h in range(9)])
    error_of_mean = np.sqrt(variance / n_paths)
    error_of_variance = variance * np.sqrt(2 / n_paths)
    assert np.all(np.abs(moves.mean(axis=1) - MEAN[0]) < 4 * error_of_mean)
    assert np.all(np.abs(moves.var(axis=1) - variance) < 4 * error_of_variance)


@pytest.mark.parametrize("n_paths", [1, 2, 17, 2000])
@pytest.mark.parametrize("horizon", [1, 9])
def test_an_origin_alone_moves_by_the_same_bytes_as_in_a_batch(horizon: int, n_paths: int) -> None:
    shocks = standard_normal(seeds_of("a", "b", "c"), horizon, n_paths)
    batch = linear_moves(shocks, PSI[:horizon], SCALE[:, :horizon], MEAN[:, :horizon])
    for d in range(3):
        one = slice(d, d + 1)
        alone = linear_moves(
            shocks[one].copy(), PSI[:horizon], SCALE[one, :horizon], MEAN[one, :horizon]
        )
        assert alone.tobytes() == batch[one].tobytes()


def test_log_moves_multiply_the_close() -> None:
    moves = moves_of([0.0, np.log(2.0), -np.log(4.0)])
    assert prices(np.array([80.0]), moves).ravel() == pytest.approx([80.0, 160.0, 20.0])


def test_difference_moves_add_to_the_close_and_may_cross_zero() -> None:
    moves = moves_of([0.0, 1.5, -40.0])
    assert prices(np.array([2.37]), moves, False).ravel() == pytest.approx([2.37, 3.87, -37.63])


def test_each_origin_has_its_own_form() -> None:
    moves = moves_of([0.5], [0.5], [0.5])
    mixed = prices(np.array([10.0, -10.0, 100.0]), moves, np.array([True, False, True]))
    assert mixed.ravel() == pytest.approx([10 * np.exp(0.5), -9.5, 100 * np.exp(0.5)])


def test_prices_need_a_close_for_every_origin() -> None:
    with pytest.raises(ValueError, match="zip"):
        prices(np.array([10.0]), moves_of([0.5], [0.5]))


def test_prices_and_paths_are_made_in_place() -> None:
    moves = standard_normal(seeds_of("a", "b"), horizon=3, n_paths=5)
    made = prices(np.array([10.0, 20.0]), moves)
    paths = as_paths(made)
    assert made is moves
    assert paths.shape == (2, 5, 3)
    assert np.shares_memory(paths, moves)
    assert paths[1, 4].tolist() == moves[1, :, 4].tolist()
