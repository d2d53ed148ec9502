"""The hold-out: which sessions it takes, and what is kept of the forecasts tried on it."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from numpy.typing import NDArray

from forecast_assets.errors import CannotFit
from forecast_assets.models.ets import Ets
from forecast_assets.models.hold_out import (
    LEAST_UNIT,
    N_QUANTILES,
    ORIGINS_EVERY,
    PATHS_TRIED,
    SESSIONS_TRIED,
    HoldOut,
)
from forecast_assets.models.naive import FittedNaive, Naive
from forecast_assets.models.sarimax import Sarimax
from forecast_assets.timeline.history import History
from forecast_assets_tests.histories import make_history, with_features


def held_out(sessions: int) -> HoldOut:
    held = HoldOut.of(make_history(sessions))
    assert held is not None
    return held


@pytest.mark.parametrize("sessions", [0, 1, 500, 749])
def test_fewer_than_750_sessions_have_no_hold_out(sessions: int) -> None:
    assert HoldOut.of(make_history(sessions)) is None


@pytest.mark.parametrize(
    ("sessions", "older"), [(750, 500), (751, 500), (1499, 500), (1500, 500), (1501, 501)]
)
def test_a_thousand_sessions_are_held_out_where_500_are_left(sessions: int, older: int) -> None:
    held = held_out(sessions)
    assert len(held.older) == older
    assert len(held.history) == sessions


@pytest.mark.parametrize("sessions", [750, 751, 752, 753, 754, 1300, 2000])
def test_origins_begin_where_the_older_part_ends_and_every_outcome_lies_inside(
    sessions: int,
) -> None:
    held = held_out(sessions)
    at = held.history.positions(held.origins)
    assert held.origins[0] == held.older.newest
    assert set(np.diff(at)) == {ORIGINS_EVERY}
    last = len(held.history) - 1 - SESSIONS_TRIED
    assert last - ORIGINS_EVERY < at[-1] <= last


def test_no_outcome_lies_in_the_older_part() -> None:
    held = held_out(1100)
    first = held.history.positions(held.origins)[0] + 1
    assert held.history.dates[first] > held.older.dates[-1]


def test_an_origin_without_a_close_above_zero_is_left_out() -> None:
    history = make_history(800)
    every = held_out(800).origins
    closes = history.closes.copy()
    closes[history.positions(every[3:4])] = -1.0
    held = HoldOut.of(History("Coffee", history.dates, closes))
    assert held is not None
    assert held.origins == every[:3] + every[4:]


def tiny_paths(held: HoldOut, seed: int = 3) -> NDArray[np.float32]:
    shape = (len(held.origins), PATHS_TRIED, SESSIONS_TRIED)
    return np.random.default_rng(seed).uniform(40, 60, shape).astype(np.float32)


def test_quantiles_are_those_of_the_paths_over_the_close_at_their_origin() -> None:
    held = held_out(800)
    paths = tiny_paths(held)
    trial = held.trial(held.origins, paths)
    closes = held.history.closes[held.history.positions(held.origins)]
    # Of every ten paths in order the sixth: the quantiles at 0.011, 0.031, ....
    levels = (np.arange(N_QUANTILES) + 0.5) / N_QUANTILES + 0.5 / PATHS_TRIED
    wanted = np.quantile(paths, levels, axis=1, method="inverted_cdf").transpose(1, 2, 0)
    assert trial.quantiles * closes[:, None, None] == pytest.approx(wanted, rel=1e-12)
    assert (np.diff(trial.quantiles, axis=2) >= 0).all()


def test_outcomes_are_the_closes_after_each_origin_over_the_close_at_it() -> None:
    held = held_out(770)
    trial = held.trial(held.origins, tiny_paths(held))
    for row, origin in zip(trial.outcomes, held.origins, strict=True):
        at = held.history.dates.tolist().index(origin)
        for ahead in range(1, SESSIONS_TRIED + 1):
            wanted = held.history.closes[at + ahead] / held.history.closes[at]
            assert row[ahead - 1] == pytest.approx(wanted, rel=1e-12)


def test_origins_that_a_model_declined_are_not_a_number_and_known_to_be_so() -> None:
    held = held_out(770)
    paths = tiny_paths(held)
    chosen = [1, 2]
    able = [held.origins[place] for place in chosen]
    some, every = held.trial(able, paths[chosen]), held.trial(held.origins, paths)
    assert np.flatnonzero(some.known).tolist() == chosen
    assert np.isnan(some.quantiles[[0, 3]]).all()
    assert np.array_equal(some.quantiles[chosen], every.quantiles[chosen])
    assert np.array_equal(some.outcomes, every.outcomes)


def test_a_model_is_tried_with_what_it_estimated_on_the_older_part_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[History] = []
    estimate = Naive.estimate

    def sees(self: Naive, history: History, start: FittedNaive | None) -> FittedNaive:
        seen.append(history)
        return estimate(self, history, start)

    monkeypatch.setattr(Naive, "estimate", sees)
    held = held_out(900)
    Naive().trial(held)
    assert [history.newest for history in seen] == [held.older.newest]


def test_nothing_after_the_end_of_the_history_matters() -> None:
    history = make_history(1000)
    day = date(2021, 3, 1)
    closes = history.closes.copy()
    closes[history.dates >= np.datetime64(day)] *= 7
    trials = []
    for each in (history, History("Coffee", history.dates, closes)):
        held = HoldOut.of(each.known_before(day))
        assert held is not None
        trials.append(Ets().trial(held))
    first, second = trials
    assert np.array_equal(first.quantiles, second.quantiles)
    assert np.array_equal(first.outcomes, second.outcomes)


def test_forecasts_of_a_hold_out_know_nothing_after_their_origin() -> None:
    history = make_history(800)
    held = held_out(800)
    origin = held.origins[20]
    closes = history.closes.copy()
    closes[history.dates > np.datetime64(origin)] *= 3
    changed = HoldOut.of(History("Coffee", history.dates, closes))
    assert changed is not None
    before, after = Naive().trial(held), Naive().trial(changed)
    assert np.array_equal(before.quantiles[:21], after.quantiles[:21])
    assert not np.array_equal(before.quantiles[21], after.quantiles[21])
    assert not np.array_equal(before.outcomes[20], after.outcomes[20])


def test_covariates_are_selected_in_both_parts_and_what_is_unknown_stays() -> None:
    history = with_features(make_history(900))
    features = history.features.copy()
    features[:30, 1] = np.nan
    held = HoldOut.of(replace(history, features=features))
    assert held is not None
    vix = held.select(("vix",))
    assert vix.older.feature_names == vix.history.feature_names == ("vix",)
    assert len(vix.older) == len(held.older)
    assert np.isnan(vix.older.features[:30]).all()
    assert vix.origins == held.origins
    assert len(held.select(("rain",)).older) == len(held.older)


def test_an_origin_without_its_covariate_is_not_tried() -> None:
    history = with_features(make_history(900), ("vix",))
    held = HoldOut.of(history)
    assert held is not None
    features = history.features.copy()
    features[history.positions(held.origins[5:6])] = np.nan
    lacking = HoldOut.of(replace(history, features=features))
    assert lacking is not None
    trial = Sarimax(features="market").trial(lacking)
    assert np.flatnonzero(~trial.known).tolist() == [5]


def test_a_model_that_declines_every_origin_says_so_by_name() -> None:
    history = with_features(make_history(900), ("vix",))
    features = history.features.copy()
    features[500:] = np.nan
    held = HoldOut.of(replace(history, features=features))
    assert held is not None
    held = replace(held, older=held.older.known_before(held.older.newest))
    assert held.origins[0] - timedelta(days=1) >= held.older.newest
    with pytest.raises(CannotFit, match="Coffee: sarimax declined every origin of the hold-out"):
        Sarimax(features="market").trial(replace(held, origins=held.origins[1:]))


def test_a_close_near_zero_is_measured_in_a_share_of_the_median_close() -> None:
    history = make_history(900)
    held = HoldOut.of(history)
    assert held is not None
    at = history.positions(held.origins)
    closes = history.closes.copy()
    closes[at[3]] = 0.01
    tiny = HoldOut.of(replace(history, closes=closes))
    assert tiny is not None
    paths = np.full((len(at), PATHS_TRIED, 2), 10.0, dtype=np.float32)
    trial = tiny.trial(tiny.origins, paths)
    unit = LEAST_UNIT * np.median(closes[at])
    assert trial.quantiles[3] == pytest.approx(np.full((2, N_QUANTILES), 10.0 / unit))
    assert trial.outcomes[3] == pytest.approx(closes[at[3] + 1 : at[3] + 3] / unit)
    assert trial.outcomes[4] == pytest.approx(closes[at[4] + 1 : at[4] + 3] / closes[at[4]])
