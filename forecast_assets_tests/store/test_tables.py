"""The tables as data: what programs rely on, and that each is declared whole."""

import re
from pathlib import Path

import pytest

from forecast_assets.store.tables import tables
from forecast_assets.store.tables.table import Table
from forecast_assets_tests.columns import LIST, PAGE, relisted

GOLDEN = Path(__file__).parent.parent / "golden" / "tables.txt"
"""Every table and column with its type, as programs of users know them."""

TABLES = tables(14)


def test_no_table_or_column_is_lost_or_renamed() -> None:
    blocks = re.split(r"^(?=\w)", GOLDEN.read_text(), flags=re.MULTILINE)[1:]
    promised = {
        name: [line.split(maxsplit=2) for line in lines]
        for name, *lines in (block.splitlines() for block in blocks)
    }
    assert set(promised) == set(TABLES)
    for name, columns in promised.items():
        found = [[column.name, column.sql_type] for column in TABLES[name].columns]
        assert found == [column[:2] for column in columns], name
        if not TABLES[name].view:
            lacking = [column[0] for column in columns if len(column) == 2]
            assert [x.name for x in TABLES[name].columns if x.nullable] == lacking, name


@pytest.mark.parametrize("table", TABLES.values(), ids=list(TABLES))
def test_a_declaration_is_whole(table: Table) -> None:
    names = [column.name for column in table.columns]
    assert len(set(names)) == len(names)
    assert set(table.key) | set(table.partition) <= set(names)
    assert not any(table.column(name).nullable for name in table.key)
    assert table.schema.names == names
    assert table.description.endswith(".")
    assert all(column.description for column in table.columns)
    assert all(column.nullable for column in table.columns if column.added_later)


def test_paths_are_as_long_as_the_horizon() -> None:
    for name in ("distributions", "published_distributions"):
        columns = tables(3)[f"commodity.forecast.{name}"].columns
        days = [column.name for column in columns if column.name.startswith("day_")]
        assert days == ["day_1", "day_2", "day_3"]


def test_the_page_lists_the_columns_of_every_table() -> None:
    page = PAGE.read_text()
    assert relisted(page) == page  # else: make columns
    assert sorted(LIST.findall(page)) == sorted(TABLES)
