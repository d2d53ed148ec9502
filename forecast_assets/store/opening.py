"""Opening the tables: the only module that knows which engine keeps them."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from forecast_assets.configuration.settings import Settings
from forecast_assets.errors import StoreError
from forecast_assets.store.contract import Store
from forecast_assets.store.duckdb.database import holds_rows as holds_rows
from forecast_assets.store.duckdb.reading_file import reading_file as reading_file
from forecast_assets.store.duckdb.store import DuckDBStore
from forecast_assets.store.patience import Patience, Told

ENGINE = "DuckDB"
"""What keeps the tables, as people call it."""

BRIEFLY = "the most that is waited here, in seconds"
"""What limits a wait that is shorter than the configuration allows, for users."""


def open_store(
    settings: Settings, patience: Patience | None = None, *, at_most: float = float("inf")
) -> Store:
    """The tables of a configuration.

    ``patience``: shared by all waits for locks, if it is given. ``at_most``: the most seconds to
    wait for a lock, if the configuration allows more.
    """
    configured, memory = settings.database.lock_timeout_seconds, settings.database.memory_limit
    seconds = min(at_most, configured)
    if seconds < configured:
        patience = patience or Patience(seconds, limit=BRIEFLY)
    return open_file(settings.database_path, settings.horizon, memory, seconds, patience)


def open_file(
    path: Path,
    horizon: int,
    memory_limit: str,
    lock_timeout_seconds: float,
    patience: Patience | None = None,
    told: Told | None = None,
) -> Store:
    """The tables in a file. ``told``: a function to tell of waits for a lock."""
    return DuckDBStore(path, horizon, memory_limit, lock_timeout_seconds, patience, told)


def connection_to(store: Store, *, read_only: bool) -> AbstractContextManager[Any]:
    """A connection of the engine for your own SQL: read-only, or in one transaction.

    Raises StoreError if the engine has no such connection.
    """
    if not isinstance(store, DuckDBStore):
        raise StoreError(f"{type(store).__name__} has no connection for SQL")
    return store.database.reading() if read_only else store.database.writing()
