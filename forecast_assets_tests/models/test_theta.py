"""The theta method: fit and mean are those of statsmodels, the variance is that of an IMA(1, 1)."""

import warnings

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import ks_2samp
from statsmodels.tsa.arima.model import ARIMA
from statsmodels.tsa.forecasting.theta import ThetaModel, ThetaModelResults

from forecast_assets.models.elements.shocks import Shocks
from forecast_assets.models.simulation import seed_of
from forecast_assets.models.theta import FittedTheta, Theta
from forecast_assets.timeline.history import History
from forecast_assets_tests.processes import arma_series, from_returns

HORIZON = 14


def drifting(share: float) -> History:
    """Log prices that drift by 0.001 a session, and whose level takes a share of each error."""
    return from_returns(0.001 + arma_series([], [share - 1], 899, seed=3))


HISTORY = drifting(0.7)
LEVELS = np.log(HISTORY.closes)
MODEL = Theta(shocks="gaussian").estimate(HISTORY, None)


def theirs(levels: NDArray[np.float64]) -> ThetaModelResults:
    return ThetaModel(levels, period=1, deseasonalize=False).fit()


def integrated(model: FittedTheta, levels: NDArray[np.float64]) -> ARIMA:
    """The process behind simple exponential smoothing, an ARIMA(0, 1, 1) with ma = share - 1."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says that its own starting values do not fit
        return ARIMA(levels, order=(0, 1, 1)).filter([model.share - 1, model.shocks.deviation**2])


def drawn(n_paths: int) -> NDArray[np.float64]:
    paths = MODEL.simulate(
        HISTORY, [HISTORY.newest], horizon=HORIZON, n_paths=n_paths, seeds=[seed_of("theta")]
    )
    logs: NDArray[np.float64] = np.log(paths[0].astype(np.float64))
    return logs


@pytest.mark.parametrize("share", [0.2, 0.7, 0.95])
def test_slope_and_share_are_planted_and_those_of_statsmodels(share: float) -> None:
    history = drifting(share)
    model = Theta().estimate(history, None)
    found = theirs(np.log(history.closes)).params
    assert (model.slope, model.share) == (found["b0"], found["alpha"])
    assert model.share == pytest.approx(share, abs=0.1)
    error = share * 0.02 * np.sqrt(1.2 / 900)  # of the slope of a walk's trend line
    assert model.slope == pytest.approx(0.001, abs=3 * error)


def test_the_slope_is_that_of_the_trend_line() -> None:
    assert MODEL.slope == pytest.approx(np.polyfit(np.arange(900), LEVELS, 1)[0], rel=1e-9)


def test_expected_log_prices_are_the_forecast_of_statsmodels() -> None:
    done = MODEL.run(LEVELS, HORIZON)
    forecast = theirs(LEVELS).forecast(HORIZON).to_numpy()
    assert done.expected[-1] == pytest.approx(forecast - LEVELS[-1], abs=1e-9)


def test_one_pass_equals_a_slow_loop_at_every_session() -> None:
    done = MODEL.run(LEVELS, HORIZON)
    assert done.errors.shape == (899,)
    level = LEVELS[0]
    for known, price in enumerate(LEVELS, start=1):
        level = MODEL.share * price + (1 - MODEL.share) * level
        start = (1 - (1 - MODEL.share) ** known) / MODEL.share
        ahead = level + MODEL.slope / 2 * (start + np.arange(HORIZON))
        assert done.expected[known - 1] == pytest.approx(ahead - price, abs=1e-10)
        if known < len(LEVELS):
            assert done.errors[known - 1] == pytest.approx(LEVELS[known] - ahead[0], abs=1e-10)


def test_the_variance_ahead_is_that_of_an_integrated_moving_average() -> None:
    closed_form = 1 + MODEL.share**2 * np.arange(HORIZON)
    assert np.cumsum(MODEL.responses(HORIZON) ** 2) == pytest.approx(closed_form, rel=1e-12)
    forecast = integrated(MODEL, LEVELS).get_forecast(HORIZON).var_pred_mean
    assert MODEL.shocks.deviation**2 * closed_form == pytest.approx(forecast, rel=1e-6)


def test_paths_have_the_mean_of_statsmodels_and_the_variance_of_the_process() -> None:
    n_paths = 40_000
    logs = drawn(n_paths)
    mean = theirs(LEVELS).forecast(HORIZON).to_numpy()
    deviation = np.sqrt(integrated(MODEL, LEVELS).get_forecast(HORIZON).var_pred_mean)
    assert (np.abs(logs.mean(axis=0) - mean) / deviation).max() < 5 / np.sqrt(n_paths)
    assert logs.std(axis=0) == pytest.approx(deviation, rel=5 / np.sqrt(2 * n_paths))


def test_paths_are_distributed_as_statsmodels_simulates_the_process() -> None:
    n_paths = 4_000
    process = integrated(MODEL, LEVELS)
    simulated = process.simulate(
        HORIZON, repetitions=n_paths, anchor="end", rng=np.random.default_rng(6)
    ).reshape(HORIZON, n_paths)
    moved = theirs(LEVELS).forecast(HORIZON).to_numpy() - process.forecast(HORIZON)
    ours = drawn(n_paths) - moved
    for session in (0, 6, 13):
        assert ks_2samp(ours[:, session], simulated[session]).pvalue > 0.001
    assert np.cov(ours[:, [0, 13]].T) == pytest.approx(np.cov(simulated[[0, 13]]), rel=0.12)


def test_the_shocks_of_paths_are_past_errors_drawn_one_by_one_by_default() -> None:
    model = Theta().estimate(HISTORY, None)
    errors = model.run(LEVELS, 1).errors
    assert model.shocks == Shocks.fit("bootstrap", errors)
    assert model.shocks.past == pytest.approx(errors - errors.mean(), rel=1e-5)
    assert model.parameters == {
        "share": model.share,
        "slope": model.slope,
        "deviation": model.shocks.deviation,
    }


def test_an_earlier_fit_changes_nothing() -> None:
    earlier = Theta().estimate(HISTORY.known_at(HISTORY.dates[600].item()), None)
    warm, cold = Theta().estimate(HISTORY, earlier), Theta().estimate(HISTORY, None)
    assert warm == cold
    assert warm.shocks.past.tobytes() == cold.shocks.past.tobytes()


def test_a_level_that_comes_back_has_a_share_that_can_be_divided_by() -> None:
    noise = np.random.default_rng(1).standard_normal(600) * 0.02
    history = History("Spread", from_returns(np.zeros(599)).dates, 50 * np.exp(noise))
    model = Theta().estimate(history, None)
    assert 0 < model.share < 0.05
    paths = model.simulate(
        history, [history.newest], horizon=HORIZON, n_paths=200, seeds=[seed_of("theta")]
    )
    assert np.log(paths / 50).std() == pytest.approx(0.02, rel=0.15)
    assert np.median(paths) == pytest.approx(50, rel=0.02)
