"""Volatility: bounded recursion, term structure and fit, against loops, closed forms and pandas."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from forecast_assets.models.elements.volatility import (
    BOUNDS,
    DECAYS,
    FITTED_EVERY,
    FITTED_SESSIONS,
    LEAST_SHARE,
    PERSISTENCES,
    SETTLING,
    WEIGHTS,
    Volatility,
    bounded_variance,
)
from forecast_assets_tests.processes import clustered_returns

SHOCKS = np.random.default_rng(7).standard_t(3, size=400) * 0.02
START = 4e-4


def slow_variance(
    shocks: NDArray[np.float64], decay: float, bound: float | None, start: float
) -> list[float]:
    variances = [start]
    for shock in shocks:
        news = shock**2
        if bound is not None and abs(shock) > bound * np.sqrt(variances[-1]):
            news = bound**2 * variances[-1]
        after = decay * variances[-1] + (1 - decay) * news
        variances.append(max(after, LEAST_SHARE**2 * start))
    return variances


@pytest.mark.parametrize("bound", [1.5, 2.5, 4.0, None])
@pytest.mark.parametrize("decay", [0.9, 0.985])
def test_the_recursion_equals_a_slow_loop(decay: float, bound: float | None) -> None:
    found = bounded_variance(SHOCKS, decay, bound, START)
    assert found == pytest.approx(slow_variance(SHOCKS, decay, bound, START), rel=1e-12)
    assert found[0] == START


def test_without_a_bound_it_is_the_exponentially_weighted_mean_of_pandas() -> None:
    series = pd.Series(np.r_[START, SHOCKS**2])
    theirs = series.ewm(alpha=0.06, adjust=False).mean()
    found = bounded_variance(SHOCKS, 0.94, None, START)
    assert found == pytest.approx(theirs.to_numpy(), rel=1e-12)


def test_a_storm_multiplies_the_variance_by_its_bound_whatever_its_size() -> None:
    for size in (10.0, 1e3, 1e6):
        shocks = np.r_[np.zeros(3), size]
        before, after = bounded_variance(shocks, 0.94, 4.0, START)[-2:]
        assert after / before == pytest.approx(0.94 + 0.06 * 4.0**2, rel=1e-12)


def test_without_shocks_the_variance_decays_as_a_power() -> None:
    found = bounded_variance(np.zeros(20), 0.9, 2.5, START)
    assert found == pytest.approx(START * 0.9 ** np.arange(21), rel=1e-12)


@pytest.mark.parametrize("bound", [2.5, None])
def test_later_shocks_change_no_earlier_variance(bound: float | None) -> None:
    revised = SHOCKS.copy()
    revised[200:] *= 50
    before = bounded_variance(SHOCKS, 0.94, bound, START)
    after = bounded_variance(revised, 0.94, bound, START)
    assert before[:201].tobytes() == after[:201].tobytes()
    assert (before[201:] != after[201:]).all()


def test_the_term_structure_is_a_mix_whose_weight_decays_by_persistence() -> None:
    volatility = Volatility(0.94, 4.0, weight=0.7, persistence=0.9, long_run=0.02)
    found = volatility.ahead(np.array([9e-4, 1e-4]), horizon=5)
    for row, known in enumerate((9e-4, 1e-4)):
        for session in range(5):
            weight = 0.7 * 0.9**session
            variance = weight * known + (1 - weight) * 0.02**2
            assert found[row, session] == pytest.approx(np.sqrt(variance), rel=1e-12)


def test_after_a_storm_and_after_a_calm_it_goes_back_to_the_long_run() -> None:
    volatility = Volatility(0.94, 4.0, weight=1.0, persistence=0.93, long_run=0.02)
    storm, calm = volatility.ahead(np.array([36e-4, 1e-4]), horizon=300)
    assert (storm[0], calm[0]) == (pytest.approx(0.06), pytest.approx(0.01))
    assert (np.diff(storm) < 0).all()
    assert (np.diff(calm) > 0).all()
    assert [storm[-1], calm[-1]] == pytest.approx([0.02, 0.02], rel=1e-6)


def test_the_long_run_variance_stays_where_it_is_known() -> None:
    volatility = Volatility(0.94, 4.0, weight=0.7, persistence=0.97, long_run=0.02)
    assert volatility.ahead(np.array([4e-4]), 14) == pytest.approx(np.full((1, 14), 0.02))


def test_known_starts_at_the_long_run_variance() -> None:
    volatility = Volatility(0.9, 2.5, weight=0.7, persistence=0.97, long_run=0.03)
    expected = slow_variance(SHOCKS, 0.9, 2.5, 9e-4)
    assert volatility.known(SHOCKS) == pytest.approx(expected, rel=1e-12)


def slow_loss(volatility: Volatility, shocks: NDArray[np.float64]) -> float:
    """Laplace likelihood of the sessions after every third one, but for constants."""
    known = slow_variance(shocks, volatility.decay, volatility.bound, volatility.long_run**2)
    logs, ratios = [], []
    for origin in range(SETTLING, len(shocks) - FITTED_SESSIONS + 1, FITTED_EVERY):
        for session in range(FITTED_SESSIONS):
            weight = volatility.weight * volatility.persistence**session
            variance = weight * known[origin] + (1 - weight) * volatility.long_run**2
            logs.append(0.5 * np.log(variance))
            ratios.append(abs(shocks[origin + session]) / np.sqrt(variance))
    return float(np.mean(logs) + np.log(np.mean(ratios)))


def test_no_volatility_of_the_grid_is_likelier_than_the_fitted_one() -> None:
    shocks = clustered_returns(300)
    fitted = Volatility.fit(shocks)
    assert fitted.long_run == pytest.approx(np.sqrt(np.mean(shocks**2)), rel=1e-12)
    grid = product(DECAYS, BOUNDS, WEIGHTS, PERSISTENCES)
    losses = {one: slow_loss(Volatility(*one, fitted.long_run), shocks) for one in grid}
    best = losses[fitted.decay, fitted.bound, fitted.weight, fitted.persistence]
    assert best == pytest.approx(min(losses.values()), abs=1e-12)


def planted(decay: float, bound: float | None, weight: float, seed: int) -> NDArray[np.float64]:
    """Laplace shocks whose variance is the mix that a volatility expects of the next session."""
    rng, variance, shocks = np.random.default_rng(seed), 4e-4, np.zeros(8000)
    limit = np.inf if bound is None else bound**2
    for t in range(len(shocks)):
        shocks[t] = np.sqrt((weight * variance + (1 - weight) * 4e-4) / 2) * rng.laplace()
        variance = decay * variance + (1 - decay) * min(shocks[t] ** 2, limit * variance)
    return shocks


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(
    ("decay", "bound", "weight"), [(0.9, 2.5, 0.85), (0.94, None, 0.7), (0.94, 4.0, 0.85)]
)
def test_the_fit_recovers_planted_values_or_their_neighbours(
    decay: float, bound: float | None, weight: float, seed: int
) -> None:
    fitted = Volatility.fit(planted(decay, bound, weight, seed))
    assert fitted.decay == decay
    assert abs(BOUNDS.index(fitted.bound) - BOUNDS.index(bound)) <= 1
    assert abs(WEIGHTS.index(fitted.weight) - WEIGHTS.index(weight)) <= 1
    assert fitted.persistence >= 0.97  # the planted one is 1


@pytest.mark.parametrize("known", [29, SETTLING + FITTED_SESSIONS - 1])
def test_of_too_few_shocks_the_volatility_is_their_deviation(known: int) -> None:
    fitted = Volatility.fit(SHOCKS[:known])
    deviation = np.sqrt(np.mean(SHOCKS[:known] ** 2))
    ahead = fitted.ahead(fitted.known(SHOCKS[:known]), FITTED_SESSIONS)
    assert ahead == pytest.approx(np.full((known + 1, FITTED_SESSIONS), deviation))


def test_one_window_of_shocks_is_enough_to_fit() -> None:
    assert Volatility.fit(SHOCKS[: SETTLING + FITTED_SESSIONS]).weight in WEIGHTS


def test_independent_shocks_get_the_least_weight_and_the_slowest_decay() -> None:
    fitted = Volatility.fit(np.random.default_rng(1).standard_normal(6000))
    assert (fitted.weight, fitted.persistence) == (min(WEIGHTS), min(PERSISTENCES))
    assert fitted.decay == max(DECAYS)
    assert fitted.long_run == pytest.approx(1, abs=0.03)


def test_a_clustered_series_reverts_and_its_news_is_quick() -> None:
    fitted = Volatility.fit(clustered_returns(6000))  # a GARCH of persistence 0.95
    assert fitted.persistence == 0.93
    assert fitted.decay <= 0.94
    assert fitted.weight > min(WEIGHTS)


def test_the_fit_does_not_depend_on_the_unit() -> None:
    shocks = clustered_returns(1500)
    one, other = Volatility.fit(shocks), Volatility.fit(1000 * shocks)
    assert other == Volatility(**one.state() | {"long_run": other.long_run})  # type: ignore[arg-type]
    assert other.long_run == pytest.approx(1000 * one.long_run, rel=1e-12)


def test_state_rebuilds_it() -> None:
    volatility = Volatility(0.94, None, weight=0.7, persistence=0.97, long_run=0.02)
    assert volatility.state() == {
        "decay": 0.94,
        "bound": None,
        "weight": 0.7,
        "persistence": 0.97,
        "long_run": 0.02,
    }


def test_a_price_that_stands_still_keeps_a_share_of_its_volatility_and_recovers() -> None:
    start, still = 4e-4, np.r_[np.full(5, 0.02), np.zeros(400), np.full(30, 0.02)]
    known = bounded_variance(still, 0.94, 3.0, start)
    assert known.min() == pytest.approx(LEAST_SHARE**2 * start)
    assert known[-1] > 0.5 * start
