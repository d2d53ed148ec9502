"""ARIMA(1, 1, 1) on log prices: fitted once by statsmodels, its filter run on to every origin."""

from dataclasses import dataclass, field
from datetime import date
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from statsmodels.tsa.arima.model import ARIMA
from statsmodels.tsa.arima_process import arma2ma

from forecast_assets.errors import CannotFit, CannotForecast
from forecast_assets.history import History
from forecast_assets.models.base import (
    FitMetrics,
    FittedForecaster,
    Forecaster,
    State,
    declined_since_nonpositive,
    log_returns,
)
from forecast_assets.simulation import Seeds, as_paths, linear_moves, prices, standard_normal

SLOPE_AIMED_AT, SLOPE_ACCEPTED = 1e-5, 1e-3
"""Slope of the likelihood at the optimum, for each observation: where the optimizer may stop, and
what is still an optimum. Near a unit root it runs out of precision in between, on a flat top."""


def arma(returns: NDArray[np.float64]) -> ARIMA:
    """ARMA(1, 1) without a mean on log returns, which is ARIMA(1, 1, 1) on log prices."""
    return ARIMA(returns, order=(1, 0, 1), trend="n")


@dataclass(frozen=True)
class FittedArima111(FittedForecaster):
    """``r[t] = ar * r[t-1] + eps[t] + ma * eps[t-1]``, with Gaussian ``eps``."""

    name: ClassVar[str] = "arima_111"

    ar: float
    ma: float
    variance: float
    sample_start: date
    metrics: FitMetrics = field(default=FitMetrics(), compare=False)

    @property
    def parameters(self) -> dict[str, float]:
        """AR and MA coefficients and the variance of a daily shock."""
        return {"ar": self.ar, "ma": self.ma, "variance": self.variance}

    def declined(self, history: History, origins: list[date]) -> dict[date, str]:
        """Origins with a close at or below zero in their sample."""
        return declined_since_nonpositive(history, self.sample_start, origins)

    def expected_returns(
        self, history: History, origins: list[date], horizon: int
    ) -> NDArray[np.float64]:
        """Expected log return of each session ahead, shape (n_origins, horizon).

        One pass of the Kalman filter: the first element of the predicted state at an origin is
        the next return, and each later one is ``ar`` times the one before.
        """
        if declined := self.declined(history, origins):
            day, reason = next(iter(declined.items()))
            raise CannotForecast(f"{history.commodity}: {self.name} from {day}: {reason}")
        sample = history.since(self.sample_start).known_at(max(origins))
        filtered = arma(np.diff(np.log(sample.closes))).filter([self.ar, self.ma, self.variance])
        nexts = filtered.filter_results.predicted_state[0, sample.positions(origins)]
        returns: NDArray[np.float64] = nexts[:, None] * self.ar ** np.arange(horizon)
        return returns

    def simulate(
        self, history: History, origins: list[date], *, horizon: int, n_paths: int, seeds: Seeds
    ) -> NDArray[np.float32]:
        """Draw price paths, shape (n_origins, n_paths, horizon)."""
        mean = np.cumsum(self.expected_returns(history, origins, horizon), axis=1)
        psi = np.cumsum(arma2ma([1, -self.ar], [1, self.ma], lags=horizon))
        scale = np.full(len(origins), np.sqrt(self.variance))
        moves = linear_moves(standard_normal(seeds, horizon, n_paths), psi, scale, mean)
        return as_paths(prices(history.closes[history.positions(origins)], moves))

    def state(self) -> State:
        """Parameters, and where the filter starts."""
        return self.parameters | {"sample_start": self.sample_start.isoformat()}

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Rebuild from ``state()``."""
        return cls(**state | {"sample_start": date.fromisoformat(state["sample_start"])})


class Arima111(Forecaster):
    """ARIMA(1, 1, 1) on log prices, no drift."""

    name: ClassVar[str] = "arima_111"
    fitted = FittedArima111
    positive_only: ClassVar[bool] = True

    def fit(self, history: History) -> FittedArima111:
        """Maximum likelihood by the innovations algorithm, on returns of unit deviation.

        Raises Declined where a close has no logarithm, CannotFit where the optimizer does not
        converge.
        """
        returns = log_returns(history, self.name)
        deviation = float(returns.std())
        tolerance = SLOPE_AIMED_AT * len(returns)
        results = arma(returns / deviation).fit(
            method="innovations_mle",
            method_kwargs={"minimize_kwargs": {"options": {"gtol": tolerance}}},
            cov_type="none",
        )
        optimum = results.fit_details.minimize_results
        if not np.abs(optimum.jac).max() < SLOPE_ACCEPTED * len(returns):
            raise CannotFit(
                f"{history.commodity}: {self.name} did not converge on the {len(history)} sessions"
                f" up to {history.newest}: {optimum.message}"
            )
        ar, ma, variance = (float(value) for value in results.params)
        shift = len(returns) * np.log(deviation)
        return FittedArima111(
            ar=ar,
            ma=ma,
            variance=variance * deviation**2,
            sample_start=history.first,
            metrics=FitMetrics(
                log_likelihood=float(results.llf - shift),
                aic=float(results.aic + 2 * shift),
                bic=float(results.bic + 2 * shift),
                converged=True,
                iterations=int(optimum.nit),
            ),
        )
