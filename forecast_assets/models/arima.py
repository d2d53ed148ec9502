"""ARIMA(1, 1, 1) on log prices, no drift."""

from typing import ClassVar

import numpy as np
from pydantic import Field

from forecast_assets.models.base import FittedForecaster, Forecaster, ModelState, log_sample
from forecast_assets.models.elements.arma import (
    FittedArma,
    fitted_arma,
    likeliest,
    nearby,
    unit_returns,
)
from forecast_assets.models.elements.shocks import ShockKind, Shocks
from forecast_assets.timeline.history import History


def from_scalars(state: ModelState) -> ModelState:
    """Migrate a state of version 1, which had scalar coefficients and Gaussian shocks."""
    shocks = Shocks("gaussian", float(np.sqrt(state["variance"])))
    lists = {"ar": [state["ar"]], "ma": [state["ma"]], "shocks": shocks.state()}
    return state | lists


class FittedArima111(FittedArma):
    """``r[t] = ar * r[t-1] + eps[t] + ma * eps[t-1]``."""

    name = "arima_111"
    schema_version = 2
    migrations: ClassVar = {1: from_scalars}


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
