"""Training windows: a pure function of configuration, histories and the models that are stored.

The work is divided into tasks (see tasks.py). Tasks are independent of each other, so the result
does not depend on who runs them or in how many processes.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import groupby, islice
from typing import Any

from threadpoolctl import threadpool_limits

from forecast_assets.configuration.settings import Settings
from forecast_assets.errors import MissingCovariate, NoSession
from forecast_assets.forecast.payloads import canonical_json
from forecast_assets.forecast.records import ModelFailure, TrainedModel
from forecast_assets.forecast.tasks import Done, Estimation, Task, TryOut, Whole, attempt, inline
from forecast_assets.models.base import FittedForecaster, Forecaster
from forecast_assets.models.hold_out import HoldOut
from forecast_assets.models.tick import with_tick
from forecast_assets.timeline.history import History
from forecast_assets.timeline.sessions import too_sparse
from forecast_assets.timeline.window import Window

COARSE = 0.01
"""A tick of more than this share of the last close leaves few prices to a forecast."""

Spread = Callable[[Sequence[Task]], Iterator[list[Done[Any]]]]
"""A function that runs tasks, in any process, and yields the results in the order of the tasks."""


@dataclass(frozen=True, eq=False)
class Fit:
    """A model that was fitted.

    ``options``: what it was configured with, and the tick. ``training_start``: the first session
    that it was fitted on. ``covariates``: those that it was offered, though it may need fewer: a
    change of any of them is a reason to fit it again. ``seconds``: how long all its tasks took.
    """

    model: FittedForecaster
    options: Mapping[str, Any]
    training_start: date
    covariates: tuple[str, ...]
    seconds: float = 0.0


@dataclass(frozen=True, eq=False)
class Training:
    """The result of training a window.

    ``history``: the sessions known before the training date. ``fits``: models that were fitted.
    ``kept``: stored models with the same options and data, which were not fitted again.
    ``failures``: models that could not be fitted. ``not_due``: why the window needs no model at
    all, or None.
    """

    history: History
    fits: list[Fit] = field(default_factory=list)
    kept: list[TrainedModel] = field(default_factory=list)
    failures: list[ModelFailure] = field(default_factory=list)
    not_due: str | None = None


@dataclass(frozen=True, eq=False)
class WindowToTrain:
    """A window to train, its commodity's history, and the window's stored models, ``known``."""

    window: Window
    history: History
    known: Sequence[TrainedModel] = ()


def not_due(settings: Settings, window: Window, history: History) -> str | None:
    """Why a window has nothing to train or forecast, or None if it has."""
    if reason := too_sparse(history.dates):
        return f"{window.commodity}: {reason}"
    return lacking_sessions(settings, window, history)


def lacking_sessions(settings: Settings, window: Window, history: History) -> str | None:
    """Why a window of a series that is not too sparse has nothing to train or forecast, or None."""
    known = history.count_before(window.training_date)
    least = settings.training.min_observations
    if known < least:
        return (
            f"{window.commodity}: {known} {'session' if known == 1 else 'sessions'} before"
            f" {window.training_date},"
            f" {least} needed: training.min_observations"
        )
    if known < history.count_before(window.end):  # a session of the window follows another
        return None
    calendar = settings.commodity(window.commodity).calendar
    if not window.origins(history, calendar):
        return f"{window.commodity}: no session in the window, the newest is {history.newest}"
    return None


def require_session(settings: Settings, first: Window, history: History) -> None:
    """Raise NoSession if the first window of a run begins after every session that can be forecast.

    Otherwise the partitions of the run would succeed without holding anything. ``history``: that of
    the window's commodity.
    """
    calendar = settings.commodity(first.commodity).calendar
    if first.training_date <= history.newest or first.origins(history, calendar):
        return
    raise NoSession(
        f"{first.key}: begins after the session that follows the newest price, of"
        f" {history.newest}: no forecast can start in it yet"
    )


@dataclass(frozen=True, eq=False)
class ToFit:
    """The models of a window, sorted.

    ``due``: to fit. ``kept``: fitted already. ``unable``: those that lack a covariate, by model
    name.
    """

    due: list[Forecaster] = field(default_factory=list)
    kept: list[TrainedModel] = field(default_factory=list)
    unable: dict[str, MissingCovariate] = field(default_factory=dict)


def to_fit(settings: Settings, known: History, rows: Mapping[str, TrainedModel]) -> ToFit:
    """Sort the roster into models to fit and others; nothing else decides which models are due.

    ``known``: the history before the training date. ``rows``: the window's stored models by name.
    """
    found, tick = ToFit(), settings.commodity(known.commodity).tick
    for name, forecaster in settings.models.items():
        try:
            sample = known.select(settings.covariates_of(forecaster, known.feature_names))
        except MissingCovariate as error:
            found.unable[name] = error
            continue
        options = with_tick(forecaster.model_dump(), tick)
        if name in rows and is_current(rows[name], options, sample):
            found.kept.append(rows[name])
        else:
            found.due.append(forecaster)
    return found


def is_current(row: TrainedModel, options: Mapping[str, Any], history: History) -> bool:
    """Whether a stored model has these options and was fitted on exactly this history.

    ``options``: with the tick. ``history`` has only the covariates that the model is offered.
    """
    same_options = row.options == canonical_json(options).decode()
    return same_options and row.data_fingerprint == history.fingerprint


def train_window(
    settings: Settings, window: Window, history: History, known: Sequence[TrainedModel]
) -> Training:
    """Fit the models of a window on the sessions before its training date.

    ``known``: the window's stored models; those that are current are not fitted again. A model that
    cannot be fitted becomes a failure in the result and does not stop the others.
    """
    ((_, training),) = train(settings, [WindowToTrain(window, history, known)], inline)
    return training


def train(
    settings: Settings, requests: Sequence[WindowToTrain], spread: Spread
) -> Iterator[tuple[Window, Training]]:
    """Train windows, and yield each as soon as its chain is done.

    ``requests``: in the order of their windows, so that windows of a chain stand together.
    """
    plans = [_planned(settings, request) for request in requests]
    chains = [list(chain) for _, chain in groupby(plans, key=_chain_of)]
    tasks = [_tasks(settings, chain) for chain in chains]
    outcomes = spread([task for of_chain in tasks for task in of_chain])
    for chain, of_chain in zip(chains, tasks, strict=True):
        done: TaskResults = {}
        for task, results in zip(of_chain, islice(outcomes, len(of_chain)), strict=True):
            for day, result in zip(task.dates, results, strict=True):
                done[type(task), day, task.model] = result
        if chain is chains[-1]:
            next(outcomes, None)  # exhausts the iterator, so that a progress display ends
        for plan in chain:
            with threadpool_limits(limits=1):  # as in a task: no sum depends on the cores
                _assemble(settings, plan, done)
            yield plan.window, plan.training


TaskResults = dict[tuple[type[Task], date, Forecaster], Done[Any]]


@dataclass(frozen=True, eq=False)
class _Plan:
    """The work of one window: ``due``: the models to fit; ``held``: its hold-out for trials."""

    window: Window
    history: History
    training: Training
    due: list[Forecaster] = field(default_factory=list)
    held: HoldOut | None = None

    def tasks_of(self, kind: type[Task]) -> list[Forecaster]:
        """The models that have a task of this kind, each once."""
        if kind is TryOut and self.held is None:
            return []
        models = [_made_of(kind, model) for model in self.due]
        return list(dict.fromkeys(part for parts in models for part in parts))

    def served(self, kind: type[Task], part: Forecaster) -> tuple[Whole, ...]:
        """The models of this window that need a task of this kind for ``part``."""
        due = [model.name for model in self.due if part in _made_of(kind, model)]
        return tuple((name, self.window.training_date) for name in due)


def _made_of(kind: type[Task], model: Forecaster) -> Sequence[Forecaster]:
    """The parts of a roster model that need a task of this kind."""
    return model.parts() if kind is Estimation else model.tried()


def _chain_of(plan: _Plan) -> tuple[str, date]:
    """The key of a window's chain: its commodity and the first date of the chain."""
    return plan.window.commodity, plan.window.chain[0]


def _planned(settings: Settings, request: WindowToTrain) -> _Plan:
    window, history = request.window, request.history
    known = history.known_before(window.training_date)
    if reason := not_due(settings, window, history):
        return _Plan(window, history, Training(known, not_due=reason))
    found = to_fit(settings, known, {row.model_name: row for row in request.known})
    failures = [
        ModelFailure(name, f"{window.key}: {name}: {lack}") for name, lack in found.unable.items()
    ]
    training = Training(known, kept=found.kept, failures=failures)
    return _Plan(window, history, training, found.due, HoldOut.of(known))


def _tasks(settings: Settings, chain: Sequence[_Plan]) -> list[Task]:
    """The tasks of the windows of one chain, without duplicates."""
    tasks: list[Task] = []
    wanted: dict[Forecaster, list[date]] = {}
    for plan in chain:
        for model in plan.tasks_of(Estimation):
            wanted.setdefault(model, []).append(plan.window.training_date)
    last = chain[-1].window
    for model, days in wanted.items():
        dates = last.chain[: last.chain.index(days[-1]) + 1]
        known = chain[-1].history.known_before(days[-1])
        covariates = settings.covariates_of(model, known.feature_names)
        least = settings.training.min_observations
        serves = tuple(whole for plan in chain for whole in plan.served(Estimation, model))
        tasks.append(Estimation(model, known, covariates, dates, tuple(days), least, serves))
    for plan in chain:
        if plan.held is not None:
            for model in plan.tasks_of(TryOut):
                covariates = settings.covariates_of(model, plan.history.feature_names)
                day, serves = plan.window.training_date, plan.served(TryOut, model)
                tasks.append(TryOut(model, plan.held, covariates, day, serves))
    return tasks


def _assemble(settings: Settings, plan: _Plan, done: TaskResults) -> None:
    """Assemble each model of a window from its done tasks, or record why that is not possible."""
    day, key = plan.window.training_date, plan.window.key
    for model in plan.due:
        parts = {part: done[Estimation, day, part] for part in model.parts()}
        trials = {part: done[TryOut, day, part] for part in model.tried()} if plan.held else {}
        estimated = {part: one.value for part, one in parts.items() if one.value is not None}
        if not estimated:
            reasons = "; ".join(dict.fromkeys(lost.reason for lost in parts.values()))
            declined = all(lost.declined for lost in parts.values())
            failure = ModelFailure(model.name, f"{key}: {reasons}", declined)
            plan.training.failures.append(failure)
            continue
        whole = attempt(
            model,
            lambda: model.assemble(  # noqa: B023 - called here and now
                estimated,  # noqa: B023
                {part: one.value for part, one in trials.items() if one.value is not None},  # noqa: B023
            ),
        )
        if whole.value is None:
            plan.training.failures.append(ModelFailure(model.name, f"{key}: {whole.reason}"))
            continue
        seconds = sum(one.seconds for one in (*parts.values(), *trials.values(), whole))
        first = _first_session(plan.training.history, estimated)
        offered = settings.covariates_of(model, plan.training.history.feature_names)
        lost = {part.name: one.reason for part, one in trials.items() if one.value is None}
        tick = settings.commodity(plan.window.commodity).tick
        told = _with_warnings(
            replace(whole.value, tick=tick),
            [
                *(f"{name} held out: {x}" for name, x in lost.items()),
                *coarseness(plan.training.history, tick),
            ],
        )
        options = with_tick(model.model_dump(), tick)
        plan.training.fits.append(Fit(told, options, first, offered, seconds))


def coarseness(history: History, tick: float | None) -> list[str]:
    """A warning if a tick is too large beside the last close for a forecast to have many prices."""
    last = float(history.closes[-1])
    if tick is None or tick <= COARSE * abs(last):
        return []
    return [
        f"commodities.{history.commodity}.tick: {tick:g} is large beside the close of {last:g} on"
        f" {history.newest}: rounded to it, paths have few different prices"
    ]


def _with_warnings(model: FittedForecaster, warnings: Sequence[str]) -> FittedForecaster:
    metrics = replace(model.metrics, warnings=(*model.metrics.warnings, *warnings))
    return replace(model, metrics=metrics)


def _first_session(history: History, parts: Mapping[Forecaster, FittedForecaster]) -> date:
    """The first session that any part was fitted on.

    A part that cannot handle missing values begins after the last missing value.
    """
    return min(
        history.first
        if part.takes_missing
        else history.select(fitted.covariates).since_missing().first
        for part, fitted in parts.items()
    )
