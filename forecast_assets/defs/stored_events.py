"""Stored events: the tables and files in which a Dagster instance has its events."""

from pathlib import Path

from dagster import DagsterInstance
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage
from dagster._core.storage.event_log.sqlite import SqliteEventLogStorage
from dagster._core.storage.legacy_storage import LegacyEventLogStorage

from forecast_assets.errors import StoreError

BESIDE = ("", "-journal", "-wal", "-shm")
"""Suffixes of the files in which SQLite keeps the events of one run."""


def events_of(instance: DagsterInstance) -> SqlEventLogStorage:
    """Where an instance has its events. Raises StoreError if they are not in SQL."""
    found = instance.event_log_storage
    if isinstance(found, LegacyEventLogStorage):  # one `storage` for runs, events and schedules
        found = found._storage.event_log_storage
    if not isinstance(found, SqlEventLogStorage):
        raise StoreError(f"{type(found).__name__}: events can be changed only in SQL")
    return found


def files_of(events: SqliteEventLogStorage, run_id: str) -> list[Path]:
    """The files that SQLite may have for the events of one run, the database first."""
    file = Path(events.path_for_shard(run_id))
    return [file.with_name(file.name + suffix) for suffix in BESIDE]
