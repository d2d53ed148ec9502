"""Conditions as text: DuckDB and Delta understand them alike, whatever the values are."""

from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from forecast_assets.store.delta.predicate import MOST, literal, predicate

pytestmark = pytest.mark.engine

NAMES = ["WTI", "O'Neil", 'a "b"', "%", "x' OR 'a'='a", "Zürich", "a\\'b", "-- no"]
ROWS = pa.table(
    {"commodity": NAMES, "d": pa.array([date(2024, 1, 1 + k) for k in range(len(NAMES))])}
)


@pytest.mark.parametrize("name", NAMES)
def test_a_literal_is_the_text_itself_and_nothing_else(tmp_path: Path, name: str) -> None:
    which = predicate({"commodity": [name]}, exactly=True)
    rows = ROWS  # noqa: F841 - the statement names it
    found = duckdb.execute(f"SELECT commodity FROM rows WHERE {which}")  # noqa: S608
    assert found.fetchall() == [(name,)]
    write_deltalake(tmp_path, ROWS)
    DeltaTable(tmp_path).delete(which)
    left = DeltaTable(tmp_path).to_pyarrow_dataset().to_table().column("commodity").to_pylist()
    assert sorted(left) == sorted(set(NAMES) - {name})


def test_days_and_numbers_and_a_further_condition() -> None:
    made = predicate({"d": [date(2024, 1, 2)], "n": [3]}, "path_id = 0", exactly=True)
    assert made == '"d" IN (DATE \'2024-01-02\') AND "n" IN (3) AND path_id = 0'
    assert predicate({}, exactly=True) == "true"
    assert literal("'") == "''''"


def test_many_values_are_told_by_the_least_and_the_greatest_unless_exactly() -> None:
    days = [date.fromordinal(700_000 + k) for k in range(MOST + 1)]
    span = predicate({"d": days}, exactly=False)
    assert span == f"\"d\" >= DATE '{days[0]}' AND \"d\" <= DATE '{days[-1]}'"
    assert predicate({"d": days}, exactly=True).count("DATE") == MOST + 1
