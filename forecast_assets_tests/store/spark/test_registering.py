"""The tables in Spark's catalog: what SQL sees there is what the embedded reader sees."""

from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from pyspark.sql import SparkSession

from forecast_assets.errors import StoreError
from forecast_assets.store.contract import Store
from forecast_assets.store.in_spark import register_spark
from forecast_assets.store.spark.registering import location, make_view, register
from forecast_assets.store.tables import tables
from forecast_assets.store.tables.table import Table
from forecast_assets_tests.backfilled import MODELS, backfilled
from forecast_assets_tests.beginnings import Beginnings, at_home
from forecast_assets_tests.commands import forecast
from forecast_assets_tests.engines import open_delta
from forecast_assets_tests.graphs import Graph, MakeGraph, load
from forecast_assets_tests.histories import make_history, write_prices
from forecast_assets_tests.records import WRITTEN, model
from forecast_assets_tests.seaweed import BUCKET
from forecast_assets_tests.spark_server import Spark

pytestmark = [pytest.mark.engine, pytest.mark.long]

HOSTILE = 'it\'s `a` "lake"; DROP SCHEMA forecast CASCADE --'
"""A folder whose name is text of SQL."""


def hashed(rows: pa.Table, table: Table) -> tuple[int, str]:
    """How many rows there are, and a hash of them in the order of all columns."""
    plain = rows.select(table.schema.names).cast(table.plain_schema)
    ordered = plain.sort_by([(name, "ascending") for name in plain.column_names]).combine_chunks()
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, ordered.schema) as stream:
        stream.write_table(ordered)
    return len(ordered), sha256(sink.getvalue()).hexdigest()


def read_embedded(store: Store) -> dict[str, tuple[int, str]]:
    with store.reading() as reading:
        return {name: hashed(reading.read(name), table) for name, table in tables(14).items()}


def read_by_spark(spark: SparkSession, catalog: str = "") -> dict[str, tuple[int, str]]:
    found = {}
    for name, table in tables(14).items():
        called = f"{catalog}{name.removeprefix('commodity.')}"
        found[name] = hashed(spark.table(called).toArrow(), table)
    return found


def begin_a_forecast(url: str) -> None:
    """Leave paths that no ledger names, as a writer that was killed does."""
    address = f"{url}/forecast/distributions"
    rows = DeltaTable(address).to_pyarrow_table().slice(0, 3)
    place = rows.column_names.index("data_cutoff_date")
    later = pa.array([day.replace(year=2031) for day in rows[place].to_pylist()])
    field = rows.schema.field(place)
    write_deltalake(address, rows.set_column(place, field, later), mode="append")


@pytest.mark.parametrize("place", ["a folder", "S3"])
def test_every_table_and_view_is_as_the_embedded_reader_shows_it(
    make_graph: MakeGraph, beginnings: Beginnings, spark: SparkSession, server: Spark, place: str
) -> None:
    if place == "a folder":
        graph = lake(make_graph, beginnings, HOSTILE)
        begin_a_forecast(graph.settings.tables_at)
        with at_home(graph.settings.folder):
            done = forecast("spark", "register", "--remote", server.address)
        assert done.exit_code == 0, done.output
        assert "forecast.published_distributions" in done.output
        catalog = ""
    else:
        graph = lake(make_graph, beginnings, f"s3://{BUCKET}/catalog")
        catalog = "spark_catalog."
        for _ in range(2):  # the second time changes nothing
            names = register_spark(spark=spark, catalog="spark_catalog", settings=graph.settings)
            assert "spark_catalog.forecast.distributions" in names
    embedded = read_embedded(graph.store)
    shown = read_by_spark(spark, catalog)
    assert [name for name in embedded if shown[name] != embedded[name]] == []
    for view in ("published_distributions", "revised_forecasts", "superseded_forecasts"):
        assert shown[f"commodity.forecast.{view}"][0] > 0
    stored = spark.table("forecast.stored_distributions").count()
    seen = spark.table("forecast.distributions").count()
    assert stored - seen == (3 if place == "a folder" else 0)


def lake(make_graph: MakeGraph, beginnings: Beginnings, url: str) -> Graph:
    """Tables after a backfill, a revision that forecasts followed, and one that they did not."""
    graph = make_graph(models=MODELS, store={"type": "delta", "url": url})
    backfilled(beginnings, graph)
    history = make_history()
    closes = history.closes.copy()
    closes[-70] *= 1.002
    write_prices(graph.settings.folder / "prices" / "Coffee.csv", replace(history, closes=closes))
    load(graph)
    return graph


def test_what_others_have_in_the_catalog_stays(spark: SparkSession, tmp_path: Path) -> None:
    store = open_delta(tmp_path, 3)
    store.models.append(WRITTEN, [model()], [])
    store.make_all()
    url = (tmp_path / "lake").as_uri()
    spark.sql("CREATE SCHEMA market").collect()
    spark.sql("CREATE TABLE market.price_revisions USING delta AS SELECT 1 AS price").collect()
    with pytest.raises(StoreError, match=r"`market`\.`price_revisions`: this name is taken"):
        register(spark, url, 3)
    assert spark.table("market.price_revisions").toArrow().to_pylist() == [{"price": 1}]
    spark.sql("CREATE VIEW market.prices AS SELECT 2 AS price").collect()
    with pytest.raises(StoreError, match=r"`market`\.`prices`: this name is taken"):
        make_view(spark, "`market`.`prices`", "SELECT 3 AS price")
    assert spark.table("market.prices").toArrow().to_pylist() == [{"price": 2}]


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("file:///srv/it%27s%20a%60", "file:///srv/it's a`/forecast/scores"),
        ("s3://bucket/a%20b/", "s3a://bucket/a b/forecast/scores"),
    ],
)
def test_spark_finds_a_table_by_the_plain_name_of_its_folder(url: str, place: str) -> None:
    assert location(url, "forecast.scores") == place
