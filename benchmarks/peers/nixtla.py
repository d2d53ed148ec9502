"""The job by statsforecast. Its GARCH has no ``simulate``.

``simulate`` of a model takes the state at the end of its sample, or, given ``y``, fits anew. Its
``forward`` takes a fitted model to other sessions, but gives means and quantiles only. So the two
functions that these are made of are called one after the other: nothing is fitted twice.
"""

from typing import Any

import numpy as np
from statsforecast.arima import forward_arima, simulate_arima
from statsforecast.ets import forward_ets, simulate_ets
from statsforecast.models import AutoARIMA, AutoETS

from benchmarks.peers.job import Job, Paths
from benchmarks.peers.way import Way


class NixtlaArima(Way):
    """AutoARIMA as it comes: order and differences are chosen by a stepwise search."""

    name = "statsforecast AutoARIMA"

    def fit(self, job: Job) -> Any:
        """Fit on log prices."""
        return AutoARIMA().fit(job.levels[: job.known]).model_

    def draw(self, job: Job, fitted: Any) -> Paths:
        """Filter up to each origin, and simulate from there."""
        paths, levels = job.empty(), job.levels
        for block, place in zip(paths, job.places, strict=True):
            there = forward_arima(fitted, levels[: place + 1])
            block[...] = simulate_arima(there, job.horizon, job.n_paths, seed=place)
        return np.exp(paths, out=paths)


class NixtlaEts(Way):
    """AutoETS without seasons; ``form``: Z where it chooses among error and trend."""

    def __init__(self, form: str = "ZZN", damped: bool | None = None) -> None:
        self.name = f"statsforecast AutoETS({form})"
        self.form, self.damped = form, damped

    def fit(self, job: Job) -> Any:
        """Fit on log prices."""
        return AutoETS(model=self.form, damped=self.damped).fit(job.levels[: job.known]).model_

    def draw(self, job: Job, fitted: Any) -> Paths:
        """Smooth up to each origin, and simulate from there."""
        paths, levels = job.empty(), job.levels
        for block, place in zip(paths, job.places, strict=True):
            there = forward_ets(fitted, levels[: place + 1])
            block[...] = simulate_ets(there, job.horizon, job.n_paths, seed=place)
        return np.exp(paths, out=paths)


class Refitting(NixtlaEts):
    """AutoETS by ``simulate`` with ``y``, as ``StatsForecast.simulate`` does: a fit per origin."""

    def __init__(self) -> None:
        super().__init__()
        self.name += ", fitted at each origin"

    def draw(self, job: Job, fitted: Any) -> Paths:
        """Fit and simulate at each origin."""
        paths, levels, model = job.empty(), job.levels, AutoETS(model=self.form)
        for block, place in zip(paths, job.places, strict=True):
            block[...] = model.simulate(job.horizon, job.n_paths, y=levels[: place + 1], seed=place)
        return np.exp(paths, out=paths)
