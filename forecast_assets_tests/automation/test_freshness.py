"""Freshness: green, then yellow, then red, by sessions and not by days."""

from datetime import date, datetime
from pathlib import Path

import numpy as np
import pytest
from dagster import AssetCheckSeverity

from forecast_assets.automation.freshness import (
    RED,
    YELLOW,
    Observed,
    forecast_ages,
    missing_sessions,
    price_ages,
    strange_of,
    strange_prices,
    worst,
)
from forecast_assets.defs import checks
from forecast_assets.defs.build import build_definitions
from forecast_assets.timeline.history import History
from forecast_assets_tests.beginnings import Beginnings
from forecast_assets_tests.caretaker import Caretaker, caretaker, drawn, landed
from forecast_assets_tests.graphs import QUIET
from forecast_assets_tests.histories import make_history

LONDON = {"unit": "GBP", "source": {"type": "landing"}, "calendar": "XLON"}
COFFEE = make_history(530)
"""To Friday 2020-01-10."""


def held(keeper: Caretaker, *histories: History) -> Caretaker:
    keeper.drop("prices.csv", *histories)
    (request,) = keeper.land().run_requests or []
    assert keeper.execute(request).success
    return keeper


@pytest.mark.parametrize(
    ("today", "level"),
    [
        (date(2020, 1, 11), None),
        (date(2020, 1, 13), None),  # Monday: its session may still be going on
        (date(2020, 1, 14), None),  # one session without a price
        (date(2020, 1, 15), YELLOW),  # two
        (date(2020, 1, 17), YELLOW),
        (date(2020, 1, 20), RED),  # five: 13 to 17
        (date(2021, 1, 1), RED),
    ],
)
def test_a_price_ages_by_sessions(
    tmp_path: Path, beginnings: Beginnings, today: date, level: str | None
) -> None:
    keeper = landed(beginnings, tmp_path, {"prices.csv": [COFFEE]})
    found = [each.level for each in price_ages(keeper.settings, keeper.store, today)]
    assert found == ([level] if level else [])


def test_holidays_are_no_alarm(tmp_path: Path) -> None:
    keeper = caretaker(tmp_path, commodities={"Coffee": LONDON})
    held(keeper, make_history(580).known_at(date(2019, 12, 24)))
    for day, alarms in (
        (date(2019, 12, 28), 0),  # 25 and 26 are holidays: one session, the 27th, is missing
        (date(2019, 12, 30), 0),
        (date(2019, 12, 31), 1),  # 27 and 30
    ):
        assert len(price_ages(keeper.settings, keeper.store, day)) == alarms


def test_a_commodity_without_a_price_or_forecast_is_red_and_a_sample_is_let_be(
    tmp_path: Path,
) -> None:
    sample = {"unit": "USD", "source": {"type": "sample", "name": "wti"}}
    landing = {"unit": "USD", "source": {"type": "landing"}}
    keeper = caretaker(tmp_path, commodities={"WTI": sample, "Coffee": landing})
    today = date(2026, 1, 5)
    assert price_ages(keeper.settings, keeper.store, today) == [
        Observed("Coffee", RED, "there is no price")
    ]
    assert forecast_ages(keeper.settings, keeper.store, today) == [
        Observed("Coffee", RED, "there is no forecast")
    ]


def test_a_forecast_ages_from_its_cutoff(tmp_path: Path, beginnings: Beginnings) -> None:
    keeper = drawn(beginnings, tmp_path, {"prices.csv": [COFFEE]})
    ages = [
        [each.level for each in forecast_ages(keeper.settings, keeper.store, date(2020, 1, day))]
        for day in (13, 14, 15, 20)
    ]
    assert ages == [[], [], [YELLOW], [RED]]
    held(keeper, make_history(534))  # to 2020-01-16, not forecast yet
    (late,) = forecast_ages(keeper.settings, keeper.store, date(2020, 1, 17))
    assert (late.level, late.found) == (
        YELLOW,
        "the newest forecast knows 2020-01-10, 4 sessions ago",
    )


def test_a_session_that_a_calendar_expects_and_that_has_no_price_is_a_gap(tmp_path: Path) -> None:
    days = np.array([str(x) for x in COFFEE.dates])
    holidays = ("2019-12-25", "2019-12-26", "2020-01-01")
    lost = ("2020-01-07", "2020-01-08", "2019-11-05")
    kept = ~np.isin(days, [*holidays, *lost])
    history = History("Coffee", COFFEE.dates[kept], COFFEE.closes[kept])
    keeper = held(caretaker(tmp_path, commodities={"Coffee": LONDON}), history)
    assert missing_sessions(keeper.settings, keeper.store) == [
        Observed("Coffee", YELLOW, "2 sessions of XLON have no price: 2020-01-07, 2020-01-08")
    ]
    learned = held(caretaker(tmp_path / "learned"), history)
    assert missing_sessions(learned.settings, learned.store) == []


def test_strange_prices_are_flagged_and_kept(tmp_path: Path) -> None:
    closes = np.full(len(COFFEE), 50.0)
    closes[-20] = 100.0  # long ago
    closes[-6:-3] = (62.5, -37.0, 50.0)  # exactly the bound; below zero; after that
    history = History("Coffee", COFFEE.dates, closes)
    keeper = held(caretaker(tmp_path), history)
    assert np.array_equal(keeper.store.prices.history("Coffee").closes, closes)
    flagged = strange_of(keeper.settings, keeper.store, "Coffee").moves
    days = COFFEE.dates[[-20, -19, -5, -4]].tolist()
    assert [each.date for each in flagged] == days
    assert [each.move for each in flagged] == [1.0, -0.5, pytest.approx(-37 / 62.5 - 1), None]
    (observed,) = strange_prices(keeper.settings, keeper.store)
    assert observed.level == YELLOW
    assert observed.found == (
        f"4 moves beyond 25 %, 1 of them to zero or below: the largest {days[2]}: -37 after 62.5,"
        f" -159 %, the newest {days[3]}: 50 after -37; right as they are?"
        " `forecast prices accept Coffee`"
    )


def test_the_worst_commodity_decides() -> None:
    yellow, red = Observed("Coffee", YELLOW, ""), Observed("Sugar", RED, "")
    assert [worst(x) for x in ([], [yellow], [yellow, red])] == ["green", "yellow", "red"]


def test_the_checks_turn_yellow_and_then_red_as_days_go_by(
    tmp_path: Path, beginnings: Beginnings, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper = drawn(beginnings, tmp_path, {"prices.csv": [COFFEE]})
    seen = []
    for day in (13, 15, 20):
        monkeypatch.setattr(checks, "now", lambda day=day: datetime(2020, 1, day, 6))  # noqa: DTZ001
        job = build_definitions(keeper.settings).resolve_job_def("watch")
        result = job.execute_in_process(instance=keeper.instance, run_config={"loggers": QUIET})
        found = {x.check_name: x for x in result.get_asset_check_evaluations()}
        seen.append({name: (x.passed, x.severity) for name, x in found.items()})
    warn, error = AssetCheckSeverity.WARN, AssetCheckSeverity.ERROR
    assert seen == [
        dict.fromkeys(("price_freshness", "forecast_freshness"), each)
        for each in ((True, warn), (False, warn), (False, error))
    ]
