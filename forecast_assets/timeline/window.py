"""Windows and origins."""

from dataclasses import dataclass, field, replace
from datetime import date

from forecast_assets.errors import ConfigurationError
from forecast_assets.timeline.history import History
from forecast_assets.timeline.sessions import next_session, trading_week


@dataclass(frozen=True)
class Origin:
    """One forecast to issue: known up to ``cutoff``, for sessions from ``start`` on."""

    cutoff: date
    start: date


@dataclass(frozen=True, order=True)
class Window:
    """A model's validity: fitted before ``training_date``, used from it until ``end``.

    ``earlier``: the training dates, if any, along whose estimates its own are begun. ``begun``:
    the partition's own date, where a model is trained in mid-window.
    """

    commodity: str
    training_date: date
    end: date
    earlier: tuple[date, ...] = field(default=(), compare=False)
    begun: date | None = field(default=None, compare=False)

    @property
    def chain(self) -> tuple[date, ...]:
        """The earlier dates and its own."""
        return (*self.earlier, self.training_date)

    @property
    def partition_date(self) -> date:
        """The training date of the partition, which is another where it is trained mid-window."""
        return self.begun or self.training_date

    @property
    def key(self) -> str:
        """The partition key, as Dagster writes the product of commodity and training date."""
        return f"{self.commodity}|{self.partition_date}"

    def retrained(self, day: date) -> "Window":
        """The rest of this window from ``day`` on, for models that are trained on that day.

        Raises ConfigurationError for a day that is not inside it.
        """
        if not self.training_date < day < self.end:
            raise ConfigurationError(
                f"training_date: found {day}, allowed: a day after {self.training_date} and before"
                f" {self.end}, inside the window {self.key}"
            )
        return replace(self, training_date=day, earlier=(), begun=self.training_date)

    def origins(self, history: History, calendar: str) -> list[Origin]:
        """Every forecast that starts in this window, in order.

        One for each observed session in the window, whose cutoff is the session before it, and
        one for the session after the newest close when that falls in the window.
        """
        if len(history) == 0:
            return []
        days: list[date] = history.dates.tolist()
        following = next_session(days[-1], calendar, trading_week(history.dates))
        starts = [*days[1:], following]
        return [
            Origin(cutoff, start)
            for cutoff, start in zip(days, starts, strict=True)
            if self.training_date <= start < self.end
        ]
