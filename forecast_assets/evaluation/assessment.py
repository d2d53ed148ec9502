"""Scoring one window: a pure function of its forecasts, the outcomes, and the stored scores."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecast_assets.evaluation.records import ScoredForecast, ScoredModel
from forecast_assets.evaluation.scoring import Scores, score
from forecast_assets.forecast.records import IssuedForecast
from forecast_assets.timeline.history import History
from forecast_assets.timeline.outcomes import Outcomes
from forecast_assets.timeline.window import Window

ReadPaths = Callable[[str, list[date]], NDArray[np.float32]]
"""A function that reads a model's paths from some cutoffs: (n_cutoffs, n_paths, horizon)."""

Known = Callable[[Sequence[IssuedForecast], Outcomes], Scores | None]
"""A function that knows the scores of some forecasts of one model, or returns None."""


def nothing_known(forecasts: Sequence[IssuedForecast], happened: Outcomes) -> None:
    """All scores are made of the paths in the tables."""


@dataclass(frozen=True, eq=False)
class Assessment:
    """The result of scoring a window.

    ``models``: the new scores. ``gone``: scores, in any window, whose forecast no longer exists;
    they are deleted. ``kept``: how many forecasts were scored earlier and have not changed since.
    ``waiting``: how many forecasts have no known outcome yet.
    """

    models: list[ScoredModel]
    gone: list[ScoredForecast]
    kept: int
    waiting: int

    @property
    def scored(self) -> int:
        """How many forecasts were scored now."""
        return sum(len(model.forecasts) for model in self.models)

    @property
    def undefined(self) -> int:
        """How many of them have a score that is not defined, since an outcome is too far away."""
        return sum(int(model.scores.undefined.sum()) for model in self.models)


def assess_window(
    window: Window,
    history: History,
    issued: Sequence[IssuedForecast],
    scored: Sequence[ScoredForecast],
    *,
    horizon: int,
    read: ReadPaths,
    known: Known = nothing_known,
    spread: Callable[..., Iterable[Any]] = map,
    anew: bool = False,
) -> Assessment:
    """Score the forecasts of a window whose stored scores are missing or outdated.

    ``issued`` and ``scored``: the forecasts and scores of a commodity and version, in all windows.
    ``known``: knows the scores of forecasts that have just been drawn. ``spread``: runs
    independent pieces of work, as ``map`` does. ``anew``: whether to score the forecasts again that
    have current scores.
    """
    mine = forecasts_in(window, history, issued)
    happened = outcomes_of(mine, history, horizon)
    due = unscored(mine, scored, happened, anew=anew)
    models = []
    for name, n_paths in sorted({(forecast.model_name, forecast.n_paths) for forecast in due}):
        forecasts = [x for x in due if (x.model_name, x.n_paths) == (name, n_paths)]
        after = outcomes_of(forecasts, history, horizon)
        scores = known(forecasts, after)
        if scores is None:
            paths = read(name, after.cutoffs)
            scores = score(paths, after.cutoff_closes, after.closes, spread)
        models.append(ScoredModel(name, forecasts, after, scores))
    begun = [forecast for forecast, came in zip(mine, happened.known, strict=True) if came]
    again = {(forecast.model_name, forecast.data_cutoff_date) for forecast in due}
    kept = sum((each.model_name, each.data_cutoff_date) not in again for each in begun)
    return Assessment(models, gone(history, issued, scored), kept, waiting=len(mine) - len(begun))


def lacking_scores(
    history: History,
    issued: Sequence[IssuedForecast],
    scored: Sequence[ScoredForecast],
    horizon: int,
) -> list[IssuedForecast]:
    """The forecasts that have a known outcome and no current scores, of all windows at once."""
    sessions = set(history.dates.tolist())
    there = [forecast for forecast in issued if forecast.data_cutoff_date in sessions]
    return unscored(there, scored, outcomes_of(there, history, horizon))


def forecasts_in(
    window: Window, history: History, issued: Sequence[IssuedForecast]
) -> list[IssuedForecast]:
    """The forecasts that start in a window, from cutoffs that are still sessions."""
    sessions = set(history.dates.tolist())
    return [
        forecast
        for forecast in issued
        if forecast.data_cutoff_date in sessions
        and window.training_date <= forecast.forecast_start_date < window.end
    ]


def outcomes_of(forecasts: Sequence[IssuedForecast], history: History, horizon: int) -> Outcomes:
    """The outcomes after each forecast's cutoff, one item for each forecast."""
    return Outcomes.after(history, [x.data_cutoff_date for x in forecasts], horizon)


def gone(
    history: History, issued: Sequence[IssuedForecast], scored: Sequence[ScoredForecast]
) -> list[ScoredForecast]:
    """The scores whose forecast no longer exists, or whose cutoff is no longer a session."""
    sessions = set(history.dates.tolist())
    there = {(forecast.model_name, forecast.data_cutoff_date) for forecast in issued}
    return [
        old
        for old in scored
        if old.data_cutoff_date not in sessions
        or (old.model_name, old.data_cutoff_date) not in there
    ]


def unscored(
    issued: Sequence[IssuedForecast],
    scored: Sequence[ScoredForecast],
    happened: Outcomes,
    *,
    anew: bool = False,
) -> list[IssuedForecast]:
    """The forecasts without scores of the present paths and outcomes.

    ``happened``: the outcomes after each of ``issued``, one item for each forecast. ``anew``:
    whether to return the forecasts with current scores as well.
    """
    held = {(old.model_name, old.data_cutoff_date): old for old in scored}
    due = []
    known, closes = happened.known.tolist(), happened.closes.tolist()
    for place, (forecast, close) in enumerate(
        zip(issued, happened.cutoff_closes.tolist(), strict=True)
    ):
        old = held.get((forecast.model_name, forecast.data_cutoff_date))
        outcome = closes[place][: known[place]]
        is_current = old is not None and is_score_of(forecast, close, outcome, old)
        if (old or outcome) and (anew or not is_current):
            due.append(forecast)
    return due


def is_score_of(
    forecast: IssuedForecast, close: float, outcome: list[float], old: ScoredForecast
) -> bool:
    """Whether a score is of this drawing, of the close at its cutoff, and of its outcome."""
    return (
        old.generation_timestamp == forecast.generation_timestamp
        and old.forecast_start_date == forecast.forecast_start_date
        and old.cutoff_close == close
        and old.outcome == outcome
    )
