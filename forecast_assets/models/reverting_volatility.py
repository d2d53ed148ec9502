"""A random walk whose volatility returns to its long-run level at a fitted speed."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from forecast_assets.models.base import FittedForecaster, Forecaster, ModelState, log_sample
from forecast_assets.models.elements.linear import FittedLinear, Pass, with_shocks
from forecast_assets.timeline.history import History


@dataclass(frozen=True, kw_only=True)
class FittedRevertingVolatility(FittedLinear):
    """A walk without drift; its shocks are runs of past moves, divided by their volatility."""

    name: ClassVar[str] = "reverting_volatility"

    @property
    def parameters(self) -> dict[str, float]:
        """Decay and bound of the volatility, weight and persistence of its term structure."""
        return self.shocks.parameters

    def run(self, levels: NDArray[np.float64], horizon: int) -> Pass:
        """Expect no move, so that every move is a shock."""
        return Pass(np.zeros((len(levels), horizon)), np.diff(levels))

    def responses(self, horizon: int) -> NDArray[np.float64]:
        """1 for all sessions, since a shock stays in the price."""
        return np.ones(horizon)

    def estimates(self) -> ModelState:
        """No estimates besides the shocks."""
        return {}


class RevertingVolatility(Forecaster):
    """Random walk with filtered blocks of past moves and a fitted term structure."""

    name: ClassVar[str] = "reverting_volatility"
    fitted = FittedRevertingVolatility
    positive_only: ClassVar[bool] = True

    def estimate(
        self, history: History, start: FittedForecaster | None
    ) -> FittedRevertingVolatility:
        """Fit the volatility to the sample. Raises Declined for many closes at or below zero."""
        sample = log_sample(history, self.name)
        bare = FittedRevertingVolatility(sample_start=sample.first)
        return with_shocks(bare, np.log(sample.closes), "blocks")
