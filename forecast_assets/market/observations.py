"""Observations: the checked prices of one commodity from one source."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

import pandas as pd

from forecast_assets.market.rows import Rejection


@dataclass(frozen=True)
class Observations:
    """The prices that a source holds for one commodity.

    ``origin``: a name of the source. ``prices``: columns date (datetime64, one row a date, sorted),
    open, high, low, close, volume (float64, NaN where absent; close is never NaN). ``rejections``:
    rows that were refused. ``without_close``: how many rows have no close; they count as holidays
    and are dropped, never filled in. ``complete``: True if the source has all sessions, so that a
    stored session that it lacks was withdrawn; False if it says nothing about other sessions.
    ``notes``: a line for each kind of rows that were left out without harm. ``weekdays``: True if
    Saturdays and Sundays are no sessions, so that stored ones are withdrawn. ``withdrawn``: days
    that the source withdraws explicitly.
    """

    commodity: str
    origin: str
    prices: pd.DataFrame
    rejections: list[Rejection] = field(default_factory=list)
    without_close: int = 0
    complete: bool = True
    notes: list[str] = field(default_factory=list)
    weekdays: bool = False
    withdrawn: Sequence[date] = ()

    @property
    def says_nothing(self) -> bool:
        """Whether there is neither a price nor a withdrawal."""
        return self.prices.empty and not self.withdrawn
