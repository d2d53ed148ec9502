from datetime import date

import numpy as np
import pytest

from forecast_assets.errors import CannotForecast
from forecast_assets.history import History
from forecast_assets.models.naive import Naive
from forecast_assets.simulation import seed_of
from forecast_assets_tests.conftest import make_history

HISTORY = make_history(400)
ORIGINS: list[date] = HISTORY.dates[[300, 399]].tolist()


def test_volatility_equals_a_slow_loop() -> None:
    moments = Naive(decay=0.9, lookback=60).fit(HISTORY).moments(HISTORY, ORIGINS)
    returns = np.diff(np.log(HISTORY.closes))
    for position, found in zip((300, 399), moments.volatility, strict=True):
        total = weights = 0.0
        for back in range(60):
            total += 0.9**back * returns[position - 1 - back] ** 2
            weights += 0.9**back
        assert found == pytest.approx(np.sqrt(total / weights), rel=1e-12)
    assert moments.drift.tolist() == [0.0, 0.0]


def test_a_long_lookback_is_the_riskmetrics_recursion() -> None:
    found = Naive(decay=0.94, lookback=299).fit(HISTORY).moments(HISTORY, ORIGINS).volatility[1]
    variance = 0.0
    for move in np.diff(np.log(HISTORY.closes)):
        variance = 0.94 * variance + 0.06 * move**2
    assert found == pytest.approx(np.sqrt(variance), rel=1e-6)  # 0.94**299 = 1e-8


def test_log_prices_spread_by_the_root_of_the_horizon() -> None:
    model = Naive().fit(HISTORY)
    seeds = [seed_of(str(origin)) for origin in ORIGINS]
    drawn = model.simulate(HISTORY, ORIGINS, horizon=14, n_paths=20_000, seeds=seeds)
    deviation = np.log(drawn).std(axis=1)
    expected = model.moments(HISTORY, ORIGINS).volatility[:, None] * np.sqrt(np.arange(1, 15))
    assert deviation == pytest.approx(expected, rel=0.03)  # 6 standard errors of 1 / sqrt(40,000)


def test_the_difference_form_is_used_where_the_lookback_has_a_close_below_zero() -> None:
    closes = HISTORY.closes.copy()
    closes[320] = -5.0
    negative = History("WTI", HISTORY.dates, closes)
    model = Naive(lookback=50).fit(negative)
    origins: list[date] = HISTORY.dates[[319, 320, 370, 371]].tolist()
    moments = model.moments(negative, origins)
    assert moments.logarithmic.tolist() == [True, False, False, True]
    squares = np.diff(closes[270:321]) ** 2
    weights = 0.94 ** np.arange(49, -1, -1)
    assert moments.volatility[1] == pytest.approx(
        np.sqrt((squares * weights).sum() / weights.sum())
    )


def test_the_difference_form_can_be_chosen() -> None:
    model = Naive(form="difference").fit(HISTORY)
    assert model.moments(HISTORY, ORIGINS).logarithmic.tolist() == [False, False]


def test_too_short_a_history_is_declined() -> None:
    short = HISTORY.known_at(HISTORY.dates[100].item())
    model = Naive().fit(short)
    assert "fewer than 251 sessions" in model.declined(short, [short.newest])[short.newest]
    with pytest.raises(CannotForecast, match="needs 251 sessions"):
        model.moments(short, [short.newest])
