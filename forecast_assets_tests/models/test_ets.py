"""Exponential smoothing: fit, pass and paths are those of statsmodels' own ETS."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy.stats import ks_2samp
from statsmodels.tsa.exponential_smoothing.ets import ETSModel, ETSResults

from forecast_assets.errors import CannotFit
from forecast_assets.models import roster
from forecast_assets.models.elements.shocks import Shocks
from forecast_assets.models.ets import Ets, FittedEts, Smoothing, Trend
from forecast_assets.models.simulation import seed_of
from forecast_assets.timeline.history import History
from forecast_assets_tests.histories import make_history

HORIZON = 14
TRENDS: tuple[Trend, ...] = ("none", "damped")


def smooth(sessions: int = 900) -> History:
    """Closes whose level takes 0.6 of an error, and a damped trend 0.1 of it."""
    rng, level, trend, logs = np.random.default_rng(4), np.log(50.0), 0.0, np.zeros(sessions)
    for t in range(sessions):
        error = rng.standard_normal() * 0.02
        logs[t] = level + 0.9 * trend + error
        level, trend = level + 0.9 * trend + 0.6 * error, 0.9 * trend + 0.1 * error
    return History("Coffee", make_history(sessions).dates, np.exp(logs))


HISTORY = smooth()
LEVELS = np.log(HISTORY.closes)
MODELS: dict[Trend, FittedEts] = {
    trend: Ets(trend=trend, shocks="gaussian").estimate(
        HISTORY.known_at(HISTORY.dates[799].item()), None
    )
    for trend in TRENDS
}


def oracle(trend: Trend, levels: NDArray[np.float64]) -> ETSResults:
    """statsmodels' own smoother with our parameters."""
    damped = trend == "damped"
    series = pd.Series(levels)  # get_prediction asks for an index
    model = ETSModel(series, error="add", trend="add" if damped else None, damped_trend=damped)
    return model.smooth(MODELS[trend].smoothing.vector(trend))


def analytic(trend: Trend) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and variance of the sessions ahead as statsmodels gives them."""
    ahead = oracle(trend, LEVELS).get_prediction(len(LEVELS), len(LEVELS) + HORIZON - 1)
    return ahead.predicted_mean.to_numpy(), np.asarray(ahead.forecast_variance)


def drawn(trend: Trend, n_paths: int) -> NDArray[np.float64]:
    """Log prices of the sessions after the newest, shape (n_paths, HORIZON)."""
    paths = MODELS[trend].simulate(
        HISTORY, [HISTORY.newest], horizon=HORIZON, n_paths=n_paths, seeds=[seed_of("ets")]
    )
    logs: NDArray[np.float64] = np.log(paths[0].astype(np.float64))
    return logs


def test_planted_parameters_are_found() -> None:
    found = MODELS["damped"].smoothing
    assert found.level_share == pytest.approx(0.6, abs=0.12)
    assert found.trend_share == pytest.approx(0.1, abs=0.08)
    assert 0.8 <= found.damping <= 0.98
    assert MODELS["damped"].shocks.deviation == pytest.approx(0.02, rel=0.06)


@pytest.mark.parametrize("trend", TRENDS)
def test_metrics_are_those_of_the_likelihood_at_the_estimates(trend: Trend) -> None:
    metrics, theirs = MODELS[trend].metrics, oracle(trend, LEVELS[:800])
    assert metrics.log_likelihood == pytest.approx(theirs.llf, abs=1e-6)
    assert metrics.aic == pytest.approx(theirs.aic)
    assert metrics.bic == pytest.approx(theirs.bic)
    assert metrics.converged is True


@pytest.mark.parametrize("trend", TRENDS)
@pytest.mark.parametrize("known", [10, 500, 900])
def test_one_pass_gives_statsmodels_forecast_at_every_session(trend: Trend, known: int) -> None:
    done = MODELS[trend].run(LEVELS, HORIZON)
    theirs = oracle(trend, LEVELS[:known])
    expected = theirs.forecast(HORIZON).to_numpy() - LEVELS[known - 1]
    assert done.expected[known - 1] == pytest.approx(expected, abs=1e-12)
    assert done.errors[: known - 1] == pytest.approx(theirs.resid.to_numpy()[1:], abs=1e-12)


@pytest.mark.parametrize("trend", TRENDS)
def test_paths_have_the_analytic_forecast_mean_and_variance(trend: Trend) -> None:
    n_paths = 40_000
    logs = drawn(trend, n_paths)
    mean, variance = analytic(trend)
    deviation = MODELS[trend].shocks.deviation * np.sqrt(variance / variance[0])
    error = np.abs(logs.mean(axis=0) - mean) / deviation
    assert error.max() < 5 / np.sqrt(n_paths)
    assert logs.std(axis=0) == pytest.approx(deviation, rel=5 / np.sqrt(2 * n_paths))


@pytest.mark.parametrize("trend", TRENDS)
def test_the_analytic_variance_is_the_sum_of_squared_responses(trend: Trend) -> None:
    _, variance = analytic(trend)
    ours = np.cumsum(MODELS[trend].responses(HORIZON) ** 2)
    assert ours == pytest.approx(variance / variance[0], rel=1e-9)
    assert variance[0] == pytest.approx(MODELS[trend].shocks.deviation ** 2, rel=0.15)


@pytest.mark.parametrize("trend", TRENDS)
def test_paths_are_distributed_as_statsmodels_simulates_them(trend: Trend) -> None:
    n_paths = 4_000
    ours = drawn(trend, n_paths)
    theirs = np.asarray(
        oracle(trend, LEVELS).simulate(
            HORIZON,
            anchor="end",
            repetitions=n_paths,
            random_errors=MODELS[trend].shocks.deviation
            * np.random.default_rng(2).standard_normal((HORIZON, n_paths)),
        )
    ).reshape(HORIZON, n_paths)
    for session in (0, 6, 13):
        assert ks_2samp(ours[:, session], theirs[session]).pvalue > 0.001
    assert np.cov(ours[:, [0, 13]].T) == pytest.approx(np.cov(theirs[[0, 13]]), rel=0.12)


def test_without_a_trend_nothing_is_expected_to_go_on() -> None:
    expected = MODELS["none"].run(LEVELS, HORIZON).expected
    assert expected == pytest.approx(np.repeat(expected[:, :1], HORIZON, axis=1), abs=1e-15)
    shares = MODELS["none"].responses(HORIZON)[1:]
    assert shares == pytest.approx(np.full(HORIZON - 1, MODELS["none"].smoothing.level_share))
    assert MODELS["none"].responses(1).tolist() == [1.0]


@pytest.mark.parametrize("trend", TRENDS)
def test_an_earlier_fit_to_begin_with_leads_to_the_same_optimum(trend: Trend) -> None:
    model = Ets(trend=trend)
    earlier = model.estimate(HISTORY.known_at(HISTORY.dates[699].item()), None)
    sample = HISTORY.known_at(HISTORY.dates[799].item())
    warm = model.estimate(sample, earlier)
    cold = MODELS[trend].metrics.log_likelihood
    assert warm.metrics.log_likelihood == pytest.approx(cold, abs=0.05)
    assert warm.smoothing.level_share == pytest.approx(
        MODELS[trend].smoothing.level_share, abs=0.02
    )


@pytest.mark.parametrize("trend", TRENDS)
def test_parameters_go_to_a_vector_and_back(trend: Trend) -> None:
    smoothing = MODELS[trend].smoothing
    assert Smoothing.of(smoothing.vector(trend)) == smoothing
    assert len(smoothing.vector(trend)) == {"none": 2, "damped": 5}[trend]


@pytest.mark.parametrize("trend", TRENDS)
def test_state_through_json_rebuilds_the_trend(trend: Trend) -> None:
    rebuilt = roster.load(json.loads(json.dumps(roster.dump(MODELS[trend]))))
    assert rebuilt == MODELS[trend]
    assert rebuilt.parameters == MODELS[trend].parameters
    assert set(rebuilt.parameters) >= {"level_share", "trend_share", "damping", "deviation"}


def test_the_shocks_of_paths_are_past_errors_drawn_one_by_one_by_default() -> None:
    model = Ets().estimate(HISTORY, None)
    errors = model.run(LEVELS, 1).errors
    assert model.shocks == Shocks.fit("bootstrap", errors)
    assert model.shocks.past == pytest.approx(errors - errors.mean(), rel=1e-5)


def test_an_optimizer_that_does_not_converge_is_no_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    converged = ETSModel.fit

    def unfinished(model: ETSModel, **options: Any) -> ETSResults:
        found = converged(model, **options)
        found.mle_retvals["converged"] = False
        return found

    monkeypatch.setattr(ETSModel, "fit", unfinished)
    expected = f"Coffee: ets did not converge on the 900 sessions up to {HISTORY.newest}"
    with pytest.raises(CannotFit, match=expected):
        Ets().estimate(HISTORY, None)
