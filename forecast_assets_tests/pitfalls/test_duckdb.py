"""What this project relies on in DuckDB, or works around: a failure here says what changed."""

import subprocess
import sys
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pytest

OPEN = "import sys, duckdb; duckdb.connect(sys.argv[1], read_only=sys.argv[2] == 'reader')"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "commodity.duckdb"


def another_process(path: Path, role: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", OPEN, str(path), role]
    return subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)


@pytest.mark.parametrize("other", ["reader", "writer"])
def test_a_writing_process_locks_out_every_other_one(path: Path, other: str) -> None:
    with duckdb.connect(path):
        refused = another_process(path, other)
    assert "IOException" in refused.stderr
    assert "lock" in refused.stderr.lower()
    assert another_process(path, other).returncode == 0


def test_reading_processes_share_the_file_and_lock_out_a_writer(path: Path) -> None:
    duckdb.connect(path).close()
    with duckdb.connect(path, read_only=True):
        assert another_process(path, "reader").returncode == 0
        assert "lock" in another_process(path, "writer").stderr.lower()


@pytest.mark.parametrize("first", [True, False], ids=["reader first", "writer first"])
def test_in_one_process_a_reader_and_a_writer_exclude_each_other(path: Path, first: bool) -> None:
    duckdb.connect(path).close()
    with (
        duckdb.connect(path, read_only=first),
        pytest.raises(duckdb.ConnectionException, match="different configuration"),
    ):
        duckdb.connect(path, read_only=not first)


def test_the_catalog_is_named_after_the_file(path: Path) -> None:
    with duckdb.connect(path) as connection:
        connection.execute("CREATE SCHEMA forecast")
        connection.execute("CREATE TABLE forecast.distributions AS SELECT 1 AS path_id")
        query = "SELECT * FROM commodity.forecast.distributions"
        assert connection.execute(query).fetchall() == [(1,)]


def test_a_macro_forgets_where_its_tables_are_and_a_view_does_not(path: Path) -> None:
    with duckdb.connect(path) as connection:
        connection.execute("CREATE SCHEMA market")
        connection.execute("CREATE TABLE market.closes AS SELECT 1 AS close")
        connection.execute("CREATE VIEW market.seen AS FROM market.closes")
        connection.execute("CREATE MACRO market.plain() AS TABLE FROM market.closes")
        connection.execute("CREATE MACRO market.named() AS TABLE FROM commodity.market.closes")
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{path}' AS commodity (READ_ONLY)")
        for name in ("commodity.market.seen", "commodity.market.named()"):
            assert connection.execute(f"FROM {name}").fetchall() == [(1,)]
        with pytest.raises(duckdb.CatalogException, match="does not exist"):
            connection.execute("FROM commodity.market.plain()")


def test_arg_max_passes_over_null_unless_it_is_told_not_to() -> None:
    with duckdb.connect() as connection:
        query = (
            "SELECT arg_max(a, b), arg_max_null(a, b) FROM (VALUES (1, 1), (NULL, 2)) AS x(a, b)"
        )
        assert connection.execute(query).fetchall() == [(1, None)]


def test_an_open_result_stops_all_other_work_even_the_rollback() -> None:
    with duckdb.connect() as connection:
        connection.begin()
        reader = connection.sql("SELECT * FROM range(1_000_000)").to_arrow_reader(1000)
        with pytest.raises(duckdb.Error, match="open result"):
            connection.execute("SELECT 1")
        with pytest.raises(duckdb.Error, match="open result"):
            connection.rollback()
        assert sum(batch.num_rows for batch in reader) == 1_000_000
        connection.rollback()


def test_arrow_from_execute_warns_of_a_copy_and_from_a_relation_does_not() -> None:
    with duckdb.connect() as connection:
        with pytest.warns(UserWarning, match="extra copy"):
            connection.execute("SELECT 1").to_arrow_table()
        assert connection.sql("SELECT 1").to_arrow_table().num_rows == 1


def test_an_insert_goes_by_position_unless_it_says_by_name() -> None:
    swapped = pa.table({"close": [5.0], "open": [4.0]})
    with duckdb.connect() as connection:
        connection.register("swapped", swapped)
        connection.execute("CREATE TABLE prices (open DOUBLE, close DOUBLE)")
        connection.execute("INSERT INTO prices SELECT * FROM swapped")
        connection.execute("INSERT INTO prices BY NAME SELECT * FROM swapped")
        assert connection.execute("FROM prices").fetchall() == [(5.0, 4.0), (4.0, 5.0)]


def test_two_statements_without_a_transaction_lose_what_the_first_deleted() -> None:
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE paths (id INTEGER PRIMARY KEY)")
        connection.execute("INSERT INTO paths VALUES (1)")
        connection.execute("DELETE FROM paths")
        with pytest.raises(duckdb.ConstraintException):
            connection.execute("INSERT INTO paths VALUES (1), (1)")
        assert connection.execute("FROM paths").fetchall() == []


def test_a_transaction_may_replace_a_row_under_its_key_and_keeps_it_on_rollback() -> None:
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE paths (id INTEGER PRIMARY KEY, version INTEGER)")
        connection.execute("INSERT INTO paths VALUES (1, 1)")
        connection.begin()
        connection.execute("DELETE FROM paths")
        connection.execute("INSERT INTO paths VALUES (1, 2)")
        connection.commit()
        connection.begin()
        connection.execute("DELETE FROM paths")
        with pytest.raises(duckdb.ConstraintException):
            connection.execute("INSERT INTO paths VALUES (1, 3), (1, 3)")
        with pytest.raises(duckdb.TransactionException, match="aborted"):
            connection.execute("FROM paths")
        connection.rollback()
        assert connection.execute("FROM paths").fetchall() == [(1, 2)]


def test_a_commit_that_fails_has_ended_its_transaction(path: Path) -> None:
    with duckdb.connect(path) as first, duckdb.connect(path) as second:
        first.execute("CREATE TABLE paths (id INTEGER PRIMARY KEY)")
        for connection in (first, second):
            connection.begin()
            connection.execute("INSERT INTO paths VALUES (1)")
        first.commit()
        with pytest.raises(duckdb.TransactionException, match="Failed to commit"):
            second.commit()
        with pytest.raises(duckdb.TransactionException, match="no transaction is active"):
            second.rollback()


def test_nan_is_no_null_when_it_comes_by_arrow() -> None:
    paths = pa.table({"day_1": pa.array(np.array([1, np.nan], dtype=np.float32))})
    with duckdb.connect() as connection:
        connection.register("paths", paths)
        connection.execute("CREATE TABLE kept (day_1 FLOAT CHECK (day_1 IS NOT NULL))")
        connection.execute("INSERT INTO kept SELECT * FROM paths")
        query = "SELECT count(*) FILTER (isnan(day_1)) FROM kept"
        assert connection.execute(query).fetchall() == [(1,)]


def test_numpy_gets_dates_finer_than_days_and_nulls_as_a_mask() -> None:
    with duckdb.connect() as connection:
        query = "SELECT * FROM (VALUES (DATE '2020-01-01', 1.5), (NULL, NULL)) AS x(date, close)"
        columns = connection.execute(query).fetchnumpy()
    assert columns["date"].dtype == np.dtype("datetime64[us]")
    assert isinstance(columns["close"], np.ma.MaskedArray)


def test_rows_after_an_insert_of_none_are_kept() -> None:
    """DuckDB 2.0.0 lost them, if they were more than a row group in the same transaction."""
    rows = pa.table({"path_id": np.arange(200_000)})
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE paths (path_id BIGINT)")
        connection.begin()
        connection.execute("INSERT INTO paths SELECT * FROM paths")
        connection.register("rows", rows)
        connection.execute("INSERT INTO paths SELECT * FROM rows")
        query = "SELECT count(*), max(path_id) FROM paths"
        assert connection.execute(query).fetchall() == [(200_000, 199_999)]
        connection.commit()
        assert connection.execute(query).fetchall() == [(200_000, 199_999)]
