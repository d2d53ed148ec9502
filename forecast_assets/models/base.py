"""The contract of a model: it is fitted once, stored as plain JSON, and drawn from many origins."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from forecast_assets.errors import CannotFit, CannotForecast, Declined
from forecast_assets.models.hold_out import PATHS_TRIED, SESSIONS_TRIED, HoldOut, Trial
from forecast_assets.models.recalibration import stretched
from forecast_assets.models.saved import SavedState, checked
from forecast_assets.models.simulation import Seeds, seed_of
from forecast_assets.models.tick import in_ticks
from forecast_assets.timeline.history import History

FEW_NONPOSITIVE = 0.01
"""A log model skips closes at or below zero up to this share of all closes; else it declines."""

DIFFERENCE_FORMS = "naive and random_walk have a difference form"

NOT_RECALIBRATED = "not recalibrated: the history has no hold-out, or the trial on it failed"

ModelState = dict[str, Any]
"""Plain JSON values; arrays are lists."""


@dataclass(frozen=True)
class FitMetrics:
    """How a fit went; None for models that do not maximise a likelihood."""

    log_likelihood: float | None = None
    aic: float | None = None
    bic: float | None = None
    converged: bool | None = None
    iterations: int | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class FittedForecaster(ABC):
    """A fitted model: everything that its forecasts need, and nothing else.

    ``stretch``: by session ahead, the factor by which paths are stretched about their median; the
    last factor also counts for all later sessions. Empty if paths are not stretched. ``tick``: the
    step of the commodity's prices, to which paths are rounded; None if they are not.
    """

    name: ClassVar[str]
    schema_version: ClassVar[int] = 1
    migrations: ClassVar[Mapping[int, Callable[[ModelState], ModelState]]] = {}
    """For version n, the function that turns a state of version n into one of version n + 1."""
    saved: ClassVar[type[SavedState]]
    """The form of a state of the current schema version."""

    stretch: tuple[float, ...] = ()
    tick: float | None = None
    metrics: FitMetrics = field(default=FitMetrics(), compare=False)

    @property
    @abstractmethod
    def parameters(self) -> dict[str, float]:
        """The estimates by their usual names."""

    @property
    def covariates(self) -> tuple[str, ...]:
        """The covariates that forecasts need, in the order of their names."""
        return ()

    @abstractmethod
    def declined(self, history: History, origins: list[date]) -> dict[date, str]:
        """The origins from which this model cannot forecast, each with the reason."""

    @abstractmethod
    def draw(
        self, history: History, origins: list[date], *, horizon: int, n_paths: int, seeds: Seeds
    ) -> NDArray[np.float32]:
        """Draw the paths of ``simulate`` before they are stretched and rounded."""

    def simulate(
        self, history: History, origins: list[date], *, horizon: int, n_paths: int, seeds: Seeds
    ) -> NDArray[np.float32]:
        """Draw price paths, shape (n_origins, n_paths, horizon), in the commodity's unit.

        ``origins``: sessions of ``history``. The paths of an origin depend only on the sessions up
        to it and on its own seed. Session h of a path is the h-th session after the origin.
        """
        paths = self.draw(history, origins, horizon=horizon, n_paths=n_paths, seeds=seeds)
        if self.stretch:
            paths = stretched(paths, self.stretch)
        return paths if self.tick is None else in_ticks(paths, self.tick)

    @abstractmethod
    def state(self) -> ModelState:
        """The values from which ``from_state`` rebuilds all of this model but stretch and tick."""

    @classmethod
    def from_state(cls, state: ModelState) -> Self:
        """Rebuild a model from a state of the current schema version.

        Raises PayloadCorrupted for a state that is not of the form ``saved``.
        """
        return cls(**checked(cls.saved, state, f"{cls.name}: its state").values())


class Forecaster(BaseModel, ABC):
    """A model before fitting; its fields are the options that a configuration can set."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ClassVar[str]
    fitted: ClassVar[type[FittedForecaster]]
    positive_only: ClassVar[bool]
    """Whether the model works on logarithms and so declines closes at or below zero."""
    takes_missing: ClassVar[bool] = False
    """Whether the model can be fitted on sessions at which the value of a covariate is missing."""

    recalibrate: bool = Field(
        False, description="Stretch the paths by what their coverage was on a hold-out."
    )

    @property
    def feature_set(self) -> str | None:
        """The name of the configuration's feature set that the model uses, or None."""
        return None

    @property
    def reach(self) -> int | None:
        """The longest horizon that the model can forecast, in sessions; None for any horizon."""
        return None

    @abstractmethod
    def estimate(self, history: History, start: FittedForecaster | None) -> FittedForecaster:
        """Estimate on the whole of ``history``. Raises CannotFit or Declined.

        ``start``: this model, fitted on an earlier sample; an optimizer may start from its
        parameters.
        """

    def plain(self) -> "Forecaster":
        """The same model without recalibration, so that its estimate can be shared."""
        return self.model_copy(update={"recalibrate": False})

    def parts(self) -> tuple["Forecaster", ...]:
        """The models to estimate on the whole history: this one, or the members of an ensemble."""
        return (self.plain(),)

    def tried(self) -> tuple["Forecaster", ...]:
        """The models to try on a hold-out first."""
        return (self.plain(),) if self.recalibrate else ()

    def assemble(
        self,
        estimated: Mapping["Forecaster", FittedForecaster],
        trials: Mapping["Forecaster", Trial],
    ) -> FittedForecaster:
        """Assemble the fitted model from its estimated parts and their trials, if there are any."""
        model = estimated[self.plain()]
        if not self.recalibrate:
            return model
        if self.plain() in trials:
            return replace(model, stretch=trials[self.plain()].stretch())
        warnings = (*model.metrics.warnings, NOT_RECALIBRATED)
        return replace(model, metrics=replace(model.metrics, warnings=warnings))

    def fit(self, history: History) -> FittedForecaster:
        """Fit on ``history``: estimate the parts, run the trials, and assemble them.

        Raises CannotFit or Declined.
        """
        held = HoldOut.of(history)
        estimated = {part: part.estimate(history, None) for part in self.parts()}
        trials = {part: part.trial(held) for part in self.tried()} if held else {}
        return self.assemble(estimated, trials)

    def trial(self, held: HoldOut) -> Trial:
        """Fit on the older part of a history, and forecast the newer part. Raises CannotFit."""
        model = self.estimate(held.older, None)
        declined = model.declined(held.history, held.origins)
        able = [origin for origin in held.origins if origin not in declined]
        if not able:
            raise CannotFit(f"{held.commodity}: {self.name} declined every origin of the hold-out")
        seeds = [seed_of(held.commodity, self.name, "hold-out", str(day)) for day in able]
        sessions = min(SESSIONS_TRIED, self.reach or SESSIONS_TRIED)
        paths = model.draw(held.history, able, horizon=sessions, n_paths=PATHS_TRIED, seeds=seeds)
        return held.trial(able, paths)


def log_sample(history: History, model: str) -> History:
    """The sessions on which a log model is fitted: those with a close above zero.

    Where a session is skipped, the return is that between its neighbours. Raises Declined if more
    than a few sessions are skipped, or if the closes do not vary.
    """
    sample = history.positive()
    if len(history) - len(sample) > FEW_NONPOSITIVE * len(history):
        raise Declined(
            f"{history.commodity}: {model} works on logarithms, and"
            f" {len(history) - len(sample)} of {len(history)} closes are at or below zero"
            f" ({DIFFERENCE_FORMS})"
        )
    returns = np.diff(sample.closes)
    if len(returns) < 2 or not np.any(returns):
        raise Declined(f"{history.commodity}: {model} cannot be fitted: the closes do not vary")
    return sample


def declined_nonpositive(history: History, origins: list[date]) -> dict[date, str]:
    """The origins whose close is at or below zero, each with the reason."""
    closes = history.closes[history.positions(origins)]
    return {
        day: f"the close of {close:g} on {day} has no logarithm ({DIFFERENCE_FORMS})"
        for day, close in zip(origins, closes.tolist(), strict=True)
        if close <= 0
    }


def require_no_declined(model: FittedForecaster, history: History, origins: list[date]) -> None:
    """Raise CannotForecast for the first origin that a model declines."""
    for day, reason in model.declined(history, origins).items():
        raise CannotForecast(f"{history.commodity}: {model.name} from {day}: {reason}")
