"""The DuckDB file itself: made when it is written, waited for, and seen to change."""

import os
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest

from forecast_assets.errors import StoreLocked
from forecast_assets.forecast.records import WindowChange
from forecast_assets.store.duckdb import database
from forecast_assets.store.duckdb.database import Database, holds_rows
from forecast_assets.store.duckdb.store import DuckDBStore
from forecast_assets.store.sql import path_table
from forecast_assets_tests.records import AT, DAYS, WRITTEN, draw, model


@pytest.fixture
def store(tmp_path: Path) -> DuckDBStore:
    return DuckDBStore(tmp_path / "commodity.duckdb", 3, "256MB", lock_timeout_seconds=0.5)


def test_reading_where_no_file_is_finds_empty_tables_and_makes_none(tmp_path: Path) -> None:
    path = tmp_path / "data" / "commodity.duckdb"
    store = DuckDBStore(path, 3, "256MB", lock_timeout_seconds=0.5)
    assert len(store.prices.history("Coffee")) == 0
    assert store.paths.issued("Coffee", "v1.0") == []
    assert store.names.known() == []
    with store.database.reading() as connection:
        as_of = "SELECT * FROM commodity.market.prices_as_of(now()::TIMESTAMP)"
        assert connection.execute(as_of).fetchall() == []
    assert not path.parent.exists()


@pytest.mark.parametrize("content", ["no tables", "no rows", "a row", "no DuckDB file"])
def test_a_file_holds_rows_unless_it_is_seen_to_hold_none(store: DuckDBStore, content: str) -> None:
    path = store.database.path
    match content:
        case "no tables":
            duckdb.connect(path).close()
        case "no rows":
            store.marks.leave("a run", AT)
        case "a row":
            store.models.append(WRITTEN, [model()], [])
        case _:
            path.write_bytes(b"another program's")
    before = path.read_bytes()
    assert holds_rows(path) == (content in ("a row", "no DuckDB file"))
    assert path.read_bytes() == before


def test_a_file_whose_maker_was_killed_before_its_tables_is_usable(store: DuckDBStore) -> None:
    duckdb.connect(store.database.path).close()
    assert store.models.find() == []


HOLD = "import duckdb, sys, time; c = duckdb.connect(sys.argv[1]); print('held', flush=True); "


def test_a_locked_file_is_waited_for(store: DuckDBStore) -> None:
    store.models.append(WRITTEN, [model()], [])
    patient = DuckDBStore(store.database.path, 3, "256MB", lock_timeout_seconds=30)
    script = HOLD + "time.sleep(1.5)"
    with subprocess.Popen(
        [sys.executable, "-c", script, str(store.database.path)], stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        began = time.monotonic()
        assert patient.models.find() == [model()]
        assert time.monotonic() - began > 0.5


def test_a_file_locked_for_too_long_is_reported_by_name(store: DuckDBStore) -> None:
    store.models.append(WRITTEN, [model()], [])
    script = HOLD + "time.sleep(30)"
    with subprocess.Popen(
        [sys.executable, "-c", script, str(store.database.path)], stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        try:
            with pytest.raises(StoreLocked, match=r"commodity\.duckdb: another process kept"):
                store.models.append(WRITTEN, [model(sha256="two", second=1)], [])
        finally:
            holder.kill()
    assert store.models.find() == [model()]


def test_a_token_changes_by_what_a_killed_process_committed(store: DuckDBStore) -> None:
    store.models.append(WRITTEN, [model()], [])
    before = store.token()
    script = (
        "import duckdb, os, signal, sys; c = duckdb.connect(sys.argv[1]);"
        ' c.execute("DELETE FROM forecast.trained_models"); os.kill(os.getpid(), signal.SIGKILL)'
    )
    command = [sys.executable, "-c", script, str(store.database.path)]
    subprocess.run(command, check=False)
    assert store.token() != before
    assert store.models.find() == []


def test_forecasts_are_those_of_now_by_whomever_they_were_written(store: DuckDBStore) -> None:
    tables, of_ours = store.database, ("Coffee", "v1.0")
    store.paths.apply(WRITTEN, WindowChange([draw()]))

    def closes() -> list[float | None]:
        return [each.cutoff_close for each in store.paths.issued(*of_ours)]

    others = {1: 11.0, -3600: 12.0, 3600: 13.0}  # a file that is old, or of a clock that is ahead
    for hours, close in others.items():
        moment = time.time() + hours
        os.utime(tables.path, (moment, moment))
        before = closes()
        with duckdb.connect(tables.path) as connection:
            connection.execute("UPDATE forecast.forecasts SET cutoff_close = ?", [close])
        assert before != closes() == [close] * len(DAYS)
    for close in (14.0, 15.0, 16.0):
        with tables.writing() as connection:
            connection.execute("UPDATE forecast.forecasts SET cutoff_close = ?", [close])
        os.utime(tables.path, (0, 0))
        assert closes() == [close] * len(DAYS)


@pytest.mark.parametrize(
    ("stamp", "age"),
    [(1_000_000_000, 1_999_999_999), (1_500_000_000, 10_000_000), (1_500_000_000, -60_000_000_000)],
    ids=["to two seconds", "to a hundredth", "by a clock that is ahead"],
)
def test_two_writes_of_one_tick_are_two_states(
    store: DuckDBStore, monkeypatch: pytest.MonkeyPatch, stamp: int, age: int
) -> None:
    store.paths.apply(WRITTEN, WindowChange([draw()]))
    monkeypatch.setattr(database, "time_ns", lambda: stamp + age)
    for close in (11.0, 12.0):
        with duckdb.connect(store.database.path) as connection:
            connection.execute("UPDATE forecast.forecasts SET cutoff_close = ?", [close])
        os.utime(store.database.path, ns=(stamp, stamp))
        found = {each.cutoff_close for each in store.paths.issued("Coffee", "v1.0")}
        assert found == {close}


def test_a_file_that_rests_is_not_read_again(
    store: DuckDBStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.paths.apply(WRITTEN, WindowChange([draw()]))
    os.utime(store.database.path, (0, 0))
    found = store.paths.issued("Coffee", "v1.0")
    monkeypatch.setattr(path_table, "ISSUED", "this is not read")
    assert store.paths.issued("Coffee", "v1.0") == found != []


def test_closes_that_an_older_release_did_not_store_are_those_known_then(
    store: DuckDBStore,
) -> None:
    store.paths.apply(WRITTEN, WindowChange([draw()]))
    with store.database.writing() as connection:
        connection.execute("UPDATE forecast.forecasts SET cutoff_close = NULL")
        connection.execute(
            "INSERT INTO market.price_revisions BY NAME SELECT commodity, data_cutoff_date AS date,"
            " 1 AS revision, 7.0 AS close, generation_timestamp AS ingested_at, '' AS source,"
            " '' AS ingested_by FROM forecast.forecasts LIMIT 1"
        )
    found = [each.cutoff_close for each in store.paths.issued("Coffee", "v1.0")]
    assert found == [7.0, *[None] * (len(DAYS) - 1)]


def test_tables_are_looked_for_and_defined_once_in_each_state_of_the_file(
    store: DuckDBStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[bool] = []
    look = Database._has_tables

    def counted(tables: Database, connection: duckdb.DuckDBPyConnection) -> bool:
        looks.append(look(tables, connection))
        return looks[-1]

    monkeypatch.setattr(Database, "_has_tables", counted)
    tables = store.database
    for _ in range(2):
        with tables.writing():
            pass
        with tables.reading():
            pass
    assert looks == []
    with duckdb.connect(tables.path) as connection:
        connection.execute("DROP TABLE market.features; DROP VIEW market.prices")
    for _ in range(2):
        with tables.reading() as connection:
            assert connection.execute("SELECT count(*) FROM market.prices").fetchall() == [(0,)]
    assert looks == [False]
    with duckdb.connect(tables.path) as connection:
        connection.execute("CREATE TABLE others AS SELECT 1")
    for _ in range(2):
        with tables.reading():
            pass
    assert looks == [False, True]
