"""ARIMA(p, 1, q) on log prices; an information criterion chooses p and q."""

from itertools import product
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from forecast_assets.models.base import FittedForecaster, Forecaster, log_sample
from forecast_assets.models.elements.arma import (
    FittedArma,
    Nearby,
    Order,
    fitted_arma,
    likeliest,
    nearby,
    unit_returns,
)
from forecast_assets.models.elements.shocks import ShockKind
from forecast_assets.timeline.history import History

DISGUISED = "order (0, 1, 0) was chosen: what it expects is what the naive model expects"


class FittedArimaAuto(FittedArma):
    """An ARMA process on log returns, of the order that the criterion chose."""

    name = "arima_auto"


class ArimaAuto(Forecaster):
    """ARIMA(p, 1, q) on log prices, no drift, p and q up to ``largest_order``."""

    name: ClassVar[str] = "arima_auto"
    fitted = FittedArimaAuto
    positive_only: ClassVar[bool] = True

    criterion: Literal["aic", "bic"] = Field("bic", description="What the order minimises.")
    largest_order: int = Field(2, ge=1, le=5, description="Most AR, and most MA, terms tried.")
    shocks: ShockKind = Field("blocks", description="How the next shocks are drawn.")

    def estimate(self, history: History, start: FittedForecaster | None) -> FittedArimaAuto:
        """Choose the order by conditional sums of squares, then fit it by maximum likelihood.

        This is as in Hyndman and Khandakar (2008), section 3, but tries every order. ``start``: the
        search for its order also begins with its coefficients. Raises Declined or CannotFit.
        """
        sample = log_sample(history, self.name)
        returns, terms = unit_returns(sample), range(self.largest_order + 1)
        known: dict[Order, list[float]] = {}
        if isinstance(start, FittedArimaAuto):
            known[start.order] = [*start.ar, *start.ma]
        tried = [nearby(returns, order, known.get(order)) for order in product(terms, terms)]
        best = min(tried, key=lambda one: self.score(one, len(returns)))
        notes = (DISGUISED,) if best.order == (0, 0) else ()
        estimated = likeliest(sample, self.name, best)
        return fitted_arma(FittedArimaAuto, estimated, sample, self.shocks, notes)

    def score(self, tried: Nearby, observations: int) -> float:
        """The information criterion of a fit, up to a constant."""
        penalty = 2.0 if self.criterion == "aic" else float(np.log(observations))
        return observations * float(np.log(tried.error)) + penalty * sum(tried.order)
