"""The theta method on log prices, by statsmodels.

Assimakopoulos and Nikolopoulos (2000); as simple exponential smoothing with half the slope of the
linear trend: Hyndman and Billah (2003).
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import scipy
from numpy.typing import NDArray
from pydantic import Field

from forecast_assets.models.base import FittedForecaster, Forecaster, ModelState, log_sample
from forecast_assets.models.elements.linear import FittedLinear, Pass, SavedLinear, with_shocks
from forecast_assets.models.elements.shocks import ShockKind
from forecast_assets.models.saved import Number, SavedState
from forecast_assets.timeline.history import History


class SavedTheta(SavedLinear):
    """The state of the theta method."""

    share: float = Field(gt=0, le=1)
    slope: Number


@dataclass(frozen=True, kw_only=True)
class FittedTheta(FittedLinear):
    """A level that is corrected by a share of each error, plus half the trend line's slope."""

    name: ClassVar[str] = "theta"
    saved: ClassVar[type[SavedState]] = SavedTheta

    share: float
    slope: float

    @property
    def parameters(self) -> dict[str, float]:
        """The level's share of an error, the trend line's slope, and how shocks are drawn."""
        return self.estimates() | self.shocks.parameters

    def run(self, levels: NDArray[np.float64], horizon: int) -> Pass:
        """Smooth the log prices in one pass, starting at the first."""
        kept = 1 - self.share
        smoothed = scipy.signal.lfilter([self.share], [1.0, -kept], levels, zi=[kept * levels[0]])[
            0
        ]
        known = np.arange(1, len(levels) + 1)
        drift = self.slope / 2 * (1 - kept**known) / self.share
        ahead = self.slope / 2 * np.arange(horizon)
        nexts = smoothed + drift
        return Pass((nexts - levels)[:, None] + ahead, levels[1:] - nexts[:-1])

    def responses(self, horizon: int) -> NDArray[np.float64]:
        """1 on the session of the shock, then the level's share of it."""
        return np.concatenate([[1.0], np.full(horizon - 1, self.share)])

    def estimates(self) -> ModelState:
        """The level's share and the slope."""
        return {"share": self.share, "slope": self.slope}


class Theta(Forecaster):
    """The theta method on log prices."""

    name: ClassVar[str] = "theta"
    fitted = FittedTheta
    positive_only: ClassVar[bool] = True

    shocks: ShockKind = Field("bootstrap", description="How the next shocks are drawn.")

    def estimate(self, history: History, start: FittedForecaster | None) -> FittedTheta:
        """Estimate slope and share by least squares; ``start`` is not used. Raises Declined."""
        from statsmodels.tsa.forecasting.theta import ThetaModel  # loaded by the first fit

        sample = log_sample(history, self.name)
        levels = np.log(sample.closes)
        slope, share = ThetaModel(levels, period=1, deseasonalize=False).fit().params
        bare = FittedTheta(share=float(share), slope=float(slope), sample_start=sample.first)
        return with_shocks(bare, levels, self.shocks)
