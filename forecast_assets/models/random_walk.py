"""Random walk with drift: Gaussian moves with the mean and deviation of the last sessions."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from forecast_assets.models.base import FittedForecaster, Forecaster
from forecast_assets.models.elements.walk import LONGEST_LOOKBACK, FittedWalk, Form
from forecast_assets.timeline.history import History


@dataclass(frozen=True, kw_only=True)
class FittedRandomWalk(FittedWalk):
    """A walk whose drift and volatility are those of the last ``lookback`` moves at each origin."""

    name: ClassVar[str] = "random_walk"

    @property
    def parameters(self) -> dict[str, float]:
        """The look-back, in sessions."""
        return {"lookback": float(self.lookback)}

    def estimate(
        self, moves: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The sample mean and sample standard deviation (n - 1) of each row."""
        return moves.mean(axis=1), moves.std(axis=1, ddof=1)


class RandomWalk(Forecaster):
    """Random walk with drift over a short look-back."""

    name: ClassVar[str] = "random_walk"
    fitted = FittedRandomWalk
    positive_only: ClassVar[bool] = False

    lookback: int = Field(
        30, ge=2, le=LONGEST_LOOKBACK, description="Moves that drift and volatility use."
    )
    form: Form = Field("auto", description="Log returns where they exist, or price differences.")

    def estimate(self, history: History, start: FittedForecaster | None) -> FittedRandomWalk:
        """Return the options as they are, since the moments are computed at each origin."""
        return FittedRandomWalk(lookback=self.lookback, form=self.form)
