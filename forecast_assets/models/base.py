"""The contract of a model: fit once, simulate from many origins, live in plain JSON."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from forecast_assets.errors import Declined
from forecast_assets.history import History
from forecast_assets.simulation import Seeds

State = dict[str, Any]
"""Plain JSON values and small arrays as lists."""


@dataclass(frozen=True)
class FitMetrics:
    """How a fit went. ``None`` where the model estimates nothing by likelihood."""

    log_likelihood: float | None = None
    aic: float | None = None
    bic: float | None = None
    converged: bool | None = None
    iterations: int | None = None
    warnings: tuple[str, ...] = ()


class FittedForecaster(ABC):
    """A model after fitting: everything that its forecasts need, and nothing else."""

    name: ClassVar[str]
    schema_version: ClassVar[int] = 1
    migrations: ClassVar[Mapping[int, Callable[[State], State]]] = {}
    """Version n to the function that turns a state of version n into one of n + 1."""

    metrics: FitMetrics

    @property
    @abstractmethod
    def parameters(self) -> dict[str, float]:
        """The estimates, by their usual names."""

    @property
    def covariates(self) -> tuple[str, ...]:
        """The covariates that forecasts need, in the order of their names."""
        return ()

    @abstractmethod
    def declined(self, history: History, origins: list[date]) -> dict[date, str]:
        """The origins that this model cannot forecast from, each with its reason."""

    @abstractmethod
    def simulate(
        self, history: History, origins: list[date], *, horizon: int, n_paths: int, seeds: Seeds
    ) -> NDArray[np.float32]:
        """Draw price paths, shape (n_origins, n_paths, horizon), in the commodity's unit.

        ``origins`` are sessions of ``history``; the paths of one depend on the sessions up to it
        and on its own seed only. Session h of a path is the h-th session after the origin.
        """

    @abstractmethod
    def state(self) -> State:
        """What ``from_state`` needs to rebuild this model bit for bit."""

    @classmethod
    @abstractmethod
    def from_state(cls, state: State) -> Self:
        """Rebuild a model of the current schema version."""


class Forecaster(BaseModel, ABC):
    """A model before fitting; its fields are the options that the configuration may set."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ClassVar[str]
    fitted: ClassVar[type[FittedForecaster]]
    positive_only: ClassVar[bool]
    """Whether the model works on logarithms and so declines closes at or below zero."""

    @property
    def feature_set(self) -> str | None:
        """The configuration's name for the covariates that the model uses, if it uses any."""
        return None

    @property
    def reach(self) -> int | None:
        """The longest horizon in sessions that the model can forecast, or None for any."""
        return None

    @abstractmethod
    def fit(self, history: History) -> FittedForecaster:
        """Estimate on the whole of ``history``. Raises CannotFit or Declined."""


def log_returns(history: History, model: str) -> NDArray[np.float64]:
    """Log returns, shape (n - 1,). Raises Declined where a close has no logarithm."""
    if np.any(history.closes <= 0):
        raise Declined(f"{history.commodity}: {model} cannot be fitted: {nonpositive(history)}")
    returns: NDArray[np.float64] = np.diff(np.log(history.closes))
    if len(returns) < 2 or not np.any(returns != returns[0]):
        raise Declined(f"{history.commodity}: {model} cannot be fitted: the closes do not vary")
    return returns


def nonpositive(history: History) -> str:
    """Say which close has no logarithm and what to do about it."""
    last = int(np.flatnonzero(history.closes <= 0)[-1])
    return (
        f"the close of {history.closes[last]:g} on {history.dates[last]} has no logarithm"
        " (naive and random_walk have a difference form)"
    )


def declined_since_nonpositive(
    history: History, sample_start: date, origins: list[date]
) -> dict[date, str]:
    """The origins of a log model that have a close at or below zero in their sample."""
    sample = history.since(sample_start)
    bad = sample.dates[sample.closes <= 0]
    reached = [day for day in origins if len(bad) and np.datetime64(day) >= bad[0]]
    return {day: nonpositive(sample.known_at(day)) for day in reached}
