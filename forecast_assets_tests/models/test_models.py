"""The contract that every model of the roster keeps."""

import json
from dataclasses import replace
from datetime import date
from functools import cache
from typing import Any

import numpy as np
import pytest

from forecast_assets.errors import CannotForecast, Declined, LookAheadError
from forecast_assets.models import roster
from forecast_assets.models.base import NOT_RECALIBRATED, FittedForecaster, Forecaster
from forecast_assets.models.ensemble import EQUAL
from forecast_assets.models.roster import ROSTER
from forecast_assets.models.simulation import seed_of
from forecast_assets.models.tick import in_ticks
from forecast_assets.timeline.history import History
from forecast_assets_tests.histories import make_history, with_features

HORIZON, PATHS = 14, 400
TRAINING = date(2020, 1, 1)
HISTORY = with_features(make_history(700))
OPTIONS: dict[str, dict[str, Any]] = {
    "sarimax": {"features": "market"},
    "boosted_quantiles": {"features": "market"},
}
ORIGINS: list[date] = HISTORY.dates[560:570].tolist()

pytestmark = pytest.mark.parametrize("name", sorted(ROSTER))


LONGER = with_features(make_history(1100))
LATER_TRAINING: date = LONGER.dates[800].item()
"""With a hold-out before it, which takes 750 sessions."""
LATER_ORIGINS: list[date] = LONGER.dates[850:853].tolist()


def make(name: str, **options: bool) -> Forecaster:
    return ROSTER[name](**OPTIONS.get(name, {}), **options)


def fitted(name: str, history: History = HISTORY) -> FittedForecaster:
    return usual(name) if history is HISTORY else make(name).fit(history.known_before(TRAINING))


@cache
def usual(name: str) -> FittedForecaster:
    """The model of the usual history."""
    return make(name).fit(HISTORY.known_before(TRAINING))


@cache
def recalibrated(name: str) -> FittedForecaster:
    """The model with paths that are stretched by what a hold-out says."""
    return make(name, recalibrate=True).fit(LONGER.known_before(LATER_TRAINING))


def paths(
    model: FittedForecaster, history: History, origins: list[date], n_paths: int = PATHS
) -> np.ndarray:
    seeds = [seed_of(model.name, origin.isoformat()) for origin in origins]
    return model.simulate(history, origins, horizon=HORIZON, n_paths=n_paths, seeds=seeds)


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


def test_paths_in_ticks_are_those_without_rounded_also_when_it_is_rebuilt(name: str) -> None:
    model = fitted(name)
    ticked = roster.load(json.loads(json.dumps(roster.dump(replace(model, tick=0.05)))))
    drawn = paths(ticked, HISTORY, ORIGINS)
    assert drawn.tobytes() == in_ticks(paths(model, HISTORY, ORIGINS), 0.05).tobytes()
    assert (drawn > 0).all()
    assert "tick" not in roster.dump(model)


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
    """Over 2,000 sessions: runs of fewer past shocks have a spread of their own at a session.

    Before it is stretched, which is by a factor of its own at every session.
    """
    history = with_features(make_history(2000))
    model = make(name).fit(history.known_before(history.dates[1900].item()))
    origins: list[date] = history.dates[1950:1960].tolist()
    for one in (replace(model, stretch=()), model):
        drawn = paths(one, history, origins, n_paths=2000)
        spread = (np.quantile(drawn, 0.9, axis=1) - np.quantile(drawn, 0.1, axis=1)).mean(axis=0)
        assert spread[-1] > 2.5 * spread[0]  # a random walk's grows by sqrt(14) = 3.7
        assert (np.diff(spread) > 0).all() or one.stretch


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


def below_zero(positions: list[int]) -> History:
    """The history with the close of April 2020 at some sessions."""
    closes = HISTORY.closes.copy()
    closes[positions] = -36.98
    return replace(HISTORY, commodity="WTI", closes=closes)


def without(history: History, position: int) -> History:
    """The history as if a session had not traded."""
    kept = np.arange(len(history)) != position
    return History(
        history.commodity,
        history.dates[kept],
        history.closes[kept],
        history.features[kept],
        history.feature_names,
    )


def test_from_a_close_below_zero_a_model_forecasts_or_declines_by_name(name: str) -> None:
    negative, day, model = below_zero([563]), ORIGINS[3], fitted(name)
    declined = model.declined(negative, ORIGINS)
    if ROSTER[name].positive_only:
        assert list(declined) == [day]
        assert f"the close of -36.98 on {day} has no logarithm" in declined[day]
        with pytest.raises(CannotForecast, match=f"WTI: {name} from {day}: .*no logarithm"):
            paths(model, negative, ORIGINS)
    else:
        assert declined == {}
        drawn = paths(model, negative, [day])
        assert np.isfinite(drawn).all()
        assert np.median(drawn[0, :, 0]) == pytest.approx(-36.98, abs=5)


def test_a_close_below_zero_in_the_window_is_passed_over_as_if_it_had_not_traded(
    name: str,
) -> None:
    negative, others = below_zero([563]), [*ORIGINS[:3], *ORIGINS[4:]]
    model = fitted(name)
    assert model.declined(negative, others) == {}
    drawn = paths(model, negative, others)
    assert np.isfinite(drawn).all()
    assert (drawn > 0).all()
    assert drawn[:3].tobytes() == paths(model, HISTORY, ORIGINS[:3]).tobytes()
    assert drawn.tobytes() == paths(model, without(negative, 563), others).tobytes()


def test_a_close_below_zero_before_training_is_passed_over_as_if_it_had_not_traded(
    name: str,
) -> None:
    negative = below_zero([300])
    model, other = fitted(name, negative), fitted(name, without(negative, 300))
    assert roster.dump(model) == roster.dump(other)
    assert model.declined(negative, ORIGINS) == {}
    drawn = paths(model, negative, ORIGINS)
    assert drawn.tobytes() == paths(other, without(negative, 300), ORIGINS).tobytes()
    assert (drawn > 0).all()


def test_one_close_below_zero_in_a_hundred_is_no_reason_to_decline(name: str) -> None:
    known = len(HISTORY.known_before(TRAINING))
    negative = below_zero(list(range(10, known, 105)))
    share = np.mean(negative.known_before(TRAINING).closes <= 0)
    assert 0.009 < share <= 0.01
    model = fitted(name, negative)
    assert model.declined(negative, ORIGINS) == {}
    drawn = paths(model, negative, ORIGINS)
    assert np.isfinite(drawn).all()
    assert (drawn > 0).all()
    # The moves over them are moves of two sessions, a few of many.
    spread, usual_spread = (
        np.log(each).std(axis=1).mean() for each in (drawn, paths(usual(name), HISTORY, ORIGINS))
    )
    assert spread == pytest.approx(usual_spread, rel=0.15)


def test_one_close_below_zero_in_twenty_is_declined_by_name_by_a_log_model(name: str) -> None:
    known = HISTORY.known_before(TRAINING)
    negative = below_zero(list(range(10, len(HISTORY), 20)))
    count = int((negative.known_before(TRAINING).closes <= 0).sum())
    if ROSTER[name].positive_only or name == "ensemble":  # its log members decline it
        with pytest.raises(Declined) as caught:
            fitted(name, negative)
        assert f"{count} of {len(known)} closes are at or below zero" in str(caught.value)
        assert "naive and random_walk have a difference form" in str(caught.value)
    else:
        model = fitted(name, negative)
        assert model.declined(negative, ORIGINS) == {}
        assert np.isfinite(paths(model, negative, ORIGINS)).all()


def test_closes_that_never_move_are_declined_by_name(name: str) -> None:
    flat = replace(HISTORY, commodity="Flat", closes=np.full(len(HISTORY), 7.0))
    if ROSTER[name].positive_only or name == "ensemble":  # its log members decline it
        with pytest.raises(Declined, match=r"Flat: .* do not vary"):
            fitted(name, flat)
    else:
        assert "did not move" in fitted(name, flat).declined(flat, ORIGINS)[ORIGINS[0]]


def test_a_recalibrated_model_through_json_is_rebuilt_bit_for_bit(name: str) -> None:
    model = recalibrated(name)
    assert len(model.stretch) == HORIZON
    document = roster.dump(model)
    assert document["stretch"] == list(model.stretch)
    rebuilt = roster.load(json.loads(json.dumps(document, allow_nan=False)))
    assert rebuilt.stretch == model.stretch
    assert roster.dump(rebuilt) == document
    again = paths(rebuilt, LONGER, LATER_ORIGINS)
    assert again.tobytes() == paths(model, LONGER, LATER_ORIGINS).tobytes()


def test_recalibration_stretches_what_the_plain_model_draws_about_its_median(name: str) -> None:
    model = recalibrated(name)
    assert all(0.5 < factor < 2 for factor in model.stretch)
    plain = np.log(paths(replace(model, stretch=()), LONGER, LATER_ORIGINS).astype(np.float64))
    drawn = np.log(paths(model, LONGER, LATER_ORIGINS).astype(np.float64))
    middle = np.median(plain, axis=1, keepdims=True)
    expected = middle + (plain - middle) * np.array(model.stretch)
    assert drawn == pytest.approx(expected, abs=1e-5)


def test_no_close_at_or_after_the_training_date_changes_the_recalibration(name: str) -> None:
    closes = LONGER.closes.copy()
    closes[800:] *= 3.0
    revised = replace(LONGER, closes=closes).known_before(LATER_TRAINING)
    assert roster.dump(make(name, recalibrate=True).fit(revised)) == roster.dump(recalibrated(name))


def test_without_a_hold_out_recalibration_changes_nothing(name: str) -> None:
    model = make(name, recalibrate=True).fit(HISTORY.known_before(TRAINING))
    assert model.stretch == ()
    assert roster.dump(model) == roster.dump(fitted(name))


def test_recalibration_without_a_hold_out_says_that_there_was_none(name: str) -> None:
    model = make(name, recalibrate=True).fit(HISTORY.known_before(TRAINING))
    assert model.stretch == ()
    assert {NOT_RECALIBRATED, EQUAL} & set(model.metrics.warnings)
