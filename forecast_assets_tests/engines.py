"""The engines that keep tables. A second one is a line here: the contract's tests run over each."""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from forecast_assets.store.contract import Store
from forecast_assets.store.delta.store import DeltaStore
from forecast_assets.store.duckdb.store import DuckDBStore
from forecast_assets.store.patience import Patience
from forecast_assets_tests.seaweed import BUCKET


@dataclass(frozen=True)
class Engine:
    """What tests need of an engine beside its contract.

    ``opened``: the tables in a folder, with so many sessions ahead; ``put``: make a table hold
    just these rows, as no program of this project would: damaged, or of an older release.
    ``at_once``: whether what replaces a forecast is seen in the moment in which the old one is not
    seen any more; else neither is, while it is written. ``server``: the fixture of the server that
    it needs.
    """

    name: str
    kind: type[Store]
    opened: Callable[[Path, int], Store]
    put: Callable[[Store, str, pa.Table], None]
    at_once: bool = True
    marks: tuple[pytest.MarkDecorator, ...] = ()
    server: str | None = None


def open_duckdb(folder: Path, horizon: int) -> DuckDBStore:
    """The tables of a file in a folder."""
    return DuckDBStore(folder / "commodity.duckdb", horizon, "256MB", lock_timeout_seconds=30)


def put_into_duckdb(store: Store, table: str, rows: pa.Table) -> None:
    """Columns that the rows lack are NULL."""
    assert isinstance(store, DuckDBStore)
    name = table.removeprefix("commodity.")
    with store.database.writing() as connection:
        connection.execute(f"DELETE FROM {name}")  # noqa: S608 - a table of ours
        connection.register("arriving", rows)
        connection.execute(f"INSERT INTO {name} BY NAME SELECT * FROM arriving")  # noqa: S608


def open_delta(folder: Path, horizon: int) -> DeltaStore:
    """The tables in a folder below a folder."""
    return DeltaStore(str(folder / "lake"), horizon, "256MB", Patience(30.0))


def open_s3(folder: Path, horizon: int) -> DeltaStore:
    """The tables below a prefix of the bucket, which is called as a folder is."""
    prefix = sha256(str(folder).encode()).hexdigest()[:16]
    return DeltaStore(f"s3://{BUCKET}/{prefix}", horizon, "256MB", Patience(60.0))


def put_into_delta(store: Store, table: str, rows: pa.Table) -> None:
    """Columns that the rows lack are NULL."""
    assert isinstance(store, DeltaStore)
    name = table.removeprefix("commodity.")
    store.lake.stored.make([name])
    whole = store.lake.declared[name].plain_schema
    lacking = [field for field in whole if field.name not in rows.column_names]
    for field in lacking:
        rows = rows.append_column(field, pa.nulls(len(rows), field.type))
    write_deltalake(
        store.lake.stored.open(name), rows.select(whole.names).cast(whole), mode="overwrite"
    )


ENGINES = {
    engine.name: engine
    for engine in (
        Engine("duckdb", DuckDBStore, open_duckdb, put_into_duckdb),
        Engine(
            "delta",
            DeltaStore,
            open_delta,
            put_into_delta,
            at_once=False,
            marks=(pytest.mark.engine,),
        ),
        Engine(
            "s3",
            DeltaStore,
            open_s3,
            put_into_delta,
            at_once=False,
            marks=(pytest.mark.engine,),
            server="s3",
        ),
    )
}


def engine_of(store: Store) -> Engine:
    """The engine that keeps some tables."""
    return next(engine for engine in ENGINES.values() if isinstance(store, engine.kind))
