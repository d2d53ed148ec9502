import math

import numpy as np
import pytest
from scipy.stats import norm

from forecast_assets.models.elements.quantile_function import quantile_function

LEVELS = np.array([0.05, 0.25, 0.5, 0.9])
QUANTILES = np.array([[-2.0, -0.5, 0.1, 1.7], [-9.0, -9.0, 3.0, 3.5]])
AT = np.array([0.0005, 0.05, 0.1, 0.25, 0.3, 0.5, 0.77, 0.9, 0.99, 0.9999])


def slow(quantiles: np.ndarray, probability: float) -> float:
    knots = [norm.ppf(level) for level in LEVELS]
    score = norm.ppf(probability)
    segment = 0
    while segment < len(LEVELS) - 2 and score > knots[segment + 1]:
        segment += 1
    slope = (quantiles[segment + 1] - quantiles[segment]) / (knots[segment + 1] - knots[segment])
    return float(quantiles[segment] + slope * (score - knots[segment]))


def test_it_equals_a_slow_loop_between_the_levels_and_beyond_them() -> None:
    expected = [[slow(row, probability) for probability in AT] for row in QUANTILES]
    assert quantile_function(LEVELS, QUANTILES, AT) == pytest.approx(np.array(expected))


def test_it_goes_through_the_quantiles_given() -> None:
    assert quantile_function(LEVELS, QUANTILES, LEVELS) == pytest.approx(QUANTILES)


def test_it_never_falls() -> None:
    fine = np.linspace(1e-6, 1 - 1e-6, 5001)
    assert (np.diff(quantile_function(LEVELS, QUANTILES, fine), axis=-1) >= -1e-9).all()


def test_normal_quantiles_come_back_as_the_normal_distribution() -> None:
    normal = 0.3 + 2 * norm.ppf(LEVELS)
    assert quantile_function(LEVELS, normal, AT) == pytest.approx(0.3 + 2 * norm.ppf(AT))


def test_a_tail_is_the_gaussian_one_through_the_two_outermost_quantiles() -> None:
    deviation = (1.7 - 0.1) / norm.ppf(0.9)
    found = quantile_function(LEVELS, QUANTILES[0], np.array([0.999]))[0]
    assert math.isclose(found, 0.1 + deviation * norm.ppf(0.999))
