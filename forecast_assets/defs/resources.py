"""Resources: the store that assets and IO managers are given."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dagster import DagsterInstance, DagsterRun, InitResourceContext, ResourceDependency
from dagster_duckdb import DuckDBResource
from filelock import FileLock
from pydantic import Field, PrivateAttr

from forecast_assets.configuration.sections import Executor
from forecast_assets.configuration.settings import Settings
from forecast_assets.defs.pulse import pulses_beside
from forecast_assets.defs.run_history import leave_mark
from forecast_assets.defs.run_memory import give_back_large_arrays
from forecast_assets.defs.run_monitoring import is_monitored
from forecast_assets.defs.run_process import RunProcess
from forecast_assets.defs.thinning import thin
from forecast_assets.errors import StoreLocked
from forecast_assets.store.contract import Store
from forecast_assets.store.opening import open_store, open_tables
from forecast_assets.store.patience import Patience, Told

LOCK_SECONDS = 20.0
"""The longest time that a sensor, or the end of a run, waits for the tables."""

BRIEF_SECONDS = 2.0
"""Programs that read for so long, and then let go, keep no run from being asked for."""


@dataclass
class Uses:
    """How often each run uses the store in this process: by itself and in IO managers."""

    counts: Counter[str] = field(default_factory=Counter)

    def begin(self, run_id: str) -> bool:
        """Note another use; return whether it is the first."""
        self.counts[run_id] += 1
        return self.counts[run_id] == 1

    def end(self, run_id: str) -> bool:
        """Note the end of a use; return whether it was the last."""
        self.counts[run_id] -= 1
        if not self.counts[run_id]:
            del self.counts[run_id]
        return run_id not in self.counts


class StoreResource(DuckDBResource):
    """The tables: behind their contract, or by SQL in assets of one's own."""

    tables_at: str = Field(description="The path of a file, or the URL of Delta tables.")
    horizon: int = Field(description="Sessions ahead: the day columns of distributions.")
    memory_limit: str = Field(description="What an engine may use, such as 512MB.")
    lock_timeout_seconds: float = Field(description="How long a locked file is waited for.")
    executor: Executor = Field(
        "in_process", description="What works the steps of the daemon's runs."
    )

    patience: ResourceDependency[Patience]
    uses: ResourceDependency[Uses]

    _pulse: FileLock | None = PrivateAttr(default=None)
    _told: Told | None = PrivateAttr(default=None)

    @classmethod
    def of(cls, settings: Settings, patience: Patience | None = None) -> "StoreResource":
        """The store of a configuration.

        ``patience``: shared by all waits for locks; by default each run has its own.
        """
        return cls(
            patience=patience or Patience(settings.database.lock_timeout_seconds, "run"),
            uses=Uses(),
            executor=settings.execution.executor,
            database=str(settings.database_path),
            tables_at=settings.tables_at,
            horizon=settings.horizon,
            memory_limit=settings.database.memory_limit,
            lock_timeout_seconds=settings.database.lock_timeout_seconds,
        )

    def setup_for_execution(self, context: InitResourceContext) -> None:
        """Begin the run's pulse, and write waits for the tables into its log from now on."""
        if context.run is None:
            return
        give_back_large_arrays()
        self._told = context.log.warning if context.log else None
        self.patience.begin(context.run.run_id)
        is_first = self.uses.begin(context.run.run_id)
        if context.instance is not None and is_monitored(context.instance, self.executor):
            return
        self._pulse = pulses_beside(Path(self.database)).begin(context.run.run_id)
        if is_first:
            self._say_process(context.instance, context.run)

    def teardown_after_execution(self, context: InitResourceContext) -> None:
        """Leave the run's mark in the tables, thin what it has superseded, and end its pulse."""
        if context.run is None:
            return
        try:
            if self.uses.end(context.run.run_id) and context.instance is not None:
                leave_mark(context.instance, context.run, self._impatient().marks)
                thin(context.instance, context.run.run_id)
        finally:
            if self._pulse is not None:
                pulses_beside(Path(self.database)).end(self._pulse)

    def _say_process(self, instance: DagsterInstance | None, run: DagsterRun) -> None:
        """Tag the run with this process, unless a terminal has done so when it made the run."""
        here = RunProcess.here(run.run_id)
        if instance is not None and here != RunProcess.of(run.run_id, run.tags):
            instance.add_run_tags(run.run_id, here.tag)

    def tables(self) -> Store:
        """The tables."""
        seconds = self.lock_timeout_seconds
        return open_tables(
            self.tables_at,
            self.horizon,
            self.memory_limit,
            seconds,
            self.patience,
            self._told,
        )

    def tell_wait(self, line: str) -> None:
        """Say something about a wait in the log of the run, and where waits for the tables are."""
        for told in (self.patience.told, self._told):
            if told is not None:
                told(line)

    @contextmanager
    def at_one_moment(self) -> Iterator[Store]:
        """The tables, opened once for everything that is read from them in the meantime."""
        tables = self.tables()
        with tables.reading():
            yield tables

    @contextmanager
    def get_connection(self, *, read_only: bool = True) -> Iterator[Any]:
        """A connection for your own SQL: read-only, or in one transaction.

        It waits for locks as all other access does. Raises StoreError or StoreLocked.
        """
        with self.tables().connection(read_only=read_only) as connection:
            yield connection

    def _impatient(self) -> Store:
        """The tables, with a wait of at most ``LOCK_SECONDS``, and of none if the run gave up."""
        seconds = min(LOCK_SECONDS, self.patience.left)
        return open_tables(self.tables_at, self.horizon, self.memory_limit, seconds)


def impatient_store(settings: Settings) -> Store:
    """The tables for a sensor or schedule, with a wait of at most ``LOCK_SECONDS``."""
    return open_store(settings, at_most=LOCK_SECONDS)


def require_free(settings: Settings) -> None:
    """Raise StoreLocked if a program keeps the tables from being written, for a run that would.

    Such a run would wait, compute, and fail, and the next one after it; so none is asked for.
    """
    try:
        open_store(settings, at_most=BRIEF_SECONDS).require_free()
    except StoreLocked as error:
        raise StoreLocked(f"no run is asked for while the tables are kept: {error}") from error
