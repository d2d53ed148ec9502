"""The naive model: the price is expected to stay, with an exponentially weighted volatility.

RiskMetrics Technical Document (1996), section 5.2: mean zero, decay 0.94 for daily moves.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from forecast_assets.models.base import FittedForecaster, Forecaster, ModelState
from forecast_assets.models.elements.walk import LONGEST_LOOKBACK, FittedWalk, Form, SavedWalk
from forecast_assets.models.saved import SavedState
from forecast_assets.timeline.history import History


class SavedNaive(SavedWalk):
    """The state of a naive model."""

    decay: float = Field(gt=0, lt=1)


@dataclass(frozen=True, kw_only=True)
class FittedNaive(FittedWalk):
    """A walk without drift; a move has ``decay`` times the weight of the move after it."""

    name: ClassVar[str] = "naive"
    saved: ClassVar[type[SavedState]] = SavedNaive

    decay: float

    @property
    def parameters(self) -> dict[str, float]:
        """The decay, and the look-back in sessions."""
        return {"decay": self.decay, "lookback": float(self.lookback)}

    def estimate(
        self, moves: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Drift zero, and the root of the weighted mean of squared moves, for each row."""
        weights = self.decay ** np.arange(self.lookback - 1, -1, -1)
        variance = (moves**2 * (weights / weights.sum())).sum(axis=1)
        return np.zeros(len(moves)), np.sqrt(variance)

    def state(self) -> ModelState:
        """The look-back, the form and the decay."""
        return super().state() | {"decay": self.decay}


class Naive(Forecaster):
    """Random walk without drift, with an exponentially weighted volatility."""

    name: ClassVar[str] = "naive"
    fitted = FittedNaive
    positive_only: ClassVar[bool] = False

    decay: float = Field(0.94, gt=0, lt=1, description="Weight of a move over the next one's.")
    lookback: int = Field(
        250, ge=2, le=LONGEST_LOOKBACK, description="Moves that the volatility uses."
    )
    form: Form = Field("auto", description="Log returns where they exist, or price differences.")

    def estimate(self, history: History, start: FittedForecaster | None) -> FittedNaive:
        """Return the options as they are, since volatility is computed at each origin."""
        return FittedNaive(lookback=self.lookback, form=self.form, decay=self.decay)
