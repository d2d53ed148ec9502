"""Forecasting one window: a pure function of configuration, history, models and stored forecasts.

A forecast has one model and one origin. Those that are missing are drawn, and those that were made
from something that has changed since are drawn again.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from forecast_assets.configuration.settings import Settings
from forecast_assets.errors import LookAheadError, MissingCovariate
from forecast_assets.forecast.drawing import Broken, Loaded, attempted, drawn_paths
from forecast_assets.forecast.points import Ordered, in_order, points_of
from forecast_assets.forecast.records import (
    Draw,
    IssuedForecast,
    ModelFailure,
    TrainedModel,
    WindowChange,
)
from forecast_assets.forecast.staleness import is_stale
from forecast_assets.timeline.history import History
from forecast_assets.timeline.outcomes import Outcomes
from forecast_assets.timeline.sessions import following
from forecast_assets.timeline.window import Origin, Window

LATER_MODEL = "model of a later training date"
RETRAINED = "retrained model"
OTHER_PATHS = "other number of paths"
REVISED = "revised history"
OTHER_CODE = "other code"
"""The reasons why an issued forecast is drawn again; a history is its closes and covariates."""

EXPECTED_HORIZONS = 2
"""How many horizons of expected sessions are stored: more than one, since prices may come, and
holidays that were not expected pass, before the next forecast."""


@dataclass(frozen=True)
class Reissue:
    """A forecast that is drawn again because its history was revised before any outcome was known.

    ``said_from``: the close at the cutoff when it was first drawn; None if the tables do not know.
    ``close``: the close at the cutoff now.
    """

    model_name: str
    cutoff: date
    said_from: float | None
    close: float

    @property
    def why(self) -> str:
        """What was revised, in words."""
        if self.said_from is None or self.said_from == self.close:
            return "a price or covariate before its last close was revised"
        return f"its last close was {self.said_from:.10g} and is {self.close:.10g} now"


def lines_of(reissues: Sequence[Reissue]) -> list[str]:
    """Lines for users: what was drawn again and why; models with the same reason share a line."""
    models: dict[tuple[date, str], list[str]] = {}
    for each in reissues:
        models.setdefault((each.cutoff, each.why), []).append(each.model_name)
    return [
        f"the forecast of {', '.join(names)} from {cutoff} was drawn again: {why}"
        for (cutoff, why), names in models.items()
    ]


@dataclass(frozen=True, eq=False)
class Forecasting:
    """The result for one window; its counts are of forecasts (one model, one origin).

    ``draws``: the new paths, and ``failures``: the models that failed or declined. Of the
    forecasts that the tables already hold, ``kept``: left as they are; ``stale_cutoffs``: the
    cutoff of each that is stale and left as it is; ``redrawn``: how many were drawn again;
    ``reissues``: those of the redrawn whose history was revised before any outcome was known;
    ``elsewhere``: issued by the model of another training date, as after a change of cadence, and
    left as they are.

    ``moved``: (cutoff, start) of forecasts whose first session turned out to be another day,
    ``start``. ``withdrawn``: cutoffs of issued forecasts that are no longer sessions.
    ``happened``: the outcomes after the cutoffs drawn now, and after ``settled``, whose outcomes in
    the tables are not those of the history. ``outcomes``: the number of cutoffs with a newly known
    session. ``expected``: the sessions after the newest close, by the calendar.
    """

    origins: list[Origin]
    n_paths: int
    draws: list[Draw] = field(default_factory=list)
    failures: list[ModelFailure] = field(default_factory=list)
    moved: list[tuple[date, date]] = field(default_factory=list)
    withdrawn: list[date] = field(default_factory=list)
    happened: Outcomes | None = None
    settled: list[date] = field(default_factory=list)
    kept: int = 0
    stale_cutoffs: list[date] = field(default_factory=list)
    redrawn: int = 0
    elsewhere: int = 0
    outcomes: int = 0
    expected: list[date] = field(default_factory=list)
    reissues: list[Reissue] = field(default_factory=list)

    @property
    def stale(self) -> int:
        """How many forecasts are stale and left as they are."""
        return len(self.stale_cutoffs)

    @property
    def drawn(self) -> int:
        """How many forecasts were drawn, new and redrawn ones."""
        return sum(len(draw.cutoffs) for draw in self.draws)

    @property
    def change(self) -> WindowChange:
        """What is to be written."""
        return WindowChange(
            self.draws, self.failures, self.moved, self.withdrawn, self.happened, self.expected
        )

    @property
    def reaches_others(self) -> bool:
        """Whether it changes forecasts of other windows, or those that were issued before it."""
        return bool(self.moved or self.withdrawn or self.settled)

    @property
    def changes_tables(self) -> bool:
        """Whether there is anything to write."""
        happened = self.happened is not None and self.happened.cutoffs
        return bool(self.draws or self.moved or self.withdrawn or happened)


@dataclass(frozen=True, eq=False)
class Agenda:
    """The work of one model in a window; its counts are explained by ``Forecasting``.

    ``due``: the origins to draw. ``why``: by cutoff, why an issued forecast is drawn again; an
    origin that is due and not in ``why`` is new. ``reissued``: the cutoffs of ``why`` whose history
    was revised before any outcome was known. ``stale``: the cutoffs that are stale and left.
    """

    due: list[Origin]
    why: dict[date, str]
    reissued: set[date]
    stale: list[date]
    kept: int
    elsewhere: int


def agenda(
    settings: Settings,
    origins: list[Origin],
    model: TrainedModel,
    issued: Mapping[date, IssuedForecast],
    fingerprints: Mapping[date, str],
    *,
    recompute: bool,
    anew: bool = False,
) -> Agenda:
    """Sort a window's origins into those to draw and those to leave.

    ``issued``: this model's forecasts by cutoff. ``fingerprints``: those of the model's history, by
    session.

    An issued forecast is drawn again if its model's payload or the number of paths changed. It is
    also drawn again if a later window's model made it and its first session turned out to lie
    before that window. If its history was revised, it is drawn again only if ``recompute`` asks
    for it or if no session after its cutoff is known: once an outcome is known, the forecast is a
    record of what was forecast and must not change by itself. With ``anew`` each is drawn again.
    """
    due, why, reissued, stale, elsewhere = [], {}, set(), [], 0
    newest, paths = max(fingerprints, default=None), settings.paths
    for origin in origins:
        held = issued.get(origin.cutoff)
        if held is None:
            due.append(origin)
            continue
        is_own = held.training_date == model.training_date
        is_revised = is_stale(held, fingerprints)
        is_reissued = is_revised and origin.cutoff == newest
        reasons = (
            (LATER_MODEL, held.training_date > origin.start),  # an unexpected, earlier session came
            (RETRAINED, is_own and held.payload_sha256 != model.payload_sha256),
            (OTHER_PATHS, is_own and held.n_paths != paths),
            (REVISED, is_reissued or (is_own and is_revised and recompute)),
            (OTHER_CODE, is_own and anew),
        )
        if why_again := [name for name, holds in reasons if holds]:
            due.append(origin)
            why[origin.cutoff] = ", ".join(why_again)
            reissued.update([origin.cutoff] if is_reissued else [])
        else:
            stale += [origin.cutoff] if is_revised else []
            elsewhere += not is_own
    return Agenda(due, why, reissued, stale, len(origins) - len(due) - elsewhere, elsewhere)


@dataclass(frozen=True, eq=False)
class Views:
    """Views of a history: each has only the covariates of one model. Views are kept for reuse."""

    history: History
    seen: dict[tuple[str, ...], tuple[History, dict[date, str]]] = field(default_factory=dict)

    def of(self, covariates: tuple[str, ...]) -> tuple[History, dict[date, str]]:
        """The history with only these covariates, and its fingerprint up to each session.

        Raises MissingCovariate if the history lacks one of them.
        """
        if covariates not in self.seen:
            view = self.history.select(covariates)
            prints = dict(zip(view.dates.tolist(), view.fingerprints, strict=True))
            self.seen[covariates] = view, prints
        return self.seen[covariates]

    def offered(self, settings: Settings, model_name: str) -> dict[date, str]:
        """By session, the fingerprint of the closes and of all covariates that a model is offered.

        An ensemble may use fewer covariates, if a member of it could not be fitted. A change of
        any offered covariate still makes its forecasts due, as it also makes its training due.
        Raises MissingCovariate if the history lacks one of them.
        """
        names = settings.covariates_of(settings.models[model_name], self.history.feature_names)
        return self.of(names)[1]


Look = Callable[[Draw, Ordered], object]
"""A function that looks at a draw, and at its prices in ascending order, while they are there."""


def nobody_looks(draw: Draw, ordered: Ordered) -> None:
    """A draw is only kept."""


@dataclass(frozen=True, eq=False)
class Asked:
    """What is asked of each model of a window.

    ``recompute``: whether forecasts from a revised history are drawn again. ``anew``: whether all
    are. ``look``: sees each draw.
    """

    settings: Settings
    window: Window
    origins: list[Origin]
    views: Views
    recompute: bool
    anew: bool
    look: Look


@dataclass(frozen=True, eq=False)
class ModelForecasts:
    """The result of one model in a window; without ``todo`` it lacks a covariate."""

    failures: list[ModelFailure]
    todo: Agenda | None = None
    draw: Draw | None = None
    reissues: list[Reissue] = field(default_factory=list)


def forecast_window(
    settings: Settings,
    window: Window,
    history: History,
    models: Sequence[Loaded],
    issued: Sequence[IssuedForecast],
    *,
    recompute: bool = False,
    anew: bool = False,
    spread: Callable[..., Iterable[ModelForecasts]] = map,
    look: Look = nobody_looks,
) -> Forecasting:
    """Draw the forecasts of a window that are due.

    ``spread``: runs independent pieces of work, as ``map`` does. ``look``: sees each draw, where
    it was made.

    Raises LookAheadError if a model was trained too late, or a forecast would start too early. An
    error of a model, of whatever class, is a failure of that model.
    """
    calendar = settings.commodity(window.commodity).calendar
    origins = window.origins(history, calendar)
    asked = Asked(settings, window, origins, Views(history), recompute, anew, look)
    with threadpool_limits(limits=1):  # as in training: no sum depends on the cores
        parts = list(spread(lambda loaded: forecast_model(asked, loaded, issued), models))
    return _together(asked, history, issued, parts)


def _together(
    asked: Asked,
    history: History,
    issued: Sequence[IssuedForecast],
    parts: Sequence[ModelForecasts],
) -> Forecasting:
    """The forecasts of all models, and what else is due in the tables."""
    settings, window, origins = asked.settings, asked.window, asked.origins
    draws = [part.draw for part in parts if part.draw]
    agendas = [part.todo for part in parts if part.todo]
    settled = unsettled(history, issued, settings.horizon)
    cutoffs = {day for draw in draws for day in draw.cutoffs}
    happened = Outcomes.after(history, sorted(cutoffs.union(settled)), settings.horizon)
    calendar = settings.commodity(window.commodity).calendar
    return Forecasting(
        origins=origins,
        n_paths=settings.paths,
        draws=draws,
        failures=[failure for part in parts for failure in part.failures],
        moved=moved(history, origins, issued),
        withdrawn=withdrawn(history, issued),
        happened=happened,
        settled=settled,
        kept=sum(todo.kept for todo in agendas),
        stale_cutoffs=sorted(day for todo in agendas for day in todo.stale),
        redrawn=sum(len(todo.why) for todo in agendas),
        elsewhere=sum(todo.elsewhere for todo in agendas),
        outcomes=newly_known(happened, issued),
        expected=following(history, calendar, EXPECTED_HORIZONS * settings.horizon),
        reissues=[reissue for part in parts for reissue in part.reissues],
    )


def forecast_model(
    asked: Asked, loaded: Loaded, issued: Sequence[IssuedForecast]
) -> ModelForecasts:
    """Draw the forecasts of one model that are due. Raises LookAheadError."""
    (row, model), origins = loaded, asked.origins
    held = {old.data_cutoff_date: old for old in issued if old.model_name == row.model_name}
    try:
        prints = asked.views.offered(asked.settings, row.model_name)
        view, _ = asked.views.of(model.covariates)
    except MissingCovariate as error:
        reason = f"{asked.window.key}: {row.model_name}: {error}"
        return ModelForecasts([ModelFailure(row.model_name, reason, origins=len(origins))])
    todo = agenda(
        asked.settings, origins, row, held, prints, recompute=asked.recompute, anew=asked.anew
    )
    draw, failures = draw_model(asked, view, loaded, todo, prints)
    reissues = reissues_of(draw, todo, held) if draw else []
    return ModelForecasts(failures, todo, draw, reissues)


def reissues_of(draw: Draw, todo: Agenda, held: Mapping[date, IssuedForecast]) -> list[Reissue]:
    """The forecasts of a draw that were issued before, from a history that was revised since."""
    return [
        Reissue(draw.model.model_name, cutoff, held[cutoff].cutoff_close, close)
        for cutoff, close in zip(draw.cutoffs, draw.closes, strict=True)
        if cutoff in todo.reissued
    ]


def draw_model(
    asked: Asked,
    history: History,
    loaded: Loaded,
    todo: Agenda,
    fingerprints: Mapping[date, str],
) -> tuple[Draw | None, list[ModelFailure]]:
    """Draw the paths of one model from the origins due.

    Returns the draw, or None if there is no path, and the origins that failed or were declined.
    """
    settings, window, row, due = asked.settings, asked.window, loaded[0], todo.due
    if not due:
        return None, []
    require_no_look_ahead(window, row, due)
    known = history.known_at(due[-1].cutoff)
    found = attempted(lambda: paths_or_why(settings, loaded, known, due))
    if isinstance(found, Broken):
        reason = f"{window.key}: {row.model_name} broke down: {found.reason}"
        return None, [ModelFailure(row.model_name, reason, origins=len(due))]
    paths, declined = found
    failures = [_failure(window, row.model_name, declined)] if declined else []
    able = [origin for origin in due if origin.cutoff not in declined]
    if not able:
        return None, failures
    cutoffs, ordered = [origin.cutoff for origin in able], in_order(paths)
    draw = Draw(
        model=row,
        cutoffs=cutoffs,
        starts=[origin.start for origin in able],
        fingerprints=[fingerprints[day] for day in cutoffs],
        closes=known.closes[known.positions(cutoffs)].tolist(),
        paths=paths,
        points=points_of(ordered),
        why={day: todo.why[day] for day in cutoffs if day in todo.why},
    )
    asked.look(draw, ordered)
    return draw, failures


def paths_or_why(
    settings: Settings, loaded: Loaded, known: History, due: Sequence[Origin]
) -> tuple[NDArray[np.float32], dict[date, str]]:
    """Finite paths from the origins that have any, in order; by cutoff, why the others have none.

    Raises what the model raises.
    """
    declined = dict(loaded[1].declined(known, [origin.cutoff for origin in due]))
    able = [origin.cutoff for origin in due if origin.cutoff not in declined]
    paths = drawn_paths(loaded, known, able, settings.paths, settings.horizon)
    finite = np.asarray(np.isfinite(paths).all(axis=(1, 2)))
    for cutoff, is_finite in zip(able, finite, strict=True):
        if not is_finite:
            declined[cutoff] = "a path left the range of float32"
    return paths if finite.all() else paths[finite], declined


def require_no_look_ahead(window: Window, row: TrainedModel, origins: Sequence[Origin]) -> None:
    """Raise LookAheadError unless the model and each cutoff precede the sessions to forecast."""
    if row.training_end_date >= row.training_date or row.training_date > window.training_date:
        raise LookAheadError(
            f"{window.key}: {row.model_id} was trained up to {row.training_end_date}, too late"
            f" for a window that starts on {window.training_date}"
        )
    for origin in origins:
        if not origin.cutoff < origin.start or origin.start < row.training_date:
            raise LookAheadError(
                f"{window.key}: {row.model_id} must not forecast {origin.start} from the cutoff"
                f" {origin.cutoff}"
            )


def moved(
    history: History, origins: Sequence[Origin], issued: Sequence[IssuedForecast]
) -> list[tuple[date, date]]:
    """Issued forecasts whose first session is not the day that was expected: (cutoff, new start).

    This happens when a holiday was not expected, or a session was.
    """
    followers: dict[date, date] = dict(pairwise(history.dates.tolist()))
    followers |= {origin.cutoff: origin.start for origin in origins}
    wrong = {
        (old.data_cutoff_date, followers[old.data_cutoff_date])
        for old in issued
        if followers.get(old.data_cutoff_date, old.forecast_start_date) != old.forecast_start_date
    }
    return sorted(wrong)


def withdrawn(history: History, issued: Sequence[IssuedForecast]) -> list[date]:
    """Cutoffs of issued forecasts that are no longer sessions of the history."""
    sessions = set(history.dates.tolist())
    return sorted({old.data_cutoff_date for old in issued} - sessions)


def unsettled(history: History, issued: Sequence[IssuedForecast], horizon: int) -> list[date]:
    """Cutoffs of issued forecasts whose stored outcome differs from the history's closes."""
    sessions = set(history.dates.tolist())
    old = [forecast for forecast in issued if forecast.data_cutoff_date in sessions]
    if not old:
        return []
    cutoffs = [forecast.data_cutoff_date for forecast in old]
    happened = Outcomes.after(history, cutoffs, horizon).as_paths
    told = np.array([x.outcome or [None] * horizon for x in old], dtype=np.float32)
    same = ((told == happened) | (np.isnan(told) & np.isnan(happened))).all(axis=1)
    same &= [forecast.outcome is not None for forecast in old]
    return sorted({day for day, is_same in zip(cutoffs, same, strict=True) if not is_same})


def newly_known(happened: Outcomes, issued: Sequence[IssuedForecast]) -> int:
    """How many cutoffs have more known sessions after them than any stored outcome of them."""
    told: dict[date, int] = {}
    looked_at = set(happened.cutoffs)
    for old in issued:
        if old.data_cutoff_date not in looked_at:
            continue
        known = sum(close is not None for close in old.outcome or [])
        told[old.data_cutoff_date] = max(known, told.get(old.data_cutoff_date, 0))
    known_now = zip(happened.cutoffs, happened.known.tolist(), strict=True)
    return sum(known > told.get(cutoff, 0) for cutoff, known in known_now)


def _failure(window: Window, model_name: str, declined: Mapping[date, str]) -> ModelFailure:
    first = min(declined)
    reason = f"{window.key}: {model_name}: {len(declined)} forecasts from {first} on are absent"
    return ModelFailure(
        model_name, f"{reason}: {declined[first]}", declined=True, origins=len(declined)
    )
