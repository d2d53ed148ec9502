from datetime import date

import numpy as np
import pandas as pd
import pytest

from forecast_assets.models.random_walk import RandomWalk
from forecast_assets.models.simulation import seed_of
from forecast_assets.timeline.history import History
from forecast_assets_tests.histories import make_history

HISTORY = make_history(400)
ORIGINS: list[date] = HISTORY.dates[[200, 399]].tolist()


def test_drift_and_volatility_are_those_of_the_last_thirty_returns() -> None:
    moments = RandomWalk().estimate(HISTORY, None).moments(HISTORY, ORIGINS)
    returns = pd.Series(np.log(HISTORY.closes)).diff().rolling(30)
    assert moments.drift == pytest.approx(returns.mean()[[200, 399]].to_numpy(), rel=1e-9)
    assert moments.volatility == pytest.approx(returns.std()[[200, 399]].to_numpy(), rel=1e-9)


def test_log_prices_have_the_moments_of_a_walk_with_drift() -> None:
    model = RandomWalk().estimate(HISTORY, None)
    seeds = [seed_of(str(origin)) for origin in ORIGINS]
    drawn = model.simulate(HISTORY, ORIGINS, horizon=14, n_paths=20_000, seeds=seeds)
    moves = np.log(drawn.astype(np.float64)) - np.log(HISTORY.closes[[200, 399]])[:, None, None]
    moments = model.moments(HISTORY, ORIGINS)
    ahead = np.arange(1, 15)
    deviation = moments.volatility[:, None] * np.sqrt(ahead)
    error = np.abs(moves.mean(axis=1) - moments.drift[:, None] * ahead) / deviation
    assert error.max() < 5 / np.sqrt(20_000)
    assert moves.std(axis=1) == pytest.approx(deviation, rel=0.03)
    steps = np.diff(moves, axis=2)
    between = np.corrcoef(steps[0].T)[np.triu_indices(13, k=1)]
    assert np.abs(between).max() < 5 / np.sqrt(20_000)  # steps are independent of one another


def test_moments_skip_the_closes_that_have_no_logarithm() -> None:
    closes = HISTORY.closes.copy()
    closes[190] = -3.0
    negative = History("WTI", HISTORY.dates, closes)
    origins: list[date] = HISTORY.dates[[190, 200, 230]].tolist()
    moments = RandomWalk().estimate(negative, None).moments(negative, origins)
    assert moments.logarithmic.tolist() == [False, True, True]
    logs = np.log(np.delete(closes, 190))
    for place, end in ((1, 200), (2, 230)):
        returns = np.diff(logs[end - 31 : end])
        assert moments.drift[place] == pytest.approx(returns.mean(), rel=1e-9)
        assert moments.volatility[place] == pytest.approx(returns.std(ddof=1), rel=1e-9)
    differences = np.diff(closes[160:191])
    assert moments.drift[0] == pytest.approx(differences.mean(), rel=1e-9)
    assert moments.volatility[0] == pytest.approx(differences.std(ddof=1), rel=1e-9)
