"""Sessions: the day that is forecast when it has no price yet."""

from datetime import date, timedelta

import exchange_calendars
import numpy as np
import pytest

from forecast_assets.errors import ConfigurationError
from forecast_assets.timeline.history import History
from forecast_assets.timeline.sessions import (
    FROM_DATA,
    expected_sessions,
    following,
    next_session,
    too_sparse,
    trading_week,
)


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


def days(first: str, count: int, week: str = "1111100") -> np.ndarray:
    """Sessions on some weekdays, from a day on."""
    return np.busday_offset(np.datetime64(first), np.arange(count), roll="forward", weekmask=week)


MONDAY_TO_FRIDAY, EVERY_DAY, SUNDAY_TO_THURSDAY = "1111100", "1111111", "1111001"


def week_of(mask: str) -> tuple[bool, ...]:
    return tuple(day == "1" for day in mask)


@pytest.mark.parametrize("mask", [MONDAY_TO_FRIDAY, EVERY_DAY, SUNDAY_TO_THURSDAY, "1010100"])
def test_the_weekdays_that_trade_are_learned(mask: str) -> None:
    for count in (20, 37, 60, 400):
        assert trading_week(days("2024-01-03", count, mask)) == week_of(mask)


@pytest.mark.parametrize("after", [2, 10, 19, 20, 30, 59, 60])
@pytest.mark.parametrize("mask", [MONDAY_TO_FRIDAY, EVERY_DAY, SUNDAY_TO_THURSDAY])
def test_a_gap_of_years_says_nothing_of_weekdays(after: int, mask: str) -> None:
    sessions = np.concatenate([days("2015-01-05", 300, mask), days("2026-09-01", after, mask)])
    assert trading_week(sessions) == week_of(mask)
    assert too_sparse(sessions) is None


def test_what_trades_since_a_long_gap_is_what_counts() -> None:
    before = days("2015-01-05", 300, MONDAY_TO_FRIDAY)
    now = days("2026-09-01", 25, EVERY_DAY)
    assert trading_week(np.concatenate([before, now])) == week_of(EVERY_DAY)
    assert trading_week(np.concatenate([before, now[:8]])) == week_of(MONDAY_TO_FRIDAY)


def test_holidays_take_no_weekday_away() -> None:
    sessions = days("2024-10-01", 60)
    mondays = (sessions.astype(np.int64) + 3) % 7 == 0
    off = mondays & (np.cumsum(mondays) % 3 == 0)  # every third Monday
    christmas = (sessions >= np.datetime64("2024-12-16")) & (sessions < np.datetime64("2025-01-06"))
    assert trading_week(sessions[~off & ~christmas]) == week_of(MONDAY_TO_FRIDAY)


def test_a_young_series_trades_from_monday_to_friday() -> None:
    for count in (0, 1, 3, 19):
        assert trading_week(days("2026-11-20", count, EVERY_DAY)) == week_of(MONDAY_TO_FRIDAY)


STEPS = {
    "one price a week (7 days": [7],
    "one price a fortnight (14 days": [14],
    "one price a month (30 days": [31, 30, 28, 31],
    "one price a quarter (91 days": [90, 91, 92],
    "one price a year (365 days": [365],
    "too few prices (5 days": [2, 9, 3, 7, 5],
    "too few prices (11 days": [1, 21, 4, 18, 11],
}


@pytest.mark.parametrize(("says", "steps"), STEPS.items())
@pytest.mark.parametrize("count", [8, 24, 200])
def test_a_sparse_series_is_told_by_how_rarely_it_has_a_price(
    says: str, steps: list[int], count: int
) -> None:
    offsets = np.cumsum(np.resize(steps, count))
    sessions = np.datetime64("1990-01-01") + offsets
    reason = too_sparse(sessions)
    assert reason is not None
    if count == 200:
        assert reason.startswith(says)
    assert "between sessions): forecasts are by session" in reason


@pytest.mark.parametrize(("says", "steps"), STEPS.items())
def test_a_sparse_series_has_a_next_session_all_the_same(says: str, steps: list[int]) -> None:
    for count in range(1, 130, 7):
        sessions = np.datetime64("1990-01-01") + np.cumsum(np.resize(steps, count))
        week = trading_week(sessions)
        assert any(week), says
        newest = sessions[-1].item()
        assert newest < next_session(newest, FROM_DATA, week) <= newest + timedelta(days=7)


def test_a_daily_series_with_gaps_is_not_sparse() -> None:
    whole = days("2018-01-01", 600)
    for lost in ((100, 300), (560, 575), (597, 598), (0, 580)):
        assert too_sparse(np.delete(whole, np.arange(*lost))) is None
    monthly_before = np.datetime64("1970-01-01") + 30 * np.arange(90)
    assert too_sparse(np.concatenate([monthly_before, days("1979-01-01", 60)])) is None
    assert too_sparse(days("2024-01-02", 100, "0101000")) is None  # auctions, twice a week
    assert too_sparse(days("2024-01-02", 3)) is None
    assert too_sparse(whole[:0]) is None


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("mask", [MONDAY_TO_FRIDAY, EVERY_DAY, SUNDAY_TO_THURSDAY])
def test_a_series_at_odd_times_is_named_so(mask: str, seed: int) -> None:
    whole = days("2020-01-01", 1100, mask)
    generator = np.random.default_rng(seed)
    odd = np.sort(generator.choice(whole, 420, replace=False))
    assert str(too_sparse(odd)).startswith("prices at odd times (of the newest ")
    most = np.sort(generator.choice(whole, 900, replace=False))
    assert too_sparse(most) is None
    assert too_sparse(np.concatenate([odd, whole[-1] + 1 + np.arange(60)])) is None


@pytest.mark.parametrize("calendar", ["XSHG", "XSAU", "XIDX", "XTKS", "24/7"])
def test_no_exchange_with_its_holidays_is_at_odd_times(calendar: str) -> None:
    sessions = expected_sessions(date(2021, 1, 4), date(2025, 12, 30), calendar)
    for count in (20, 35, 60):
        for end in range(count, len(sessions), 7):
            assert too_sparse(sessions[end - count : end]) is None


@pytest.mark.parametrize("lost", [7, 12, 40, 400])
@pytest.mark.parametrize("mask", [MONDAY_TO_FRIDAY, EVERY_DAY, SUNDAY_TO_THURSDAY])
def test_one_gap_is_not_at_odd_times(mask: str, lost: int) -> None:
    whole = days("2020-01-01", 700, mask)
    for start in (200, 630, 660, 685, 698):
        assert too_sparse(np.delete(whole, np.arange(start - lost // 2, start))) is None


def test_what_follows_the_newest_close_is_as_many_sessions_as_are_asked_for() -> None:
    days = np.array(["2023-12-20", "2023-12-21", "2023-12-22"], dtype="datetime64[D]")
    history = History("Coffee", days, np.ones(3))
    winter = [date(2023, 12, 27), date(2023, 12, 28), date(2023, 12, 29), date(2024, 1, 2)]
    assert following(history, "XLON", 4) == winter
    assert following(history, FROM_DATA, 3) == [date(2023, 12, day) for day in (25, 26, 27)]
    assert following(history.known_before(date(2023, 12, 1)), "XLON", 4) == []


def test_what_follows_agrees_with_one_step_after_the_other_and_ends_with_the_calendar() -> None:
    days = np.busday_offset("2020-01-01", np.arange(60), roll="forward", weekmask="1111011")
    history = History("Coffee", days[:-1], np.ones(59))
    for calendar in (FROM_DATA, "XLON"):
        found = following(history, calendar, 40)
        steps = [history.newest]
        for _ in found:
            steps.append(next_session(steps[-1], calendar, trading_week(history.dates)))
        assert found == steps[1:]
    whole = following(history, "XLON", 10**6)
    assert 1000 < len(whole) < 10**4
    with pytest.raises(ConfigurationError):
        next_session(whole[-1], "XLON")
