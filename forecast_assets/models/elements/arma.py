"""ARMA(p, q) on log returns, which is ARIMA(p, 1, q) on log prices, by statsmodels."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, TypeVar

import numpy as np
import scipy
from numpy.typing import NDArray

from forecast_assets.errors import CannotFit
from forecast_assets.models.base import FitMetrics, ModelState
from forecast_assets.models.elements.linear import FittedLinear, Pass, SavedLinear, with_shocks
from forecast_assets.models.elements.shocks import ShockKind
from forecast_assets.models.saved import SavedState, Terms, Variance
from forecast_assets.timeline.history import History

if TYPE_CHECKING:
    from statsmodels.tsa.arima.model import ARIMA

Fitted = TypeVar("Fitted", bound="FittedArma")

SLOPE_AIMED_AT, SLOPE_ACCEPTED = 1e-5, 1e-3
"""Slopes of the likelihood for each observation: the optimizer stops at the first, and a result up
to the second is accepted. Near a unit root the maximum is flat, and precision ends in between."""

LARGEST_ROOT = 0.999
"""The search for starting values admits inverse roots of a lag polynomial up to this size."""

NEARLY_CANCELLED = (0.9, -0.87)
"""First AR and MA coefficients of a starting point where both terms nearly cancel each other."""

Order = tuple[int, int]
"""The numbers of autoregressive and moving-average terms, p and q."""


def arma(returns: NDArray[np.float64], order: Order) -> "ARIMA":
    """The statsmodels model ARMA(p, q) without a mean."""
    from statsmodels.tsa.arima.model import ARIMA  # loaded by the first fit

    return ARIMA(returns, order=(order[0], 0, order[1]), trend="n")


@dataclass(frozen=True)
class Estimate:
    """A maximum likelihood estimate: coefficients, the variance of a shock, and metrics."""

    ar: tuple[float, ...]
    ma: tuple[float, ...]
    variance: float
    metrics: FitMetrics


@dataclass(frozen=True)
class Nearby:
    """Coefficients near the maximum of the likelihood, and their mean squared error."""

    order: Order
    coefficients: Sequence[float]
    error: float


def unit_returns(sample: History) -> NDArray[np.float64]:
    """Log returns divided by their standard deviation, shape (n - 1,)."""
    returns = np.diff(np.log(sample.closes))
    scaled: NDArray[np.float64] = returns / returns.std()
    return scaled


def nearby(
    returns: NDArray[np.float64], order: Order, start: Sequence[float] | None = None
) -> Nearby:
    """Minimise the conditional sum of squares (Box, Jenkins, Reinsel and Ljung 2015, 7.1.3).

    The search is repeated from several starting points, ``start`` among them. The likelihood of an
    ARMA process has ridges where terms cancel, and a single search may end on the wrong ridge.
    """
    p, q = order
    if p + q == 0:
        return Nearby(order, (), float(np.mean(returns**2)))

    def loss(coefficients: NDArray[np.float64]) -> float:
        ar = np.r_[1.0, -coefficients[:p]]
        ma = np.r_[1.0, coefficients[p:]]
        if not (is_stable(ar) and is_stable(ma)):
            return np.inf
        return float(np.mean(scipy.signal.lfilter(ar, ma, returns) ** 2))

    begins = beginnings(order) + ([] if start is None else [np.asarray(start)])
    able = [begin for begin in begins if np.isfinite(loss(begin))]
    found = [scipy.optimize.minimize(loss, begin, method="Nelder-Mead") for begin in able]
    best = min(found, key=lambda result: float(result.fun))
    return Nearby(order, best.x.tolist(), float(best.fun))


def beginnings(order: Order) -> list[NDArray[np.float64]]:
    """Starting points: small terms of each sign, and large first terms that nearly cancel."""
    p, q = order
    signs = np.r_[np.ones(p), -np.ones(q)]
    begins = [0.3 * signs, -0.3 * signs, 0.1 * np.ones(p + q)]
    if p and q:
        cancelling = np.zeros(p + q)
        cancelling[[0, p]] = NEARLY_CANCELLED
        begins += [cancelling, -cancelling]
    return begins


def is_stable(polynomial: NDArray[np.float64]) -> bool:
    """Whether all roots of a lag polynomial are clearly outside the unit circle.

    Up to two terms this is told by the coefficients (Box, Jenkins, Reinsel and Ljung 2015, 3.2.4,
    on a circle of radius ``LARGEST_ROOT``), which takes a tenth of the time.
    """
    if len(polynomial) > 3:
        return bool(np.all(np.abs(np.roots(polynomial)) < LARGEST_ROOT))
    first, second = [*(polynomial[1:] / polynomial[0]).tolist(), 0.0, 0.0][:2]
    inside = abs(second) < LARGEST_ROOT**2
    return bool(inside and abs(first) < LARGEST_ROOT + second / LARGEST_ROOT)


def likeliest(sample: History, name: str, begin: Nearby) -> Estimate:
    """Estimate by maximum likelihood with the innovations algorithm, on returns of unit deviation.

    Raises CannotFit if the optimizer does not converge.
    """
    (p, q), returns = begin.order, np.diff(np.log(sample.closes))
    deviation = float(returns.std())
    results = arma(returns / deviation, begin.order).fit(
        method="innovations_mle",
        method_kwargs={
            "minimize_kwargs": {"options": {"gtol": SLOPE_AIMED_AT * len(returns)}},
            # In statsmodels 0.15 ARIMA.fit(start_params=...) raises with this method.
            "start_params": [*begin.coefficients, begin.error],
        },
        cov_type="none",
    )
    optimum = results.fit_details.minimize_results
    if not np.abs(optimum.jac).max() < SLOPE_ACCEPTED * len(returns):
        raise CannotFit(
            f"{sample.commodity}: {name} did not converge on the {len(sample)} sessions up to"
            f" {sample.newest}, order {begin.order}: {optimum.message}"
        )
    coefficients = [float(value) for value in results.params]
    shift = len(returns) * np.log(deviation)
    return Estimate(
        ar=tuple(coefficients[:p]),
        ma=tuple(coefficients[p : p + q]),
        variance=coefficients[-1] * deviation**2,
        metrics=FitMetrics(
            log_likelihood=float(results.llf - shift),
            aic=float(results.aic + 2 * shift),
            bic=float(results.bic + 2 * shift),
            converged=True,
            iterations=int(optimum.nit),
        ),
    )


def run_arma(
    returns: NDArray[np.float64],
    ar: Sequence[float],
    ma: Sequence[float],
    variance: float,
    horizon: int,
) -> Pass:
    """Pass the Kalman filter once over returns, shape (n,); NaN is a missing return.

    The state predicted after a return gives the expectation of the next return, and the transition
    matrix gives those of later ones.
    """
    filtered = arma(returns, (len(ar), len(ma))).filter([*ar, *ma, variance]).filter_results
    states, design = filtered.predicted_state.T, filtered.design[:, :, 0]
    expected = np.empty((len(returns) + 1, horizon))
    for step in range(horizon):
        expected[:, step] = (states @ design.T)[:, 0]
        states = states @ filtered.transition[:, :, 0].T
    return Pass(np.cumsum(expected, axis=1), filtered.forecasts_error[0])


def arma_responses(ar: Sequence[float], ma: Sequence[float], horizon: int) -> NDArray[np.float64]:
    """What a shock adds to later log prices: sums of MA(infinity) coefficients, (horizon,)."""
    from statsmodels.tsa.arima_process import arma2ma  # loaded by the first model that is drawn

    psi: NDArray[np.float64] = np.cumsum(
        arma2ma(np.r_[1.0, np.negative(ar)], np.r_[1.0, ma], lags=horizon)
    )
    return psi


class SavedArma(SavedLinear):
    """The state of an ARMA process."""

    ar: Terms
    ma: Terms
    variance: Variance


@dataclass(frozen=True, kw_only=True)
class FittedArma(FittedLinear):
    """``r[t] = sum_i ar[i] * r[t-1-i] + eps[t] + sum_i ma[i] * eps[t-1-i]``."""

    saved: ClassVar[type[SavedState]] = SavedArma

    ar: tuple[float, ...]
    ma: tuple[float, ...]
    variance: float

    @property
    def parameters(self) -> dict[str, float]:
        """The AR and MA coefficients, the variance of a daily shock, and the shocks' parameters."""
        ar = {f"ar{lag}": value for lag, value in enumerate(self.ar, start=1)}
        ma = {f"ma{lag}": value for lag, value in enumerate(self.ma, start=1)}
        return ar | ma | {"variance": self.variance} | self.shocks.parameters

    def run(self, levels: NDArray[np.float64], horizon: int) -> Pass:
        """Pass the Kalman filter once over the returns."""
        return run_arma(np.diff(levels), self.ar, self.ma, self.variance, horizon)

    def responses(self, horizon: int) -> NDArray[np.float64]:
        """Sums of the MA(infinity) coefficients."""
        return arma_responses(self.ar, self.ma, horizon)

    def estimates(self) -> ModelState:
        """The coefficients and the variance."""
        return {"ar": list(self.ar), "ma": list(self.ma), "variance": self.variance}

    @property
    def order(self) -> Order:
        """The numbers of AR and MA terms."""
        return len(self.ar), len(self.ma)


def fitted_arma(
    fitted: type[Fitted],
    found: Estimate,
    sample: History,
    kind: ShockKind,
    notes: tuple[str, ...] = (),
) -> Fitted:
    """Make the fitted model from an estimate."""
    bare = fitted(
        ar=found.ar,
        ma=found.ma,
        variance=found.variance,
        sample_start=sample.first,
        metrics=replace(found.metrics, warnings=notes),
    )
    return with_shocks(bare, np.log(sample.closes), kind)
