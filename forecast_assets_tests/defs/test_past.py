"""The past: what changes its version, and what does not."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from forecast_assets.defs.past import Past
from forecast_assets.timeline.history import History
from forecast_assets_tests.histories import make_history, with_features

DATES = [date(2019, 1, 1), date(2019, 7, 1), date(2020, 1, 1), date(2020, 7, 1), date(2021, 1, 1)]
"""Training dates, of which the last is later than every session below."""

HISTORY = make_history(700)  # 2018-01-01 to 2020-09-04


def changed(history: History, day: str, factor: float = 1.01) -> History:
    """The same with another close on a day."""
    place = int(np.searchsorted(history.dates, np.datetime64(day)))
    closes = history.closes.copy()
    closes[place] *= factor
    return replace(history, closes=closes)


def without(history: History, day: str) -> History:
    """The same without a session."""
    kept = history.dates != np.datetime64(day)
    return replace(
        history,
        dates=history.dates[kept],
        closes=history.closes[kept],
        features=history.features[kept],
    )


def test_the_past_ends_at_the_newest_training_date_that_the_prices_reach() -> None:
    assert Past.of(HISTORY, DATES, None).until == date(2020, 7, 1)
    assert Past.of(HISTORY.known_before(date(2020, 7, 1)), DATES, None).until == date(2020, 1, 1)


@pytest.mark.parametrize("sessions", [1, 5, 60])
def test_new_sessions_keep_the_version(sessions: int) -> None:
    before = Past.of(HISTORY.known_before(date(2020, 8, 3)), DATES, None)
    longer = make_history(700 + sessions)
    assert Past.of(longer, DATES, before).version == before.version


def test_sessions_that_begin_a_new_window_keep_it_too_and_are_the_past_from_then_on() -> None:
    first = Past.of(HISTORY.known_before(date(2020, 6, 1)), DATES, None)
    second = Past.of(HISTORY, DATES, first)
    assert (first.until, second.until) == (date(2020, 1, 1), date(2020, 7, 1))
    assert second.version == first.version
    third = Past.of(changed(HISTORY, "2020-03-02"), DATES, second)
    assert third.version != second.version


@pytest.mark.parametrize("day", ["2018-01-01", "2019-03-05", "2020-06-30"])
def test_a_close_that_models_were_fitted_on_changes_it(day: str) -> None:
    before = Past.of(HISTORY, DATES, None)
    for other in (changed(HISTORY, day), without(HISTORY, day)):
        after = Past.of(other, DATES, before)
        assert after.version != before.version
        assert Past.of(other, DATES, after).version == after.version


@pytest.mark.parametrize("day", ["2020-07-01", "2020-08-03", "2020-09-04"])
def test_a_close_inside_the_newest_window_does_not(day: str) -> None:
    before = Past.of(HISTORY, DATES, None)
    assert Past.of(changed(HISTORY, day), DATES, before).version == before.version


def test_covariates_belong_to_the_past() -> None:
    history = with_features(HISTORY)
    before = Past.of(history, DATES, None)
    features = history.features.copy()
    features[3, 0] += 1
    assert Past.of(replace(history, features=features), DATES, before).version != before.version
    assert Past.of(HISTORY, DATES, before).version != before.version


def test_a_past_survives_being_written_down() -> None:
    past = Past.of(HISTORY, DATES, None)
    (text,) = past.metadata.values()
    assert Past.from_metadata(text, past.version) == past


def test_prices_younger_than_every_training_date_have_a_past_as_well() -> None:
    young = Past.of(HISTORY, [date(2030, 1, 1)], None)
    assert Past.of(make_history(710), [date(2030, 1, 1)], young).version == young.version
