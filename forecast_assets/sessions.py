"""Sessions: the trading days of a commodity that has no price for them yet."""

from datetime import date, timedelta

import exchange_calendars
import numpy as np


def next_session(day: date, calendar: str | None) -> date:
    """The first session after ``day``.

    By a calendar of exchange_calendars, or Monday to Friday where ``calendar`` is None.
    """
    if calendar is None:
        following = np.busday_offset(np.datetime64(day) + 1, 0, roll="forward")
        return date.fromisoformat(str(following))
    exchange = exchange_calendars.get_calendar(
        calendar, start=day.isoformat(), end=(day + timedelta(days=30)).isoformat()
    )
    later: date = exchange.date_to_session(
        (day + timedelta(days=1)).isoformat(), direction="next"
    ).date()
    return later
