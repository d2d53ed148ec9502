"""Plausible days and numbers: a row beyond the configured bounds is refused as a misprint.

A day in the year 26 or a close of 1e308 is a day and a number, so only bounds tell that they are
mistakes. Every source compares its rows with them.
"""

from dataclasses import dataclass
from datetime import date

import pandas as pd

from forecast_assets.configuration.sections import PLAUSIBLE, Bounds
from forecast_assets.market.rows import UNREAD, Rejection, rejections_of


@dataclass(frozen=True)
class Plausible:
    """The bounds of a commodity's rows; ``commodity``: whose keys of the configuration they are."""

    commodity: str
    bounds: Bounds = PLAUSIBLE

    def late_enough(
        self, name: str, rows: pd.DataFrame, moments: pd.Series, rejections: list[Rejection]
    ) -> pd.Series:
        """The moments, with NaT for those before the first plausible day; their rows are refused.

        ``rows``: ``file``, ``line`` and the text of the date of each row. ``name``: whose rows.
        """
        early = moments.dt.normalize() < pd.Timestamp(self.bounds.first_day)
        rule = (
            f"before {self.bounds.first_day}, the first day that is plausible: mend its year, or"
            f" set {self._key('first_day')} to an earlier day"
        )
        rejections += rejections_of(name, rows[early], "date", rule)
        return moments.mask(early)

    def near_enough(
        self, name: str, rows: pd.DataFrame, prices: pd.Series, rejections: list[Rejection]
    ) -> pd.Series:
        """The prices of a column, with NaN for those beyond the bound, which are refused.

        ``rows``: ``file``, ``line`` and the text of each price. The refusal of another price than a
        close does no harm.
        """
        column = str(prices.name)
        rule = self._beyond("price", self.bounds.price)
        needed = column == "close"
        return self._within(
            name,
            rows,
            prices,
            self.bounds.price,
            rejections,
            rule if needed else f"{rule}; {UNREAD}",
            harmless=not needed,
        )

    def small_enough(
        self, name: str, rows: pd.DataFrame, values: pd.Series, rejections: list[Rejection]
    ) -> pd.Series:
        """The same of a covariate's values."""
        most = self.bounds.covariate
        rule = self._beyond("covariate", most)
        return self._within(name, rows, values, most, rejections, rule)

    def of_session(self, day: date, close: float) -> str:
        """Why a stored session is not plausible; empty if it is."""
        if day < self.bounds.first_day:
            return f"its day is before {self.bounds.first_day} ({self._key('first_day')})"
        if abs(close) > self.bounds.price:
            return f"its close, {close:g}, is beyond {self.bounds.price:g} ({self._key('price')})"
        return ""

    def _within(
        self,
        name: str,
        rows: pd.DataFrame,
        values: pd.Series,
        most: float,
        rejections: list[Rejection],
        rule: str,
        *,
        harmless: bool = False,
    ) -> pd.Series:
        beyond = values.abs() > most
        column = str(values.name)
        rejections += rejections_of(name, rows[beyond], column, rule, harmless=harmless)
        return values.mask(beyond)

    def _beyond(self, key: str, most: float) -> str:
        return f"beyond {most:g}, the most that is plausible: mend it, or set {self._key(key)}"

    def _key(self, name: str) -> str:
        """The key of the configuration that has a bound, for this commodity alone."""
        return f"commodities.{self.commodity}.bounds.{name}"
