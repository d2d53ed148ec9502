"""The tables of a DuckDB file are those that are declared, with their keys and rules."""

from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from forecast_assets.store.opening import open_tables
from forecast_assets.store.sql.definitions import table_definitions
from forecast_assets.store.tables import tables
from forecast_assets.store.tables.table import (
    Before,
    Complete,
    ExactlyOne,
    Never,
    OneOf,
    Rule,
    Table,
    Together,
)

AT = datetime(2024, 1, 2, 3, 4, 5)  # noqa: DTZ001 - the tables keep UTC without a zone
TABLES = tables(3)
STORED = {name: table for name, table in TABLES.items() if not table.view}
RULES = [
    pytest.param(table, rule, id=f"{table.short_name}-{place}")
    for table in STORED.values()
    for place, rule in enumerate(table.rules)
]

ANY: dict[pa.DataType, Any] = {
    pa.string(): "x",
    pa.json_(): "{}",
    pa.date32(): date(2024, 1, 2),
    pa.timestamp("us"): AT,
    pa.float64(): 1.5,
    pa.float32(): 1.5,
    pa.int32(): 1,
    pa.int64(): 1,
    pa.bool_(): False,
}


def obeying(row: dict[str, Any], rule: Rule) -> dict[str, Any]:
    """The row, changed so that it obeys a rule."""
    match rule:
        case Before(earlier, _, _):
            return row | {earlier: date(2024, 1, 1)}
        case OneOf(column, texts):
            return row | {column: texts[0]}
        case ExactlyOne(first, _):
            return row | {first: None}
        case Never() | Complete() | Together():
            return row


def breaking(row: dict[str, Any], rule: Rule) -> dict[str, Any]:
    """The row, changed so that it breaks a rule, and no other."""
    match rule:
        case Before(earlier, later, or_equal):
            return row | {earlier: date(2024, 1, 3) if or_equal else row[later]}
        case OneOf(column, _):
            return row | {column: "another text"}
        case ExactlyOne(first, second):
            return row | {first: "{}", second: "{}"}
        case Together(_, second):
            return row | {second: None}
        case Never(column):
            return row | {column: True}
        case Complete(columns, _):
            return row | {columns[-1]: None}


def plain(table: Table) -> dict[str, Any]:
    """A row that a table takes."""
    row = {column.name: ANY[column.type] for column in table.columns}
    for rule in table.rules:
        row = obeying(row, rule)
    return row


@pytest.fixture
def connection() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    for schema in ("market", "forecast"):
        connection.execute(f"CREATE SCHEMA {schema}")
    for table in STORED.values():
        for statement in table_definitions(table):
            connection.execute(statement)
    return connection


def insert(connection: duckdb.DuckDBPyConnection, table: Table, row: dict[str, Any]) -> None:
    values = f"VALUES ({', '.join('?' * len(row))})"
    connection.execute(f"INSERT INTO {table.room}.{table.short_name} {values}", [*row.values()])


@pytest.mark.parametrize("horizon", [3, 14])
def test_the_tables_of_a_file_are_those_declared(tmp_path: Path, horizon: int) -> None:
    path = tmp_path / "commodity.duckdb"
    open_tables(str(path), horizon, "256MB", 1.0).marks.leave("a run", AT)
    with duckdb.connect(path, read_only=True) as connection:
        for name, table in tables(horizon).items():
            described = connection.execute(f"DESCRIBE {name}").fetchall()
            due = [(column.name, column.sql_type) for column in table.columns]
            assert [row[:2] for row in described] == due, name
            if not table.view:
                lacking = [row[0] for row in described if row[2] == "YES"]
                assert lacking == [x.name for x in table.columns if x.nullable], name
        keys = connection.execute(
            "SELECT database_name || '.' || schema_name || '.' || table_name,"
            " constraint_column_names"
            " FROM duckdb_constraints() WHERE constraint_type = 'PRIMARY KEY'"
        ).fetchall()
    assert {name: tuple(key) for name, key in keys} == {
        name: table.key for name, table in tables(horizon).items() if table.key and not table.view
    }


@pytest.mark.parametrize(("table", "rule"), RULES)
def test_a_row_that_breaks_a_rule_is_refused(
    connection: duckdb.DuckDBPyConnection, table: Table, rule: Rule
) -> None:
    with pytest.raises(duckdb.ConstraintException, match="CHECK constraint failed"):
        insert(connection, table, breaking(plain(table), rule))
    insert(connection, table, plain(table))


def test_what_happened_may_lack_prices(connection: duckdb.DuckDBPyConnection) -> None:
    table = TABLES["commodity.forecast.distributions"]
    insert(connection, table, plain(table) | {"is_actuals": True, "day_1": None, "day_3": None})


def test_a_table_of_an_older_release_gets_what_it_lacks(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    table = TABLES["commodity.forecast.forecasts"]
    row = plain(table)
    connection.execute("ALTER TABLE forecast.forecasts DROP COLUMN cutoff_close")
    del row["cutoff_close"]
    insert(connection, table, row)
    for statement in table_definitions(table):
        connection.execute(statement)
    found = connection.execute("FROM forecast.forecasts").fetchall()
    assert found == [(*row.values(), None)]
