"""The contract that every model of the roster keeps."""

import json
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest

from forecast_assets.errors import Declined, LookAheadError
from forecast_assets.history import History
from forecast_assets.models import roster
from forecast_assets.models.base import FittedForecaster, Forecaster
from forecast_assets.models.roster import ROSTER
from forecast_assets.simulation import seed_of
from forecast_assets_tests.conftest import make_history, with_features

HORIZON, PATHS = 14, 400
TRAINING = date(2020, 1, 1)
HISTORY = with_features(make_history(700))
OPTIONS: dict[str, dict[str, Any]] = {"sarimax": {"features": "market"}}
ORIGINS: list[date] = HISTORY.dates[560:570].tolist()

pytestmark = pytest.mark.parametrize("name", sorted(ROSTER))


def make(name: str) -> Forecaster:
    return ROSTER[name](**OPTIONS.get(name, {}))


def fitted(name: str, history: History = HISTORY) -> FittedForecaster:
    return make(name).fit(history.known_before(TRAINING))


def paths(model: FittedForecaster, history: History, origins: list[date]) -> np.ndarray:
    seeds = [seed_of(model.name, origin.isoformat()) for origin in origins]
    return model.simulate(history, origins, horizon=HORIZON, n_paths=PATHS, seeds=seeds)


def changed(history: History, first: int, factor: float) -> History:
    """The same history with every close from position ``first`` on multiplied."""
    closes = history.closes.copy()
    closes[first:] *= factor
    return replace(history, closes=closes)


def test_paths_have_the_shape_dtype_and_range_of_the_contract(name: str) -> None:
    drawn = paths(fitted(name), HISTORY, ORIGINS)
    assert drawn.shape == (len(ORIGINS), PATHS, HORIZON)
    assert drawn.dtype == np.float32
    assert np.isfinite(drawn).all()
    assert (drawn > 0).all()


def test_the_same_seed_gives_the_same_bytes(name: str) -> None:
    model = fitted(name)
    once, again = paths(model, HISTORY, ORIGINS), paths(model, HISTORY, ORIGINS)
    assert once.tobytes() == again.tobytes()


def test_another_seed_gives_other_paths(name: str) -> None:
    model = fitted(name)
    options = {"horizon": HORIZON, "n_paths": PATHS}
    one = model.simulate(HISTORY, ORIGINS[:1], seeds=[seed_of("one")], **options)
    other = model.simulate(HISTORY, ORIGINS[:1], seeds=[seed_of("other")], **options)
    assert not np.array_equal(one, other)


def test_a_forecast_drawn_alone_equals_the_one_drawn_in_a_batch(name: str) -> None:
    model = fitted(name)
    batch = paths(model, HISTORY, ORIGINS)
    for position, origin in enumerate(ORIGINS):
        alone = paths(model, HISTORY.known_at(origin), [origin])
        assert alone[0].tobytes() == batch[position].tobytes()


def test_spread_grows_with_the_horizon(name: str) -> None:
    drawn = paths(fitted(name), HISTORY, ORIGINS)
    spread = (np.quantile(drawn, 0.9, axis=1) - np.quantile(drawn, 0.1, axis=1)).mean(axis=0)
    assert (np.diff(spread) > 0).all()
    assert spread[-1] > 2.5 * spread[0]  # a random walk's grows by sqrt(14) = 3.7


def test_the_median_starts_at_the_last_close(name: str) -> None:
    drawn = paths(fitted(name), HISTORY, ORIGINS)
    last = HISTORY.closes[HISTORY.positions(ORIGINS)]
    assert np.median(drawn[:, :, 0], axis=1) == pytest.approx(last, rel=0.02)


def test_state_through_json_rebuilds_the_model_bit_for_bit(name: str) -> None:
    model = fitted(name)
    rebuilt = roster.load(json.loads(json.dumps(roster.dump(model))))
    assert rebuilt.parameters == model.parameters
    assert roster.dump(rebuilt) == roster.dump(model)
    assert paths(rebuilt, HISTORY, ORIGINS).tobytes() == paths(model, HISTORY, ORIGINS).tobytes()


def test_no_close_after_the_cutoff_changes_a_byte(name: str) -> None:
    model = fitted(name)
    cutoff = HISTORY.positions(ORIGINS)[4]
    revised = changed(HISTORY, int(cutoff) + 1, 3.0)
    before, after = paths(model, HISTORY, ORIGINS), paths(model, revised, ORIGINS)
    assert before[:5].tobytes() == after[:5].tobytes()
    assert before[5].tobytes() != after[5].tobytes()


def test_no_covariate_after_the_cutoff_changes_a_byte(name: str) -> None:
    model = fitted(name)
    features = HISTORY.features.copy()
    features[int(HISTORY.positions(ORIGINS)[4]) + 1 :] *= 3.0
    revised = replace(HISTORY, features=features)
    before, after = paths(model, HISTORY, ORIGINS), paths(model, revised, ORIGINS)
    assert before[:5].tobytes() == after[:5].tobytes()
    assert (before[5].tobytes() == after[5].tobytes()) == (model.covariates == ())


def test_no_covariate_at_or_after_the_training_date_changes_the_fit(name: str) -> None:
    features = HISTORY.features.copy()
    features[len(HISTORY.known_before(TRAINING)) :] *= 3.0
    revised = replace(HISTORY, features=features)
    assert roster.dump(fitted(name, revised)) == roster.dump(fitted(name))


def test_the_order_of_covariates_does_not_matter(name: str) -> None:
    shuffled = HISTORY.select(("vix", "rain"))
    model, other = fitted(name), fitted(name, shuffled)
    assert roster.dump(other) == roster.dump(model)
    assert paths(other, shuffled, ORIGINS).tobytes() == paths(model, HISTORY, ORIGINS).tobytes()


def test_a_model_uses_covariates_only_if_it_says_so(name: str) -> None:
    model = fitted(name)
    assert (make(name).feature_set is None) == (model.covariates == ())
    alone = HISTORY.select(model.covariates)
    assert paths(model, alone, ORIGINS).tobytes() == paths(model, HISTORY, ORIGINS).tobytes()


def test_the_close_at_the_cutoff_does_change_the_forecast(name: str) -> None:
    model = fitted(name)
    revised = changed(HISTORY, int(HISTORY.positions(ORIGINS)[4]), 1.01)
    before, after = paths(model, HISTORY, ORIGINS), paths(model, revised, ORIGINS)
    assert before[4].tobytes() != after[4].tobytes()


def test_no_close_at_or_after_the_training_date_changes_the_fit(name: str) -> None:
    first = len(HISTORY.known_before(TRAINING))
    revised = changed(HISTORY, first, 3.0)
    assert roster.dump(fitted(name, revised)) == roster.dump(fitted(name))


def test_an_origin_past_the_history_raises(name: str) -> None:
    model = fitted(name)
    with pytest.raises(LookAheadError, match="later than the newest close"):
        paths(model, HISTORY.known_at(ORIGINS[3]), ORIGINS)


def test_closes_at_or_below_zero_are_forecast_or_declined_by_name(name: str) -> None:
    closes = HISTORY.closes.copy()
    closes[563] = -36.98
    negative = replace(HISTORY, commodity="WTI", closes=closes)
    model = fitted(name, negative)
    declined = model.declined(negative, ORIGINS)
    if ROSTER[name].positive_only:
        assert list(declined) == ORIGINS[3:]
        assert f"-36.98 on {ORIGINS[3]} has no logarithm" in declined[ORIGINS[3]]
        with pytest.raises(Declined, match=f"-36.98 on {ORIGINS[3]} has no logarithm"):
            make(name).fit(negative)
    else:
        assert declined == {}
        drawn = paths(model, negative, ORIGINS)
        assert np.isfinite(drawn).all()
        assert np.median(drawn[3, :, 0]) == pytest.approx(-36.98, abs=5)
        assert paths(model, HISTORY, ORIGINS)[:3].tobytes() == drawn[:3].tobytes()


def test_closes_that_never_move_are_declined_by_name(name: str) -> None:
    flat = replace(HISTORY, commodity="Flat", closes=np.full(len(HISTORY), 7.0))
    if ROSTER[name].positive_only:
        with pytest.raises(Declined, match="do not vary"):
            fitted(name, flat)
    else:
        assert "did not move" in fitted(name, flat).declined(flat, ORIGINS)[ORIGINS[0]]
