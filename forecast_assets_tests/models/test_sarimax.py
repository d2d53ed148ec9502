import json
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.stats import ks_2samp
from statsmodels.tsa.statespace.sarimax import SARIMAX

from forecast_assets.errors import CannotFit, CannotForecast, LookAheadError, MissingCovariate
from forecast_assets.models import roster, sarimax
from forecast_assets.models.elements.arma import run_arma
from forecast_assets.models.elements.projection import late, projected
from forecast_assets.models.sarimax import FittedSarimax, Sarimax
from forecast_assets.models.simulation import seed_of
from forecast_assets.timeline.history import History
from forecast_assets_tests.histories import make_history, with_features

HORIZON = 14
TRAINING = date(2022, 1, 1)
COEFFICIENTS = {"rain": 0.004, "vix": -0.01}


def driven(sessions: int = 1500) -> History:
    """Log prices that follow two covariates, with ARMA(1, 1) errors of ar 0.6 and ma -0.3."""
    covariates = with_features(make_history(sessions))
    shocks = np.random.default_rng(5).standard_normal(sessions) * 0.02
    moves = np.zeros(sessions)
    for t in range(1, sessions):
        moves[t] = 0.6 * moves[t - 1] + shocks[t] - 0.3 * shocks[t - 1]
    logs = np.log(50) + covariates.features @ [0.004, -0.01] + np.cumsum(moves)
    return replace(covariates, closes=np.exp(logs))


HISTORY = driven()
POSITIONS = [1100, 1150, 1300]
ORIGINS: list[date] = HISTORY.dates[POSITIONS].tolist()


def fit(history: History = HISTORY, **options: Any) -> FittedSarimax:
    model = Sarimax(features="market", **options)
    return model.estimate(history.known_before(TRAINING), None)


def oracle(model: FittedSarimax, history: History) -> Any:
    """statsmodels' own SARIMAX on log prices with our parameters."""
    sample = late(history, model.lag).since(model.sample_start)
    order = (len(model.ar), 1, len(model.ma))
    parameters = [*model.coefficients.values(), *model.ar, *model.ma, model.variance]
    return SARIMAX(np.log(sample.closes), exog=sample.features, order=order).filter(parameters)


def simulated(model: FittedSarimax, history: History, origins: list[date]) -> np.ndarray:
    seeds = [seed_of("sarimax", str(day)) for day in origins]
    return model.simulate(history, origins, horizon=HORIZON, n_paths=50, seeds=seeds)


def test_estimates_are_near_the_truth_and_as_good_as_statsmodels() -> None:
    model = fit()
    assert model.ar == pytest.approx([0.6], abs=0.15)
    assert model.ma == pytest.approx([-0.3], abs=0.15)
    assert model.coefficients == pytest.approx(COEFFICIENTS, abs=0.0005)
    assert model.variance == pytest.approx(0.02**2, rel=0.1)
    known = HISTORY.known_before(TRAINING)
    theirs = SARIMAX(
        np.diff(np.log(known.closes)), exog=np.diff(known.features, axis=0), order=(1, 0, 1)
    ).fit([*COEFFICIENTS.values(), 0.6, -0.3, 0.02**2], disp=False)
    assert model.metrics.log_likelihood == pytest.approx(theirs.llf, abs=0.01)
    assert model.metrics.aic == pytest.approx(theirs.aic, abs=0.02)
    assert model.metrics.bic == pytest.approx(theirs.bic, abs=0.02)
    assert model.metrics.converged is True


def test_the_highest_of_several_tops_is_found() -> None:
    shocks = np.random.default_rng(8).standard_normal(900)
    moves = np.zeros(900)
    for t in range(1, 900):
        moves[t] = -0.95 * moves[t - 1] + shocks[t] + 0.8 * shocks[t - 1]
    closes = 50 * np.exp(np.cumsum(moves) * 0.02)
    model = fit(replace(with_features(make_history(900)), closes=closes))
    assert model.ar == pytest.approx([-0.95], abs=0.05)
    assert model.ma == pytest.approx([0.8], abs=0.1)


@pytest.mark.parametrize("order", [(1, 1), (2, 1), (0, 2), (3, 0)])
@pytest.mark.parametrize("projection", ["persist", "seasonal_mean", "none"])
def test_mean_and_variance_equal_statsmodels_forecast_at_every_origin(
    order: tuple[int, int], projection: Any
) -> None:
    model = fit(projection=projection, p=order[0], q=order[1], shocks="gaussian")
    ours = model.run(HISTORY, ORIGINS, HORIZON).expected
    ahead = projected(projection, HISTORY, ORIGINS, HORIZON, model.lag)
    for place, origin in enumerate(ORIGINS):
        known = HISTORY.known_at(origin)
        theirs = oracle(model, known).get_forecast(HORIZON, exog=ahead[place])
        expected = theirs.predicted_mean - np.log(known.closes[-1])
        assert ours[place] == pytest.approx(expected, abs=5e-6)
        drawn = model.simulate(
            HISTORY, [origin], horizon=HORIZON, n_paths=20_000, seeds=[seed_of("v", str(origin))]
        )
        deviation = np.log(drawn[0].astype(np.float64)).std(axis=0)
        tolerance = 5 / np.sqrt(2 * 20_000)
        assert deviation == pytest.approx(np.sqrt(theirs.var_pred_mean), rel=tolerance)


@pytest.mark.parametrize("projection", ["persist", "seasonal_mean", "none"])
def test_nothing_after_the_cutoff_changes_a_byte(projection: Any) -> None:
    model = fit(projection=projection)
    features, closes = HISTORY.features.copy(), HISTORY.closes.copy()
    features[POSITIONS[1] + 1 :] = -7.0
    closes[POSITIONS[1] + 1 :] *= 3
    revised = replace(HISTORY, features=features, closes=closes)
    before, after = simulated(model, HISTORY, ORIGINS), simulated(model, revised, ORIGINS)
    assert before[:2].tobytes() == after[:2].tobytes()
    assert before[2].tobytes() != after[2].tobytes()
    for place, origin in enumerate(ORIGINS):
        alone = simulated(model, HISTORY.known_at(origin), [origin])
        assert alone[0].tobytes() == before[place].tobytes()


@pytest.mark.parametrize("projection", ["persist", "seasonal_mean", "none"])
def test_state_through_json_rebuilds_every_projection(projection: Any) -> None:
    model = fit(projection=projection)
    rebuilt = roster.load(json.loads(json.dumps(roster.dump(model))))
    assert rebuilt == model
    assert rebuilt.covariates == ("rain", "vix")
    assert rebuilt.parameters == model.parameters


def missing(position: int, name: str = "vix") -> History:
    features = HISTORY.features.copy()
    features[position, HISTORY.feature_names.index(name)] = np.nan
    return replace(HISTORY, features=features)


def test_an_origin_without_a_covariate_is_declined_and_later_ones_go_on() -> None:
    model, gap = fit(), missing(POSITIONS[1])
    declined = model.declined(gap, ORIGINS)
    assert list(declined) == ORIGINS[1:2]
    reason = declined[ORIGINS[1]]
    assert f"nothing was known of the covariate vix on {ORIGINS[1]}" in reason
    assert "commodities.Coffee.covariates.vix.fill_days" in reason
    with pytest.raises(CannotForecast, match=r"sarimax from .*covariate vix"):
        simulated(model, gap, ORIGINS)
    able = [ORIGINS[0], ORIGINS[2]]
    drawn = simulated(model, gap, able)
    assert np.isfinite(drawn).all()
    assert drawn[0].tobytes() == simulated(model, HISTORY, able)[0].tobytes()


def test_a_gap_in_a_late_covariate_declines_the_origins_that_it_enters() -> None:
    model, gap = fit(projection="none", lag=20), missing(1120)
    days: list[date] = HISTORY.dates[1100:1160].tolist()
    declined = list(model.declined(gap, days))
    assert declined == HISTORY.dates[1120:1141].tolist()
    assert "in the 20 sessions to" in model.declined(gap, days)[declined[0]]


def test_without_an_earlier_year_a_seasonal_mean_declines() -> None:
    model = fit(projection="seasonal_mean")
    young = HISTORY.since(HISTORY.dates[1000].item())
    origin: date = young.dates[100].item()
    reason = replace(model, sample_start=young.first).declined(young, [origin])[origin]
    assert "no value at this time of an earlier year" in reason
    assert "commodities.Coffee.covariates.rain" in reason


def test_a_horizon_longer_than_the_lag_says_what_to_do() -> None:
    model = fit(projection="none", lag=5)
    with pytest.raises(CannotForecast, match="5 sessions late, too few for a horizon of 14"):
        simulated(model, HISTORY, ORIGINS)


def test_a_history_without_the_covariate_is_refused_by_name() -> None:
    with pytest.raises(MissingCovariate, match="Coffee: no covariate 'vix'; it has: rain"):
        simulated(fit(), HISTORY.select(("rain",)), ORIGINS)


def test_an_origin_past_the_history_raises() -> None:
    with pytest.raises(LookAheadError):
        simulated(fit(), HISTORY.known_at(ORIGINS[0]), ORIGINS)


def test_covariates_that_do_not_move_or_follow_from_others_are_named() -> None:
    still = HISTORY.features.copy()
    still[:, 1] = 4.0
    with pytest.raises(CannotFit, match="covariate vix does not move from 2018-01-01 to 2021-12-3"):
        fit(replace(HISTORY, features=still))
    twin = HISTORY.features.copy()
    twin[:, 1] = 2 * twin[:, 0] + 1
    with pytest.raises(CannotFit, match="rain, vix one follows from the others"):
        fit(replace(HISTORY, features=twin))


def test_an_optimizer_that_stops_on_a_slope_is_no_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sarimax, "SLOPE_ACCEPTED", 0.0)
    with pytest.raises(CannotFit, match="Coffee: sarimax did not converge on the 1045 sessions"):
        fit()


def test_a_model_without_terms_is_refused() -> None:
    with pytest.raises(ValidationError, match="allowed: 1 to 3 where p is 0"):
        Sarimax(features="market", p=0, q=0)


def test_paths_are_distributed_as_statsmodels_simulates_them() -> None:
    model, n_paths = fit(shocks="gaussian"), 4_000
    origin = ORIGINS[1]
    drawn = model.simulate(
        HISTORY, [origin], horizon=HORIZON, n_paths=n_paths, seeds=[seed_of("sarimax")]
    )
    ours = np.log(drawn[0].astype(np.float64))
    (ahead,) = projected("persist", HISTORY, [origin], HORIZON, 0)
    theirs = (
        oracle(model, HISTORY.known_at(origin))
        .simulate(
            HORIZON, repetitions=n_paths, anchor="end", exog=ahead, rng=np.random.default_rng(11)
        )
        .reshape(HORIZON, n_paths)
    )
    for session in (0, 6, 13):
        assert ks_2samp(ours[:, session], theirs[session]).pvalue > 0.001
    assert np.cov(ours[:, [0, 13]].T) == pytest.approx(np.cov(theirs[[0, 13]]), rel=0.12)


def test_the_shocks_of_paths_are_what_covariates_and_terms_leave() -> None:
    model = fit()
    known = HISTORY.known_before(TRAINING)
    left = np.diff(np.log(known.closes))
    for column, name in enumerate(known.feature_names):
        left = left - model.coefficients[name] * np.diff(known.features[:, column])
    errors = run_arma(left, model.ar, model.ma, model.variance, 1).errors
    assert model.shocks.kind == "blocks"
    assert model.shocks.past == pytest.approx(errors - errors.mean(), rel=1e-5, abs=1e-9)
    assert model.shocks.deviation == pytest.approx(np.sqrt(model.variance), rel=0.01)


def test_a_missing_covariate_in_the_window_is_no_error_of_the_model() -> None:
    model, gap = fit(), missing(POSITIONS[1])
    errors = model.run(gap, ORIGINS[2:], HORIZON).errors
    whole = model.run(HISTORY, ORIGINS[2:], HORIZON).errors
    around = [POSITIONS[1] - 1, POSITIONS[1]]  # the moves into it and out of it
    assert errors[around].tolist() == [0.0, 0.0]
    assert errors[: around[0]].tobytes() == whole[: around[0]].tobytes()
    assert errors[around[1] + 1 :] == pytest.approx(whole[around[1] + 1 :], abs=0.02)


def test_a_close_below_zero_is_skipped_with_its_covariates() -> None:
    closes = HISTORY.closes.copy()
    closes[POSITIONS[0] + 5] = -1.0
    negative = replace(HISTORY, closes=closes)
    keep = np.arange(len(HISTORY)) != POSITIONS[0] + 5
    without = History(
        "Coffee",
        HISTORY.dates[keep],
        HISTORY.closes[keep],
        HISTORY.features[keep],
        HISTORY.feature_names,
    )
    model = fit()
    some = ORIGINS[1:]
    drawn = simulated(model, negative, some)
    assert drawn.tobytes() == simulated(model, without, some).tobytes()
    assert drawn.tobytes() != simulated(model, HISTORY, some).tobytes()
