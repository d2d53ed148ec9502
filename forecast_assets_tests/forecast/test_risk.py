import math

import numpy as np
import pytest
from scipy.stats import norm

from forecast_assets.forecast.risk import expected_shortfall, probability_above, value_at_risk


def worst_share(losses: list[float], level: float) -> float:
    """The mean of the worst losses, taken one by one until their share is used up."""
    left = len(losses) * (1 - level)
    total, share = 0.0, left
    for loss in sorted(losses, reverse=True):
        weight = min(1.0, left)
        total += weight * loss
        left -= weight
        if left <= 0:
            break
    return total / share


@pytest.mark.parametrize("level", [0.01, 0.5, 0.9, 0.95, 0.97, 0.999])
@pytest.mark.parametrize("n_paths", [1, 2, 37, 200])
def test_measures_equal_slow_loops_over_every_forecast(level: float, n_paths: int) -> None:
    rng = np.random.default_rng(n_paths)
    prices = rng.normal(50, 5, (3, 2, n_paths)).astype(np.float32)
    close = np.array([[50.0], [48.5], [-3.0]])
    at_risk = value_at_risk(prices, close, level)
    shortfall = expected_shortfall(prices, close, level)
    assert at_risk.shape == shortfall.shape == (3, 2)
    for i in range(3):
        for k in range(2):
            losses = sorted(close[i, 0] - float(price) for price in prices[i, k])
            place = level * (n_paths - 1)
            below, above = losses[math.floor(place)], losses[math.ceil(place)]
            quantile = below + (place - math.floor(place)) * (above - below)
            assert at_risk[i, k] == pytest.approx(quantile, rel=1e-9)
            assert shortfall[i, k] == pytest.approx(worst_share(losses, level), rel=1e-9)
            assert shortfall[i, k] >= at_risk[i, k] - 1e-9


def test_the_last_of_the_worst_paths_counts_with_its_fraction() -> None:
    prices = np.array([60.0, 10.0, 50.0, 20.0, 40.0])
    # 30 % of 5 paths are 1.5: the loss of 90, and half of the loss of 80.
    assert expected_shortfall(prices, 100.0, 0.7) == pytest.approx((90 + 0.5 * 80) / 1.5)
    # 5 % are a quarter of a path: the worst alone.
    assert expected_shortfall(prices, 100.0, 0.95) == pytest.approx(90.0)


def test_measures_of_a_normal_are_its_closed_forms() -> None:
    mean, deviation, close, level = 52.0, 4.0, 50.0, 0.95
    shares = (np.arange(400_000) + 0.5) / 400_000
    prices = norm.ppf(shares, mean, deviation)
    z = norm.ppf(level)
    at_risk = close - mean + deviation * z
    shortfall = close - mean + deviation * norm.pdf(z) / (1 - level)
    assert value_at_risk(prices, close, level) == pytest.approx(at_risk, abs=1e-3)
    assert expected_shortfall(prices, close, level) == pytest.approx(shortfall, abs=1e-3)
    above = norm.sf((close - mean) / deviation)
    assert probability_above(prices, close) == pytest.approx(above, abs=1e-5)


def test_a_path_that_equals_the_close_counts_as_half() -> None:
    prices = np.array([[1.0, 2.0, 2.0, 3.0], [3.0, 4.0, 5.0, 1.0]])
    assert probability_above(prices, 2.0).tolist() == [(1 + 2 / 2) / 4, 3 / 4]
    assert probability_above(prices, [2.0, 9.0]).tolist() == [0.5, 0.0]


def test_a_stored_path_that_never_moved_equals_its_close() -> None:
    close = 61.23
    prices = np.full(10, close, dtype=np.float32)
    assert float(prices[0]) != close
    assert probability_above(prices, close) == 0.5


@pytest.mark.parametrize("level", [0.0, 1.0, 95.0, math.nan])
def test_a_level_that_is_no_share_is_refused(level: float) -> None:
    for measure in (value_at_risk, expected_shortfall):
        with pytest.raises(ValueError, match="between 0 and 1"):
            measure(np.ones(5), 1.0, level)
