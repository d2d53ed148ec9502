import warnings
from datetime import date

import numpy as np
import pytest
from scipy.stats import ks_2samp
from statsmodels.tsa.arima.model import ARIMA
from statsmodels.tsa.statespace.sarimax import SARIMAX

from forecast_assets.errors import CannotFit
from forecast_assets.models import roster
from forecast_assets.models.arima import Arima111, FittedArima111
from forecast_assets.models.elements import arma
from forecast_assets.models.elements.shocks import Shocks
from forecast_assets.models.simulation import seed_of
from forecast_assets.timeline.history import History
from forecast_assets_tests.histories import make_history

HORIZON = 14


def correlated(sessions: int = 900) -> History:
    """Log prices whose returns follow an ARMA(1, 1) with ar = 0.6 and ma = -0.3."""
    shocks = np.random.default_rng(5).standard_normal(sessions) * 0.02
    returns = np.zeros(sessions)
    for t in range(1, sessions):
        returns[t] = 0.6 * returns[t - 1] + shocks[t] - 0.3 * shocks[t - 1]
    return History("Coffee", make_history(sessions).dates, 50 * np.exp(np.cumsum(returns)))


HISTORY = correlated()
TRAINING = date(2021, 1, 1)
MODEL = Arima111(shocks="gaussian").estimate(HISTORY.known_before(TRAINING), None)
ORIGIN: date = HISTORY.dates[850].item()


def oracle(model: FittedArima111, closes: np.ndarray) -> SARIMAX:
    """statsmodels' own ARIMA(1, 1, 1) on log prices with our parameters."""
    return SARIMAX(np.log(closes), order=(1, 1, 1)).filter([*model.ar, *model.ma, model.variance])


def test_estimates_are_near_the_truth_and_as_good_as_statsmodels() -> None:
    assert MODEL.order == (1, 1)
    assert MODEL.ar == pytest.approx((0.6,), abs=0.15)
    assert MODEL.ma == pytest.approx((-0.3,), abs=0.15)
    assert MODEL.variance == pytest.approx(0.02**2, rel=0.1)
    levels = np.log(HISTORY.known_before(TRAINING).closes)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says that it differences the series
        theirs = ARIMA(levels, order=(1, 1, 1)).fit(method="innovations_mle")
    assert MODEL.metrics.log_likelihood == pytest.approx(theirs.llf, abs=0.01)
    assert MODEL.metrics.aic == pytest.approx(theirs.aic, abs=0.02)
    assert MODEL.metrics.bic == pytest.approx(theirs.bic, abs=0.02)
    assert MODEL.metrics.converged is True


@pytest.mark.parametrize("seed", [3, 5, 7, 39])
def test_an_over_differenced_series_is_an_optimum_where_precision_runs_out(seed: int) -> None:
    shocks = np.random.default_rng(seed).standard_normal(520) * 0.05
    levels = np.zeros(520)  # stationary, so that its differences have a unit root in the MA
    for t in range(1, 520):
        levels[t] = 0.9 * levels[t - 1] + shocks[t]
    history = History("VIX", make_history(520).dates, 20 * np.exp(levels))
    model = Arima111().estimate(history, None)
    assert model.ar == pytest.approx((0.9,), abs=0.06)
    assert model.ma == pytest.approx((-1.0,), abs=0.01)


def test_an_optimizer_that_stops_on_a_slope_is_no_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arma, "SLOPE_ACCEPTED", 0.0)
    with pytest.raises(CannotFit, match="Coffee: arima_111 did not converge on the 900 sessions"):
        Arima111().fit(HISTORY)


def test_expected_log_prices_equal_statsmodels_forecast_at_every_origin() -> None:
    ours = MODEL.run(np.log(HISTORY.closes), HORIZON).expected[[800, 820, 850]]
    for position, row in zip((800, 820, 850), ours, strict=True):
        closes = HISTORY.closes[: position + 1]
        theirs = oracle(MODEL, closes).forecast(HORIZON) - np.log(closes[-1])
        assert row == pytest.approx(theirs, abs=1e-7)


def simulated(n_paths: int) -> np.ndarray:
    drawn = MODEL.simulate(
        HISTORY, [ORIGIN], horizon=HORIZON, n_paths=n_paths, seeds=[seed_of("arima")]
    )
    logs: np.ndarray = np.log(drawn[0].astype(np.float64))
    return logs


def test_paths_have_the_analytic_forecast_mean_and_variance() -> None:
    n_paths = 40_000
    logs = simulated(n_paths)
    forecast = oracle(MODEL, HISTORY.known_at(ORIGIN).closes).get_forecast(HORIZON)
    deviation = np.sqrt(forecast.var_pred_mean)
    assert np.abs((logs.mean(axis=0) - forecast.predicted_mean) / deviation).max() < 5 / np.sqrt(
        n_paths
    )
    assert logs.std(axis=0) == pytest.approx(deviation, rel=5 / np.sqrt(2 * n_paths))


def test_paths_are_distributed_as_statsmodels_simulates_them() -> None:
    n_paths = 4_000
    ours = simulated(n_paths)
    theirs = (
        oracle(MODEL, HISTORY.known_at(ORIGIN).closes)
        .simulate(HORIZON, repetitions=n_paths, anchor="end", rng=np.random.default_rng(11))
        .reshape(HORIZON, n_paths)
    )
    for session in (0, 6, 13):
        assert ks_2samp(ours[:, session], theirs[session]).pvalue > 0.001
    assert np.cov(ours[:, [0, 13]].T) == pytest.approx(np.cov(theirs[[0, 13]]), rel=0.12)


def test_a_step_of_the_path_depends_on_the_step_before() -> None:
    steps = np.diff(simulated(40_000), axis=1)
    found = np.corrcoef(steps[:, 5], steps[:, 6])[0, 1]
    assert abs(found) > 0.1  # an ARMA's autocorrelation at lag 1, conditional on the origin


def test_the_shocks_of_paths_are_the_models_own_unless_gaussian_ones_are_asked_for() -> None:
    model = Arima111().estimate(HISTORY.known_before(TRAINING), None)
    errors = MODEL.run(np.log(HISTORY.known_before(TRAINING).closes), 1).errors
    assert (model.ar, model.ma, model.variance) == (MODEL.ar, MODEL.ma, MODEL.variance)
    assert model.shocks.kind == "blocks"
    assert model.shocks.past == pytest.approx(errors - errors.mean(), rel=1e-5)
    assert MODEL.shocks == Shocks("gaussian", float(errors.std()))


def test_an_earlier_fit_to_begin_with_leads_to_the_same_optimum() -> None:
    sample = HISTORY.known_before(TRAINING)
    earlier = Arima111().estimate(HISTORY.known_before(date(2020, 1, 1)), None)
    warm = Arima111(shocks="gaussian").estimate(sample, earlier)
    assert warm.metrics.log_likelihood == pytest.approx(MODEL.metrics.log_likelihood, abs=1e-3)
    assert warm.ar == pytest.approx(MODEL.ar, abs=2e-3)
    assert warm.ma == pytest.approx(MODEL.ma, abs=2e-3)


def test_a_payload_of_version_1_becomes_the_same_model_with_gaussian_shocks() -> None:
    old = {"ar": 0.3, "ma": -0.2, "variance": 4e-4, "sample_start": "2018-01-01"}
    model = roster.load({"model": "arima_111", "schema_version": 1, "state": old})
    assert model == FittedArima111(
        ar=(0.3,),
        ma=(-0.2,),
        variance=4e-4,
        sample_start=date(2018, 1, 1),
        shocks=Shocks("gaussian", 0.02),
    )
