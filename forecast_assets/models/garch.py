"""GJR-GARCH(1, 1) on log returns, with bounded news and filtered historical residuals.

Glosten, Jagannathan and Runkle (1993); variance targeting: Engle and Mezrich (1996); filtered
historical simulation: Barone-Adesi, Giannopoulos and Vosper (1999). The mean is zero, the
long-run variance is the sample's, and persistence is capped below 1, since a free fit on a
series with storms in it explodes. As news, a return counts as at most ``news_bound`` deviations:
gas at four times the day before says little of the day after. The return itself is drawn whole,
but no simulated session moves further than the largest move known at the origin: resampling
treats a storm's residual as independent of the storm's volatility, and two in a row would
multiply a price by thousands.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, ClassVar, Self

import numpy as np
from arch.univariate import GARCH, ZeroMean
from arch.univariate.base import ARCHModelResult
from numpy.random import Generator
from numpy.typing import NDArray
from pydantic import Field
from scipy.signal import lfilter

from forecast_assets.errors import CannotFit
from forecast_assets.history import History
from forecast_assets.models.base import (
    FitMetrics,
    FittedForecaster,
    Forecaster,
    State,
    declined_nonpositive,
    log_sample,
    require_no_declined,
)
from forecast_assets.models.volatility import bounded_variance
from forecast_assets.simulation import Blocks, Seeds, as_paths, draw, prices

RESIDUAL_DECIMALS = 6
"""Residuals are kept to this many decimals, so that a payload stays small."""

NEWS_DECAY = 0.94
"""Decay of the volatility that a return is bounded by before it is news."""


def news(
    returns: NDArray[np.float64], bound: float | None, first_variance: float
) -> NDArray[np.float64]:
    """Returns, none over ``bound`` times the volatility known before it; shape (n,)."""
    if bound is None:
        return returns
    known = bounded_variance(returns, NEWS_DECAY, bound, first_variance)[:-1]
    limits = bound * np.sqrt(known)
    bounded: NDArray[np.float64] = np.clip(returns, -limits, limits)
    return bounded


def unbounded(state: State) -> State:
    """Version 1 knew no bound on news."""
    return state | {"news_bound": None}


BOUND_MARGIN = 1e-3
"""How far from its bounds a parameter begins."""

STARTS = np.array([(0.04, 0.04, 0.9), (0.1, 0.0, 0.8), (0.02, 0.1, 0.8), (0.2, 0.0, 0.5)])
"""(alpha, gamma, beta) over the persistence cap: where the optimizer begins, and begins again."""


class TargetedGJR(GARCH):
    """The GJR process of ``arch`` without its omega, which follows from the target.

    Parameters are (alpha, gamma, beta); omega = target * (1 - alpha - gamma / 2 - beta).
    """

    def __init__(self, target: float, persistence_cap: float) -> None:
        super().__init__(p=1, o=1, q=1)
        self._num_params = 3
        self.target = target
        self.persistence_cap = persistence_cap

    def omega(self, parameters: NDArray[np.float64]) -> float:
        """The constant that makes the long-run variance the target."""
        alpha, gamma, beta = parameters
        return float(self.target * (1 - alpha - gamma / 2 - beta))

    @staticmethod
    def feasible(parameters: NDArray[np.float64]) -> NDArray[np.float64]:
        """The nearest parameters with no negative term: an optimizer stops a hair outside."""
        alpha, gamma, beta = parameters
        alpha = max(alpha, 0.0)
        return np.array([alpha, max(gamma, -alpha), max(beta, 0.0)])

    def inside(self, parameters: NDArray[np.float64]) -> NDArray[np.float64]:
        """The parameters, moved off their bounds: an optimizer does not begin on one."""
        alpha, gamma, beta = parameters
        alpha = max(alpha, BOUND_MARGIN)
        moved = np.array([alpha, max(gamma, BOUND_MARGIN - alpha), max(beta, BOUND_MARGIN)])
        persistence = moved[0] + moved[1] / 2 + moved[2]
        begin: NDArray[np.float64] = moved * min(
            1.0, (1 - BOUND_MARGIN) * self.persistence_cap / persistence
        )
        return begin

    def compute_variance(  # noqa: D102 - documented by arch
        self, parameters: NDArray[np.float64], *series: Any
    ) -> Any:
        return super().compute_variance(np.r_[self.omega(parameters), parameters], *series)

    def bounds(self, resids: Any) -> Any:  # noqa: D102 - documented by arch
        return super().bounds(resids)[1:]

    def constraints(self) -> Any:  # noqa: D102 - documented by arch
        slopes, least = super().constraints()
        least[-1] = -self.persistence_cap
        return slopes[1:, 1:], least[1:]

    def starting_values(self, resids: Any) -> NDArray[np.float64]:  # noqa: D102
        start: NDArray[np.float64] = self.persistence_cap * STARTS[0]
        return start

    def parameter_names(self) -> list[str]:  # noqa: D102
        return super().parameter_names()[1:]


@dataclass(frozen=True, kw_only=True)
class FittedGarch(FittedForecaster):
    """``v[t+1] = omega + (alpha + gamma * (r[t] < 0)) * r[t]**2 + beta * v[t]``."""

    name: ClassVar[str] = "garch"
    schema_version: ClassVar[int] = 2
    migrations: ClassVar[Mapping[int, Callable[[State], State]]] = {1: unbounded}

    omega: float
    alpha: float
    gamma: float
    beta: float
    first_variance: float
    news_bound: float | None
    sample_start: date
    residuals: NDArray[np.float64] = field(compare=False)

    @property
    def parameters(self) -> dict[str, float]:
        """The coefficients, persistence and long-run volatility a session."""
        persistence = self.alpha + self.gamma / 2 + self.beta
        return {
            "omega": self.omega,
            "alpha": self.alpha,
            "gamma": self.gamma,
            "beta": self.beta,
            "persistence": persistence,
            "long_run_volatility": float(np.sqrt(self.omega / (1 - persistence))),
        }

    def declined(self, history: History, origins: list[date]) -> dict[date, str]:
        """Origins whose close has no logarithm."""
        return declined_nonpositive(history, origins)

    def variances(self, returns: NDArray[np.float64]) -> NDArray[np.float64]:
        """Conditional variance of each return and of the one after them, shape (n + 1,)."""
        heard = news(returns, self.news_bound, self.first_variance)
        added = self.omega + (self.alpha + self.gamma * (heard < 0)) * heard**2
        later = lfilter([1.0], [1.0, -self.beta], added, zi=[self.beta * self.first_variance])[0]
        return np.concatenate([[self.first_variance], later])

    def start(
        self, history: History, origins: list[date]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Where the recursion starts at each origin, both of shape (n_origins,).

        The variance of the first session after it, and the largest absolute return up to it.
        """
        require_no_declined(self, history, origins)
        sample = history.since(self.sample_start).known_at(max(origins)).positive()
        returns = np.diff(np.log(sample.closes))
        at = sample.positions(origins)
        return self.variances(returns)[at], np.maximum.accumulate(np.abs(returns))[at - 1]

    def draw(
        self, history: History, origins: list[date], *, horizon: int, n_paths: int, seeds: Seeds
    ) -> NDArray[np.float32]:
        """Draw price paths, shape (n_origins, n_paths, horizon)."""
        shocks = self.resample(seeds, horizon, n_paths)
        moves = self.moves(shocks, *self.start(history, origins))
        return as_paths(prices(history.closes[history.positions(origins)], moves))

    def resample(self, seeds: Seeds, horizon: int, n_paths: int) -> Blocks:
        """Standardized residuals drawn with replacement."""
        pool = self.residuals.astype(np.float32)

        def fill(rng: Generator, block: Blocks) -> None:
            np.take(pool, rng.integers(len(pool), size=block.shape, dtype=np.uint32), out=block)

        return draw(seeds, horizon, n_paths, fill)

    def moves(
        self, shocks: Blocks, first: NDArray[np.float64], largest: NDArray[np.float64]
    ) -> Blocks:
        """Cumulative log returns: the recursion over all origins and paths, step by step."""
        n_origins, horizon, n_paths = shocks.shape
        omega, alpha, gamma, beta = (
            np.float32(value) for value in (self.omega, self.alpha, self.gamma, self.beta)
        )
        variance = np.repeat(first.astype(np.float32), n_paths).reshape(n_origins, n_paths)
        bound = largest.astype(np.float32)[:, None]
        most = np.float32(np.inf if self.news_bound is None else self.news_bound**2)
        total = np.zeros_like(variance)
        for step in range(horizon):
            returns = np.clip(np.sqrt(variance) * shocks[:, step], -bound, bound)
            squares = np.minimum(returns**2, most * variance)
            variance = omega + (alpha + gamma * (returns < 0)) * squares + beta * variance
            total += returns
            shocks[:, step] = total
        return shocks

    def state(self) -> State:
        """Parameters, residuals, and where and how the recursion starts."""
        return {
            "omega": self.omega,
            "alpha": self.alpha,
            "gamma": self.gamma,
            "beta": self.beta,
            "first_variance": self.first_variance,
            "news_bound": self.news_bound,
            "sample_start": self.sample_start.isoformat(),
            "residuals": self.residuals.tolist(),
        }

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Rebuild from ``state()``."""
        arrays = {
            "sample_start": date.fromisoformat(state["sample_start"]),
            "residuals": np.array(state["residuals"], dtype=np.float64),
        }
        return cls(**state | arrays)


class Garch(Forecaster):
    """GJR-GARCH(1, 1), variance-targeted, with filtered historical residuals."""

    name: ClassVar[str] = "garch"
    fitted = FittedGarch
    positive_only: ClassVar[bool] = True

    persistence_cap: float = Field(
        0.995, gt=0, lt=1, description="Largest alpha + gamma / 2 + beta that a fit may reach."
    )

    news_bound: float | None = Field(
        4.0, gt=1, description="Deviations that a return counts as at most, as news; or none."
    )

    def estimate(self, history: History, start: FittedForecaster | None) -> FittedGarch:
        """Gaussian quasi-maximum likelihood by ``arch``, on returns of unit variance.

        ``start`` is tried first. Raises Declined where closes have no logarithm, CannotFit where
        the optimizer does not converge.
        """
        sample = log_sample(history, self.name)
        returns = np.diff(np.log(sample.closes))
        heard = news(returns, self.news_bound, float(np.mean(returns**2)))
        scale = float(np.sqrt(np.mean(heard**2)))
        process = TargetedGJR(target=1.0, persistence_cap=self.persistence_cap)
        results = self._optimum(heard / scale, process, start)
        if results.convergence_flag != 0:
            raise CannotFit(
                f"{history.commodity}: {self.name} did not converge on the {len(sample)} sessions"
                f" up to {sample.newest}: {results.optimization_result.message}"
            )
        estimates = process.feasible(np.asarray(results.params, dtype=np.float64))
        alpha, gamma, beta = (float(value) for value in estimates)
        residuals = returns / scale / np.asarray(results.conditional_volatility)
        shift = len(returns) * np.log(scale)
        return FittedGarch(
            omega=process.omega(estimates) * scale**2,
            alpha=alpha,
            gamma=gamma,
            beta=beta,
            first_variance=float(results.conditional_volatility[0] * scale) ** 2,
            news_bound=self.news_bound,
            sample_start=sample.first,
            residuals=np.round(residuals - residuals.mean(), RESIDUAL_DECIMALS),
            metrics=FitMetrics(
                log_likelihood=float(results.loglikelihood - shift),
                aic=float(results.aic + 2 * shift),
                bic=float(results.bic + 2 * shift),
                converged=True,
                iterations=int(results.optimization_result.nit),
            ),
        )

    def _optimum(
        self,
        returns: NDArray[np.float64],
        process: TargetedGJR,
        start: FittedForecaster | None,
    ) -> ARCHModelResult:
        """The first of several beginnings from which the optimizer converges, or the last."""
        model = ZeroMean(returns, volatility=process, rescale=False)
        begins = list(self.persistence_cap * STARTS)
        if isinstance(start, FittedGarch):
            begins.insert(0, process.inside(np.array([start.alpha, start.gamma, start.beta])))
        for begin in begins:
            results = model.fit(disp="off", show_warning=False, starting_values=begin)
            if results.convergence_flag == 0:
                break
        return results
