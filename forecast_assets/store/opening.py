"""Opening the tables: the only module that knows which engines keep them."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pyarrow as pa
from pyarrow.dataset import Dataset, dataset

from forecast_assets.configuration.settings import Settings
from forecast_assets.errors import StoreError
from forecast_assets.store.contract import KeepsModels, Reading, Store
from forecast_assets.store.duckdb.database import holds_rows as holds_rows
from forecast_assets.store.duckdb.reading_file import reading_file
from forecast_assets.store.duckdb.store import DuckDBStore
from forecast_assets.store.moving.export_note import ExportNote
from forecast_assets.store.moving.exported_folder import ExportedFolder
from forecast_assets.store.moving.table_files import FILES, PARQUET, TableWriter
from forecast_assets.store.patience import Patience, Told
from forecast_assets.store.tables.table import Table

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from forecast_assets.store.delta.store import DeltaStore

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
    return open_tables(settings.tables_at, settings.horizon, memory, seconds, patience)


def open_tables(
    place: str,
    horizon: int,
    memory_limit: str,
    lock_timeout_seconds: float,
    patience: Patience | None = None,
    told: Told | None = None,
) -> Store:
    """The tables in a file, or below a URL. ``told``: a function to tell of waits for a lock."""
    if is_url(place):
        return _lakehouse(place, horizon, memory_limit, patience or Patience(lock_timeout_seconds))
    path = Path(place)
    return DuckDBStore(path, horizon, memory_limit, lock_timeout_seconds, patience, told)


@contextmanager
def reading_at(
    place: Path | str,
    memory_limit: str,
    lock_timeout_seconds: float,
    moment: datetime | None = None,
) -> Iterator[Reading]:
    """The tables in a file or below a URL; none is made.

    ``moment``: as they were then, in UTC if it has no zone. Raises StoreError if there are none.
    """
    if not is_url(place):
        if moment is not None:
            raise StoreError(
                f"{place}: a file has no earlier versions of its tables; what was issued, published"
                " and known by a day is told by the methods whose names end with as_of"
            )
        with reading_file(Path(place), memory_limit, lock_timeout_seconds) as tables:
            yield tables
        return
    patience = Patience(lock_timeout_seconds)
    if moment is not None and moment.tzinfo is not None:
        moment = moment.astimezone(UTC).replace(tzinfo=None)
    with _lakehouse(str(place), None, memory_limit, patience).reading(moment) as lake:
        yield lake


@contextmanager
def source_at(place: str, memory_limit: str, lock_timeout_seconds: float) -> Iterator[Reading]:
    """The tables to import: an exported folder, Delta tables in a folder or below a URL, or a file.

    Raises StoreError for what is none of these, and for a part of tables.
    """
    folder = Path(place)
    if is_url(place) or not folder.is_dir():
        with reading_at(
            place if is_url(place) else folder, memory_limit, lock_timeout_seconds
        ) as x:
            yield x
        return
    note = ExportNote.read(folder)
    if note is not None:
        note.require_whole(folder)
        if note.form in FILES:
            exported = ExportedFolder(folder, note)
            exported.require_whole()
            yield exported
            return
    with reading_at(folder.resolve().as_uri(), memory_limit, lock_timeout_seconds) as lake:
        yield lake


def table_at(place: str, name: str) -> Dataset | None:
    """The rows of a table of another system, if it is there: of Parquet files, or a Delta table.

    ``place``: a folder with a folder ``name`` or a file ``name.parquet``, or a URL of Delta tables.
    Raises StoreError for a table that cannot be read.
    """
    folder, file = Path(place) / name, Path(place) / f"{name}.{PARQUET}"
    if is_url(place) or (folder / "_delta_log").is_dir():
        with _there("delta", place):
            from forecast_assets.store.delta.delta_tables import rows_at
        return rows_at(f"{place}/{name}" if is_url(place) else str(folder))
    for found in (folder, file):
        if found.exists():
            try:
                return dataset(found, format=PARQUET, partitioning="hive")
            except (pa.ArrowException, OSError) as error:
                raise StoreError(f"{found}: {' '.join(str(error).split())}") from error
    return None


def lake_writer_of(folder: Path, name: str, table: Table, schema: pa.Schema) -> TableWriter:
    """What writes a table such as ``forecast.scores`` below a folder, as a Delta table."""
    with _there("delta", str(folder)):
        from forecast_assets.store.delta.exported import lake_writer
    return lake_writer(folder, name, table, schema)


def spark_at(remote: str) -> "AbstractContextManager[SparkSession]":
    """A session of the Connect server at an address such as ``sc://localhost:15002``."""
    with _there("spark", remote):
        from forecast_assets.store.spark.sessions import session_at
    return session_at(remote)


def require_lake(place: str) -> None:
    """Raise StoreError for tables in a file, which Spark cannot read."""
    if not is_url(place):
        raise StoreError(
            f"{place}: Spark reads Delta tables, and these are in a file: set"
            " `store: {type: delta, url: ...}`; `forecast import` takes over the rows"
        )


def registered_in_spark(
    spark: "SparkSession",
    place: str,
    memory_limit: str,
    patience: Patience,
    catalog: str | None,
) -> list[str]:
    """Put the Delta tables below a URL, and views over them, into Spark's catalog: their names.

    Those that have not been made are made, since a catalog has no tables that are not there.
    Raises StoreError for tables in a file, and if there are none.
    """
    require_lake(place)
    with _there("spark", place):
        from forecast_assets.store.spark.registering import register
    store = _lakehouse(place, None, memory_limit, patience)
    store.make_all()
    return register(spark, place, store.lake.horizon, catalog)


def models_in_spark(spark: "SparkSession", catalog: str | None, seconds: float) -> KeepsModels:
    """The fitted models in Spark's catalog. ``seconds``: how long others may be in the way."""
    with _there("spark", "forecast.trained_models"):
        from forecast_assets.store.spark.model_table import SparkModels
    return SparkModels.of(spark, catalog, seconds)


def is_url(place: Path | str) -> bool:
    """Whether tables are below a URL, rather than in a file."""
    return isinstance(place, str) and "://" in place


def _lakehouse(
    place: str, horizon: int | None, memory_limit: str, patience: Patience
) -> "DeltaStore":
    """The tables below a URL; ``horizon``: None takes that of the tables there are.

    Raises StoreError for a URL with a query or a fragment: all tables would be at what is before.
    """
    if strange := next((sign for sign in "#?" if sign in place), None):
        raise StoreError(
            f"{place}: found {strange} in the address of Delta tables, which ends their folder's"
            f" name: write {quote(strange)} in a URL, or name the folder by its path"
        )
    with _there("delta", place):
        from forecast_assets.store.delta.store import DeltaStore
    return DeltaStore(place, horizon, memory_limit, patience)


@contextmanager
def _there(extra: str, place: str) -> Iterator[None]:
    """Turn the lack of a package of an extra into a StoreError that says what to do."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise StoreError(
            f"{place}: the package {error.name} is missing, with which these tables are read and"
            f" written: pip install 'forecast_assets[{extra}]'"
        ) from error
