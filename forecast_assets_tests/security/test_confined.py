"""The project's connections to the tables reach no other file, no address and no extension."""

from contextlib import closing
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from forecast_assets.store.duckdb.database import holds_rows
from forecast_assets.store.duckdb.engine import Engine
from forecast_assets.store.sql.confined import confined_to, text

OUTSIDE = {
    "FROM read_text('{secret}')": "file system operations are disabled",
    "FROM '{secret}'": "file system operations are disabled",
    "FROM read_text('{data}/landing/dropped.csv')": "file system operations are disabled",
    "FROM read_text('{data}/**')": "file system operations are disabled",
    "FROM read_text('{data}/commodity.duckdb.tmp/../landing/*')": "operations are disabled",
    "FROM glob('{data}/*')": "file system operations are disabled",
    "COPY (SELECT 1) TO '{data}/written'": "file system operations are disabled",
    "ATTACH '{data}/copy.duckdb'": "file system operations are disabled",
    "COPY (SELECT 1) TO '{secret}.copy'": "file system operations are disabled",
    "ATTACH '{secret}.duckdb'": "file system operations are disabled",
    "FROM 'http://127.0.0.1:9/prices.parquet'": "file system operations are disabled",
    "INSTALL httpfs": "file system operations are disabled|disabled through configuration",
    "LOAD httpfs": "disabled through configuration",
    "SET enable_external_access = true": "the configuration has been locked",
    "SET autoload_known_extensions = true": "the configuration has been locked",
    "FROM secret_of_the_program": "does not exist",
    "FROM stolen": "file system operations are disabled",
}
"""Statements that a view in a hostile file may hold, and what DuckDB says to them."""


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of tables in which somebody has written a view of another file."""
    path = tmp_path_factory.mktemp("tables") / "commodity.duckdb"
    (path.parent / "landing").mkdir()
    (path.parent / "landing" / "dropped.csv").write_text("password\nhunter2\n")
    secret = path.parent.parent / "secret.csv"
    secret.write_text("password\nhunter2\n")
    with duckdb.connect(path) as connection:
        connection.execute(f"CREATE VIEW stolen AS FROM read_csv({text(str(secret))})")
        connection.execute("CREATE TABLE t AS SELECT 1 AS x")
    return path


@pytest.fixture(scope="module")
def engine(tables: Path) -> Engine:
    """The engine of that file."""
    return Engine(tables, "64MB")


@pytest.mark.parametrize("statement", OUTSIDE)
def test_a_statement_that_reaches_outside_is_refused(
    tables: Path, engine: Engine, statement: str
) -> None:
    secret_of_the_program = pa.table({"password": ["hunter2"]})
    secret = tables.parent.parent / "secret.csv"
    connection = engine.open(read_only=False)
    try:
        with pytest.raises(duckdb.Error, match=OUTSIDE[statement]):
            connection.execute(statement.format(secret=secret, data=tables.parent))
        assert connection.execute("FROM t").fetchall() == [(1,)]
    finally:
        engine.close(connection)
    assert len(secret_of_the_program) == 1


def test_a_look_into_a_file_of_somebody_else_reaches_nothing_either(tables: Path) -> None:
    refused = pytest.raises(duckdb.Error, match="file system operations are disabled")
    with closing(confined_to(tables)) as connection, refused:
        connection.execute("FROM stolen")
    assert holds_rows(tables)


def test_a_text_is_one_literal() -> None:
    hostile = "it's'; DROP TABLE t; --\\'"
    assert duckdb.execute(f"SELECT {text(hostile)}").fetchall() == [(hostile,)]
