"""What is not damage: whatever months of work leave in the tables, and work that is only due."""

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forecast_assets.automation.renaming import rename
from forecast_assets.record.verification import Verification, verify
from forecast_assets.store.price_revisions import newest_closes
from forecast_assets.timeline.clock import now
from forecast_assets.timeline.history import History
from forecast_assets_tests.desk import Desk, corrected, desk, without
from forecast_assets_tests.histories import make_history, with_features
from forecast_assets_tests.rows import rows

pytestmark = pytest.mark.long

SARIMAX = {"sarimax": {"features": "weather", "p": 1, "q": 0}}

KEYS: dict[str, Any] = {
    "models": ["naive", SARIMAX],
    "feature_sets": {"weather": ["rain"]},
    "artifacts": {"threshold_bytes": 200},
    "commodities": {
        "Coffee": {
            "unit": "USc/lb",
            "source": {"type": "landing"},
            "covariates": {"rain": {"path": "rain.csv", "column": "close"}},
        }
    },
}

LONG = with_features(make_history(552), ("rain",))

COFFEE = LONG.known_at(LONG.dates[544].item())
"""To 2020-01-31."""


def later(history: History) -> History:
    """Four more sessions after a holiday that nobody expected, one of them below zero."""
    some = slice(546, 550)
    closes = LONG.closes[some] * [1, 1, -0.01, 1]
    return History(
        "Coffee",
        np.append(history.dates, LONG.dates[some]),
        np.append(history.closes, closes),
        np.vstack([history.features, LONG.features[some]]),
        history.feature_names,
    )


def found(desk: Desk) -> Verification:
    return verify(desk.settings, desk.store)


def test_what_months_of_work_leave_is_sound_at_each_moment(tmp_path: Path) -> None:
    made = desk(tmp_path, **KEYS)
    made.told(COFFEE)
    made.work()
    history = corrected(COFFEE, -1, 1.02)  # reissued, since nothing has happened after it
    made.told(history)
    made.work()
    history = corrected(history, -10, 1.01)  # stale, and the newest reissued
    made.told(without(history, [-8]))
    assert found(made).damages == []  # a revision and a withdrawal are due
    made.work()
    made.told(later(without(history, [-8])))
    made.work(publishes=False)  # starts have moved, and models of logarithms decline a cutoff
    made.work("v2", publishes=False)
    made.work(recompute=True, publishes=False)
    monthly = {**KEYS, "training": {"cadence": "monthly", "start": date(2020, 1, 1)}}
    desk(tmp_path, **monthly).work()
    renamed = {**monthly, "commodities": {"Arabica": KEYS["commodities"]["Coffee"]}}
    arabica = desk(tmp_path, **renamed).settings
    rename(arabica, made.store, "Coffee", "Arabica")
    walked = verify(arabica, made.store, redraw=None)
    assert walked.damages == []
    assert walked.redrawn > walked.forecasts  # the superseded ones, too
    reasons = rows(made.store, "forecast.superseded_forecasts", "reason")
    assert set(reasons) == {("revised history",), ("session withdrawn",), ("moved start",)}
    assert set(rows(made.store, "forecast.failures", "declined")) == {(True,)}
    assert (walked.models, walked.forecasts) == (6, 106)
    assert any(uri for (uri,) in rows(made.store, "forecast.trained_models", "fitted_model_uri"))


def test_withdrawn_sessions_leave_a_sound_record_and_what_was_known_before(tmp_path: Path) -> None:
    made = desk(tmp_path, **KEYS)
    made.told(COFFEE)
    made.work()
    before, issued = now(), len(rows(made.store, "forecast.forecasts"))
    for day in (COFFEE.dates[530].item(), COFFEE.newest):
        assert made.store.prices.withdraw("Coffee", day, "a misprint", now(), "terminal: ann")
    made.told_nothing()
    made.work()
    assert found(made).damages == []
    assert len(rows(made.store, "forecast.forecasts")) < issued
    with made.store.reading() as tables:
        assert newest_closes(tables, "Coffee", before).num_rows == len(COFFEE)
    assert made.store.prices.restore("Coffee", COFFEE.newest, now(), "terminal: ann")
    made.told_nothing()
    made.work()
    assert found(made).damages == []
    assert len(made.store.prices.history("Coffee")) == len(COFFEE) - 1
