"""SARIMAX(p, 1, q) on log prices with covariates; one pass of its filter serves all origins.

``log price[t] = coefficients * covariates[t] + eta[t]``, where the moves of ``eta`` are an
ARMA(p, q) without a mean: a regression of log returns on the moves of the covariates, with ARMA
errors. Brockwell and Davis (1991), Time Series: Theory and Methods, sections 8.7 and 9.
"""

from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
import scipy
from numpy.typing import NDArray
from pydantic import Field, ValidationInfo, field_validator

from forecast_assets.errors import CannotFit, CannotForecast
from forecast_assets.models.base import (
    FitMetrics,
    FittedForecaster,
    Forecaster,
    ModelState,
    declined_nonpositive,
    log_sample,
    require_no_declined,
)
from forecast_assets.models.elements.arma import SavedArma, arma_responses, run_arma
from forecast_assets.models.elements.linear import UNKNOWN, Pass
from forecast_assets.models.elements.projection import Projection, late, projected
from forecast_assets.models.elements.shocks import ShockKind, Shocks
from forecast_assets.models.saved import MOST_COVARIATES, CovariateName, SavedState
from forecast_assets.models.simulation import Seeds, as_paths, linear_moves, prices
from forecast_assets.timeline.history import History

if TYPE_CHECKING:
    from scipy.optimize import OptimizeResult

STARTS = (0.0, 0.8, -0.8)
"""First AR coefficients from which the optimizer starts; the MA coefficient nearly cancels each. An
ARMA likelihood has several local maxima, and the highest may be at either sign."""
CANCELLED = 0.9
"""At a start, the MA coefficient cancels this share of the AR coefficient."""
SLOPE_ACCEPTED = 1e-3
"""A point counts as an optimum up to this slope of the likelihood for each observation."""
LONGEST_PROJECTION = 60
"""A seasonal mean must exist for this many sessions ahead, the longest horizon that can be set."""
LONGEST_LAG = 250
"""Most sessions that covariates may be late."""


class SavedSarimax(SavedArma):
    """The state of an ARMA process with covariates; their coefficients are in any unit."""

    coefficients: Annotated[dict[CovariateName, float], Field(max_length=MOST_COVARIATES)]
    projection: Projection
    lag: int = Field(ge=0, le=LONGEST_LAG)


@dataclass(frozen=True, kw_only=True)
class FittedSarimax(FittedForecaster):
    """Moves of the log price are moves of the covariates times coefficients, plus ARMA errors."""

    name: ClassVar[str] = "sarimax"
    saved: ClassVar[type[SavedState]] = SavedSarimax

    ar: tuple[float, ...]
    ma: tuple[float, ...]
    coefficients: dict[str, float]
    variance: float
    projection: Projection
    lag: int
    sample_start: date
    shocks: Shocks = UNKNOWN

    @property
    def parameters(self) -> dict[str, float]:
        """The AR, MA and covariate coefficients, and the variance of a daily shock."""
        named = {f"ar_{lag}": value for lag, value in enumerate(self.ar, start=1)}
        named |= {f"ma_{lag}": value for lag, value in enumerate(self.ma, start=1)}
        named |= {f"coefficient_{name}": value for name, value in self.coefficients.items()}
        return named | {"variance": self.variance} | self.shocks.parameters

    @property
    def covariates(self) -> tuple[str, ...]:
        """The covariates that forecasts need, in the order of their names."""
        return tuple(sorted(self.coefficients))

    def declined(self, history: History, origins: list[date]) -> dict[date, str]:
        """The origins whose close is at or below zero, or at which a covariate is not known."""
        view = history.select(self.covariates)
        reasons = self._unknown(view, origins)
        return reasons | declined_nonpositive(view, origins)

    def _unknown(self, view: History, origins: list[date]) -> dict[date, str]:
        reasons: dict[date, str] = {}
        reach = {"persist": 1, "seasonal_mean": LONGEST_PROJECTION, "none": self.lag}
        ahead = projected(self.projection, view, origins, reach[self.projection], self.lag)
        now = late(view, self.lag).features[view.positions(origins)]
        late_by = f"in the {self.lag} sessions to" if self.lag else "on"
        for column, name in enumerate(self.covariates):
            unprojected = np.isnan(ahead[:, :, column].sum(axis=1))
            unknown = np.isnan(now[:, column])
            if self.projection == "none":
                unknown |= unprojected
            key = f"commodities.{view.commodity}.covariates.{name}"
            for day, is_unknown, is_unprojected in zip(origins, unknown, unprojected, strict=True):
                if is_unknown:
                    reason = (
                        f"nothing was known of the covariate {name} {late_by} {day}: its newest"
                        f" value was older than {key}.fill_days allows, or its file begins later"
                    )
                    reasons.setdefault(day, reason)
                elif is_unprojected:
                    reason = (
                        f"the covariate {name} has no value at this time of an earlier year, from"
                        f" which {day} could project it: {key}"
                    )
                    reasons.setdefault(day, reason)
        return reasons

    def run(self, history: History, origins: list[date], horizon: int) -> Pass:
        """The expectation at ``origins``, shape (n_origins, horizon), and all errors up to them.

        The Kalman filter passes once over the returns that the covariates do not explain. A session
        whose covariates were not known is a missing observation, and its error is zero.
        """
        view = history.select(self.covariates)
        entering = late(view, self.lag)
        sample = entering.since(self.sample_start).known_at(max(origins)).positive()
        left = np.diff(np.log(sample.closes))
        for column, name in enumerate(self.covariates):
            left -= self.coefficients[name] * np.diff(sample.features[:, column])
        done = run_arma(left, self.ar, self.ma, self.variance, horizon)
        expected = done.expected[sample.positions(origins)]
        ahead = projected(self.projection, view, origins, horizon, self.lag)
        now = entering.features[view.positions(origins)]
        for column, name in enumerate(self.covariates):
            expected += self.coefficients[name] * (ahead[:, :, column] - now[:, None, column])
        return Pass(expected, np.where(np.isnan(left), 0.0, done.errors))

    def draw(
        self, history: History, origins: list[date], *, horizon: int, n_paths: int, seeds: Seeds
    ) -> NDArray[np.float32]:
        """Draw price paths, shape (n_origins, n_paths, horizon)."""
        require_no_declined(self, history, origins)
        if self.projection == "none" and horizon > self.lag:
            raise CannotForecast(
                f"{history.commodity}: {self.name} was fitted with covariates {self.lag} sessions"
                f" late, too few for a horizon of {horizon}: set its option lag and train again"
            )
        done = self.run(history, origins, horizon)
        sample = history.since(self.sample_start).positive()
        moves = linear_moves(
            self.shocks.draw(seeds, horizon, n_paths),
            arma_responses(self.ar, self.ma, horizon),
            self.shocks.scales(done.errors, sample.positions(origins), horizon),
            done.expected,
        )
        return as_paths(prices(history.closes[history.positions(origins)], moves))

    def state(self) -> ModelState:
        """The parameters, how covariates are projected, and where the filter starts."""
        return {
            "ar": list(self.ar),
            "ma": list(self.ma),
            "coefficients": dict(sorted(self.coefficients.items())),
            "variance": self.variance,
            "projection": self.projection,
            "lag": self.lag,
            "sample_start": self.sample_start.isoformat(),
            "shocks": self.shocks.state(),
        }


class Sarimax(Forecaster):
    """SARIMAX(p, 1, q) on log prices with the covariates of a feature set."""

    name: ClassVar[str] = "sarimax"
    fitted = FittedSarimax
    positive_only: ClassVar[bool] = True

    features: str = Field(description="The name of a feature set.")
    projection: Projection = Field("persist", description="What covariates do after an origin.")
    p: int = Field(1, strict=True, ge=0, le=3, description="Autoregressive terms.")
    q: int = Field(1, strict=True, ge=0, le=3, description="Moving average terms.")
    lag: int = Field(
        14,
        strict=True,
        ge=1,
        le=LONGEST_LAG,
        description="With `none`: sessions that covariates are late.",
    )

    @field_validator("q")
    @classmethod
    def _with_a_term(cls, q: int, info: ValidationInfo) -> int:
        if q == 0 and info.data.get("p") == 0:
            raise ValueError("allowed: 1 to 3 where p is 0")
        return q

    @property
    def feature_set(self) -> str:
        """The name of the configuration's feature set that the model uses."""
        return self.features

    @property
    def reach(self) -> int | None:
        """``lag`` if covariates are not projected, since they are known only so far; else None."""
        return self.lag if self.projection == "none" else None

    shocks: ShockKind = Field("blocks", description="How the next shocks are drawn.")

    def estimate(self, history: History, start: FittedForecaster | None) -> FittedSarimax:
        """Estimate by exact maximum likelihood, on moves of unit deviation, from several starts.

        Coefficients and variance are profiled out: for given AR and MA terms they follow from a
        regression of innovations on innovations. Raises Declined if too many closes are at or below
        zero, CannotFit if covariates do not vary or the optimizer does not converge.
        """
        lag = self.lag if self.projection == "none" else 0
        view = history.select(sorted(history.feature_names))
        sample = log_sample(late(view, lag).since_missing(), self.name)
        returns = np.diff(np.log(sample.closes))
        moves = np.diff(sample.features, axis=0)
        deviations = np.array([returns.std(), *moves.std(axis=0)])
        require_variation(sample, self.name, moves)
        profile = Profile(np.column_stack([returns, moves]) / deviations, self.p, self.q)
        best = profile.best()
        if not np.abs(best.jac).max() < SLOPE_ACCEPTED:
            raise CannotFit(
                f"{history.commodity}: {self.name} did not converge on the {len(sample)} sessions"
                f" up to {sample.newest}: {best.message}"
            )
        ar, ma = profile.terms(best.x)
        coefficients, variance, _ = profile.regression(ar, ma)
        scaled = coefficients * deviations[0] / deviations[1:]
        bare = FittedSarimax(
            ar=tuple(ar.tolist()),
            ma=tuple(ma.tolist()),
            coefficients=dict(zip(sample.feature_names, scaled.tolist(), strict=True)),
            variance=float(variance * deviations[0] ** 2),
            projection=self.projection,
            lag=lag,
            sample_start=sample.first,
            metrics=metrics_of(best, returns, n_parameters=self.p + self.q + len(scaled) + 1),
        )
        errors = bare.run(history, [sample.newest], horizon=1).errors
        return replace(bare, shocks=Shocks.fit(self.shocks, errors))


@dataclass(frozen=True, eq=False)
class Profile:
    """The profile likelihood of AR and MA terms, with the best coefficients and variance for them.

    ``moves``: float64, shape (n, 1 + k): the returns, then the moves of each covariate, all of
    unit deviation.
    """

    moves: NDArray[np.float64]
    p: int
    q: int

    def terms(
        self, unconstrained: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Map any real numbers to stationary AR and invertible MA coefficients."""
        from statsmodels.tsa.statespace.tools import constrain_stationary_univariate

        ar, ma = unconstrained[: self.p], unconstrained[self.p :]
        return (
            constrain_stationary_univariate(ar) if self.p else ar,
            -constrain_stationary_univariate(ma) if self.q else ma,
        )

    def regression(
        self, ar: NDArray[np.float64], ma: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], float, float]:
        """The coefficients, shape (k,), the variance of a shock, and the mean log-likelihood."""
        from statsmodels.tsa.innovations.arma_innovations import arma_innovations

        columns = [arma_innovations(column, ar, ma) for column in self.moves.T]
        spread = np.asarray(columns[0][1])
        returns, *others = (np.asarray(column) / np.sqrt(spread) for column, _ in columns)
        design = np.column_stack([np.empty((len(returns), 0)), *others])
        coefficients = np.linalg.lstsq(design, returns, rcond=None)[0]
        variance = float(np.mean((returns - design @ coefficients) ** 2))
        mean = -0.5 * (np.log(2 * np.pi * variance) + 1 + np.log(spread).mean())
        return coefficients, variance, float(mean)

    def best(self) -> "OptimizeResult":
        """The highest maximum that the optimizer reaches from ``STARTS``."""
        climbed = [
            scipy.optimize.minimize(
                lambda at: -self.regression(*self.terms(at))[2], self._start(first)
            )
            for first in (STARTS if self.p and self.q else STARTS[:1])
        ]
        return min(climbed, key=lambda result: float(result.fun))

    def _start(self, first: float) -> NDArray[np.float64]:
        from statsmodels.tsa.statespace.tools import unconstrain_stationary_univariate

        start = np.zeros(self.p + self.q)
        if first:  # only with both kinds of terms
            start[[0]] = unconstrain_stationary_univariate(np.array([first]))
            start[[self.p]] = unconstrain_stationary_univariate(np.array([CANCELLED * first]))
        return start


def require_variation(sample: History, model: str, moves: NDArray[np.float64]) -> None:
    """Raise CannotFit if a covariate does not move, or moves only together with others."""
    still = [
        name for name, column in zip(sample.feature_names, moves.T, strict=True) if not column.any()
    ]
    if still:
        raise CannotFit(
            f"{sample.commodity}: {model}: the covariate {', '.join(still)} does not move from"
            f" {sample.first} to {sample.newest}: leave it out of the feature set"
        )
    if np.linalg.matrix_rank(moves / moves.std(axis=0)) < moves.shape[1]:
        raise CannotFit(
            f"{sample.commodity}: {model}: of the covariates {', '.join(sample.feature_names)} one"
            f" follows from the others from {sample.first} to {sample.newest}: leave it out"
        )


def metrics_of(
    best: "OptimizeResult", returns: NDArray[np.float64], n_parameters: int
) -> FitMetrics:
    """The metrics of the fit, converted to the scale of the returns themselves."""
    n = len(returns)
    log_likelihood = -float(best.fun) * n - n * float(np.log(returns.std()))
    return FitMetrics(
        log_likelihood=log_likelihood,
        aic=2 * n_parameters - 2 * log_likelihood,
        bic=n_parameters * float(np.log(n)) - 2 * log_likelihood,
        converged=True,
        iterations=int(best.nit),
    )
