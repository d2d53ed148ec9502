"""What the catalogue says of every asset, held to the tables as they are made."""

import re
from typing import Any

import pytest
from dagster import TableSchema
from dagster._core.definitions.utils import is_valid_owner

from forecast_assets.configuration.names import OWNER
from forecast_assets.configuration.settings import Settings
from forecast_assets.defs.build import build_definitions
from forecast_assets.defs.catalogue import TABLES
from forecast_assets.defs.code_versions import CODE_VERSIONS
from forecast_assets.store.duckdb.store import DuckDBStore
from forecast_assets_tests.graphs import ROOT, MakeGraph

LINES = 5
"""A longer description is not read."""

ASSETS = tuple(CODE_VERSIONS)


def nodes(settings: Settings) -> dict[str, Any]:
    """What Dagster's graph knows of each asset, by name."""
    graph = build_definitions(settings).resolve_asset_graph()
    return {key.to_user_string(): graph.get(key) for key in graph.get_all_asset_keys()}


def anchors(page: str) -> set[str]:
    """What a link to a heading of a page in docs ends with."""
    lines = (ROOT / "docs" / page).read_text().splitlines()
    headings = [line.lstrip("# ").lower() for line in lines if line.startswith("#")]
    return {re.sub(r"[^\w\s-]", "", heading).replace(" ", "-") for heading in headings}


def test_every_asset_is_in_the_catalogue(make_graph: MakeGraph) -> None:
    found = nodes(make_graph().settings)
    assert set(found) == set(ASSETS)
    assert set(TABLES) == set(ASSETS) - {"report", "record"}
    for name, node in found.items():
        assert node.code_version == CODE_VERSIONS[name]
        assert node.owners == []
        assert node.kinds
        assert node.group_name in ("market", "forecast", "trust")


def test_a_description_is_short_and_says_what_a_partition_is(make_graph: MakeGraph) -> None:
    for name, node in nodes(make_graph().settings).items():
        lines = [line for line in node.description.splitlines() if line]
        assert 2 <= len(lines) <= LINES, name
        assert max(map(len, lines)) <= 100, name
        assert lines[-1].endswith("."), name
        assert ("a partition is" in lines[0]) == (node.partitions_def is not None), name


COLUMNS = """
    SELECT 'commodity.' || schema_name || '.' || table_name, column_name, data_type, is_nullable
    FROM duckdb_columns() ORDER BY table_name, column_index
"""

WRITTEN = "SELECT 'commodity.' || schema_name || '.' || table_name FROM duckdb_tables()"


def test_an_asset_shows_the_columns_of_the_table_that_it_keeps(make_graph: MakeGraph) -> None:
    graph = make_graph(horizon=3)
    with DuckDBStore.of(graph.settings).database.writing() as connection:
        columns = connection.execute(COLUMNS).fetchall()
        written = {name for (name,) in connection.execute(WRITTEN).fetchall()}
    for name, node in nodes(graph.settings).items():
        if name in ("report", "record"):
            assert "dagster/table_name" not in node.metadata
            continue
        table = node.metadata["dagster/table_name"].value
        schema = node.metadata["dagster/column_schema"].value
        assert isinstance(schema, TableSchema)
        assert all(column.description for column in schema.columns)
        shown = [
            (table, x.name, x.type, x.constraints.nullable or table not in written)
            for x in schema.columns
        ]
        assert shown == [each for each in columns if each[0] == table]


def test_the_columns_follow_the_horizon(make_graph: MakeGraph) -> None:
    schema = nodes(make_graph(horizon=3).settings)["distributions"].metadata[
        "dagster/column_schema"
    ]
    days = [column.name for column in schema.value.columns if column.name.startswith("day_")]
    assert days == ["day_1", "day_2", "day_3"]


def test_a_table_says_what_tells_its_rows_apart(make_graph: MakeGraph) -> None:
    schema = nodes(make_graph().settings)["scores"].metadata["dagster/column_schema"].value
    assert schema.constraints.other == [
        "key: commodity, model_name, model_version, data_cutoff_date, day_ahead"
    ]


@pytest.mark.parametrize("url", ["https://wiki.example.com/docs", "https://wiki.example.com/docs/"])
def test_the_documentation_is_a_link_where_it_is_known_where_it_is(
    make_graph: MakeGraph, url: str
) -> None:
    linked, named = nodes(make_graph(docs_url=url).settings), nodes(make_graph().settings)
    for name in ASSETS:
        link, page = linked[name].metadata["docs"].value, named[name].metadata["docs"].value
        assert link == f"https://wiki.example.com/{page}"
        file, anchor = page.removeprefix("docs/").split("#")
        assert anchor in anchors(file), page
    assert named["scores"].metadata["docs"].value == "docs/tables.md#commodityforecastscores"


def test_owners_are_those_of_the_group(make_graph: MakeGraph) -> None:
    owners = {"market": ["data@example.com"], "forecast": ["team:quants", "ann@example.com"]}
    found = nodes(make_graph(owners=owners).settings)
    assert {name: node.owners for name, node in found.items()} == {
        name: owners.get(node.group_name, []) for name, node in found.items()
    }
    assert found["prices"].owners == ["data@example.com"]
    assert found["report"].owners == []


@pytest.mark.parametrize(
    "owner",
    [
        "ann@example.com",
        "ann.b+c@mail.example.co",
        "team:desk",
        "team:t",
        "team:commodity desk",
        "team:",
        "desk",
        "ann@example",
        "ann@",
        "@example.com",
        "Ann <ann@example.com>",
        " team:desk",
        "",
    ],
)
def test_what_the_configuration_takes_for_an_owner_is_what_dagster_does(owner: str) -> None:
    assert bool(OWNER.fullmatch(owner)) == is_valid_owner(owner)
