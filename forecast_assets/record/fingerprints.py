"""Fingerprints of what forecasts were made from, at a few cutoffs or at many."""

from collections.abc import Iterable
from datetime import date

from forecast_assets.timeline.history import History

FEW = 20
"""Up to so many cutoffs, each history is hashed by itself; else all prefixes of one are."""


def prints_of(history: History, cutoffs: Iterable[date]) -> dict[date, str]:
    """The fingerprint of a history up to each cutoff; without those that are no session of it."""
    days = set(cutoffs) & set(history.dates.tolist())
    if len(days) > FEW:
        prefixes = dict(zip(history.dates.tolist(), history.fingerprints, strict=True))
        return {day: prefixes[day] for day in days}
    return {day: history.known_at(day).fingerprint for day in days}
