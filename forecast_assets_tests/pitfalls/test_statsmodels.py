"""What this project relies on in statsmodels, or works around: a failure says what changed."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy.stats import norm
from statsmodels.tsa.arima.model import ARIMA
from statsmodels.tsa.arima_process import arma2ma
from statsmodels.tsa.exponential_smoothing.ets import ETSModel
from statsmodels.tsa.forecasting.theta import ThetaModel
from statsmodels.tsa.innovations.arma_innovations import arma_innovations
from statsmodels.tsa.statespace.sarimax import SARIMAX

from forecast_assets_tests.histories import closes

PARAMETERS = [0.4, -0.3, 0.02**2]
"""AR and MA coefficients and the variance of a shock."""


def returns(seed: int = 1) -> NDArray[np.float64]:
    log_returns: NDArray[np.float64] = np.diff(np.log(closes(700, seed)))
    return log_returns


def arma(series: NDArray[np.float64]) -> Any:
    return ARIMA(series, order=(1, 0, 1), trend="n")


def innovations_mle(series: NDArray[np.float64], **options: float) -> Any:
    minimize = {"minimize_kwargs": {"options": options}}
    return arma(series).fit(method="innovations_mle", method_kwargs=minimize, cov_type="none")


def test_simulate_starts_at_the_beginning_unless_it_is_anchored_at_the_end() -> None:
    walk = SARIMAX(np.arange(500.0), order=(0, 1, 0)).filter([1.0])
    (adrift,) = walk.simulate(1, rng=np.random.default_rng(1))
    (anchored,) = walk.simulate(1, rng=np.random.default_rng(1), anchor="end")
    assert abs(adrift - 499) > 10
    assert abs(anchored - 499) < 10


def test_simulate_obeys_rng_and_refuses_random_state() -> None:
    walk = SARIMAX(np.arange(500.0), order=(0, 1, 0)).filter([1.0])
    drawn = [walk.simulate(3, rng=np.random.default_rng(7), anchor="end") for _ in range(2)]
    assert drawn[0].tolist() == drawn[1].tolist()
    with (
        pytest.warns(FutureWarning, match="random_state"),
        pytest.raises(TypeError, match="not both"),
    ):
        walk.simulate(3, random_state=7, anchor="end")


@pytest.mark.parametrize("seed", [1, 3, 4])
def test_innovations_mle_reports_success_when_scale_and_tolerance_fit_the_data(seed: int) -> None:
    series = returns(seed)
    raw = innovations_mle(series)
    scaled = innovations_mle(series / series.std(), gtol=1e-5 * len(series))
    assert not raw.fit_details.minimize_results.success
    assert scaled.fit_details.minimize_results.success
    assert scaled.params[:2] == pytest.approx(raw.params[:2], abs=2e-3)


def test_the_likelihood_of_scaled_data_differs_by_the_jacobian() -> None:
    series = returns()
    deviation = series.std()
    ar, ma, variance = PARAMETERS
    scaled = arma(series / deviation).filter([ar, ma, variance / deviation**2])
    shift = len(series) * np.log(deviation)
    assert scaled.llf - shift == pytest.approx(arma(series).filter(PARAMETERS).llf, rel=1e-7)


def test_the_predicted_states_of_a_prefix_are_those_of_the_whole_series_bit_for_bit() -> None:
    """No forecast changes when prices are added after its cutoff."""
    series = returns()
    whole = arma(series).filter(PARAMETERS).filter_results.predicted_state
    for length in (2, 100, 698):
        prefix = arma(series[:length]).filter(PARAMETERS).filter_results.predicted_state
        assert prefix.tobytes() == whole[:, : length + 1].tobytes()


def test_the_first_predicted_state_is_the_forecast_and_later_ones_decay_by_ar() -> None:
    filtered = arma(returns()).filter(PARAMETERS)
    first = filtered.filter_results.predicted_state[0, -1]
    assert filtered.forecast(3) == pytest.approx(first * 0.4 ** np.arange(3), rel=1e-12)


def test_psi_weights_are_the_impulse_responses() -> None:
    psi = arma2ma([1, -0.4], [1, -0.3], lags=4)
    assert psi == pytest.approx(arma(returns()).impulse_responses(PARAMETERS, steps=3), abs=1e-12)
    assert psi == pytest.approx([1, 0.1, 0.04, 0.016])


def test_innovations_are_linear_in_the_series_and_give_the_exact_likelihood() -> None:
    """So that coefficients of covariates are a regression of innovations on innovations."""
    one, other = returns(1), returns(2)
    (first, spread), (second, same) = (arma_innovations(x, [0.4], [-0.3]) for x in (one, other))
    mixed, _ = arma_innovations(one - 2 * other, [0.4], [-0.3])
    assert mixed == pytest.approx(first - 2 * second, abs=1e-12)
    assert list(spread) == list(same)
    variance = PARAMETERS[2]
    terms = np.log(2 * np.pi * variance * spread) + first**2 / (variance * spread)
    assert -0.5 * terms.sum() == pytest.approx(arma(one).filter(PARAMETERS).llf, abs=1e-3)


def test_the_filter_takes_nan_for_a_missing_observation() -> None:
    series = returns()
    gap = series.copy()
    gap[300] = np.nan
    filtered = arma(gap).filter(PARAMETERS).filter_results
    assert np.isfinite(filtered.predicted_state).all()
    assert filtered.predicted_state[0, 301] == pytest.approx(
        0.4 * filtered.predicted_state[0, 300], rel=1e-9
    )


def test_generalized_least_squares_may_stop_on_a_lower_top_than_the_best() -> None:
    """Why `sarimax` climbs from several starts: ARMA likelihoods have several tops."""
    series = returns(6)
    tops = {
        round(float(arma(series).fit(start, method="statespace", cov_type="none").llf), 1)
        for start in ([0.8, -0.75, 4e-4], [-0.8, 0.75, 4e-4])
    }
    assert len(tops) > 1


def test_innovations_mle_begins_only_where_its_own_keywords_say() -> None:
    """Why ``start_params`` goes into ``method_kwargs``: given to ``fit`` itself, it raises."""
    series = returns() / returns().std()
    start = [0.3, -0.3, 1.0]
    with pytest.raises(TypeError, match="transformed"):
        arma(series).fit(start_params=start, method="innovations_mle", cov_type="none")
    given = arma(series).fit(
        method="innovations_mle", method_kwargs={"start_params": start}, cov_type="none"
    )
    assert np.isfinite(given.llf)


def test_intervals_of_the_theta_model_are_not_those_of_its_process() -> None:
    """They widen by (1 + (alpha - 1)**2) a session, an IMA(1, 1) by alpha**2: we use the latter."""
    levels = 50 + np.cumsum(returns() * 50)
    fitted = ThetaModel(levels, period=1, deseasonalize=False).fit()
    alpha, ahead = fitted.params["alpha"], np.arange(14)
    intervals = fitted.prediction_intervals(14, alpha=0.05)
    half = (intervals["upper"] - intervals["lower"]).to_numpy() / 2
    variance = (half / (-norm.ppf(0.025))) ** 2 / fitted.sigma2
    assert variance == pytest.approx(1 + ahead * (1 + (alpha - 1) ** 2), rel=1e-6)
    process = ARIMA(levels, order=(0, 1, 1)).filter([alpha - 1, 1.0])
    exact = process.get_forecast(14).var_pred_mean
    assert exact == pytest.approx(1 + ahead * alpha**2, rel=1e-6)


def test_predictions_of_an_ets_model_ask_for_a_pandas_series() -> None:
    levels = np.log(closes(300))
    smoothed = ETSModel(levels).smooth([0.5, levels[0]])
    with pytest.raises(AttributeError, match="index"):
        smoothed.get_prediction(300, 301)
    indexed = ETSModel(pd.Series(levels)).smooth([0.5, levels[0]]).get_prediction(300, 301)
    assert indexed.predicted_mean.to_numpy() == pytest.approx(smoothed.forecast(2))
