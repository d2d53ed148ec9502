"""Reading any table by name and conditions."""

from collections.abc import Sequence
from datetime import date

import pyarrow as pa
import pytest

from forecast_assets.store.contract import Condition, Store
from forecast_assets.store.tables import tables
from forecast_assets.store.tables.table import Table
from forecast_assets_tests.records import WRITTEN, model
from forecast_assets_tests.rows import add, rows

TABLES = tables(3)
DAYS = [date(2024, 1, day) for day in (1, 2, 3, 4)]
PRICE = {"source": "s", "revision": 1, "ingested_at": WRITTEN.at, "ingested_by": "run"}


@pytest.mark.parametrize("table", TABLES.values(), ids=list(TABLES))
def test_every_table_has_the_columns_and_types_that_are_declared(
    store: Store, table: Table
) -> None:
    with store.reading() as reading:
        found = reading.read(table.name)
        assert reading.columns(table.name) == table.schema.names
    types = [pa.string() if each.type == pa.json_() else each.type for each in table.columns]
    assert found.schema.names == table.schema.names
    assert found.schema.types == types
    assert found.num_rows == (1 if table.short_name in ("marks", "schema_versions") else 0)


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ([], DAYS),
        ([("date", "=", DAYS[1])], DAYS[1:2]),
        ([("date", ">=", DAYS[1]), ("date", "<=", DAYS[2])], DAYS[1:3]),
        ([("date", "in", [DAYS[3], DAYS[0], date(2030, 1, 1)])], [DAYS[0], DAYS[3]]),
        ([("date", "in", [])], []),
        ([("commodity", "=", "Coffee' OR TRUE --")], []),
        ([("close", ">=", 2.0)], DAYS[1:2]),
        ([("close", "<=", 9.0)], DAYS[:2]),  # the others have none
        ([("ingested_at", "<=", WRITTEN.at), ("commodity", "in", ["Tea", "Coffee"])], DAYS),
    ],
)
def test_rows_meet_all_conditions(
    store: Store, where: Sequence[Condition], found: list[date]
) -> None:
    closes = [1.0, 2.0, None, None]
    add(
        store,
        "market.price_revisions",
        [
            PRICE | {"commodity": "Coffee", "date": day, "close": close}
            for day, close in zip(DAYS, closes, strict=True)
        ],
    )
    named = rows(store, "market.price_revisions", "date", where=where)
    assert named == [(day,) for day in found]


def test_flags_and_documents_are_read_as_they_were_written(store: Store) -> None:
    store.models.append(WRITTEN, [model()], [])
    table, active = "forecast.trained_models", "is_active"
    ((payload,),) = rows(store, table, "fitted_model_json", where=[(active, "=", True)])
    assert payload == model().fitted_model_json
    assert rows(store, table, where=[(active, "=", False)]) == []


def test_a_view_follows_its_tables(store: Store) -> None:
    told = [PRICE | {"commodity": "Coffee", "date": DAYS[0], "close": 1.0}]
    add(store, "market.price_revisions", told)
    add(store, "market.price_revisions", [told[0] | {"revision": 2, "close": 3.0}])
    assert rows(store, "market.prices", "date", "close") == [(DAYS[0], 3.0)]
    assert rows(store, "market.price_moves", "previous_close", "move") == [(None, None)]
