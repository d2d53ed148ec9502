"""The scope of a plan: the part of the due work that a user asks for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from forecast_assets.timeline.window import Window


@dataclass(frozen=True)
class Scope:
    """The filters of a plan. The defaults filter nothing, and sensors use them.

    ``commodities``: plan only these, and do not publish, since publishing covers all commodities.
    ``first`` and ``last``: train and forecast only windows that overlap these days; scores are due
    in every window, since a revised price may change older ones. ``recompute``: forecasts whose
    history was revised are due as well. ``train_on``: replace the windows by a part of one, the
    window that contains this day, from this day to the window's end.
    """

    commodities: tuple[str, ...] | None = None
    first: date = date.min
    last: date = date.max
    recompute: bool = False
    train_on: date | None = None

    def names(self, known: Sequence[str]) -> list[str]:
        """The commodities in this scope, from all that are ``known``."""
        return list(known if self.commodities is None else self.commodities)

    def windows(self, begun: Sequence[Window]) -> list[Window]:
        """The windows to train and forecast, from a commodity's windows that have begun."""
        day = self.train_on
        if day is not None:
            return [x.retrained(day) for x in begun if x.training_date < day < x.end]
        return [x for x in begun if x.end > self.first and x.training_date <= self.last]


EVERYTHING = Scope()
