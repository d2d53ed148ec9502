import json
import subprocess
import sys
from datetime import date
from pathlib import Path

import lightgbm
import numpy as np
import pytest
import yaml
from scipy.stats import norm, spearmanr

from forecast_assets.configuration.settings import Settings
from forecast_assets.errors import (
    CannotFit,
    CannotForecast,
    ConfigurationError,
    Declined,
    MissingExtra,
)
from forecast_assets.forecast.payloads import canonical_json
from forecast_assets.models import roster
from forecast_assets.models.boosted_quantiles import LEARNED, BoostedQuantiles
from forecast_assets.models.elements.regressors import LOOKBACK, Regressors
from forecast_assets.models.simulation import seed_of
from forecast_assets.timeline.history import History
from forecast_assets_tests.histories import make_history

ALERT, QUIET = 1.0, 0.0


def alerted(sessions: int = 1600) -> History:
    """Closes whose volatility triples for the 20 sessions after an alert is announced.

    The other covariate is noise, missing every tenth day.
    """
    rng = np.random.default_rng(8)
    alert = np.repeat(rng.random(sessions // 20 + 1) < 0.3, 20)[:sessions]
    noise = rng.standard_normal(sessions)
    noise[::10] = np.nan
    volatility = np.where(np.roll(alert, 1), 0.03, 0.01)
    returns = volatility * rng.standard_normal(sessions)
    days = np.busday_offset(np.datetime64("2014-01-01"), np.arange(sessions), roll="forward")
    return History(
        "Coffee",
        days,
        50 * np.exp(np.cumsum(returns)),
        np.column_stack([noise, alert]),
        ("noise", "alert"),
    )


HISTORY = alerted()
MODEL = BoostedQuantiles(horizon=5, features="all").estimate(HISTORY, None)
ORIGINS: list[date] = HISTORY.dates[[1500, 1550, 1599]].tolist()


def with_alert(history: History, value: float) -> History:
    """The same history with the alert of its last session set."""
    features = history.features.copy()
    features[-1, 1] = value
    return History(
        history.commodity, history.dates, history.closes, features, history.feature_names
    )


def drawn(n_paths: int, horizon: int = 5) -> np.ndarray:
    seeds = [seed_of("boosted", str(day)) for day in ORIGINS]
    return MODEL.simulate(HISTORY, ORIGINS, horizon=horizon, n_paths=n_paths, seeds=seeds)


def test_training_rows_equal_a_slow_loop() -> None:
    history = HISTORY.known_at(HISTORY.dates[420].item())
    model = BoostedQuantiles(horizon=3)
    log_closes = np.log(history.closes)
    rows, targets = model.training_rows(history, np.diff(log_closes))
    expected_rows, expected_targets = [], []
    for origin in range(LOOKBACK, 420):
        known = history.known_at(history.dates[origin].item())
        seen = Regressors.at(
            np.diff(np.log(known.closes)), known.features, np.array([len(known) - 1])
        )
        for ahead in range(1, 4):
            if origin + ahead <= 420:
                move = log_closes[origin + ahead] - log_closes[origin]
                expected_rows.append([ahead, *seen.values[0]])
                expected_targets.append(move / (seen.volatility[0] * ahead**0.5))
    assert np.allclose(rows, expected_rows, rtol=1e-9, equal_nan=True)
    assert targets == pytest.approx(expected_targets)


def test_marginals_of_the_paths_are_the_predicted_quantiles() -> None:
    predicted = MODEL.quantiles(HISTORY, ORIGINS, 5)
    moves = np.log(drawn(20_000) / HISTORY.closes[HISTORY.positions(ORIGINS)][:, None, None])
    found = np.quantile(moves, LEARNED, axis=1).transpose(1, 2, 0)
    spread = predicted[..., -1:] - predicted[..., :1]
    assert np.abs((found - predicted) / spread).max() < 2e-3


def test_predictions_are_those_of_lightgbm_in_units_of_the_volatility_ahead() -> None:
    known = MODEL.regressors(HISTORY, ORIGINS)
    texts = MODEL.state()["boosters"]
    for row in range(len(ORIGINS)):
        for ahead in range(1, 6):
            x = np.array([[ahead, *known.values[row]]])
            standardized = sorted(lightgbm.Booster(model_str=t).predict(x)[0] for t in texts)
            expected = np.array(standardized) * known.volatility[row] * ahead**0.5
            found = MODEL.quantiles(HISTORY, ORIGINS, 5)[row, ahead - 1]
            assert found == pytest.approx(expected, rel=1e-12)


def test_sessions_of_a_path_depend_on_each_other_as_in_the_past() -> None:
    returns = np.diff(np.log(HISTORY.closes))[LOOKBACK:]
    past = spearmanr(returns[:-1], returns[:-1] + returns[1:]).statistic
    paths = drawn(5000)
    for row in range(len(ORIGINS)):
        found = spearmanr(paths[row, :, 0], paths[row, :, 1]).statistic
        assert found == pytest.approx(past, abs=0.04)


def test_a_volatility_that_follows_a_covariate_is_found() -> None:
    origin = [HISTORY.newest]
    spreads = [
        np.ptp(MODEL.quantiles(with_alert(HISTORY, alert), origin, 1)[0, 0, [1, -2]])
        for alert in (QUIET, ALERT)
    ]
    assert spreads[1] > 2 * spreads[0]  # the truth is 3
    assert MODEL.parameters["share_alert"] > 5 * MODEL.parameters["share_noise"]


def test_returns_that_nothing_predicts_get_the_normal_distribution() -> None:
    history = make_history(3000, seed=4)
    model = BoostedQuantiles(features="all").estimate(history, None)
    origins = history.dates[500::100].tolist()
    found = model.quantiles(history, origins, 14) / (0.02 * np.sqrt(np.arange(1, 15))[:, None])
    assert found.mean(axis=(0, 1))[1:-1] == pytest.approx(norm.ppf(LEARNED)[1:-1], abs=0.2)


def test_the_same_covariates_with_a_missing_value_still_forecast() -> None:
    assert np.isfinite(MODEL.quantiles(with_alert(HISTORY, np.nan), [HISTORY.newest], 5)).all()
    assert MODEL.covariates == ("alert", "noise")


def test_a_covariate_after_the_origin_changes_no_byte() -> None:
    before = MODEL.quantiles(HISTORY, ORIGINS[:2], 5)
    after = MODEL.quantiles(with_alert(HISTORY, 77.0), ORIGINS[:2], 5)
    assert before.tobytes() == after.tobytes()


def test_fitting_again_gives_the_same_payload() -> None:
    again = BoostedQuantiles(horizon=5, features="all").estimate(HISTORY, None)
    assert canonical_json(roster.dump(again)) == canonical_json(roster.dump(MODEL))


def test_a_payload_is_text_of_a_few_hundred_kilobytes() -> None:
    payload = canonical_json(roster.dump(BoostedQuantiles().estimate(make_history(4000), None)))
    assert len(payload) < 900_000
    assert json.loads(payload)["state"]["boosters"][0].startswith("tree\n")


def test_a_shorter_horizon_is_the_beginning_of_the_longer_one() -> None:
    assert np.array_equal(drawn(50, horizon=2), drawn(50)[:, :, :2])


def test_a_longer_horizon_than_trained_for_is_refused_by_name() -> None:
    with pytest.raises(CannotForecast, match="trained for 5 sessions ahead and asked for 6: raise"):
        drawn(10, horizon=6)


def test_a_short_history_is_declined_by_name() -> None:
    with pytest.raises(Declined, match="needs 364 sessions, found 363 up to"):
        BoostedQuantiles().estimate(make_history(363), None)
    assert (
        BoostedQuantiles(trees=1).estimate(make_history(364), None).declined(make_history(364), [])
        == {}
    )


def test_origins_without_a_look_back_are_declined() -> None:
    history = HISTORY.known_at(ORIGINS[0])
    early: list[date] = history.dates[[249, 250]].tolist()
    assert MODEL.declined(history, early) == {early[0]: "fewer than 251 sessions up to it"}
    with pytest.raises(CannotForecast, match=f"Coffee: boosted_quantiles from {early[0]}: fewer"):
        MODEL.quantiles(history, early, 1)


def test_a_price_that_stopped_moving_is_declined() -> None:
    closes = HISTORY.closes.copy()
    closes[1200:] = 50.0
    still = History("Coffee", HISTORY.dates, closes, HISTORY.features, HISTORY.feature_names)
    declined = MODEL.declined(still, [HISTORY.dates[1449].item(), HISTORY.dates[1450].item()])
    assert declined == {HISTORY.dates[1450].item(): "the price did not move in 250 sessions"}
    assert np.isfinite(BoostedQuantiles(trees=1).estimate(still, None).ranks).all()


def test_what_lightgbm_refuses_is_a_named_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise lightgbm.basic.LightGBMError("no")

    monkeypatch.setattr(lightgbm, "train", refuse)
    with pytest.raises(CannotFit, match=f"Coffee: .* 1600 sessions up to {HISTORY.newest}: no"):
        BoostedQuantiles().estimate(HISTORY, None)


def test_without_the_extra_the_configuration_names_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    document = {
        "model_version": "v1.0",
        "training": {"start": date(2020, 1, 1)},
        "models": ["naive", "boosted_quantiles"],
        "commodities": {"Gold": {"unit": "USD/oz", "source": {"type": "sample", "name": "gold"}}},
    }
    path = tmp_path / "forecast.yaml"
    path.write_text(yaml.safe_dump(document))
    with pytest.raises(ConfigurationError, match=r"models: .*pip install 'forecast_assets\[ml\]'"):
        Settings.load(path)


def test_without_the_extra_a_stored_model_is_read_and_does_not_forecast(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = roster.load(roster.dump(MODEL))
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    assert model.parameters == MODEL.parameters
    with pytest.raises(MissingExtra, match=r"pip install 'forecast_assets\[ml\]'"):
        model.simulate(HISTORY, ORIGINS[:1], horizon=1, n_paths=2, seeds=[seed_of("x")])


def test_nothing_loads_lightgbm_until_it_is_used() -> None:
    program = (
        "import sys; from forecast_assets.models.roster import forecaster_class;"
        "forecaster_class('boosted_quantiles')(); sys.exit('lightgbm' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
