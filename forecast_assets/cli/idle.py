"""``forecast run`` with nothing to do: it is found out without Dagster, and told as ever."""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property

from forecast_assets.automation.due import due_windows
from forecast_assets.automation.settled import Settled
from forecast_assets.boundary import boundary
from forecast_assets.cli.outcome import Outcome
from forecast_assets.configuration.settings import Settings, load_settings
from forecast_assets.defs.pulse import pulses_beside
from forecast_assets.defs.summary import Summaries
from forecast_assets.errors import StoreLocked
from forecast_assets.forecast.records import RecordedFailure
from forecast_assets.store.contract import Store
from forecast_assets.store.opening import open_store

WAIT_SECONDS = 0.5
"""If the tables are kept for longer, the run waits for them and says so."""


@dataclass
class Idle:
    """What a command says that had nothing to do; see ``Worker``."""

    settings: Settings
    store: Store
    version: str
    notes: list[str]
    problems: list[str] = field(default_factory=list)
    summaries: Summaries = field(default_factory=Summaries)

    @cached_property
    def windows(self) -> set[tuple[str, object]]:
        """Commodity and training date of each window that has what it needs."""
        return {
            (name, window.training_date)
            for name in self.settings.commodities
            for window in due_windows(
                self.settings, self.settings.windows.of(name), self.store.prices.history(name)
            )
        }

    def attempted(self, failure: RecordedFailure) -> bool:
        """Whether a failure, of a model that declined, belongs to one of the windows."""
        return (failure.commodity, failure.training_date) in self.windows


def found_idle() -> Outcome | None:
    """The outcome of a command without options, if there is nothing to do for it; else None.

    A run that is going on, or that was killed, is something to do; so is whatever goes wrong here,
    which the run then meets and tells.
    """
    began, settings = time.monotonic(), load_settings()
    if any(pulses_beside(settings.database_path).folder.glob("*")):
        return None
    notes = notes_if_settled(settings, datetime.now(UTC))
    if notes is None:
        return None
    idle = Idle(settings, open_store(settings), settings.model_version, notes)
    names, size = list(settings.commodities), idle.store.size()
    for name in names:
        idle.summaries.of(name).begun = True
    return Outcome(idle, names, time.monotonic() - began, size)


def notes_if_settled(settings: Settings, now: datetime) -> list[str] | None:
    """The notes of a command that has nothing to do; None if it has, or if that cannot be told."""
    settled = Settled(settings, open_store(settings, at_most=WAIT_SECONDS))
    notes, broken = list[str](), list[str]()
    try:
        with boundary("nothing to do", broken):
            if not settled.holds(now):
                return None
            notes = settled.notes(now, broken)
    except StoreLocked:
        return None
    return None if broken else notes
