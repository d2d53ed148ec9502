"""Points of paths, against numpy on float64."""

import numpy as np
import pytest
from numpy.typing import NDArray

from forecast_assets.forecast.points import LEVELS, in_order, points_of


def paths_of(n_origins: int, n_paths: int, horizon: int, at: float = 0.0) -> NDArray[np.float32]:
    drawn = np.random.default_rng(7).standard_normal((n_origins, n_paths, horizon))
    return (at + drawn).astype(np.float32)


@pytest.mark.parametrize("n_paths", [2, 3, 100, 101])
@pytest.mark.parametrize("n_origins", [1, 8, 19])
def test_points_are_what_numpy_finds_in_float64(n_origins: int, n_paths: int) -> None:
    paths = paths_of(n_origins, n_paths, horizon=3)
    points, exact = points_of(in_order(paths)), paths.astype(np.float64)
    np.testing.assert_allclose(points.mean, exact.mean(axis=1), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(points.standard_deviation, exact.std(axis=1, ddof=1), rtol=1e-12)
    quantiles = np.quantile(exact, LEVELS, axis=1)
    np.testing.assert_allclose(points.quantiles, quantiles, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(points.median, np.median(exact, axis=1), rtol=1e-12, atol=1e-14)


def test_ordered_prices_are_contiguous_and_the_paths_stay_as_they_are() -> None:
    paths = paths_of(9, 5, horizon=4)
    before = paths.copy()
    ordered = in_order(paths)
    assert ordered.flags.c_contiguous
    assert ordered.dtype == np.float32
    np.testing.assert_array_equal(ordered, np.sort(before, axis=1).transpose(0, 2, 1))
    np.testing.assert_array_equal(paths, before)


def test_bounds_are_the_quantiles_that_hold_their_coverage_between_them() -> None:
    points = points_of(in_order(np.arange(41, dtype=np.float32).reshape(1, 41, 1)))
    # Of 0, 1, ..., 40 the quantile at level p is 40 p.
    for coverage, lower, upper in [(0.5, 10, 30), (0.8, 4, 36), (0.95, 1, 39)]:
        assert [x.item() for x in points.bounds(coverage)] == pytest.approx([lower, upper])
    with pytest.raises(KeyError):
        points.bounds(0.9)


def test_a_tiny_spread_about_a_high_price_is_not_lost() -> None:
    # 100,000 + 0, 1/128, 2/128: neighbours in float32; mean 1/128 above, deviation 1/128.
    steps = (100_000 + np.arange(3) / 128).astype(np.float32)
    points = points_of(in_order(steps.reshape(1, 3, 1)))
    assert points.mean.item() - 100_000 == pytest.approx(1 / 128, rel=1e-9)
    assert points.standard_deviation.item() == pytest.approx(1 / 128, rel=1e-9)


def test_equal_paths_have_no_deviation_at_all() -> None:
    points = points_of(in_order(np.full((1, 1000, 2), 99_999.99, dtype=np.float32)))
    assert points.standard_deviation.tolist() == [[0.0, 0.0]]
    assert (points.quantiles == np.float64(np.float32(99_999.99))).all()


def test_one_path_is_refused() -> None:
    with pytest.raises(ValueError, match="two are needed"):
        points_of(in_order(paths_of(1, 1, horizon=1)))
