"""The scope of a plan: which of all that is due somebody asks for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from forecast_assets.timeline.window import Window


@dataclass(frozen=True)
class Scope:
    """What a plan is limited to; by default to nothing, as sensors ask.

    ``commodities``: only these, and no publishing, which is about all of them. ``first`` and
    ``last``: only windows with a day between them are trained and forecast; scores, which an
    older price may change, are those of every window. ``recompute``: forecasts whose history was
    revised are due, too. ``train_on``: instead of the windows the rest of the one that has this
    day inside it, from that day on.
    """

    commodities: tuple[str, ...] | None = None
    first: date = date.min
    last: date = date.max
    recompute: bool = False
    train_on: date | None = None

    def names(self, known: Sequence[str]) -> list[str]:
        """The commodities meant of all that are known."""
        return list(known if self.commodities is None else self.commodities)

    def windows(self, begun: Sequence[Window]) -> list[Window]:
        """The windows to train and forecast among those of a commodity that have begun."""
        day = self.train_on
        if day is not None:
            return [x.retrained(day) for x in begun if x.training_date < day < x.end]
        return [x for x in begun if x.end > self.first and x.training_date <= self.last]


EVERYTHING = Scope()
