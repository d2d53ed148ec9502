"""Scoring one window: a pure function of its forecasts, the outcomes, and the stored scores."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecast_assets.evaluation.records import ScoredForecast, ScoredModel
from forecast_assets.evaluation.scored_forecasts import ScoredForecasts
from forecast_assets.evaluation.scoring import Scores, score
from forecast_assets.forecast.forecast_columns import Mask
from forecast_assets.forecast.issued_forecasts import IssuedForecasts
from forecast_assets.forecast.records import IssuedForecast
from forecast_assets.timeline.history import History, found_in
from forecast_assets.timeline.outcomes import Outcomes, closes_after, known_of, same_outcomes
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
    gone: ScoredForecasts
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
    issued: Iterable[IssuedForecast],
    scored: Iterable[ScoredForecast],
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
    whole, before = IssuedForecasts.of(issued), ScoredForecasts.of(scored)
    mine = forecasts_in(window, history, whole)
    due = unscored(history, mine, before, horizon, anew=anew)
    models = []
    for alike in mine.only(due).alike():
        forecasts = list(alike)
        name, after = forecasts[0].model_name, outcomes_of(forecasts, history, horizon)
        scores = known(forecasts, after)
        if scores is None:
            paths = read(name, after.cutoffs)
            scores = score(paths, after.cutoff_closes, after.closes, spread)
        models.append(ScoredModel(name, forecasts, after, scores))
    begun = Outcomes.after(history, mine.cutoffs.tolist(), horizon).known > 0
    kept, waiting = int((begun & ~due).sum()), int((~begun).sum())
    return Assessment(models, gone(history, whole, before), kept, waiting)


def lacking_scores(
    history: History,
    issued: Iterable[IssuedForecast],
    scored: Iterable[ScoredForecast],
    horizon: int,
) -> IssuedForecasts:
    """The forecasts that have a known outcome and no current scores, of all windows at once."""
    forecasts = IssuedForecasts.of(issued)
    there = forecasts.only(found_in(history.dates, forecasts.cutoffs)[1])
    return there.only(unscored(history, there, ScoredForecasts.of(scored), horizon))


def forecasts_in(window: Window, history: History, issued: IssuedForecasts) -> IssuedForecasts:
    """The forecasts that start in a window, from cutoffs that are still sessions."""
    _, there = found_in(history.dates, issued.cutoffs)
    return issued.only(there & window.holds(issued.starts))


def outcomes_of(forecasts: Sequence[IssuedForecast], history: History, horizon: int) -> Outcomes:
    """The outcomes after each forecast's cutoff, one item for each forecast."""
    return Outcomes.after(history, [x.data_cutoff_date for x in forecasts], horizon)


def gone(
    history: History, issued: Iterable[IssuedForecast], scored: Iterable[ScoredForecast]
) -> ScoredForecasts:
    """The scores whose forecast no longer exists, or whose cutoff is no longer a session."""
    before = ScoredForecasts.of(scored)
    _, there = found_in(history.dates, before.cutoffs)
    return before.only(~there | (before.places_in(IssuedForecasts.of(issued)) < 0))


def unscored(
    history: History,
    issued: IssuedForecasts,
    scored: ScoredForecasts,
    horizon: int,
    *,
    anew: bool = False,
) -> Mask:
    """Which forecasts lack scores of the present paths and outcomes.

    ``issued``: from cutoffs that are sessions. ``anew``: whether those with current scores are
    among them as well.
    """
    places, _ = found_in(history.dates, issued.cutoffs)
    came, old = closes_after(history, places, horizon), issued.places_in(scored)
    has_scores = old >= 0
    due = has_scores | (known_of(came) > 0)
    if not anew:
        old, closes = old[has_scores], history.closes[places]
        due[has_scores] = ~(
            (scored.drawn_at[old] == issued.drawn_at[has_scores])
            & (scored.starts[old] == issued.starts[has_scores])
            & (scored.cutoff_closes[old] == closes[has_scores])
            & same_outcomes(scored.outcomes[old], came[has_scores])
        )
    return due
