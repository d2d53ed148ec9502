"""Closes as they were known at any moment, and the fingerprints of such histories."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

import numpy as np
import pandas as pd

from forecast_assets.timeline.history import History

FEW = 20
"""Up to so many cutoffs, each history is hashed by itself; else all prefixes of one are."""


@dataclass(frozen=True, eq=False)
class PastCloses:
    """All revisions of a commodity's closes, by which its history at any moment is known."""

    commodity: str
    days: np.ndarray
    closes: np.ndarray
    ingested: np.ndarray

    @classmethod
    def of(cls, commodity: str, revisions: pd.DataFrame) -> "PastCloses":
        """``revisions``: in order of date and revision, with date, close and ingested_at."""
        return cls(
            commodity,
            revisions["date"].to_numpy().astype("datetime64[D]"),
            revisions["close"].to_numpy(dtype=np.float64),
            revisions["ingested_at"].to_numpy().astype("datetime64[us]"),
        )

    def at(self, moment: np.datetime64) -> History:
        """The history as it was known at a moment, without covariates."""
        known = self.ingested <= moment
        days, closes = self.days[known], self.closes[known]
        last = np.append(days[1:] != days[:-1], True)[: len(days)]
        told = last & np.isfinite(closes)
        return History(self.commodity, days[told], closes[told])


@lru_cache(maxsize=4)
def _prefixes(history: History) -> Mapping[date, str]:
    return dict(zip(history.dates.tolist(), history.fingerprints, strict=True))


def prints_of(history: History, cutoffs: Iterable[date]) -> dict[date, str]:
    """The fingerprint of a history up to each cutoff; without those that are no session of it."""
    wanted = set(cutoffs)
    days = wanted & set(history.dates.tolist())
    if len(days) > FEW:
        prefixes = _prefixes(history)
        return {day: prefixes[day] for day in days}
    return {day: history.known_at(day).fingerprint for day in days}
