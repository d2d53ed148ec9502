"""Outcomes: the closes that came after each cutoff."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
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
        sessions = _following(history.dates, np.datetime64("NaT", "D"), at, horizon)
        return cls(days, history.closes[at], sessions, closes_after(history, at, horizon))

    @classmethod
    def none(cls, horizon: int) -> "Outcomes":
        """Outcomes of no cutoff at all."""
        return cls([], np.empty(0), np.empty((0, horizon), "datetime64[D]"), np.empty((0, horizon)))

    @property
    def as_paths(self) -> NDArray[np.float32]:
        """The closes as paths hold them."""
        return as_paths(self.closes)

    @property
    def known(self) -> NDArray[np.intp]:
        """How many sessions have happened after each cutoff, shape (n_cutoffs,)."""
        return known_of(self.closes)


def closes_after(history: History, places: NDArray[np.intp], horizon: int) -> NDArray[np.float64]:
    """The closes of the sessions after those at some places, NaN where there is none yet.

    Shape (n_places, horizon).
    """
    return _following(history.closes, np.nan, places, horizon)


def known_of(closes: NDArray[np.floating[Any]]) -> NDArray[np.intp]:
    """How many closes are known of each of some outcomes."""
    counts: NDArray[np.intp] = np.isfinite(closes).sum(axis=1)
    return counts


def as_paths(closes: NDArray[np.float64]) -> NDArray[np.float32]:
    """Closes as paths hold them: the largest number of float32 where they are beyond it."""
    largest = np.finfo(np.float32).max
    return np.clip(closes, -largest, largest).astype(np.float32)


def same_outcomes(
    some: NDArray[np.floating[Any]], others: NDArray[np.floating[Any]]
) -> NDArray[np.bool_]:
    """Which of some outcomes have the same closes as others, and no more and no fewer."""
    width = max(some.shape[1], others.shape[1])
    wide, other = (_widened(closes, width) for closes in (some, others))
    same: NDArray[np.bool_] = ((wide == other) | (np.isnan(wide) & np.isnan(other))).all(axis=1)
    return same


def _widened(closes: NDArray[np.floating[Any]], width: int) -> NDArray[np.floating[Any]]:
    """Outcomes of more sessions, of which none is known besides those that were."""
    lacking = ((0, 0), (0, width - closes.shape[1]))
    return np.pad(closes, lacking, constant_values=np.nan) if any(lacking[1]) else closes


def _following(
    values: NDArray[Any], nothing: object, places: NDArray[np.intp], horizon: int
) -> NDArray[Any]:
    """The values that follow those at some places, shape (n_places, horizon)."""
    longer = np.concatenate([values, np.full(horizon, nothing, values.dtype)])
    following: NDArray[Any] = sliding_window_view(longer, horizon)[places + 1]
    return following
