"""Resources: the store that assets and IO managers are given."""

from pathlib import Path
from typing import Any

from dagster import ConfigurableResource, InitResourceContext, ResourceDependency
from filelock import FileLock
from pydantic import Field, PrivateAttr

from forecast_assets.configuration.settings import Settings
from forecast_assets.defs.pulse import Pulses
from forecast_assets.defs.run_history import leave_mark
from forecast_assets.store.contract import Store
from forecast_assets.store.opening import open_file, open_store
from forecast_assets.store.patience import Patience, Told

LOCK_SECONDS = 20.0
"""A sensor, or a run that has ended, waits no longer than this for the tables."""


class StoreResource(ConfigurableResource[Any]):
    """The tables, in one file. Another backend overrides ``tables``."""

    database: str = Field(description="The file of the tables.")
    horizon: int = Field(description="Sessions ahead: the day columns of distributions.")
    memory_limit: str = Field(description="What an engine may use, such as 512MB.")
    lock_timeout_seconds: float = Field(description="How long a locked file is waited for.")

    patience: ResourceDependency[Patience]

    _pulse: FileLock = PrivateAttr()
    _told: Told | None = PrivateAttr(default=None)

    @classmethod
    def of(cls, settings: Settings, patience: Patience | None = None) -> "StoreResource":
        """The store that a configuration describes.

        ``patience``: with locks, shared with others; by default each run has its own.
        """
        return cls(
            patience=patience or Patience(settings.database.lock_timeout_seconds, "run"),
            database=str(settings.database_path),
            horizon=settings.horizon,
            memory_limit=settings.database.memory_limit,
            lock_timeout_seconds=settings.database.lock_timeout_seconds,
        )

    def setup_for_execution(self, context: InitResourceContext) -> None:
        """Show that the run is alive, from now on, and in its log whom it waits for."""
        if context.run is not None:
            self._told = context.log.warning if context.log else None
            self.patience.begin(context.run.run_id)
            self._pulse = pulses_beside(Path(self.database)).begin(context.run.run_id)

    def teardown_after_execution(self, context: InitResourceContext) -> None:
        """Leave a mark in the tables, and show that the run is alive no longer."""
        if context.run is None:
            return
        try:
            if context.instance is not None and self._pulse.lock_counter == 1:  # the last to end
                leave_mark(context.instance, context.run, self._impatient().marks)
        finally:
            pulses_beside(Path(self.database)).end(self._pulse)

    def tables(self) -> Store:
        """The tables behind their contract."""
        seconds = self.lock_timeout_seconds
        return open_file(
            Path(self.database),
            self.horizon,
            self.memory_limit,
            seconds,
            self.patience,
            self._told,
        )

    def _impatient(self) -> Store:
        """The tables, waited for no longer than a run that has ended may."""
        seconds = min(LOCK_SECONDS, self.lock_timeout_seconds)
        return open_file(Path(self.database), self.horizon, self.memory_limit, seconds)


def impatient_store(settings: Settings) -> Store:
    """The tables, waited for not longer than a sensor or schedule may."""
    return open_store(settings, at_most=LOCK_SECONDS)


def pulses_beside(database: Path) -> Pulses:
    """The pulses of the runs that work on a database."""
    return Pulses(database.parent / ".runs")
