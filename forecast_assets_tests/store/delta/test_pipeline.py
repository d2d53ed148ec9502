"""The main job over Delta tables: every table is as the embedded engine leaves it."""

from dataclasses import replace

import pytest

from forecast_assets.store.contract import Store
from forecast_assets.store.tables import tables
from forecast_assets_tests import graphs
from forecast_assets_tests.graphs import Graph, MakeGraph, catch_up
from forecast_assets_tests.histories import make_history, write_prices
from forecast_assets_tests.rows import rows
from forecast_assets_tests.seaweed import BUCKET

pytestmark = [pytest.mark.engine, pytest.mark.long]

MODELS = ["naive", "random_walk"]
FIRST, LAST = "Coffee|2020-04-01", "Coffee|2020-07-01"

MOMENTS = {
    "created_at",
    "created_by",
    "fit_metrics",
    "fit_seconds",
    "generation_timestamp",
    "ingested_at",
    "ingested_by",
    "issued_at",
    "left_at",
    "mark",
    "pinned_at",
    "pinned_by",
    "published_at",
    "read_at",
    "read_by",
    "revised_at",
    "scored_at",
    "since",
    "superseded_at",
    "superseded_by",
    "training_seconds",
}
"""The columns that tell when something was done and by which run, or how long it took."""


def worked(graph: Graph) -> Graph:
    """A graph whose tables have a backfill, a revised price, and what followed from it."""
    history = make_history()
    prices = graph.settings.folder / "prices" / "Coffee.csv"
    write_prices(prices, history)
    graphs.load(graph)
    stages = ("trained_models", "distributions", "scores")
    catch_up(graph, stages, FIRST, LAST)
    closes = history.closes.copy()
    closes[-80] *= 1.001
    write_prices(prices, replace(history, closes=closes))
    graphs.load(graph)
    graph.run("forecast", FIRST, LAST, {"recompute": True})
    graph.run("score", FIRST, LAST)
    graph.definitions.resolve_job_def("publish").execute_in_process(instance=graph.instance)
    return graph


def held(store: Store) -> dict[str, list[object]]:
    """All rows of all tables and views, without moments."""
    found = {}
    for table in tables(14).values():
        columns = [each.name for each in table.columns if each.name not in MOMENTS]
        found[table.name] = rows(store, table.name.removeprefix("commodity."), *columns)
    return found


@pytest.mark.parametrize("place", ["a folder", "S3"])
def test_every_table_is_as_the_embedded_engine_leaves_it(
    make_graph: MakeGraph, request: pytest.FixtureRequest, place: str
) -> None:
    url = "lake"
    if place == "S3":
        request.getfixturevalue("s3")
        url = f"s3://{BUCKET}/pipeline"
    embedded = held(worked(make_graph(models=MODELS)).store)
    lake = held(worked(make_graph(models=MODELS, store={"type": "delta", "url": url})).store)
    assert [name for name in embedded if lake[name] != embedded[name]] == []
    assert len(embedded["commodity.forecast.superseded_forecasts"]) > 0
    assert len(embedded["commodity.forecast.published_distributions"]) > 0
