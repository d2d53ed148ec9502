"""Sessions: the trading days of a commodity that has no price for them yet."""

from datetime import date

import exchange_calendars
import numpy as np
import pandas as pd

from forecast_assets.configuration import FROM_DATA
from forecast_assets.errors import ConfigurationError


def next_session(day: date, calendar: str) -> date:
    """The first session after ``day``.

    By a calendar of exchange_calendars, or Monday to Friday where it is ``from_data``. Raises
    ConfigurationError for a day that the calendar does not reach.
    """
    if calendar == FROM_DATA:
        following = np.busday_offset(np.datetime64(day) + 1, 0, roll="forward")
        return date.fromisoformat(str(following))
    after = pd.Timestamp(day)
    exchange = exchange_calendars.get_calendar(calendar)
    try:
        if after < exchange.first_session:
            exchange = exchange_calendars.get_calendar(calendar, start=after)
        later = exchange.sessions[exchange.sessions > after]
        following = later[0].date()
    except (ValueError, IndexError) as error:
        raise ConfigurationError(
            f"calendar: found {calendar!r}, which does not know the session after {day}; without"
            f" a calendar it is the next weekday ({error})"
        ) from error
    found: date = following
    return found
