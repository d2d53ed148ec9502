"""Windows: the training dates of a cadence, and the window that each begins."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Literal

from forecast_assets.timeline.window import Window

Cadence = Literal["annually", "semiannually", "quarterly", "monthly", "weekly"]

MONTHS: dict[Cadence, int] = {"annually": 12, "semiannually": 6, "quarterly": 3, "monthly": 1}
"""Months between training dates, all of them the first of a month; weekly ones are Mondays."""

EPOCH = date(1950, 1, 1)
"""Training dates are counted from here, so that ``training.start`` never renumbers them."""

CHAIN_LENGTH = 4
"""Consecutive windows warm-start from one another; every fourth starts from scratch."""


@dataclass(frozen=True)
class Windows:
    """The windows of any commodity: from the cadence's first training date on or after a start."""

    cadence: Cadence
    start: date

    @property
    def first(self) -> date:
        """The first training date, whether it has come or not."""
        return next_date(self.cadence, self.start - timedelta(days=1))

    def begun(self, now: datetime | None = None) -> list[date]:
        """Every training date that has come at ``now``, in order; it has a zone."""
        today = (now or datetime.now(UTC)).astimezone(UTC).date()
        return [day for day in dates_until(self.cadence, today) if self.start <= day <= today]

    def of(self, commodity: str, now: datetime | None = None) -> list[Window]:
        """All windows of a commodity that have begun at ``now``, in order."""
        begun = self.begun(now)
        if not begun:
            return []
        dates = dates_until(self.cadence, begun[-1])
        first = dates.index(begun[0])
        return [_window(commodity, dates, first + place) for place in range(len(begun))]

    def window(self, commodity: str, day: date) -> Window:
        """The window of a commodity that begins on ``day``, a training date."""
        dates = dates_until(self.cadence, day)
        return _window(commodity, dates, dates.index(day))


@cache
def dates_until(cadence: Cadence, day: date) -> tuple[date, ...]:
    """Every date of a cadence from the epoch to the first one after ``day``."""
    days = [next_date(cadence, EPOCH - timedelta(days=1))]
    while days[-1] <= day:
        days.append(next_date(cadence, days[-1]))
    return tuple(days)


def next_date(cadence: Cadence, day: date) -> date:
    """The first training date of a cadence after a day."""
    if cadence == "weekly":
        return day + timedelta(days=8 - day.isoweekday())
    months = MONTHS[cadence]
    month = 12 * day.year + (day.month - 1) // months * months + months
    return date(month // 12, month % 12 + 1, 1)


def _window(commodity: str, dates: tuple[date, ...], place: int) -> Window:
    earlier = dates[place - place % CHAIN_LENGTH : place]
    return Window(commodity, dates[place], dates[place + 1], earlier)
