"""Windows, in which a fitted model is used, and origins, from which forecasts start."""

from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np

from forecast_assets.errors import ConfigurationError
from forecast_assets.timeline.history import History
from forecast_assets.timeline.sessions import next_session, trading_week


@dataclass(frozen=True)
class Origin:
    """The start of one forecast: it uses sessions up to ``cutoff`` and forecasts from ``start``."""

    cutoff: date
    start: date


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

    def cutoffs(self, history: History, calendar: str) -> tuple[date, date] | None:
        """The first and the last cutoff of its forecasts; None if there are none yet."""
        found = self.origins(history, calendar)
        return (found[0].cutoff, found[-1].cutoff) if found else None

    def origins(self, history: History, calendar: str) -> list[Origin]:
        """The origins of all forecasts that start in this window, in order.

        There is one for each observed session in the window, with the session before it as its
        cutoff. There is one more for the next expected session after the newest close, if that lies
        in the window.
        """
        if len(history) == 0:
            return []
        days, bounds = history.dates, np.array([self.training_date, self.end], "datetime64[D]")
        # The first session of all has no cutoff before it.
        first, last = np.maximum(np.searchsorted(days, bounds), 1)
        found = [
            Origin(cutoff, start)
            for cutoff, start in zip(
                days[first - 1 : last - 1].tolist(), days[first:last].tolist(), strict=True
            )
        ]
        if history.newest < self.end:
            following = next_session(history.newest, calendar, trading_week(days))
            if self.training_date <= following < self.end:
                found.append(Origin(history.newest, following))
        return found
