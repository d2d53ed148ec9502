from datetime import date
from typing import Any

import numpy as np
import pytest

from forecast_assets.errors import CannotForecast
from forecast_assets.models.naive import FittedNaive, Naive
from forecast_assets.models.simulation import seed_of
from forecast_assets.timeline.history import History
from forecast_assets_tests.histories import make_history

HISTORY = make_history(400)
ORIGINS: list[date] = HISTORY.dates[[300, 399]].tolist()


def fitted(**options: Any) -> FittedNaive:
    return Naive(**options).estimate(HISTORY, None)


def test_volatility_equals_a_slow_loop() -> None:
    moments = fitted(decay=0.9, lookback=60).moments(HISTORY, ORIGINS)
    returns = np.diff(np.log(HISTORY.closes))
    for position, found in zip((300, 399), moments.volatility, strict=True):
        total = weights = 0.0
        for back in range(60):
            total += 0.9**back * returns[position - 1 - back] ** 2
            weights += 0.9**back
        assert found == pytest.approx(np.sqrt(total / weights), rel=1e-12)
    assert moments.drift.tolist() == [0.0, 0.0]


def test_a_long_lookback_is_the_riskmetrics_recursion() -> None:
    found = fitted(decay=0.94, lookback=299).moments(HISTORY, ORIGINS).volatility[1]
    variance = 0.0
    for move in np.diff(np.log(HISTORY.closes)):
        variance = 0.94 * variance + 0.06 * move**2
    assert found == pytest.approx(np.sqrt(variance), rel=1e-6)  # 0.94**299 = 1e-8


def test_log_prices_spread_by_the_root_of_the_horizon() -> None:
    model = fitted()
    seeds = [seed_of(str(origin)) for origin in ORIGINS]
    drawn = model.simulate(HISTORY, ORIGINS, horizon=14, n_paths=20_000, seeds=seeds)
    deviation = np.log(drawn).std(axis=1)
    expected = model.moments(HISTORY, ORIGINS).volatility[:, None] * np.sqrt(np.arange(1, 15))
    assert deviation == pytest.approx(expected, rel=0.03)  # 6 standard errors of 1 / sqrt(40,000)


def weighted(moves: np.ndarray) -> float:
    """Root of the weighted mean of squared moves, the newest with the weight 1."""
    weights = 0.94 ** np.arange(len(moves) - 1, -1, -1)
    return float(np.sqrt((moves**2 * weights).sum() / weights.sum()))


def test_only_from_a_close_at_or_below_zero_is_the_difference_form_used() -> None:
    closes = HISTORY.closes.copy()
    closes[[320, 330]] = -5.0, 0.0
    negative = History("WTI", HISTORY.dates, closes)
    model = fitted(lookback=50)
    at = [319, 320, 321, 330, 369, 370, 371]
    origins: list[date] = HISTORY.dates[at].tolist()
    moments = model.moments(negative, origins)
    assert moments.logarithmic.tolist() == [True, False, True, False, True, True, True]
    expected = [weighted(np.diff(closes[position - 50 : position + 1])) for position in (320, 330)]
    assert moments.volatility[[1, 3]] == pytest.approx(expected, rel=1e-12)


def test_log_returns_skip_the_closes_that_have_no_logarithm() -> None:
    closes = HISTORY.closes.copy()
    closes[320] = -5.0
    negative = History("WTI", HISTORY.dates, closes)
    origins: list[date] = HISTORY.dates[[321, 360]].tolist()
    found = fitted(lookback=50).moments(negative, origins).volatility
    logs = np.log(np.delete(closes, 320))  # the session at 320 as if it had not traded
    expected = [weighted(np.diff(logs[end - 51 : end])) for end in (321, 360)]
    assert found == pytest.approx(expected, rel=1e-12)


def test_too_few_closes_with_a_logarithm_take_the_difference_form() -> None:
    closes = HISTORY.closes.copy()
    closes[:320] *= -1
    negative = History("Spread", HISTORY.dates, closes)
    origins: list[date] = HISTORY.dates[[369, 370]].tolist()
    assert fitted(lookback=50).moments(negative, origins).logarithmic.tolist() == [False, True]


def test_the_difference_form_can_be_chosen() -> None:
    model = fitted(form="difference")
    assert model.moments(HISTORY, ORIGINS).logarithmic.tolist() == [False, False]


def test_too_short_a_history_is_declined() -> None:
    short = HISTORY.known_at(HISTORY.dates[100].item())
    model = Naive().estimate(short, None)
    assert "fewer than 251 sessions" in model.declined(short, [short.newest])[short.newest]
    with pytest.raises(CannotForecast, match="needs 251 sessions"):
        model.moments(short, [short.newest])
