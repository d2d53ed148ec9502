"""The main job over Delta tables: every table is as the embedded engine leaves it."""

import pytest

from forecast_assets_tests.backfilled import MODELS, held, worked
from forecast_assets_tests.graphs import MakeGraph
from forecast_assets_tests.seaweed import BUCKET

pytestmark = [pytest.mark.engine, pytest.mark.long]

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


@pytest.mark.parametrize("place", ["a folder", "S3"])
def test_every_table_is_as_the_embedded_engine_leaves_it(
    make_graph: MakeGraph, request: pytest.FixtureRequest, place: str
) -> None:
    url = "lake"
    if place == "S3":
        request.getfixturevalue("s3")
        url = f"s3://{BUCKET}/pipeline"
    embedded = held(worked(make_graph(models=MODELS)).store, without=MOMENTS)
    graph = make_graph(models=MODELS, store={"type": "delta", "url": url})
    lake = held(worked(graph).store, without=MOMENTS)
    assert [name for name in embedded if lake[name] != embedded[name]] == []
    assert len(embedded["commodity.forecast.superseded_forecasts"]) > 0
    assert len(embedded["commodity.forecast.published_distributions"]) > 0
