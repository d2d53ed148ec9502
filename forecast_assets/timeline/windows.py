"""Windows: the training dates of a cadence, and the windows that begin on them."""

from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Literal

from forecast_assets.timeline.window import Window

Cadence = Literal["annually", "semiannually", "quarterly", "monthly", "weekly"]

MONTHS: dict[Cadence, int] = {"annually": 12, "semiannually": 6, "quarterly": 3, "monthly": 1}
"""Months between training dates, each the first of a month; weekly training dates are Mondays."""

EPOCH = date(1950, 1, 1)
"""Fixed date from which training dates are numbered, so ``training.start`` never renumbers them."""

CHAIN_LENGTH = 4
"""Consecutive windows warm-start from one another; every fourth starts from scratch."""

YEARS_KEPT = 64
"""For so many years the dates are kept: by day, a process that runs for years would keep more."""


@dataclass(frozen=True)
class Windows:
    """The windows of every commodity: those of a cadence that begin on or after ``start``."""

    cadence: Cadence
    start: date

    @property
    def first(self) -> date:
        """The first training date, which may lie in the future."""
        return next_date(self.cadence, self.start - timedelta(days=1))

    def begun(self, now: datetime | None = None) -> list[date]:
        """The training dates up to ``now`` (with a time zone; by default the present), in order."""
        today = (now or datetime.now(UTC)).astimezone(UTC).date()
        return [day for day in dates_until(self.cadence, today) if self.start <= day <= today]

    def of(self, commodity: str, now: datetime | None = None) -> list[Window]:
        """The windows of a commodity that have begun by ``now``, in order."""
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


def dates_until(cadence: Cadence, day: date) -> tuple[date, ...]:
    """The dates of a cadence from the epoch up to and including the first one after ``day``."""
    dates = _dates_through(cadence, day.year)
    return dates[: bisect_right(dates, day) + 1]


@lru_cache(YEARS_KEPT)
def _dates_through(cadence: Cadence, year: int) -> tuple[date, ...]:
    """The dates of a cadence from the epoch up to and including the first one after a year."""
    days = [next_date(cadence, EPOCH - timedelta(days=1))]
    while days[-1].year <= year:
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
