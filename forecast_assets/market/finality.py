"""Finality: the moment from which a session's close is final, on the clock of its exchange.

The time zones of this machine and of a schedule do not matter: when a session in New York has
ended, its close is final in Singapore too, although the next day has begun there.
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pandas as pd

from forecast_assets.configuration.sections import Fetch
from forecast_assets.errors import ConfigurationError
from forecast_assets.timeline.sessions import FROM_DATA, WEEKDAYS, Week, expected_sessions

if TYPE_CHECKING:
    from exchange_calendars import ExchangeCalendar

PAUSES = {"CMES": time(16), "us_futures": time(17)}
"""The hour at which exchanges that trade around the clock pause, on their own clocks.

Their sessions end at this pause of an hour. exchange_calendars ends them an hour later, when the
next session begins.
"""

ONE_DAY = timedelta(days=1)


def final_at(day: date, calendar: str, fetch: Fetch) -> datetime:
    """The moment from which the close of a session is final, in UTC.

    The calendar gives the moment. A calendar that is learned from the data has none, so it is
    ``fetch.final_at`` in ``fetch.exchange_timezone``. Raises ValueError for a day that is not a
    session of the calendar.
    """
    if calendar == FROM_DATA:
        zone = ZoneInfo(fetch.exchange_timezone)
        return datetime.combine(day, time.fromisoformat(fetch.final_at), zone).astimezone(UTC)
    import exchange_calendars  # loaded when a calendar is named

    exchange = exchange_calendars.get_calendar(calendar)
    if exchange.name in PAUSES:
        return datetime.combine(day, PAUSES[exchange.name], _zone(exchange)).astimezone(UTC)
    closed: datetime = exchange.session_close(pd.Timestamp(day)).to_pydatetime()
    return closed


def newest_final(now: datetime, calendar: str, fetch: Fetch) -> date:
    """The last day whose close is final at ``now``, which has a time zone.

    It is a session of the calendar, or any day if the calendar is learned from the data. Raises
    ConfigurationError for a moment that the calendar does not reach.
    """
    if calendar == FROM_DATA:
        today = now.astimezone(ZoneInfo(fetch.exchange_timezone)).date()
        return today if final_at(today, calendar, fetch) <= now else today - ONE_DAY
    import exchange_calendars  # loaded when a calendar is named

    exchange = exchange_calendars.get_calendar(calendar)
    today = now.astimezone(_zone(exchange)).date()
    begun = exchange.sessions[exchange.sessions <= pd.Timestamp(today + ONE_DAY)]
    last = exchange.sessions[-1].date()
    if today > last:
        raise ConfigurationError(
            f"calendar: found {calendar!r}, which ends with {last}: a newer release of"
            f" exchange_calendars knows more, and {FROM_DATA} needs none"
        )
    days = (session.date() for session in begun[::-1])
    found: date = next(day for day in days if final_at(day, calendar, fetch) <= now)
    return found


def has_ended(
    since: datetime, until: datetime, calendar: str, fetch: Fetch, week: Week = WEEKDAYS
) -> bool:
    """Whether a close became final after ``since`` and not after ``until``; both have time zones.

    Raises ConfigurationError for days that the calendar does not reach.
    """
    days = expected_sessions(since.date() - 2 * ONE_DAY, until.date() + ONE_DAY, calendar, week)
    return any(since < final_at(day, calendar, fetch) <= until for day in days.tolist())


def _zone(exchange: "ExchangeCalendar") -> ZoneInfo:
    return ZoneInfo(str(exchange.tz))
