"""Resources: the store that assets and IO managers are given."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dagster import InitResourceContext
from dagster_duckdb import DuckDBResource
from filelock import FileLock
from pydantic import Field, PrivateAttr

from forecast_assets.attempts import leave_mark
from forecast_assets.configuration import Settings
from forecast_assets.pulse import Pulses
from forecast_assets.store.contract import Store
from forecast_assets.store.database import Connection
from forecast_assets.store.duckdb import DuckDBStore

LOCK_SECONDS = 20.0
"""A sensor, or a run that has ended, waits no longer than this for the tables."""


class StoreResource(DuckDBResource):
    """The tables, in one DuckDB file. Another backend overrides ``tables``."""

    horizon: int = Field(description="Sessions ahead: the day columns of distributions.")
    memory_limit: str = Field(description="What DuckDB may use, such as 512MB.")
    lock_timeout_seconds: float = Field(description="How long a locked file is waited for.")

    _pulse: FileLock = PrivateAttr()

    @classmethod
    def of(cls, settings: Settings) -> "StoreResource":
        """The store that a configuration describes."""
        return cls(
            database=str(settings.database_path),
            horizon=settings.horizon,
            memory_limit=settings.database.memory_limit,
            lock_timeout_seconds=settings.database.lock_timeout_seconds,
        )

    def setup_for_execution(self, context: InitResourceContext) -> None:
        """Show that the run is alive, from now on."""
        if context.run is not None:
            self._pulse = pulses_beside(Path(self.database)).begin(context.run.run_id)

    def teardown_after_execution(self, context: InitResourceContext) -> None:
        """Leave a mark in the tables, and show that the run is alive no longer."""
        if context.run is None:
            return
        try:
            if context.instance is not None and self._pulse.lock_counter == 1:  # the last to end
                leave_mark(context.instance, context.run, self._store(LOCK_SECONDS).marks)
        finally:
            pulses_beside(Path(self.database)).end(self._pulse)

    def tables(self) -> Store:
        """The tables behind their contract."""
        return self._store()

    @contextmanager
    def get_connection(self, *, read_only: bool = True) -> Iterator[Connection]:
        """A connection for SQL of one's own: read-only, or one transaction."""
        database = self._store().database
        with database.reading() if read_only else database.writing() as connection:
            yield connection

    def _store(self, longest_wait: float = math.inf) -> DuckDBStore:
        seconds = min(longest_wait, self.lock_timeout_seconds)
        return DuckDBStore(Path(self.database), self.horizon, self.memory_limit, seconds)


def impatient_store(settings: Settings) -> DuckDBStore:
    """The tables, waited for not longer than a sensor or schedule may."""
    seconds = min(LOCK_SECONDS, settings.database.lock_timeout_seconds)
    return DuckDBStore(
        settings.database_path, settings.horizon, settings.database.memory_limit, seconds
    )


def pulses_beside(database: Path) -> Pulses:
    """The pulses of the runs that work on a database."""
    return Pulses(database.parent / ".runs")
