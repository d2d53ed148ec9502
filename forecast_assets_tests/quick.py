"""What makes runs in a test's or harness's own process quick, and changes nothing in the tables."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import cache
from pathlib import Path
from threading import current_thread, main_thread
from typing import Any, TextIO

import alembic.util
import pytest
from alembic.script import ScriptDirectory
from dagster._core.execution.compute_logs import redirect_to_file
from dagster._core.storage import local_compute_log_manager
from dagster._core.storage.event_log.in_memory import InMemoryEventLogStorage
from dagster._core.storage.event_log.sqlite import sqlite_event_log
from dagster._core.storage.runs.in_memory import InMemoryRunStorage
from dagster._core.storage.runs.sqlite import sqlite_run_storage
from dagster._core.storage.schedules.sqlite import sqlite_schedule_storage
from dagster._utils import ensure_file
from sqlalchemy import Connection, Engine, NullPool, create_engine

from forecast_assets_tests import blank

MEMORY, ENOUGH = Path("/dev/shm"), 2 * 10**9  # noqa: S108 - a file system in memory, where it is
"""Where files of tests go if it has so many bytes left: no commit waits for a disk there."""

ENGINES = 32
"""How many of SQLAlchemy's engines are kept."""


def in_memory() -> Path | None:
    """The folder in memory, if there is one and it has room."""
    return MEMORY if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ENOUGH else None


@contextmanager
def blank_pictures() -> Iterator[None]:
    """What would be drawn is computed, and drawn on blank paper."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("matplotlib.figure.Figure", blank.Paper)
        yield


@contextmanager
def drawn_pictures() -> Iterator[None]:
    """Pictures are drawn, as they are for users."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("matplotlib.figure.Figure", blank.FIGURE)
        yield


class KeptPool(NullPool):
    """A pool in which no connection waits, so that there is nothing to dispose of."""

    def recreate(self) -> "KeptPool":
        """Stay: Dagster disposes of the engine after each connection."""
        return self


@contextmanager
def kept_engines() -> Iterator[None]:
    """SQLAlchemy's engines, and alembic's lists of revisions, are made once for each database.

    Dagster makes them for every event that it stores in a file, a quarter of the time of a run.
    """
    made: dict[str, Engine] = {}

    def kept(address: str, **options: Any) -> Engine:
        asked = f"{address} {options}"
        if asked not in made:
            assert options.pop("poolclass") is NullPool
            made[asked] = create_engine(address, poolclass=KeptPool, **options)
            if len(made) > ENGINES:
                del made[next(iter(made))]
        return made[asked]

    with pytest.MonkeyPatch.context() as patch:
        for storage in (sqlite_event_log, sqlite_run_storage, sqlite_schedule_storage):
            patch.setattr(storage, "create_engine", kept)
        patch.setattr(ScriptDirectory, "from_config", cache(ScriptDirectory.from_config))
        patch.setattr(alembic.util, "load_python_file", cache(alembic.util.load_python_file))
        yield


@contextmanager
def plain_memory() -> Iterator[None]:
    """Runs and events in memory are stored by one connection, and without asking for a journal.

    Only files have journals. Three of four statements of a run in a test asked for them, and each
    was of a connection of its own.
    """

    @contextmanager
    def by_turns(storage: InMemoryEventLogStorage) -> Iterator[Connection]:
        with storage._db_lock, _connected(storage) as connection:
            yield connection

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(InMemoryEventLogStorage, "_connect", by_turns)
        patch.setattr(InMemoryRunStorage, "connect", _connected)
        yield


@contextmanager
def _connected(storage: InMemoryEventLogStorage | InMemoryRunStorage) -> Iterator[Connection]:
    """A transaction of the connection that a storage holds; of another one if that is in use.

    SQLite's connections serve the thread that has made them.
    """
    held = storage._held_conn
    is_free = current_thread() is main_thread() and not (held.closed or held.in_transaction())
    opened = nullcontext(held) if is_free else storage._engine.connect()
    with opened as connection, connection.begin():
        connection.exec_driver_sql("PRAGMA foreign_keys=ON").close()
        yield connection


@contextmanager
def no_mirrors() -> Iterator[None]:
    """What steps print is stored, and is not printed as well by runs in this process.

    Dagster starts four processes for each run to do so, a seventh of the time of a run.
    """

    @contextmanager
    def stored(stream: TextIO, path: str) -> Iterator[None]:
        ensure_file(path)
        with redirect_to_file(stream, path):
            yield

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(local_compute_log_manager, "mirror_stream_to_file", stored)
        yield
