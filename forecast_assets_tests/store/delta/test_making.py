"""Tables list the features that they use, so that other programs open them."""

from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from forecast_assets.store.delta.beginning import MARKS, first_rows
from forecast_assets.store.delta.making import made
from forecast_assets_tests.engines import open_delta
from forecast_assets_tests.records import WRITTEN, model
from forecast_assets_tests.rows import rows

pytestmark = pytest.mark.engine

INVARIANTS = "invariants"

SCHEMA = pa.schema(
    [pa.field("day", pa.date32(), nullable=False), pa.field("at", pa.timestamp("us"))]
)


def features(folder: Path) -> list[str]:
    return DeltaTable(str(folder)).protocol().writer_features or []


def test_every_table_lists_that_it_has_columns_which_are_never_null(tmp_path: Path) -> None:
    store = open_delta(tmp_path, 3)
    store.models.append(WRITTEN, [model()], [])
    store.make_all()
    folders = [log.parent for log in (tmp_path / "lake").rglob("_delta_log")]
    assert len(folders) > 20
    lists = {folder.name: features(folder) for folder in folders}
    assert [name for name, found in lists.items() if found and INVARIANTS not in found] == []
    assert len([name for name, found in lists.items() if found]) > 15  # others need not list any


def test_tables_of_an_older_release_list_it_once_somebody_writes(tmp_path: Path) -> None:
    store = open_delta(tmp_path, 3)
    name = "forecast.trained_models"
    old = DeltaTable.create(
        f"{store.lake.url}/forecast/trained_models", store.lake.declared[name].plain_schema
    )
    assert INVARIANTS not in (old.protocol().writer_features or [])
    store.models.append(WRITTEN, [model()], [])
    assert INVARIANTS in features(tmp_path / "lake" / "forecast" / "trained_models")
    assert len(store.models.find()) == 1


def test_a_table_that_is_made_again_gets_no_commit(tmp_path: Path) -> None:
    versions = [made(str(tmp_path / "table"), SCHEMA, {}).version() for _ in range(3)]
    assert versions == [1, 1, 1]


def test_marks_that_were_moved_here_are_not_begun_anew(tmp_path: Path) -> None:
    store = open_delta(tmp_path, 3)
    store.lake.stored.make([MARKS])
    mine = first_rows(MARKS, store.lake.declared[MARKS])
    table = store.lake.stored.open(MARKS)
    write_deltalake(table, mine, mode="append")
    store.lake.stored.forget()
    store.models.append(WRITTEN, [model()], [])
    assert [mark for (mark,) in rows(store, "market.marks", "mark")] == mine["mark"].to_pylist()
