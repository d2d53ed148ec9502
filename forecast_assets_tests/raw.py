"""Scores recomputed from the raw tables alone: paths, and the prices that came."""

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from forecast_assets.evaluation.evaluation import Tolerance
from forecast_assets_tests.panel import Panel

Values = NDArray[np.float64]

PATHS = """
    SELECT data_cutoff_date, path_id, COLUMNS('day_[0-9]+') FROM commodity.forecast.distributions
    WHERE commodity = $commodity AND model_name = $model_name AND NOT is_actuals
    ORDER BY data_cutoff_date, path_id
"""

PRICES = "SELECT date, close FROM commodity.market.prices WHERE commodity = $commodity ORDER BY 1"


@dataclass(frozen=True, eq=False)
class Raw:
    """Forecasts of a model whose sessions have all happened, in order of cutoff.

    ``paths``: (n, n_paths, horizon); ``outcomes``: (n, horizon); ``closes``: at the cutoffs.
    """

    cutoffs: list[date]
    first: NDArray[np.datetime64]
    last: NDArray[np.datetime64]
    closes: Values
    outcomes: Values
    paths: Values

    @classmethod
    def of(cls, panel: Panel, commodity: str, model_name: str) -> "Raw":
        """The forecasts of a model, and the prices after each of them."""
        prices = panel.frame(PRICES, commodity=commodity)
        rows = panel.frame(PATHS, commodity=commodity, model_name=model_name)
        days, closes = prices.date.to_numpy(), prices.close.to_numpy()
        found = []
        for cutoff, mine in rows.groupby("data_cutoff_date"):
            place = int(np.flatnonzero(days == np.datetime64(cutoff))[0])
            paths = mine.iloc[:, 2:].to_numpy(dtype=np.float64)
            ahead = slice(place + 1, place + 1 + paths.shape[1])
            if len(days[ahead]) == paths.shape[1]:
                found.append((cutoff.date(), days[ahead], closes[place], closes[ahead], paths))
        cutoffs, sessions, known, outcomes, drawn = zip(*found, strict=True)
        spans = np.stack(sessions)
        return cls(
            list(cutoffs),
            spans[:, 0],
            spans[:, -1],
            np.array(known),
            np.stack(outcomes),
            np.stack(drawn),
        )

    def until(self, day: date) -> "Raw":
        """Those whose last session is not after a day."""
        kept = self.last <= np.datetime64(day)
        return Raw(
            [cutoff for cutoff, is_kept in zip(self.cutoffs, kept, strict=True) if is_kept],
            self.first[kept],
            self.last[kept],
            self.closes[kept],
            self.outcomes[kept],
            self.paths[kept],
        )

    @property
    def crps(self) -> Values:
        """The fair one: E|X - y| - E|X - X'| / 2 over pairs of different paths, (n, horizon)."""
        n_paths = self.paths.shape[1]
        error = np.abs(self.paths - self.outcomes[:, None, :]).mean(axis=1)
        spread = sum(
            np.abs(self.paths - self.paths[:, place : place + 1, :]).sum(axis=1)
            for place in range(n_paths)
        )
        crps: Values = error - spread / (2 * n_paths * (n_paths - 1))
        return crps

    @property
    def absolute_error(self) -> Values:
        """Of the median, (n, horizon)."""
        found: Values = np.abs(np.median(self.paths, axis=1) - self.outcomes)
        return found

    @property
    def squared_error(self) -> Values:
        """Of the mean, (n, horizon)."""
        found: Values = (self.paths.mean(axis=1) - self.outcomes) ** 2
        return found

    @property
    def percentage_error(self) -> Values:
        """Of the median, in per cent of the outcome, (n, horizon)."""
        return 100 * self.absolute_error / np.abs(self.outcomes)

    def bounds(self, coverage: float) -> tuple[Values, Values]:
        """Of a central interval, each (n, horizon)."""
        tail = (1 - coverage) / 2
        lower, upper = np.quantile(self.paths, [tail, 1 - tail], axis=1)
        return lower, upper

    def covered(self, coverage: float) -> NDArray[np.bool_]:
        """Whether an interval holds the outcome, (n, horizon)."""
        lower, upper = self.bounds(coverage)
        found: NDArray[np.bool_] = (lower <= self.outcomes) & (self.outcomes <= upper)
        return found

    def width(self, coverage: float) -> Values:
        """Of a central interval, (n, horizon)."""
        lower, upper = self.bounds(coverage)
        return upper - lower

    @property
    def pit(self) -> Values:
        """The middle rank of the outcome among the paths, over their number and one."""
        came = self.outcomes.astype(np.float32)[:, None, :]
        below, equal = (self.paths < came).sum(axis=1), (self.paths == came).sum(axis=1)
        ranks: Values = (below + (equal + 1) / 2) / (self.paths.shape[1] + 1)
        return ranks

    @property
    def direction(self) -> Values:
        """1 where the median moved from the close as the outcome did, (n, horizon)."""
        expected = np.sign(np.median(self.paths, axis=1) - self.closes[:, None])
        came = np.sign(self.outcomes - self.closes[:, None])
        found: Values = (expected == came).astype(np.float64)
        return found

    def calibration(self, tolerance: Tolerance) -> str:
        """The word for these forecasts."""
        apart = taken(self.first, self.last)
        if len(apart) < 30:
            return "too few"
        error_80 = self.covered(0.8).mean() - 0.8
        error_95 = self.covered(0.95).mean() - 0.95
        if error_80 < -tolerance.coverage_80 or error_95 < -tolerance.coverage_95:
            return "too narrow"
        if error_80 > tolerance.coverage_80 or error_95 > tolerance.coverage_95:
            return "too wide"
        p_value = stats.cramervonmises(self.pit[apart, -1], "uniform").pvalue
        return "not uniform" if p_value < tolerance.pit_p_value else "calibrated"


def taken(first: NDArray[np.datetime64], last: NDArray[np.datetime64]) -> list[int]:
    """Places of forecasts that share no session, from the first on."""
    places: list[int] = []
    for place, day in enumerate(first):
        if not places or day > last[places[-1]]:
            places.append(place)
    return places
