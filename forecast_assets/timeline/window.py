"""Windows, in which a fitted model is used, and origins, from which forecasts start."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import overload

import numpy as np
from numpy.typing import NDArray

from forecast_assets.errors import ConfigurationError
from forecast_assets.timeline.history import Dates, History
from forecast_assets.timeline.sessions import next_session, trading_week


@dataclass(frozen=True)
class Origin:
    """The start of one forecast: it uses sessions up to ``cutoff`` and forecasts from ``start``."""

    cutoff: date
    start: date


@dataclass(frozen=True, eq=False)
class Origins(Sequence[Origin]):
    """Origins in order, as the arrays of their cutoffs and starts."""

    cutoffs: Dates
    starts: Dates

    def __len__(self) -> int:
        """Return the number of origins."""
        return len(self.cutoffs)

    @overload
    def __getitem__(self, place: int) -> Origin: ...
    @overload
    def __getitem__(self, place: slice) -> "Origins": ...
    def __getitem__(self, place: int | slice) -> "Origin | Origins":
        """Return one origin, or some."""
        if isinstance(place, slice):
            return Origins(self.cutoffs[place], self.starts[place])
        return Origin(self.cutoffs[place].item(), self.starts[place].item())

    def __eq__(self, other: object) -> bool:
        """Return whether these are the same origins, in the same order."""
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]  # as that of a list


@dataclass(frozen=True, order=True)
class Window:
    """The validity of a model: fitted before ``training_date``, used from then up to ``end``.

    ``earlier``: the earlier training dates of the same chain; the estimates at each date start from
    those at the date before. ``begun``: the date of the partition, if the model is trained in the
    middle of its window; otherwise None.
    """

    commodity: str
    training_date: date
    end: date
    earlier: tuple[date, ...] = field(default=(), compare=False)
    begun: date | None = field(default=None, compare=False)

    @property
    def chain(self) -> tuple[date, ...]:
        """All training dates of the chain up to this one."""
        return (*self.earlier, self.training_date)

    @property
    def partition_date(self) -> date:
        """The date in the partition key; an earlier one if the model is trained mid-window."""
        return self.begun or self.training_date

    @property
    def key(self) -> str:
        """The partition key, as Dagster writes the product of commodity and training date."""
        return f"{self.commodity}|{self.partition_date}"

    def retrained(self, day: date) -> "Window":
        """The rest of this window from ``day`` on, for models that are trained on that day.

        Raises ConfigurationError for a day that is not inside the window.
        """
        if not self.training_date < day < self.end:
            raise ConfigurationError(
                f"training_date: found {day}, allowed: a day after {self.training_date} and before"
                f" {self.end}, inside the window {self.key}"
            )
        return replace(self, training_date=day, earlier=(), begun=self.training_date)

    def holds(self, days: Dates) -> NDArray[np.bool_]:
        """Which of some days are in this window."""
        first, end = np.array([self.training_date, self.end], "datetime64[D]")
        inside: NDArray[np.bool_] = (first <= days) & (days < end)
        return inside

    def cutoffs(self, history: History, calendar: str) -> tuple[date, date] | None:
        """The first and the last cutoff of its forecasts; None if there are none yet."""
        days = self.origins(history, calendar).cutoffs
        return (days[0].item(), days[-1].item()) if len(days) else None

    def origins(self, history: History, calendar: str) -> "Origins":
        """The origins of all forecasts that start in this window, in order.

        There is one for each observed session in the window, with the session before it as its
        cutoff. There is one more for the next expected session after the newest close, if that lies
        in the window.
        """
        if len(history) == 0:
            return Origins(history.dates, history.dates)
        days, bounds = history.dates, np.array([self.training_date, self.end], "datetime64[D]")
        # The first session of all has no cutoff before it.
        first, last = np.maximum(np.searchsorted(days, bounds), 1)
        cutoffs, starts = days[first - 1 : last - 1], days[first:last]
        if history.newest < self.end:
            following = next_session(history.newest, calendar, trading_week(days))
            if self.training_date <= following < self.end:
                cutoffs = np.append(cutoffs, days[-1])
                starts = np.append(starts, np.datetime64(following))
        return Origins(cutoffs, starts)
