"""What should be in the tables and is not: the windows that a run has work in."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from forecast_assets.configuration.settings import Settings
from forecast_assets.errors import MissingCovariate
from forecast_assets.evaluation.assessment import gone, lacks_scores
from forecast_assets.evaluation.records import ScoredForecast
from forecast_assets.forecast.forecasting import (
    Views,
    agenda,
    moved,
    unsettled,
    withdrawn,
)
from forecast_assets.forecast.records import IssuedForecast, TrainedModel
from forecast_assets.forecast.training import not_due, to_fit
from forecast_assets.timeline.history import History
from forecast_assets.timeline.window import Window

Item = TypeVar("Item")


@dataclass(frozen=True, eq=False)
class Ledger:
    """What the tables hold for one commodity and version."""

    history: History
    models: Sequence[TrainedModel]
    issued: Sequence[IssuedForecast]

    @cached_property
    def views(self) -> Views:
        """The history as each model may see it."""
        return Views(self.history)

    def models_of(self, window: Window, settings: Settings) -> dict[str, TrainedModel]:
        """The active models of a window that the roster names."""
        return {
            row.model_name: row
            for row in self.models
            if row.training_date == window.training_date and row.model_name in settings.models
        }


def due_windows(settings: Settings, windows: Sequence[Window], history: History) -> list[Window]:
    """The windows that have enough history and at least one session to forecast."""
    return [window for window in windows if not_due(settings, window, history) is None]


def undue(settings: Settings, windows: Sequence[Window], history: History) -> str | None:
    """Why a commodity has no window at all to train and forecast; None where it has one.

    ``windows``: those that have begun. The newest that the prices reach says it.
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
    """The models of the roster that a window lacks, or has from other data or options."""
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
        held = {old.data_cutoff_date: old for old in ledger.issued if old.model_name == name}
        try:
            prints = ledger.views.offered(settings, name)
        except MissingCovariate:
            missing[name] = len(origins)  # forecasting says so by name
            continue
        todo = agenda(settings, origins, row, held, prints, recompute=recompute)
        if todo.due:
            missing[name] = len(todo.due)
    return missing


def windows_with_news(
    settings: Settings, windows: Sequence[Window], ledger: Ledger
) -> list[Window]:
    """The window of a run that puts right what is said of forecasts, or none.

    Their first session moved, their cutoff was withdrawn, or their outcome is news. A run of any
    window does it for all: of the last one with models and sessions, or else with forecasts.
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
    windows: Sequence[Window], forecasts: Sequence[IssuedForecast | ScoredForecast]
) -> list[Window]:
    """The windows that some forecasts, issued or scored, start in."""
    starts = {forecast.forecast_start_date for forecast in forecasts}
    return [
        window
        for window in windows
        if any(window.training_date <= start < window.end for start in starts)
    ]


def windows_without_scores(
    settings: Settings,
    windows: Sequence[Window],
    history: History,
    issued: Sequence[IssuedForecast],
    scored: Sequence[ScoredForecast],
) -> list[Window]:
    """The windows that a scoring run has work in.

    Scores whose forecast is not there any more are deleted by a run of any window: of the last
    one that has forecasts, or had them, if none other is due.
    """
    lacking = [
        window
        for window in windows
        if lacks_scores(window, history, issued, scored, settings.horizon)
    ]
    if lacking or not (lost := gone(history, issued, scored)):
        return lacking
    return (holding(windows, issued) or holding(windows, lost))[-1:]


def stretches(windows: Sequence[Item], among: Sequence[Item]) -> list[tuple[Item, Item]]:
    """First and last of each unbroken run of ``windows``, or of other items, in ``among``."""
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
