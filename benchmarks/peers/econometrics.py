"""The job by statsmodels and arch, and by one call for each path."""

import warnings
from typing import Any

import numpy as np
from arch import arch_model
from statsmodels.tsa.arima.model import ARIMA
from statsmodels.tsa.exponential_smoothing.ets import ETSModel

from benchmarks.peers.job import Job, Paths
from benchmarks.peers.way import Way

PERCENT = 100
"""arch wants returns in percent."""


class StatsmodelsArima(Way):
    """ARIMA(1, 1, 1): fitted once, extended to each origin, all paths of an origin at once.

    ``innovations_mle`` is quicker than its default. ``extend`` keeps only the sessions after
    the sample; after ``apply`` or ``append``, which keep all, to simulate takes a hundred times as
    long.
    """

    name = "statsmodels ARIMA(1, 1, 1)"

    def fit(self, job: Job) -> Any:
        """Fit on log prices."""
        model = ARIMA(job.levels[: job.known], order=(1, 1, 1), trend="n")
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Provided `endog` series has been differenced")
            return model.fit(method="innovations_mle")

    def draw(self, job: Job, fitted: Any) -> Paths:
        """Extend to each origin, and simulate from its end."""
        paths, levels, random = job.empty(), job.levels, np.random.default_rng(0)
        for block, place in zip(paths, job.places, strict=True):
            extended = fitted.extend(levels[job.known : place + 1])
            block[...] = self.moves(extended, job, random)
        return np.exp(paths, out=paths)

    def moves(self, extended: Any, job: Job, random: np.random.Generator) -> np.ndarray:
        """Log prices from one origin, shape (n_paths, horizon)."""
        drawn = extended.simulate(job.horizon, repetitions=job.n_paths, anchor="end", rng=random)
        return np.asarray(drawn).reshape(job.horizon, job.n_paths).T


class OnePathEach(StatsmodelsArima):
    """The same, with one ``simulate`` for each path."""

    name = "statsmodels ARIMA(1, 1, 1), a call for each path"

    def moves(self, extended: Any, job: Job, random: np.random.Generator) -> np.ndarray:
        """Log prices from one origin, shape (n_paths, horizon)."""
        return np.array(
            [
                np.ravel(extended.simulate(job.horizon, anchor="end", rng=random))
                for _ in range(job.n_paths)
            ]
        )


class StatsmodelsEts(Way):
    """ETS(A, Ad, N): fitted once, smoothed once up to the last origin.

    The state at an origin depends only on the sessions up to it, and ``anchor`` starts there. The
    deviation of a smoothed sample would know what comes after an origin, so it is that of the fit.
    """

    name = "statsmodels ETS(A, Ad, N)"

    def model(self, levels: np.ndarray) -> Any:
        """The model of log prices."""
        return ETSModel(levels, error="add", trend="add", damped_trend=True)

    def fit(self, job: Job) -> Any:
        """Fit on log prices."""
        return self.model(job.levels[: job.known]).fit(disp=False)

    def draw(self, job: Job, fitted: Any) -> Paths:
        """Simulate from the state at each origin, with the deviation that was estimated."""
        smoothed, deviation = self.model(job.levels).smooth(fitted.params), np.sqrt(fitted.scale)
        paths, random = job.empty(), np.random.default_rng(0)
        for block, place in zip(paths, job.places, strict=True):
            errors = deviation * random.standard_normal((job.horizon, job.n_paths))
            drawn = smoothed.simulate(
                job.horizon, anchor=place, repetitions=job.n_paths, random_errors=errors
            )
            block[...] = np.transpose(drawn)
        return np.exp(paths, out=paths)


class ArchGjr(Way):
    """GJR-GARCH(1, 1) with normal shocks: one model, whose estimate ends before the origins."""

    name = "arch GJR-GARCH(1, 1)"

    def fit(self, job: Job) -> Any:
        """Fit on the returns of the sample."""
        returns = PERCENT * np.diff(job.levels)
        model = arch_model(returns, mean="Zero", vol="GARCH", p=1, o=1, q=1, rescale=False)
        return model.fit(last_obs=job.known - 1, disp="off")

    def draw(self, job: Job, fitted: Any) -> Paths:
        """Simulate from all origins in one call."""
        forecast = fitted.forecast(
            horizon=job.horizon,
            start=job.known - 1,
            method="simulation",
            simulations=job.n_paths,
            rng=np.random.default_rng(0).standard_normal,
        )
        moves = forecast.simulations.values.cumsum(axis=2) / PERCENT
        closes = job.history.closes[job.places, None, None]
        paths: Paths = (closes * np.exp(moves)).astype(np.float32)
        return paths
