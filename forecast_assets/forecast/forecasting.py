"""Forecasting one window: a pure function of configuration, history, models and stored forecasts.

A forecast has one model and one origin. Those that are missing are drawn, and those that were made
from something that has changed since are drawn again.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import reduce

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from forecast_assets.configuration.settings import Settings
from forecast_assets.errors import LookAheadError, MissingCovariate
from forecast_assets.forecast.drawing import Broken, Loaded, attempted, drawn_paths
from forecast_assets.forecast.forecast_columns import Mask
from forecast_assets.forecast.issued_forecasts import IssuedForecasts
from forecast_assets.forecast.points import Ordered, in_order, points_of
from forecast_assets.forecast.records import (
    Draw,
    IssuedForecast,
    ModelFailure,
    TrainedModel,
    WindowChange,
)
from forecast_assets.forecast.staleness import are_stale
from forecast_assets.timeline.history import History, as_days, found_in
from forecast_assets.timeline.outcomes import (
    Outcomes,
    as_paths,
    closes_after,
    known_of,
    same_outcomes,
)
from forecast_assets.timeline.sessions import following
from forecast_assets.timeline.window import Origin, Origins, Window

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

    origins: Sequence[Origin]
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
    origins: Origins,
    model: TrainedModel,
    issued: IssuedForecasts,
    stale: Mask,
    newest: date,
    *,
    recompute: bool,
    anew: bool = False,
) -> Agenda:
    """Sort a window's origins into those to draw and those to leave.

    ``issued``: this model's forecasts, and ``stale``: which of them are. ``newest``: the newest
    session.

    An issued forecast is drawn again if its model's payload or the number of paths changed. It is
    also drawn again if a later window's model made it and its first session turned out to lie
    before that window. If its history was revised, it is drawn again only if ``recompute`` asks
    for it or if no session after its cutoff is known: once an outcome is known, the forecast is a
    record of what was forecast and must not change by itself. With ``anew`` each is drawn again.
    """
    at, held = found_in(issued.cutoffs, origins.cutoffs)
    if not held.any():
        return Agenda(list(origins), {}, set(), [], 0, 0)
    trained, revised = issued.trained[at], held & stale[at]
    own = trained == np.datetime64(model.training_date)
    reissued = revised & (origins.cutoffs == np.datetime64(newest))
    reasons = {
        LATER_MODEL: trained > origins.starts,  # an unexpected, earlier session came
        RETRAINED: own & ~issued.made_of(model.payload_sha256, at),
        OTHER_PATHS: own & (issued.n_paths[at] != settings.paths),
        REVISED: reissued | (own & revised & recompute),
        OTHER_CODE: own & anew,
    }
    again = held & reduce(np.logical_or, reasons.values())
    left = held & ~again
    why = {
        origins[place].cutoff: ", ".join(name for name, holds in reasons.items() if holds[place])
        for place in again.nonzero()[0]
    }
    elsewhere = int((left & ~own).sum())
    return Agenda(
        [origins[place] for place in (~left).nonzero()[0]],
        why,
        set(origins.cutoffs[reissued].tolist()),
        origins.cutoffs[left & revised].tolist(),
        int(left.sum()) - elsewhere,
        elsewhere,
    )


@dataclass(frozen=True, eq=False)
class Views:
    """Views of a history: each has only the covariates of one model. Views are kept for reuse."""

    history: History
    seen: dict[tuple[str, ...], History] = field(default_factory=dict)

    def of(self, covariates: tuple[str, ...]) -> History:
        """The history with only these covariates. Raises MissingCovariate if one is lacking."""
        if covariates not in self.seen:
            self.seen[covariates] = self.history.select(covariates)
        return self.seen[covariates]

    def offered(self, settings: Settings, model_name: str) -> History:
        """The history with all covariates that a model is offered.

        An ensemble may use fewer covariates, if a member of it could not be fitted. A change of
        any offered covariate still makes its forecasts due, as it also makes its training due.
        Raises MissingCovariate if the history lacks one of them.
        """
        names = settings.covariates_of(settings.models[model_name], self.history.feature_names)
        return self.of(names)


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
    origins: Origins
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
    issued: Iterable[IssuedForecast],
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
    held = IssuedForecasts.of(issued)
    with threadpool_limits(limits=1):  # as in training: no sum depends on the cores
        parts = list(spread(lambda loaded: forecast_model(asked, loaded, held), models))
    return _together(asked, history, held, parts)


def _together(
    asked: Asked,
    history: History,
    issued: IssuedForecasts,
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


def forecast_model(asked: Asked, loaded: Loaded, issued: IssuedForecasts) -> ModelForecasts:
    """Draw the forecasts of one model that are due. Raises LookAheadError."""
    (row, model), origins = loaded, asked.origins
    held = issued.of_model(row.model_name)
    try:
        offered = asked.views.offered(asked.settings, row.model_name)
        view = asked.views.of(model.covariates)
    except MissingCovariate as error:
        reason = f"{asked.window.key}: {row.model_name}: {error}"
        return ModelForecasts([ModelFailure(row.model_name, reason, origins=len(origins))])
    todo = agenda(
        asked.settings,
        origins,
        row,
        held,
        are_stale(held, offered),
        offered.newest,
        recompute=asked.recompute,
        anew=asked.anew,
    )
    draw, failures = draw_model(asked, view, loaded, todo, offered)
    reissues = reissues_of(draw, todo, held) if draw else []
    return ModelForecasts(failures, todo, draw, reissues)


def reissues_of(draw: Draw, todo: Agenda, held: IssuedForecasts) -> list[Reissue]:
    """The forecasts of a draw that were issued before, from a history that was revised since."""
    drawn = dict(zip(draw.cutoffs, draw.closes, strict=True))
    again = as_days([day for day in draw.cutoffs if day in todo.reissued])
    return [
        Reissue(old.model_name, day, old.cutoff_close, drawn[day])
        for old in held.only(np.isin(held.cutoffs, again))
        for day in (old.data_cutoff_date,)
    ]


def draw_model(
    asked: Asked,
    history: History,
    loaded: Loaded,
    todo: Agenda,
    offered: History,
) -> tuple[Draw | None, list[ModelFailure]]:
    """Draw the paths of one model from the origins due.

    ``history``: with the covariates of the model; ``offered``: with all that it was offered.
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
        fingerprints=[offered.fingerprints[place] for place in offered.positions(cutoffs)],
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


def moved(history: History, origins: Origins, issued: IssuedForecasts) -> list[tuple[date, date]]:
    """Issued forecasts whose first session is not the day that was expected: (cutoff, new start).

    This happens when a holiday was not expected, or a session was.
    """
    followers = np.append(history.dates[1:], np.datetime64("NaT", "D"))
    followers[found_in(history.dates, origins.cutoffs)[0]] = origins.starts
    at, there = found_in(history.dates, issued.cutoffs)
    starts = followers[at]
    wrong = there & ~np.isnat(starts) & (starts != issued.starts)
    pairs = zip(issued.cutoffs[wrong].tolist(), starts[wrong].tolist(), strict=True)
    return sorted(set(pairs))


def withdrawn(history: History, issued: IssuedForecasts) -> list[date]:
    """Cutoffs of issued forecasts that are no longer sessions of the history."""
    _, there = found_in(history.dates, issued.cutoffs)
    days: list[date] = np.unique(issued.cutoffs[~there]).tolist()
    return days


def unsettled(history: History, issued: IssuedForecasts, horizon: int) -> list[date]:
    """Cutoffs of issued forecasts whose stored outcome differs from the history's closes."""
    at, there = found_in(history.dates, issued.cutoffs)
    happened = as_paths(closes_after(history, np.where(there, at, -1), horizon))
    same = issued.told & same_outcomes(issued.outcomes, happened)
    days: list[date] = np.unique(issued.cutoffs[there & ~same]).tolist()
    return days


def newly_known(happened: Outcomes, issued: IssuedForecasts) -> int:
    """How many cutoffs have more known sessions after them than any stored outcome of them."""
    at, there = found_in(as_days(happened.cutoffs), issued.cutoffs)
    told = np.zeros(len(happened.cutoffs), np.intp)
    np.maximum.at(told, at[there], known_of(issued.outcomes[there]))
    return int((happened.known > told).sum())


def _failure(window: Window, model_name: str, declined: Mapping[date, str]) -> ModelFailure:
    first = min(declined)
    reason = f"{window.key}: {model_name}: {len(declined)} forecasts from {first} on are absent"
    return ModelFailure(
        model_name, f"{reason}: {declined[first]}", declined=True, origins=len(declined)
    )
