"""Observations: what a source holds for one commodity."""

from dataclasses import dataclass, field

import pandas as pd

from forecast_assets.market.rows import Rejection


@dataclass(frozen=True)
class Observations:
    """What a source holds for one commodity.

    ``prices``: columns date (datetime64, one row a date, sorted), open, high, low, close, volume
    (float64, NaN where absent; close is never NaN). ``without_close``: rows with no close, which
    are holidays: dropped, never filled. ``complete``: the source has all sessions there are, so
    that one it lacks was taken back; otherwise it says nothing of others than its own.
    ``notes``: what was left out and does no harm, a line a kind; told, and no failure.
    ``weekdays``: Saturdays and Sundays are no sessions, and stored ones are taken back.
    """

    commodity: str
    origin: str
    prices: pd.DataFrame
    rejections: list[Rejection] = field(default_factory=list)
    without_close: int = 0
    complete: bool = True
    notes: list[str] = field(default_factory=list)
    weekdays: bool = False
