"""Sessions: the day that is forecast when it has no price yet."""

from datetime import date, timedelta

import exchange_calendars
import pytest

from forecast_assets.configuration import FROM_DATA
from forecast_assets.errors import ConfigurationError
from forecast_assets.sessions import next_session


@pytest.mark.parametrize(
    ("day", "following"),
    [
        (date(2024, 6, 26), date(2024, 6, 27)),
        (date(2024, 6, 28), date(2024, 7, 1)),  # Friday
        (date(2024, 6, 29), date(2024, 7, 1)),  # Saturday
        (date(2024, 6, 30), date(2024, 7, 1)),  # Sunday
        (date(2024, 12, 24), date(2024, 12, 25)),  # no calendar, no holidays
        (date(2024, 2, 28), date(2024, 2, 29)),
        (date(2021, 12, 31), date(2022, 1, 3)),
    ],
)
def test_without_a_calendar_every_weekday_is_a_session(day: date, following: date) -> None:
    assert next_session(day, FROM_DATA) == following


@pytest.mark.parametrize(
    ("day", "following"),
    [
        (date(2024, 6, 26), date(2024, 6, 27)),
        (date(2024, 6, 28), date(2024, 7, 1)),
        (date(2023, 12, 22), date(2023, 12, 27)),  # a weekend, Christmas and Boxing Day
        (date(2024, 12, 24), date(2024, 12, 27)),  # a half day is a session
        (date(2024, 3, 28), date(2024, 4, 2)),  # Good Friday to Easter Monday
        (date(2022, 6, 1), date(2022, 6, 6)),  # a bank holiday moved, and the Platinum Jubilee
        (date(2022, 9, 16), date(2022, 9, 20)),  # the Queen's funeral
        (date(2021, 12, 31), date(2022, 1, 4)),  # New Year's Day, observed on Monday
        (date(2024, 4, 1), date(2024, 4, 2)),  # from a holiday itself
        (date(2024, 3, 29), date(2024, 4, 2)),  # from Good Friday
        (date(2024, 6, 29), date(2024, 7, 1)),  # from a Saturday
        (date(1995, 12, 22), date(1995, 12, 27)),  # before the calendar's usual beginning
        (date(2024, 6, 30), date(2024, 7, 1)),  # from a Sunday
    ],
)
def test_london_has_its_holidays(day: date, following: date) -> None:
    assert next_session(day, "XLON") == following


def test_a_session_is_followed_by_the_next_of_the_calendar_at_every_step_over_christmas() -> None:
    winter = exchange_calendars.get_calendar("XLON", start="2022-12-19", end="2023-01-06")
    sessions = [session.date() for session in winter.sessions]
    assert [next_session(day, "XLON") for day in sessions[:-1]] == sessions[1:]


def test_around_the_clock_every_day_is_a_session() -> None:
    saturday = date(2024, 6, 29)
    assert next_session(saturday, "24/7") == saturday + timedelta(days=1)


def test_a_week_of_holidays_is_passed_over() -> None:
    # Tokyo closed from 2019-04-27 to 2019-05-06 for the new emperor.
    assert next_session(date(2019, 4, 26), "XTKS") == date(2019, 5, 7)


def test_the_next_session_is_a_date_of_the_standard_library() -> None:
    assert type(next_session(date(2024, 6, 28), FROM_DATA)) is date


def test_a_day_that_a_calendar_does_not_reach_is_told_by_its_name() -> None:
    with pytest.raises(ConfigurationError, match=r"found 'XLON', which does not know .* 2999-01-0"):
        next_session(date(2999, 1, 1), "XLON")
