"""What the tables lack: the windows in which a run would have something to do."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

import numpy as np

from forecast_assets.configuration.settings import Settings
from forecast_assets.errors import MissingCovariate
from forecast_assets.evaluation.assessment import gone, lacking_scores
from forecast_assets.evaluation.records import ScoredForecast
from forecast_assets.evaluation.scored_forecasts import ScoredForecasts
from forecast_assets.forecast.forecast_columns import Mask
from forecast_assets.forecast.forecasting import (
    Views,
    agenda,
    moved,
    unsettled,
    withdrawn,
)
from forecast_assets.forecast.issued_forecasts import IssuedForecasts
from forecast_assets.forecast.records import IssuedForecast, TrainedModel
from forecast_assets.forecast.staleness import are_stale
from forecast_assets.forecast.training import lacking_sessions, not_due, to_fit
from forecast_assets.timeline.history import History
from forecast_assets.timeline.sessions import too_sparse
from forecast_assets.timeline.window import Window

Item = TypeVar("Item")


@dataclass(frozen=True, eq=False)
class Ledger:
    """What the tables hold for one commodity and version: closes, models, forecasts."""

    history: History
    models: Sequence[TrainedModel]
    issued: IssuedForecasts
    stale: dict[tuple[str, ...], Mask] = field(default_factory=dict, init=False)

    @cached_property
    def views(self) -> Views:
        """The history as each model may see it."""
        return Views(self.history)

    @cached_property
    def by_model(self) -> dict[str, IssuedForecasts]:
        """The forecasts of each model that has any."""
        return {name: self.issued.of_model(name) for name in self.issued.places}

    def stale_of(self, model_name: str, offered: History) -> Mask:
        """Which forecasts of a model are stale; ``offered``: the history that it is offered."""
        names = offered.feature_names
        if names not in self.stale:
            self.stale[names] = are_stale(self.issued, offered)
        return self.stale[names][self.issued.places[model_name]]

    def models_of(self, window: Window, settings: Settings) -> dict[str, TrainedModel]:
        """The active models of a window that the roster names."""
        return {
            row.model_name: row
            for row in self.models
            if row.training_date == window.training_date and row.model_name in settings.models
        }


def due_windows(settings: Settings, windows: Sequence[Window], history: History) -> list[Window]:
    """The windows that have enough history and at least one session to forecast."""
    if len(history) < settings.training.min_observations or too_sparse(history.dates):
        return []
    reached = _reached(settings, windows, history)
    return [window for window in reached if lacking_sessions(settings, window, history) is None]


def _reached(settings: Settings, windows: Sequence[Window], history: History) -> Sequence[Window]:
    """The windows up to that of the session after the newest price; no later one has a session.

    Prices that ended years ago have many later windows, and each would look for that session.
    ``windows``: in order.
    """
    calendar, newest = settings.commodity(history.commodity).calendar, np.datetime64(history.newest)
    for place, window in enumerate(windows):
        if window.end > history.newest:
            starts = window.origins(history, calendar).starts
            if len(starts) and starts[-1] > newest:
                return windows[: place + 1]
    return windows


def undue(settings: Settings, windows: Sequence[Window], history: History) -> str | None:
    """Why a commodity has no window to train and forecast; None if it has one.

    ``windows``: the windows that have begun. The reason is that of the newest window that the
    prices reach.
    """
    if len(history) == 0:
        return f"{history.commodity}: there is no price yet"
    if due_windows(settings, windows, history):
        return None
    if not windows:
        first = settings.windows.first
        return (
            f"{history.commodity}: the first training date, {first}, has not come yet:"
            " training.start, training.cadence"
        )
    reached = [window for window in windows if window.training_date <= history.newest]
    return not_due(settings, (reached or windows)[-1], history)


def missing_models(settings: Settings, window: Window, ledger: Ledger) -> list[str]:
    """The models that a window lacks, or that were fitted from other data or options."""
    known = ledger.history.known_before(window.training_date)
    found = to_fit(settings, known, ledger.models_of(window, settings))
    return [*found.unable, *(forecaster.name for forecaster in found.due)]


def missing_forecasts(
    settings: Settings, window: Window, ledger: Ledger, *, recompute: bool
) -> dict[str, int]:
    """How many forecasts each model has to draw in a window; models without any are left out."""
    missing, history = {}, ledger.history
    origins = window.origins(history, settings.commodity(window.commodity).calendar)
    for name, row in ledger.models_of(window, settings).items():
        try:
            offered = ledger.views.offered(settings, name)
        except MissingCovariate:
            missing[name] = len(origins)  # the run that draws them names the missing covariate
            continue
        issued, due = ledger.by_model.get(name), len(origins)
        if issued is not None:
            stale, newest = ledger.stale_of(name, offered), history.newest
            todo = agenda(settings, origins, row, issued, stale, newest, recompute=recompute)
            due = len(todo.due)
        if due:
            missing[name] = due
    return missing


def windows_to_correct(
    settings: Settings, windows: Sequence[Window], ledger: Ledger
) -> list[Window]:
    """The last window if a stored forecast needs a new start, an outcome or deletion; else none.

    A start changes when an unexpected session moves it, an outcome arrives with a price, and a
    forecast is deleted when its cutoff is withdrawn. One run corrects all windows of a commodity,
    so one window suffices: the last that has models and sessions, or else the last with forecasts.
    """
    history, issued = ledger.history, ledger.issued
    drawable = [
        window
        for window in due_windows(settings, windows, history)
        if ledger.models_of(window, settings)
    ]
    able = drawable or holding(windows, issued)
    if not able:
        return []
    last = able[-1]
    origins = last.origins(history, settings.commodity(last.commodity).calendar)
    wrong = moved(history, origins, issued) or withdrawn(history, issued)
    return [last] if wrong or unsettled(history, issued, settings.horizon) else []


def holding(
    windows: Sequence[Window], forecasts: IssuedForecasts | ScoredForecasts
) -> list[Window]:
    """The windows in which at least one of these forecasts starts."""
    return [window for window in windows if window.holds(forecasts.starts).any()]


def windows_without_scores(
    settings: Settings,
    windows: Sequence[Window],
    history: History,
    issued: Iterable[IssuedForecast],
    scored: Iterable[ScoredForecast],
) -> list[Window]:
    """The windows in which a scoring run would write or delete scores.

    A scoring run of any window also deletes the scores whose forecast no longer exists. If nothing
    else is due, the last window that has forecasts, or had them, is chosen for that.
    """
    held, before = IssuedForecasts.of(issued), ScoredForecasts.of(scored)
    lacking = holding(windows, lacking_scores(history, held, before, settings.horizon))
    if lacking or not (lost := gone(history, held, before)):
        return lacking
    return (holding(windows, held) or holding(windows, lost))[-1:]


def stretches(windows: Sequence[Item], among: Sequence[Item]) -> list[tuple[Item, Item]]:
    """The first and last item of each stretch of ``among`` that lies wholly in ``windows``."""
    wanted = set(windows)
    found: list[tuple[Item, Item]] = []
    previous = False
    for window in among:
        if window in wanted:
            found = (
                [*found[:-1], (found[-1][0], window)] if previous else [*found, (window, window)]
            )
        previous = window in wanted
    return found
