"""GJR-GARCH(1, 1) on log returns, with bounded shocks and filtered historical residuals.

Glosten, Jagannathan and Runkle (1993); variance targeting: Engle and Mezrich (1996); filtered
historical simulation: Barone-Adesi, Giannopoulos and Vosper (1999). The mean is zero and the
long-run variance is the sample's. Persistence is capped below 1, since an unrestricted fit of a
series with turbulent periods explodes. In the variance recursion a return counts as at most
``news_bound`` standard deviations, since an extreme return, such as gas at four times the price of
the day before, says little about the next day. Residuals are drawn in full, but no simulated
session moves further than the largest move known at the origin: resampling treats a large residual
as independent of the volatility at its time, and two of them in a row would multiply a price by
thousands.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, ClassVar, Self

import numpy as np
import scipy
from numpy.random import Generator
from numpy.typing import NDArray
from pydantic import Field, model_validator

from forecast_assets.errors import CannotFit
from forecast_assets.models.base import (
    FitMetrics,
    FittedForecaster,
    Forecaster,
    ModelState,
    declined_nonpositive,
    log_sample,
    require_no_declined,
)
from forecast_assets.models.elements.volatility import bounded_variance
from forecast_assets.models.saved import Day, Number, Sample, SavedState, Share, Variance
from forecast_assets.models.simulation import Blocks, Seeds, as_paths, draw, prices
from forecast_assets.timeline.history import History

RESIDUAL_DECIMALS = 6
"""Residuals are stored with this many decimals, so that a payload stays small."""

NEWS_DECAY = 0.94
"""The decay of the volatility by which returns are bounded in the variance recursion."""


def news(
    returns: NDArray[np.float64], bound: float | None, first_variance: float
) -> NDArray[np.float64]:
    """Returns, each limited to ``bound`` times the volatility known before it; shape (n,).

    ``bound``: None leaves them as they are. ``first_variance``: where the volatility starts.
    """
    if bound is None:
        return returns
    known = bounded_variance(returns, NEWS_DECAY, bound, first_variance)[:-1]
    limits = bound * np.sqrt(known)
    bounded: NDArray[np.float64] = np.clip(returns, -limits, limits)
    return bounded


def unbounded(state: ModelState) -> ModelState:
    """Migrate a state of version 1, which had no ``news_bound``."""
    return state | {"news_bound": None}


class SavedGarch(SavedState):
    """The state of the process: its variance is never negative, and returns to a finite one."""

    omega: Variance
    alpha: Share
    gamma: Number
    beta: Share
    first_variance: Variance
    news_bound: float | None = Field(gt=0)
    sample_start: Day
    residuals: Annotated[Sample, Field(min_length=1)]

    @model_validator(mode="after")
    def _stationary(self) -> Self:
        if self.gamma < -self.alpha or self.alpha + self.gamma / 2 + self.beta >= 1:
            raise ValueError("alpha + gamma is below 0, or alpha + gamma / 2 + beta is not below 1")
        return self


@dataclass(frozen=True, kw_only=True)
class FittedGarch(FittedForecaster):
    """``v[t+1] = omega + (alpha + gamma * (r[t] < 0)) * r[t]**2 + beta * v[t]``."""

    name: ClassVar[str] = "garch"
    schema_version: ClassVar[int] = 2
    migrations: ClassVar[Mapping[int, Callable[[ModelState], ModelState]]] = {1: unbounded}
    saved: ClassVar[type[SavedState]] = SavedGarch

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
        """The coefficients, the persistence, and the long-run volatility of a session."""
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
        """The origins whose close is at or below zero."""
        return declined_nonpositive(history, origins)

    def variances(self, returns: NDArray[np.float64]) -> NDArray[np.float64]:
        """The conditional variance of each return and of the next one, shape (n + 1,)."""
        heard = news(returns, self.news_bound, self.first_variance)
        added = self.omega + (self.alpha + self.gamma * (heard < 0)) * heard**2
        zi = [self.beta * self.first_variance]
        later = scipy.signal.lfilter([1.0], [1.0, -self.beta], added, zi=zi)[0]
        return np.concatenate([[self.first_variance], later])

    def start(
        self, history: History, origins: list[date]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The values from which the recursion starts at each origin, both of shape (n_origins,).

        They are the variance of the first session after the origin, and the largest absolute return
        up to the origin.
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
        """Draw standardized residuals with replacement."""
        pool = self.residuals.astype(np.float32)

        def fill(rng: Generator, block: Blocks) -> None:
            np.take(pool, rng.integers(len(pool), size=block.shape, dtype=np.uint32), out=block)

        return draw(seeds, horizon, n_paths, fill)

    def moves(
        self, shocks: Blocks, first: NDArray[np.float64], largest: NDArray[np.float64]
    ) -> Blocks:
        """Cumulative log returns, by the variance recursion over all origins and paths at once."""
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

    def state(self) -> ModelState:
        """The parameters, the residuals, and the start of the recursion."""
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
        """Estimate by Gaussian quasi-maximum likelihood with ``arch``, on returns of unit variance.

        The parameters of ``start`` are the first starting point. Raises Declined if too many closes
        are at or below zero, CannotFit if the optimizer does not converge.
        """
        from forecast_assets.models.targeted_gjr import TargetedGJR  # loads `arch`

        sample = log_sample(history, self.name)
        returns = np.diff(np.log(sample.closes))
        heard = news(returns, self.news_bound, float(np.mean(returns**2)))
        scale = float(np.sqrt(np.mean(heard**2)))
        process = TargetedGJR(target=1.0, persistence_cap=self.persistence_cap)
        begin = (start.alpha, start.gamma, start.beta) if isinstance(start, FittedGarch) else None
        results = process.optimum(heard / scale, begin)
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
