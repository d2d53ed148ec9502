"""Outcomes: the closes that came after each cutoff."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from forecast_assets.timeline.history import Dates, History


@dataclass(frozen=True, eq=False)
class Outcomes:
    """The sessions after some cutoffs, as far as they have happened.

    ``cutoff_closes``: the close at each cutoff, float64, shape (n_cutoffs,). ``sessions``:
    datetime64[D], NaT where there is none yet, and ``closes``: float64, NaN there; both of shape
    (n_cutoffs, horizon). Column k - 1 is the k-th session after the cutoff, as in the paths of a
    forecast.
    """

    cutoffs: list[date]
    cutoff_closes: NDArray[np.float64]
    sessions: Dates
    closes: NDArray[np.float64]

    @classmethod
    def after(cls, history: History, cutoffs: Sequence[date], horizon: int) -> "Outcomes":
        """The outcomes in a history. Raises ValueError for a cutoff that is not a session."""
        days = list(cutoffs)
        at = history.positions(days)
        ahead = at[:, None] + np.arange(1, horizon + 1)
        there = ahead < len(history)
        places = np.where(there, ahead, 0)
        return cls(
            days,
            history.closes[at],
            np.where(there, history.dates[places], np.datetime64("NaT", "D")),
            np.where(there, history.closes[places], np.nan),
        )

    @classmethod
    def none(cls, horizon: int) -> "Outcomes":
        """Outcomes of no cutoff at all."""
        return cls([], np.empty(0), np.empty((0, horizon), "datetime64[D]"), np.empty((0, horizon)))

    @property
    def as_paths(self) -> NDArray[np.float32]:
        """The closes as paths hold them: the largest number of float32 where they are beyond it."""
        largest = np.finfo(np.float32).max
        return np.clip(self.closes, -largest, largest).astype(np.float32)

    @property
    def known(self) -> NDArray[np.intp]:
        """How many sessions have happened after each cutoff, shape (n_cutoffs,)."""
        counts: NDArray[np.intp] = np.isfinite(self.closes).sum(axis=1)
        return counts
