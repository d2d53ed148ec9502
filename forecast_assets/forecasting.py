"""Forecasting one window: a pure function of configuration, history, models and key."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise

import numpy as np

from forecast_assets.configuration import Settings
from forecast_assets.errors import CannotForecast, LookAheadError, MissingCovariate
from forecast_assets.history import History
from forecast_assets.models.base import FittedForecaster
from forecast_assets.outcomes import Outcomes
from forecast_assets.partitions import Origin, Window
from forecast_assets.points import in_order, points_of
from forecast_assets.simulation import seed_of
from forecast_assets.store.contract import Draw, IssuedForecast, ModelFailure, TrainedModel
from forecast_assets.tasks import NUMERICAL_ERRORS

Loaded = tuple[TrainedModel, FittedForecaster]


@dataclass(frozen=True, eq=False)
class Forecasting:
    """What became of a window's forecasts, counted in forecasts (one model, one origin).

    ``kept``: issued earlier from the same model. ``stale``: of these, how many have a history
    that was revised since. ``moved``: (cutoff, start) where the first session was another day.
    ``withdrawn``: cutoffs of issued forecasts that are no session any more. ``elsewhere``: issued
    by the model of another training date, as after a change of cadence; they stay. ``happened``:
    what came after the cutoffs drawn now, and after those of which the tables say something else.
    """

    origins: list[Origin]
    n_paths: int
    draws: list[Draw] = field(default_factory=list)
    failures: list[ModelFailure] = field(default_factory=list)
    moved: list[tuple[date, date]] = field(default_factory=list)
    withdrawn: list[date] = field(default_factory=list)
    happened: Outcomes | None = None
    kept: int = 0
    stale: int = 0
    redrawn: int = 0
    elsewhere: int = 0

    @property
    def drawn(self) -> int:
        """Forecasts drawn now, the redrawn ones among them."""
        return sum(len(draw.cutoffs) for draw in self.draws)

    @property
    def changes_tables(self) -> bool:
        """Whether there is anything to write."""
        news = self.happened is not None and self.happened.cutoffs
        return bool(self.draws or self.moved or self.withdrawn or news)


@dataclass(frozen=True, eq=False)
class Agenda:
    """What one model has to do in a window."""

    due: list[Origin]
    redrawn: int
    stale: int
    kept: int
    elsewhere: int


def agenda(
    origins: Sequence[Origin],
    model: TrainedModel,
    issued: Mapping[date, IssuedForecast],
    fingerprints: Mapping[date, str],
    *,
    n_paths: int,
    recompute: bool,
) -> Agenda:
    """Sort a window's origins into those to draw and those to leave.

    ``issued`` are this model's forecasts by cutoff. One is drawn again when its model's payload
    or the number of paths changed, and, only if ``recompute``, when its history did. So is one of
    a later window's model whose first session turned out to be before that window.
    """
    due, redrawn, stale, elsewhere = [], 0, 0, 0
    for origin in origins:
        held = issued.get(origin.cutoff)
        if held is None:
            due.append(origin)
            continue
        if held.training_date > origin.start:  # sessions came late, before its model's own date
            due.append(origin)
            redrawn += 1
            continue
        if held.training_date != model.training_date:
            elsewhere += 1
            continue
        retrained = held.payload_sha256 != model.payload_sha256
        revised = held.history_fingerprint != fingerprints[origin.cutoff]
        if retrained or held.n_paths != n_paths or (revised and recompute):
            due.append(origin)
            redrawn += 1
        elif revised:
            stale += 1
    return Agenda(due, redrawn, stale, len(origins) - len(due) - elsewhere, elsewhere)


@dataclass(frozen=True, eq=False)
class Views:
    """A history as each model may see it: with its own covariates, and no other."""

    history: History
    seen: dict[tuple[str, ...], tuple[History, dict[date, str]]] = field(default_factory=dict)

    def of(self, covariates: tuple[str, ...]) -> tuple[History, dict[date, str]]:
        """The view, and the fingerprint of what it held at each session.

        Raises MissingCovariate.
        """
        if covariates not in self.seen:
            view = self.history.select(covariates)
            prints = dict(zip(view.dates.tolist(), view.fingerprints, strict=True))
            self.seen[covariates] = view, prints
        return self.seen[covariates]


def forecast_window(
    settings: Settings,
    window: Window,
    history: History,
    models: Sequence[Loaded],
    issued: Sequence[IssuedForecast],
    *,
    recompute: bool = False,
) -> Forecasting:
    """Draw the forecasts of a window that are due.

    Raises LookAheadError rather than let a model see past an origin's cutoff.
    """
    calendar = settings.commodity(window.commodity).calendar
    origins = window.origins(history, calendar)
    draws, failures, agendas = [], [], []
    views = Views(history)
    for row, model in models:
        held = {old.data_cutoff_date: old for old in issued if old.model_name == row.model_name}
        try:
            view, prints = views.of(model.covariates)
        except MissingCovariate as error:
            reason = f"{window.key}: {row.model_name}: {error}"
            failures.append(ModelFailure(row.model_name, reason, origins=len(origins)))
            continue
        todo = agenda(origins, row, held, prints, n_paths=settings.paths, recompute=recompute)
        draw, declined = draw_model(settings, window, view, (row, model), todo.due, prints)
        draws += [draw] if draw else []
        failures += declined
        agendas.append(todo)
    cutoffs = {day for draw in draws for day in draw.cutoffs}
    cutoffs.update(unsettled(history, issued, settings.horizon))
    return Forecasting(
        origins=origins,
        n_paths=settings.paths,
        draws=draws,
        failures=failures,
        moved=moved(history, origins, issued),
        withdrawn=withdrawn(history, issued),
        happened=Outcomes.after(history, sorted(cutoffs), settings.horizon),
        kept=sum(todo.kept for todo in agendas),
        stale=sum(todo.stale for todo in agendas),
        redrawn=sum(todo.redrawn for todo in agendas),
        elsewhere=sum(todo.elsewhere for todo in agendas),
    )


def draw_model(
    settings: Settings,
    window: Window,
    history: History,
    loaded: Loaded,
    due: Sequence[Origin],
    fingerprints: Mapping[date, str],
) -> tuple[Draw | None, list[ModelFailure]]:
    """The paths of one model from the origins due, and the origins that it declined."""
    row, model = loaded
    if not due:
        return None, []
    require_no_look_ahead(window, row, due)
    known = history.known_at(due[-1].cutoff)
    try:
        declined = model.declined(known, [origin.cutoff for origin in due])
        able = [origin for origin in due if origin.cutoff not in declined]
        paths = _simulate(settings, window, known, loaded, able)
    except (CannotForecast, *NUMERICAL_ERRORS) as error:
        reason = f"{window.key}: {row.model_name} broke down: {type(error).__name__}: {error}"
        return None, [ModelFailure(row.model_name, reason, origins=len(due))]
    finite = np.isfinite(paths).all(axis=(1, 2))
    for origin, is_finite in zip(able, finite, strict=True):
        if not is_finite:
            declined[origin.cutoff] = "a path left the range of float32"
    failures = [_failure(window, row.model_name, declined)] if declined else []
    able = [origin for origin in able if origin.cutoff not in declined]
    if not able:
        return None, failures
    drawn = paths if finite.all() else paths[finite]
    draw = Draw(
        model=row,
        cutoffs=[origin.cutoff for origin in able],
        starts=[origin.start for origin in able],
        fingerprints=[fingerprints[origin.cutoff] for origin in able],
        paths=drawn,
        points=points_of(in_order(drawn)),
    )
    return draw, failures


def require_no_look_ahead(window: Window, row: TrainedModel, origins: Sequence[Origin]) -> None:
    """Raise LookAheadError unless everything used was known before what is forecast."""
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
    """Issued forecasts whose first session turned out to be another day than was expected."""
    followers: dict[date, date] = dict(pairwise(history.dates.tolist()))
    followers |= {origin.cutoff: origin.start for origin in origins}
    wrong = {
        (old.data_cutoff_date, followers[old.data_cutoff_date])
        for old in issued
        if followers.get(old.data_cutoff_date, old.forecast_start_date) != old.forecast_start_date
    }
    return sorted(wrong)


def withdrawn(history: History, issued: Sequence[IssuedForecast]) -> list[date]:
    """Cutoffs of issued forecasts that the data no longer has as sessions."""
    sessions = set(history.dates.tolist())
    return sorted({old.data_cutoff_date for old in issued} - sessions)


def unsettled(history: History, issued: Sequence[IssuedForecast], horizon: int) -> list[date]:
    """Cutoffs of issued forecasts after which the data says something else than the tables do."""
    sessions = set(history.dates.tolist())
    old = [forecast for forecast in issued if forecast.data_cutoff_date in sessions]
    if not old:
        return []
    cutoffs = [forecast.data_cutoff_date for forecast in old]
    happened = Outcomes.after(history, cutoffs, horizon).closes.astype(np.float32)
    told = np.array([x.outcome or [None] * horizon for x in old], dtype=np.float32)
    same = ((told == happened) | (np.isnan(told) & np.isnan(happened))).all(axis=1)
    same &= [forecast.outcome is not None for forecast in old]
    return sorted({day for day, is_same in zip(cutoffs, same, strict=True) if not is_same})


def _simulate(
    settings: Settings, window: Window, known: History, loaded: Loaded, able: Sequence[Origin]
) -> np.ndarray:
    row, model = loaded
    if not able:
        return np.empty((0, settings.paths, settings.horizon), dtype=np.float32)
    names = (row.commodity, row.model_name, row.model_version, row.training_date.isoformat())
    return model.simulate(
        known,
        [origin.cutoff for origin in able],
        horizon=settings.horizon,
        n_paths=settings.paths,
        seeds=[seed_of(*names, origin.cutoff.isoformat()) for origin in able],
    )


def _failure(window: Window, model_name: str, declined: Mapping[date, str]) -> ModelFailure:
    first = min(declined)
    reason = f"{window.key}: {model_name}: {len(declined)} forecasts from {first} on are absent"
    return ModelFailure(
        model_name, f"{reason}: {declined[first]}", declined=True, origins=len(declined)
    )
