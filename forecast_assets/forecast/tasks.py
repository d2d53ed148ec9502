"""Tasks of training: each carries all data that it needs, so that any process can run it."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Generic, TypeVar

import numpy as np
from threadpoolctl import threadpool_limits

from forecast_assets.errors import CannotFit, CannotForecast, Declined, MissingCovariate
from forecast_assets.models.base import FittedForecaster, Forecaster
from forecast_assets.models.hold_out import HoldOut
from forecast_assets.timeline.history import History

NUMERICAL_ERRORS = (ArithmeticError, ValueError, RuntimeError)
"""The errors that numerical libraries raise on data that they cannot handle."""

LEAST_SESSIONS = 30
"""The least value that min_observations may have; no model is estimated on fewer sessions."""

Value = TypeVar("Value")


@dataclass(frozen=True, eq=False)
class Done(Generic[Value]):
    """The result of one piece of work: a value, or the reason why there is none."""

    value: Value | None
    seconds: float
    reason: str = ""
    declined: bool = False


def attempt(model: Forecaster, work: Callable[[], Value]) -> Done[Value]:
    """Do a piece of work on a model; an error of the model becomes a reason that names it."""
    began = time.perf_counter()
    try:
        value = work()
    except MissingCovariate as error:
        return Done(None, time.perf_counter() - began, f"{model.name}: {error}")
    except (CannotFit, CannotForecast) as error:
        spent = time.perf_counter() - began
        return Done(None, spent, str(error), isinstance(error, Declined))
    except NUMERICAL_ERRORS as error:
        reason = f"{model.name} broke down: {type(error).__name__}: {error}"
        return Done(None, time.perf_counter() - began, reason)
    return Done(value, time.perf_counter() - began)


Whole = tuple[str, date]
"""A model of the roster and a training date; all tasks that serve it must be done to train it."""


class Task(ABC):
    """The work of one model for some training dates; ``serves``: the models that need it."""

    model: Forecaster
    serves: tuple[Whole, ...]

    @property
    @abstractmethod
    def dates(self) -> tuple[date, ...]:
        """The training dates of the task."""

    @property
    @abstractmethod
    def label(self) -> str:
        """The name of the task in progress displays."""

    @abstractmethod
    def outcomes(self) -> list[Done[Any]]:
        """Do the task, and return a result for each of its dates."""

    def run(self) -> list[Done[Any]]:
        """Do the task in one thread, so that no sum depends on the number of cores."""
        with threadpool_limits(limits=1):
            return self.outcomes()


@dataclass(frozen=True, eq=False)
class Estimation(Task):
    """The estimation of a model at the training dates ``wanted`` of a chain.

    ``chain``: the wanted dates and all dates of the chain before them. The model is estimated at
    each date of the chain, starting from the estimates of the date before; the first date starts
    from scratch. So a window that is trained alone has the same estimates as in a range.
    """

    model: Forecaster
    history: History
    covariates: tuple[str, ...]
    chain: tuple[date, ...]
    wanted: tuple[date, ...]
    min_observations: int
    serves: tuple[Whole, ...] = ()

    @property
    def dates(self) -> tuple[date, ...]:
        """The training dates that are wanted."""
        return self.wanted

    @property
    def label(self) -> str:
        """The commodity, the first date that is wanted, and the model."""
        return f"{self.history.commodity}|{self.wanted[0]} {self.model.name}"

    def outcomes(self) -> list[Done[Any]]:
        """Estimate along the chain, and return the results of the dates that are wanted."""
        found: dict[date, Done[FittedForecaster]] = {}
        start: FittedForecaster | None = None
        for day in self.chain:
            found[day] = attempt(self.model, lambda: self._estimate(day, start))  # noqa: B023
            start = found[day].value
        return [self._required(day, found[day]) for day in self.wanted]

    def _estimate(self, day: date, start: FittedForecaster | None) -> FittedForecaster:
        """Estimate at one date of the chain, whether or not ``min_observations`` are there.

        The options of training do not count here, so that the estimates that later dates start
        from depend on the history alone.
        """
        known = self.history.known_before(day).select(self.covariates)
        sample = known if self.model.takes_missing else known.since_missing()
        if len(sample) < LEAST_SESSIONS:
            raise Declined(f"{known.commodity}: {self.model.name} has {len(sample)} sessions")
        return self.model.estimate(sample, start)

    def _required(self, day: date, done: Done[FittedForecaster]) -> Done[FittedForecaster]:
        """The result of a date; if too few sessions could be used, the reason in its place."""
        refused = attempt(self.model, lambda: self._require_enough(day))
        return done if refused.value else Done(None, done.seconds, refused.reason, refused.declined)

    def _require_enough(self, day: date) -> bool:
        """Return True, or raise Declined or MissingCovariate if too few sessions can be used."""
        known = self.history.known_before(day).select(self.covariates)
        usable = len(known.positive() if self.model.positive_only else known)
        if usable < self.min_observations:
            raise Declined(
                f"{known.commodity}: {self.model.name} has {usable} sessions that it can use"
                f" before {day}, {self.min_observations} needed (training.min_observations)"
            )
        if not self.model.takes_missing:
            require_covariates(known, self.min_observations)
        return True


@dataclass(frozen=True, eq=False)
class TryOut(Task):
    """The trial of a model: it is fitted on the older part of a history, and tried on the newer."""

    model: Forecaster
    held: HoldOut
    covariates: tuple[str, ...]
    training_date: date
    serves: tuple[Whole, ...] = ()

    @property
    def dates(self) -> tuple[date, ...]:
        """The training date of the window."""
        return (self.training_date,)

    @property
    def label(self) -> str:
        """The commodity, the training date and the model, with a note that this is a trial."""
        return f"{self.held.commodity}|{self.training_date} {self.model.name}, held out"

    def outcomes(self) -> list[Done[Any]]:
        """Fit and try the model."""
        return [attempt(self.model, lambda: self.model.trial(self.held.select(self.covariates)))]


def require_covariates(sample: History, least: int) -> None:
    """Raise MissingCovariate if fewer than ``least`` sessions follow the last missing value."""
    known = sample.since_missing()
    if len(known) == len(sample) or len(known) >= least:
        return
    last = len(sample) - len(known) - 1
    name = sample.feature_names[int(np.flatnonzero(np.isnan(sample.features[last]))[0])]
    raise MissingCovariate(
        f"{sample.commodity}: nothing was known of the covariate {name} on {sample.dates[last]}:"
        f" only {len(known)} sessions since, {least} needed"
        f" (commodities.{sample.commodity}.covariates.{name}: its file, or fill_days)"
    )


def inline(tasks: Sequence[Task]) -> Iterator[list[Done[Any]]]:
    """Run tasks in this process, one after the other."""
    return (task.run() for task in tasks)
