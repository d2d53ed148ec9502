"""Sessions: the days on which a commodity trades, whether they have a price or not."""

from datetime import date, timedelta
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from forecast_assets.errors import ConfigurationError
from forecast_assets.timeline.history import Dates, History, frozen

LEARNED_FROM, LEAST = 60, 20
"""Weekdays are learned from at most 60 sessions; with fewer than 20 they are Monday to Friday."""

SHARE = 1 / 3
"""A weekday counts as traded if it had a session in this share of the weeks with any session."""

LONG_GAP_DAYS = 30
"""A longer gap is not a holiday: the weekdays that trade may be different after it."""

JUDGED_FROM, USUAL_DAYS = 8, 4.0
"""From 8 sessions on, a series is too sparse if they are usually more than 4 days apart."""

HOLIDAYS_DAYS = 10
"""A longer gap is left out when the regularity of a series is measured."""

REGULAR = 0.6
"""A series is at odd times if fewer of its newest trading days than this share have a price."""

RATES = {
    "a week": (6, 8),
    "a fortnight": (12, 16),
    "a month": (26, 33),
    "a quarter": (85, 95),
    "a year": (360, 370),
}
"""How often a sparse series has a price: the range of the usual days between two prices."""

WEEKDAYS = (True, True, True, True, True, False, False)
"""Monday to Friday."""

Week = tuple[bool, ...]
"""Whether each day of the week trades, from Monday on."""

ONE_DAY = timedelta(days=1)


def trading_week(dates: Dates) -> Week:
    """The weekdays that trade, learned from the newest sessions.

    ``dates``: datetime64[D], shape (n,), sorted. Weeks without a session do not count, so that a
    gap does not hide weekdays. The sessions before a long gap do not count either, if enough follow
    it. The result is Monday to Friday if nothing can be learned, so at least one day always trades.
    """
    newest = dates[-LEARNED_FROM:]
    gaps_at = np.flatnonzero(_days_between(newest) > LONG_GAP_DAYS)
    if len(gaps_at) and len(newest) - (gaps_at[-1] + 1) >= LEAST:
        newest = newest[gaps_at[-1] + 1 :]
    if len(newest) < LEAST:
        return WEEKDAYS
    since_monday = newest.astype(np.int64) + 3  # 1970-01-01 was a Thursday
    weeks = len(np.unique(since_monday // 7))
    week = np.bincount(since_monday % 7, minlength=7) >= SHARE * weeks
    return tuple(week.tolist()) if week.any() else WEEKDAYS


def too_sparse(dates: Dates) -> str | None:
    """Why a series has too few prices to be forecast session by session, or None if it has enough.

    ``dates``: datetime64[D], shape (n,), sorted. The rule looks at the newest sessions: at the days
    that usually lie between two of them, and at the share of trading days that have a price. A
    daily series with one or several long gaps is not too sparse.
    """
    newest = dates[-LEARNED_FROM:]
    if len(newest) < JUDGED_FROM:
        return None
    between = np.sort(_days_between(newest))
    quarter = len(between) // 4
    usual = float(between[quarter : len(between) - quarter].mean())
    if usual <= USUAL_DAYS:
        return at_odd_times(dates)
    rates = [f"one price {rate}" for rate, (low, high) in RATES.items() if low <= usual <= high]
    rate = rates[0] if rates else "too few prices"
    return (
        f"{rate} ({usual:.0f} days between sessions): forecasts are by session, and need a price"
        " of nearly every trading day"
    )


def at_odd_times(dates: Dates) -> str | None:
    """Why a series has prices at odd times, or None if it has not.

    A series has prices at odd times if many of the weekdays on which it trades have no price.
    ``dates``: datetime64[D], shape (n,), sorted. Gaps longer than ``HOLIDAYS_DAYS`` do not count. A
    series that is too short to learn its weekdays from never has prices at odd times.
    """
    newest = dates[-LEARNED_FROM:].astype("datetime64[D]")
    if len(newest) < LEAST:
        return None
    near = _days_between(newest) <= HOLIDAYS_DAYS
    before, after = newest[:-1][near], newest[1:][near]
    week = list(trading_week(dates))
    trading = int(np.busday_count(before + 1, after + 1, weekmask=week).sum())
    priced = int(np.is_busday(after, weekmask=week).sum())
    if priced >= REGULAR * trading:
        return None
    return (
        f"prices at odd times (of the newest {trading} trading days {priced} have one): forecasts"
        " are by session, and need a price of nearly every trading day"
    )


def next_session(day: date, calendar: str, week: Week = WEEKDAYS) -> date:
    """The first session after ``day``.

    ``calendar``: a name of exchange_calendars, or ``from_data`` for the next day that trades in
    ``week``. Raises ConfigurationError for a day that the calendar does not reach.
    """
    if calendar == FROM_DATA:
        following = np.busday_offset(np.datetime64(day) + 1, 0, roll="forward", weekmask=list(week))
        return date.fromisoformat(str(following))
    sessions = _sessions_from(calendar, day)
    place = int(np.searchsorted(sessions, np.datetime64(day), side="right"))
    if place == len(sessions):
        raise ConfigurationError(_beyond(calendar, day))
    found: date = sessions[place].item()
    return found


def following(history: History, calendar: str, count: int) -> list[date]:
    """The next sessions that are expected after the newest close; empty without any close.

    There are ``count`` of them, or fewer where the calendar of an exchange ends.
    """
    if len(history) == 0:
        return []
    newest = np.datetime64(history.newest)
    if calendar == FROM_DATA:
        week = list(trading_week(history.dates))
        days = np.busday_offset(newest + 1, np.arange(count), roll="forward", weekmask=week)
    else:
        sessions = _sessions_from(calendar, history.newest)
        days = sessions[sessions > newest][:count]
    found: list[date] = days.tolist()
    return found


def expected_sessions(first: date, last: date, calendar: str, week: Week = WEEKDAYS) -> Dates:
    """Every session from ``first`` to ``last``, both included: datetime64[D], shape (n,).

    Raises ConfigurationError for days that the calendar does not reach.
    """
    if last < first:
        return np.empty(0, dtype="datetime64[D]")
    if calendar == FROM_DATA:
        days: Dates = np.arange(np.datetime64(first), np.datetime64(last) + 1)
        return days[np.is_busday(days, weekmask=list(week))]
    sessions = _sessions_from(calendar, first)
    if sessions[-1] < np.datetime64(last):
        raise ConfigurationError(_beyond(calendar, last))
    return sessions[(sessions >= np.datetime64(first)) & (sessions <= np.datetime64(last))]


def gaps(history: History, calendar: str, since: date) -> list[date]:
    """Sessions from ``since`` on, between the first and the newest close, that have no price.

    There are none if the calendar is learned from the data, since it cannot tell a missing price
    from a holiday.
    """
    if calendar == FROM_DATA or len(history) == 0:
        return []
    expected = expected_sessions(max(history.first, since), history.newest, calendar)
    missing: list[date] = np.setdiff1d(expected, history.dates).tolist()
    return missing


def age(newest: date, today: date, calendar: str, week: Week = WEEKDAYS) -> int:
    """How many sessions there were after ``newest`` and before ``today``.

    Today's session does not count, since it may not have ended.
    """
    return len(expected_sessions(newest + ONE_DAY, today - ONE_DAY, calendar, week))


def _days_between(dates: Dates) -> NDArray[np.int64]:
    """Days from each session to the next, shape (n - 1,)."""
    return np.diff(dates.astype("datetime64[D]")).astype(np.int64)


def _sessions_from(calendar: str, day: date) -> Dates:
    """Sessions of an exchange, from ``day`` or before to about a year from now."""
    usual = _sessions(calendar, None)
    if np.datetime64(day) >= usual[0]:
        return usual
    try:
        return _sessions(calendar, date(day.year, 1, 1))
    except ValueError as error:
        raise ConfigurationError(f"{_beyond(calendar, day)} ({error})") from error


@lru_cache
def _sessions(calendar: str, start: date | None) -> Dates:
    import exchange_calendars  # loaded when a calendar is named

    sessions = exchange_calendars.get_calendar(calendar, start=start).sessions
    return frozen(sessions.to_numpy(), "datetime64[D]")


def _beyond(calendar: str, day: date) -> str:
    return (
        f"calendar: found {calendar!r}, which does not know the session after {day}; with"
        f" {FROM_DATA} it is the next weekday that trades"
    )


FROM_DATA = "from_data"
"""The name of the calendar that is learned from the data: every weekday that trades."""
