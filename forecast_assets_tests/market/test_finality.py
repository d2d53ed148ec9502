"""From when on a close is final, and which fire of the schedule asks for it."""

import time
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from dagster import RunRequest, build_schedule_context

from forecast_assets.configuration.sections import Fetch
from forecast_assets.configuration.settings import Settings
from forecast_assets.defs.schedules import fetch_prices, fire_before
from forecast_assets.errors import ConfigurationError
from forecast_assets.market.finality import final_at, has_ended, newest_final
from forecast_assets.market.live import final_day
from forecast_assets.timeline.sessions import FROM_DATA
from forecast_assets_tests.caretaker import caretaker

NEW_YORK = ZoneInfo("America/New_York")

ZONES = [
    ("Asia/Singapore", "06:00"),
    ("Asia/Singapore", "05:00"),
    ("Asia/Tokyo", "08:00"),
    ("Australia/Sydney", "09:00"),
    ("Europe/London", "23:30"),
    ("UTC", "00:10"),
    ("America/Los_Angeles", "13:30"),
    ("America/Los_Angeles", "15:00"),
    ("America/New_York", "19:00"),
    ("Pacific/Kiritimati", "12:00"),
]

CHANGES = {
    "New York, November": date(2026, 10, 26),
    "New York, March": date(2026, 3, 2),
    "London, October": date(2026, 10, 19),
    "Sydney, April": date(2026, 3, 30),
    "Thanksgiving": date(2026, 11, 16),
}
"""The first of two weeks in which clocks are changed, or an exchange closes early."""


HOLIDAYS = {"CMES": [date(2026, 4, 3)], FROM_DATA: []}
"""Good Friday, which a week learned from the data does not know."""


def fires(zone: str, at: str, first: date) -> list[datetime]:
    """Two weeks of fires of a schedule, each at its wall time."""
    days = [first + timedelta(days=day) for day in range(15)]
    return [datetime.combine(day, clock.fromisoformat(at), ZoneInfo(zone)) for day in days]


def in_new_york(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 17, tzinfo=NEW_YORK)


@pytest.mark.parametrize("calendar", ["CMES", FROM_DATA])
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize(("zone", "at"), ZONES)
def test_each_session_is_asked_for_by_the_first_fire_after_it_has_ended(
    zone: str, at: str, change: str, calendar: str
) -> None:
    fetch, asked = Fetch(at=at, timezone=zone), fires(zone, at, CHANGES[change])
    for before, fire in pairwise(asked):
        days = [before.date() + timedelta(days=day) for day in range(-2, 4)]
        sessions = [day for day in days if day.weekday() < 5 and day not in HOLIDAYS[calendar]]
        ended = [day for day in sessions if before < in_new_york(day) <= fire]
        assert len(ended) <= 1
        assert has_ended(before, fire, calendar, fetch) == bool(ended)
        final = final_day(fetch, fire, calendar)
        assert in_new_york(final) <= fire  # never one that goes on
        if ended:
            assert final == ended[0]


@pytest.mark.parametrize(
    ("zone", "at", "expected"),
    [
        # a week from Sunday 2026-11-01 on, the night on which New York's clocks went back
        ("Asia/Singapore", "06:00", ["-", "-", "Mon 02", "Tue 03", "Wed 04", "Thu 05", "Fri 06"]),
        ("Asia/Tokyo", "08:00", ["-", "-", "Mon 02", "Tue 03", "Wed 04", "Thu 05", "Fri 06"]),
        ("Australia/Sydney", "09:00", ["-", "-", "Mon 02", "Tue 03", "Wed 04", "Thu 05", "Fri 06"]),
        ("Europe/London", "23:30", ["-", "Mon 02", "Tue 03", "Wed 04", "Thu 05", "Fri 06", "-"]),
        ("UTC", "21:59", ["-", "-", "Mon 02", "Tue 03", "Wed 04", "Thu 05", "Fri 06"]),
        (
            "America/Los_Angeles",
            "13:59",
            ["-", "-", "Mon 02", "Tue 03", "Wed 04", "Thu 05", "Fri 06"],
        ),
        (
            "America/Los_Angeles",
            "15:00",
            ["-", "Mon 02", "Tue 03", "Wed 04", "Thu 05", "Fri 06", "-"],
        ),
    ],
)
def test_the_schedule_brings_each_close_once_weekends_included(
    tmp_path: Path, zone: str, at: str, expected: list[str]
) -> None:
    settings = with_wti(tmp_path, zone, at)
    days = [date(2026, 11, 1) + timedelta(days=day) for day in range(7)]
    found = []
    for day in days:
        fire = datetime.combine(day, clock.fromisoformat(at), ZoneInfo(zone))
        # Dagster may give the moment in any zone
        context = build_schedule_context(scheduled_execution_time=fire.astimezone(UTC))
        requests = fetch_prices(settings)(context)
        final = final_day(settings.fetch, fire, "CMES")
        if isinstance(requests, list):
            assert [x.run_key for x in requests if isinstance(x, RunRequest)] == [f"{day} WTI"]
        found.append(f"{final:%a %d}" if isinstance(requests, list) else "-")
    assert found == expected


def with_wti(folder: Path, zone: str, at: str) -> Settings:
    source = {"type": "yahoo", "symbol": "CL=F"}
    commodity = {"unit": "USD/bbl", "source": source, "calendar": "CMES"}
    return caretaker(
        folder, commodities={"WTI": commodity}, fetch={"at": at, "timezone": zone}
    ).settings


@pytest.mark.parametrize("machine", ["Asia/Singapore", "America/Los_Angeles", "UTC"])
def test_the_zone_of_the_machine_is_nobodys_business(
    machine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    moments = fires("Asia/Singapore", "06:00", CHANGES["New York, November"])
    fetch = Fetch(at="06:00", timezone="Asia/Singapore")
    expected = [newest_final(moment, "CMES", fetch) for moment in moments]
    monkeypatch.setenv("TZ", machine)
    time.tzset()
    try:
        assert [newest_final(moment, "CMES", fetch) for moment in moments] == expected
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    ("calendar", "day", "moment"),
    [
        ("CMES", date(2026, 11, 24), "2026-11-24 22:00"),  # 16:00 in Chicago
        ("NYMEX", date(2026, 7, 7), "2026-07-07 21:00"),  # the same by another name, in summer
        ("us_futures", date(2026, 7, 7), "2026-07-07 21:00"),
        ("CMES", date(2026, 11, 27), "2026-11-27 22:00"),  # closes early, its bar may go on
        ("XLON", date(2026, 11, 24), "2026-11-24 16:30"),
        ("XLON", date(2026, 12, 24), "2026-12-24 12:30"),  # closes early
        ("XTKS", date(2026, 11, 24), "2026-11-24 06:30"),
        ("24/7", date(2026, 11, 28), "2026-11-29 00:00"),
        (FROM_DATA, date(2026, 11, 24), "2026-11-24 22:00"),
        (FROM_DATA, date(2026, 7, 7), "2026-07-07 21:00"),
    ],
)
def test_a_close_is_final_when_its_exchange_has_closed(
    calendar: str, day: date, moment: str
) -> None:
    due = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    assert final_at(day, calendar, Fetch()) == due
    assert newest_final(due, calendar, Fetch()) == day
    assert newest_final(due - timedelta(minutes=1), calendar, Fetch()) < day


def test_without_a_calendar_the_configuration_says_when() -> None:
    fetch = Fetch(final_at="17:30", exchange_timezone="Europe/London")
    for text, day in (("16:29", 22), ("16:30", 23)):  # in summer London is an hour ahead of UTC
        moment = datetime.fromisoformat(f"2026-06-23 {text}").replace(tzinfo=UTC)
        assert newest_final(moment, FROM_DATA, fetch) == date(2026, 6, day)


def test_on_a_weekend_and_a_holiday_the_session_before_is_the_last() -> None:
    for day in (28, 29, 30):  # 30: Monday morning
        moment = datetime(2026, 11, day, 6, tzinfo=ZoneInfo("Asia/Singapore"))
        assert newest_final(moment, "CMES", Fetch()) == date(2026, 11, 27)
    christmas = datetime(2026, 12, 25, 23, tzinfo=UTC)
    assert newest_final(christmas, "CMES", Fetch()) == date(2026, 12, 24)
    assert newest_final(christmas, "XLON", Fetch()) == date(2026, 12, 24)


def test_a_moment_that_a_calendar_does_not_reach_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="calendar: found 'XLON', which ends with"):
        newest_final(datetime(2199, 1, 1, tzinfo=UTC), "XLON", Fetch())


@pytest.mark.parametrize(
    ("fire", "before"),
    [
        ("2026-11-02 02:30", "2026-11-01 07:30"),  # summer time ended an hour before
        ("2026-11-02 01:30", "2026-11-01 05:30"),  # there were two of 01:30: the first
        ("2026-03-09 02:30", "2026-03-08 06:30"),  # there was no 02:30: before what came of it
        ("2026-03-08 19:00", "2026-03-08 00:00"),  # a day of 23 hours
        ("2026-11-01 19:00", "2026-10-31 23:00"),  # a day of 25
    ],
)
def test_the_fire_before_leaves_no_gap_where_clocks_are_changed(fire: str, before: str) -> None:
    moment = datetime.fromisoformat(fire).replace(tzinfo=NEW_YORK)
    assert f"{fire_before(moment).astimezone(UTC):%Y-%m-%d %H:%M}" == before
