"""Schedules: once a session has ended, and at no other time."""

from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from dagster import RunRequest, SkipReason, build_schedule_context

from forecast_assets.configuration.settings import Settings
from forecast_assets.defs.schedules import fetch_prices, schedules
from forecast_assets.market.observations import Observations
from forecast_assets.market.price_contract import COLUMNS
from forecast_assets.timeline.clock import now
from forecast_assets_tests.caretaker import RANGE, caretaker
from forecast_assets_tests.histories import make_history

YAHOO = {"type": "yahoo", "symbol": "CL=F"}
COMMODITIES: dict[str, Any] = {
    "WTI": {"unit": "USD/bbl", "source": YAHOO},
    "Brent": {"unit": "USD/bbl", "source": {"type": "fred", "series": "DCOILBRENTEU"}},
    "Gold": {"unit": "USD/oz", "source": {"type": "file", "path": "g.csv"}, "calendar": "XLON"},
    "Coffee": {"unit": "USc/lb", "source": {"type": "landing"}},
    "Sample": {"unit": "USD/oz", "source": {"type": "sample", "name": "gold"}},
    "Sugar": {
        "unit": "USc/lb",
        "source": {"type": "landing"},
        "covariates": {"rain": {"path": "rain.csv", "column": "mm"}},
    },
}


def asked(settings: Settings, day: str) -> list[tuple[str, str]] | str:
    """First and last commodity of each run on a day's evening, or why there is none."""
    moment = datetime.fromisoformat(f"{day}T19:00").replace(tzinfo=ZoneInfo("America/New_York"))
    found = fetch_prices(settings)(build_schedule_context(scheduled_execution_time=moment))
    if isinstance(found, SkipReason):
        return str(found.skip_message)
    assert isinstance(found, list)
    assert all(isinstance(each, RunRequest) for each in found)
    assert len({each.run_key for each in found}) == len(found)
    return [(each.tags[f"{RANGE}start"], each.tags[f"{RANGE}end"]) for each in found]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return caretaker(tmp_path, commodities=COMMODITIES).settings


def test_on_a_session_all_that_may_change_is_read_neighbours_in_one_run(settings: Settings) -> None:
    assert asked(settings, "2026-11-20") == [("WTI", "Gold"), ("Sugar", "Sugar")]


def test_a_holiday_of_one_exchange_is_not_one_of_the_others(settings: Settings) -> None:
    assert asked(settings, "2026-12-25") == [("WTI", "Brent"), ("Sugar", "Sugar")]


def test_on_a_weekend_nothing_is_read_and_it_says_why(settings: Settings) -> None:
    assert asked(settings, "2026-11-21") == (
        "no session has ended since 2026-11-20 19:00:00-05:00: WTI, Brent, Gold, Sugar"
    )


def test_a_commodity_that_trades_on_sundays_is_read_on_sundays(tmp_path: Path) -> None:
    keeper = caretaker(tmp_path, commodities={"WTI": COMMODITIES["WTI"]})
    keeper.drop("wti.csv", make_history(200, commodity="WTI", first="2019-01-01"))
    keeper.settle()
    nothing = "no session has ended since 2026-11-{}:00:00-05:00: WTI"
    assert asked(keeper.settings, "2026-11-22") == nothing.format("21 19")
    days = np.busday_offset(
        np.datetime64("2020-01-05"), np.arange(80), roll="forward", weekmask="1111001"
    )
    rows = pd.DataFrame({"date": days, "close": 50.0}).reindex(columns=list(COLUMNS))
    told = Observations("WTI", "yahoo:CL=F", rows, complete=False)
    keeper.store.prices.write(told, now(), "a run")
    assert asked(keeper.settings, "2026-11-22") == [("WTI", "WTI")]
    assert asked(keeper.settings, "2026-11-20") == nothing.format("19 19")


@pytest.mark.parametrize(
    ("zone", "at", "read", "left"),
    [
        ("Asia/Singapore", "18:00", "2026-11-23", "2026-11-22"),  # Monday's file on Monday
        ("Asia/Tokyo", "07:00", "2026-11-21", "2026-11-22"),  # New York's Friday on Saturday
        ("Europe/London", "18:00", "2026-11-24", "2026-11-29"),
    ],
)
def test_files_are_read_on_the_days_of_both_clocks(
    tmp_path: Path, zone: str, at: str, read: str, left: str
) -> None:
    tin = {"unit": "USD/t", "source": {"type": "file", "path": "tin.csv"}}
    keeper = caretaker(tmp_path, commodities={"Tin": tin}, fetch={"at": at, "timezone": zone})
    for day, expected in ((read, True), (left, False)):
        moment = datetime.fromisoformat(f"{day}T{at}").replace(tzinfo=ZoneInfo(zone))
        found = fetch_prices(keeper.settings)(
            build_schedule_context(scheduled_execution_time=moment)
        )
        assert isinstance(found, list) == expected


def test_a_calendar_that_ends_stops_no_other_and_is_told_by_its_own_partition(
    settings: Settings,
) -> None:
    assert asked(settings, "2199-01-06") == [("Gold", "Gold")]  # the others know it is a Sunday


def test_without_such_a_source_there_is_nothing_to_fetch(tmp_path: Path) -> None:
    keeper = caretaker(tmp_path)
    assert asked(keeper.settings, "2026-11-20") == (
        "no commodity has a source that changes by itself"
    )


def test_the_cadence_is_the_configurations_and_they_may_be_off(tmp_path: Path) -> None:
    keeper = caretaker(
        tmp_path,
        fetch={"at": "06:05", "timezone": "Asia/Tokyo"},
        automation={"running": False},
    )
    assert [
        (each.name, each.cron_schedule, each.execution_timezone, each.default_status.value)
        for each in schedules(keeper.settings)
    ] == [
        ("fetch_prices", "5 6 * * *", "Asia/Tokyo", "STOPPED"),
        ("check_freshness", "0 6 * * *", "UTC", "STOPPED"),
        ("prune_history", "0 3 * * 0", "UTC", "STOPPED"),
        ("verify_record", "0 4 * * 0", "UTC", "STOPPED"),
    ]
