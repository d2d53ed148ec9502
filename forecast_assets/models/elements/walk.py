"""Gaussian walks, of which ``naive`` and ``random_walk`` are two; moments are those at the origin.

Moves are log returns if the origin's close is above zero, and price differences otherwise, so that
a walk can forecast from any close.
"""

from abc import abstractmethod
from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from forecast_assets.errors import CannotForecast
from forecast_assets.models.base import FittedForecaster, ModelState
from forecast_assets.models.saved import SavedState
from forecast_assets.models.simulation import Seeds, as_paths, linear_moves, prices, standard_normal
from forecast_assets.timeline.history import History

Form = Literal["auto", "difference"]
"""``auto``: log returns unless the origin's close is at or below zero. ``difference``: always price
differences."""

LONGEST_LOOKBACK = 5000
"""Most moves that moments may be of."""


@dataclass(frozen=True)
class Moments:
    """Drift and volatility of a session's move, each of shape (n_origins,).

    ``logarithmic``: whether they are those of log returns or of price differences, by origin.
    """

    drift: NDArray[np.float64]
    volatility: NDArray[np.float64]
    logarithmic: NDArray[np.bool_]


class SavedWalk(SavedState):
    """The state of a walk."""

    lookback: int = Field(ge=2, le=LONGEST_LOOKBACK)
    form: Form


@dataclass(frozen=True, kw_only=True)
class FittedWalk(FittedForecaster):
    """A walk whose moments are those of the last ``lookback`` moves before an origin."""

    saved: ClassVar[type[SavedState]] = SavedWalk

    lookback: int
    form: Form

    @abstractmethod
    def estimate(
        self, moves: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Drift and volatility of each row of ``moves``, shape (n_origins, lookback)."""

    def moments(self, history: History, origins: list[date]) -> Moments:
        """Drift and volatility at each origin, from the ``lookback`` moves that end there.

        Raises CannotForecast if the history has fewer moves.
        """
        positions = history.positions(origins)
        if np.any(positions < self.lookback):
            raise CannotForecast(
                f"{history.commodity}: {self.name} needs {self.lookback + 1} sessions up to"
                f" {min(origins)}, found {positions.min() + 1}"
            )
        drift, volatility = self.estimate(np.diff(self._lookbacks(history.closes, positions)))
        positive = history.positive()
        logs = np.searchsorted(positive.dates, history.dates[positions])
        logarithmic = (history.closes[positions] > 0) & (logs >= self.lookback)
        logarithmic &= self.form == "auto"
        if logarithmic.any():
            levels = self._lookbacks(np.log(positive.closes), logs[logarithmic])
            drift[logarithmic], volatility[logarithmic] = self.estimate(np.diff(levels))
        return Moments(drift, volatility, logarithmic)

    def _lookbacks(
        self, levels: NDArray[np.float64], positions: NDArray[np.intp]
    ) -> NDArray[np.float64]:
        """The levels up to each position, shape (n_positions, lookback + 1)."""
        rows: NDArray[np.float64] = levels[positions[:, None] + np.arange(-self.lookback, 1)]
        return rows

    def declined(self, history: History, origins: list[date]) -> dict[date, str]:
        """The origins before which there are too few moves, or none in which a price changed."""
        before = dict(zip(origins, history.positions(origins), strict=True))
        short = [day for day in origins if before[day] < self.lookback]
        reasons = dict.fromkeys(short, f"fewer than {self.lookback + 1} sessions up to it")
        rest = [day for day in origins if day not in reasons]
        if rest:
            still = self.moments(history, rest).volatility <= 0
            flat = f"the price did not move in {self.lookback} sessions"
            reasons |= {day: flat for day, flag in zip(rest, still, strict=True) if flag}
        return reasons

    def draw(
        self, history: History, origins: list[date], *, horizon: int, n_paths: int, seeds: Seeds
    ) -> NDArray[np.float32]:
        """Draw price paths, shape (n_origins, n_paths, horizon)."""
        moments = self.moments(history, origins)
        mean = moments.drift[:, None] * np.arange(1, horizon + 1)
        shocks = standard_normal(seeds, horizon, n_paths)
        scale = np.repeat(moments.volatility[:, None], horizon, axis=1)
        moves = linear_moves(shocks, np.ones(horizon), scale, mean)
        closes = history.closes[history.positions(origins)]
        return as_paths(prices(closes, moves, moments.logarithmic))

    def state(self) -> ModelState:
        """The look-back and the form."""
        return {"lookback": self.lookback, "form": self.form}
