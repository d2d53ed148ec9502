"""The job: fit one model on a history, draw paths from the sessions after it, and keep them."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
from numpy.typing import NDArray

from forecast_assets.configuration.commodities import SampleSource
from forecast_assets.market.sources import read_sample
from forecast_assets.timeline.history import History

Paths = NDArray[np.float32]
"""Prices, shape (n_origins, n_paths, horizon)."""


@dataclass(frozen=True, eq=False)
class Job:
    """One window of one model: fitted on the first ``known`` sessions of a history.

    The origins are the ``n_origins`` sessions that follow.
    """

    history: History
    known: int
    n_origins: int = 125
    n_paths: int = 2000
    horizon: int = 14

    @property
    def sample(self) -> History:
        """The sessions on which the model is fitted."""
        return self.history.known_at(self.history.dates[self.known - 1].item())

    @property
    def levels(self) -> NDArray[np.float64]:
        """Log prices up to the last origin, shape (known + n_origins,)."""
        logs: NDArray[np.float64] = np.log(self.history.closes[: self.known + self.n_origins])
        return logs

    @property
    def places(self) -> range:
        """The place of each origin in the history."""
        return range(self.known, self.known + self.n_origins)

    @property
    def training_date(self) -> date:
        """The first day that the model does not know."""
        return self.days(0)[0]

    def days(self, later: int) -> list[date]:
        """The day of each origin, or of the session that is so many sessions later."""
        found: list[date] = self.history.dates[
            self.known + later : self.known + self.n_origins + later
        ].tolist()
        return found

    def empty(self) -> Paths:
        """An array for the paths."""
        return np.empty((self.n_origins, self.n_paths, self.horizon), dtype=np.float32)

    def part(self, n_origins: int, n_paths: int | None = None) -> "Job":
        """The same job from its first origins only."""
        return replace(self, n_origins=n_origins, n_paths=n_paths or self.n_paths)

    def windows(self, count: int) -> Iterator["Job"]:
        """This window and those that follow it."""
        for place in range(count):
            yield replace(self, known=self.known + place * self.n_origins)

    def commodities(self, count: int) -> Iterator["Job"]:
        """The same series under several names."""
        for place in range(count):
            yield replace(self, history=replace(self.history, commodity=f"WTI{place}"))


def window_of_wti(training_date: date = date(2015, 1, 1)) -> Job:
    """The window of the embedded WTI that begins on a day."""
    prices = read_sample("WTI", SampleSource(type="sample", name="wti")).prices
    history = History(
        "WTI", prices["date"].to_numpy("datetime64[D]"), prices["close"].to_numpy("float64")
    )
    return Job(history, history.count_before(training_date))
