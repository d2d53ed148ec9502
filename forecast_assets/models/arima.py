"""ARIMA(1, 1, 1) on log prices, no drift."""

from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from forecast_assets.models.base import FittedForecaster, Forecaster, ModelState, log_sample
from forecast_assets.models.elements.arma import (
    FittedArma,
    SavedArma,
    fitted_arma,
    likeliest,
    nearby,
    unit_returns,
)
from forecast_assets.models.elements.shocks import ShockKind, Shocks
from forecast_assets.models.saved import Number, SavedState, Terms, Variance, checked
from forecast_assets.timeline.history import History


class SavedScalars(SavedState):
    """A state of version 1, which had scalar coefficients and Gaussian shocks."""

    ar: Number
    ma: Number
    variance: Variance
    sample_start: str


def from_scalars(state: ModelState) -> ModelState:
    """Migrate a state of version 1. Raises PayloadCorrupted."""
    old = checked(SavedScalars, state, "arima_111: its state of version 1")
    shocks = Shocks("gaussian", float(np.sqrt(old.variance)))
    return state | {"ar": [old.ar], "ma": [old.ma], "shocks": shocks.state()}


class SavedArima111(SavedArma):
    """The state of an ARMA process with one term of each kind."""

    ar: Annotated[Terms, Field(min_length=1, max_length=1)]
    ma: Annotated[Terms, Field(min_length=1, max_length=1)]


class FittedArima111(FittedArma):
    """``r[t] = ar * r[t-1] + eps[t] + ma * eps[t-1]``."""

    name = "arima_111"
    schema_version = 2
    migrations: ClassVar = {1: from_scalars}
    saved = SavedArima111


class Arima111(Forecaster):
    """ARIMA(1, 1, 1) on log prices, no drift."""

    name: ClassVar[str] = "arima_111"
    fitted = FittedArima111
    positive_only: ClassVar[bool] = True

    shocks: ShockKind = Field("blocks", description="How the next shocks are drawn.")

    def estimate(self, history: History, start: FittedForecaster | None) -> FittedArima111:
        """Estimate by maximum likelihood. Raises Declined or CannotFit."""
        sample = log_sample(history, self.name)
        begin = [*start.ar, *start.ma] if isinstance(start, FittedArima111) else None
        found = nearby(unit_returns(sample), (1, 1), begin)
        estimated = likeliest(sample, self.name, found)
        return fitted_arma(FittedArima111, estimated, sample, self.shocks)
