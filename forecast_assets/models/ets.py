"""Exponential smoothing of log prices by statsmodels: ETS(A, N, N), or with a damped trend.

Hyndman, Koehler, Ord and Snyder (2008), Forecasting with Exponential Smoothing, section 2.5.
"""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field

from forecast_assets.errors import CannotFit
from forecast_assets.models.base import (
    FitMetrics,
    FittedForecaster,
    Forecaster,
    ModelState,
    log_sample,
)
from forecast_assets.models.elements.linear import FittedLinear, Pass, SavedLinear, with_shocks
from forecast_assets.models.elements.shocks import ShockKind
from forecast_assets.models.saved import Number, SavedState, Share
from forecast_assets.timeline.history import History

if TYPE_CHECKING:
    from statsmodels.tsa.exponential_smoothing.ets import ETSModel

Trend = Literal["none", "damped"]


@dataclass(frozen=True)
class Smoothing:
    """The smoothing parameters.

    ``level_share`` and ``trend_share``: the share of an error by which level and trend are
    corrected. ``damping``: the factor of the trend in each session. ``first_level`` and
    ``first_trend``: level and trend before the first session.
    """

    level_share: float
    first_level: float
    trend_share: float = 0.0
    damping: float = 0.9
    first_trend: float = 0.0

    def vector(self, trend: Trend) -> list[float]:
        """The parameters in the order of statsmodels."""
        if trend == "none":
            return [self.level_share, self.first_level]
        shares = [self.level_share, self.trend_share, self.damping]
        return [*shares, self.first_level, self.first_trend]

    @classmethod
    def of(cls, vector: list[float]) -> "Smoothing":
        """Make them from parameters in the order of statsmodels."""
        if len(vector) == 2:
            return cls(*vector)
        level_share, trend_share, damping, first_level, first_trend = vector
        return cls(level_share, first_level, trend_share, damping, first_trend)


def ets(levels: NDArray[np.float64], trend: Trend) -> "ETSModel":
    """The statsmodels model of log prices, shape (n,)."""
    from statsmodels.tsa.exponential_smoothing.ets import ETSModel  # loaded by the first fit

    damped = trend == "damped"
    return ETSModel(levels, error="add", trend="add" if damped else None, damped_trend=damped)


class SavedSmoothing(SavedState):
    """The smoothing parameters of a state."""

    level_share: Share
    first_level: Number
    trend_share: Share
    damping: Share
    first_trend: Number

    def smoothing(self) -> Smoothing:
        """The parameters that were saved."""
        return Smoothing(**self.values())


class SavedEts(SavedLinear):
    """The state of exponential smoothing."""

    smoothing: Annotated[SavedSmoothing, AfterValidator(SavedSmoothing.smoothing)]


@dataclass(frozen=True, kw_only=True)
class FittedEts(FittedLinear):
    """A level and a damped trend, each corrected by a share of the last error."""

    name: ClassVar[str] = "ets"
    saved: ClassVar[type[SavedState]] = SavedEts

    smoothing: Smoothing

    @property
    def parameters(self) -> dict[str, float]:
        """The smoothing parameters, and how shocks are drawn."""
        return asdict(self.smoothing) | self.shocks.parameters

    def run(self, levels: NDArray[np.float64], horizon: int) -> Pass:
        """Smooth the log prices in one pass; the trend fades over the sessions ahead."""
        smoothed = ets(levels, "damped").smooth(self.smoothing.vector("damped"))
        fading = np.cumsum(self.smoothing.damping ** np.arange(1, horizon + 1))
        expected = (smoothed.level - levels)[:, None] + smoothed.slope[:, None] * fading
        return Pass(expected, smoothed.resid[1:])

    def responses(self, horizon: int) -> NDArray[np.float64]:
        """1 on the session of the shock, then the shares that level and trend take of it."""
        faded = np.cumsum(self.smoothing.damping ** np.arange(1, horizon))
        taken = self.smoothing.level_share + self.smoothing.trend_share * faded
        return np.concatenate([[1.0], taken])

    def estimates(self) -> ModelState:
        """The smoothing parameters."""
        return {"smoothing": asdict(self.smoothing)}


class Ets(Forecaster):
    """ETS(A, N, N) or ETS(A, Ad, N) on log prices."""

    name: ClassVar[str] = "ets"
    fitted = FittedEts
    positive_only: ClassVar[bool] = True

    trend: Trend = Field("none", description="A damped trend, or none.")
    shocks: ShockKind = Field("bootstrap", description="How the next shocks are drawn.")

    def estimate(self, history: History, start: FittedForecaster | None) -> FittedEts:
        """Estimate by maximum likelihood, from the parameters of ``start`` if there is one.

        Raises Declined or CannotFit.
        """
        sample = log_sample(history, self.name)
        levels = np.log(sample.closes)
        begin = start.smoothing.vector(self.trend) if isinstance(start, FittedEts) else None
        results = ets(levels, self.trend).fit(disp=False, start_params=begin)
        if not results.mle_retvals["converged"]:
            raise CannotFit(
                f"{sample.commodity}: {self.name} did not converge on the {len(sample)} sessions"
                f" up to {sample.newest}"
            )
        bare = FittedEts(
            smoothing=Smoothing.of([float(value) for value in results.params]),
            sample_start=sample.first,
            metrics=FitMetrics(
                log_likelihood=float(results.llf),
                aic=float(results.aic),
                bic=float(results.bic),
                converged=True,
                iterations=int(results.mle_retvals["iterations"]),
            ),
        )
        return with_shocks(bare, levels, self.shocks)
