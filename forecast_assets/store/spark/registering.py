"""The tables in Spark's catalog: external Delta tables over their files, and views over these.

A table whose rows need marks is a view over a table ``stored_...``, so that nobody sees a forecast
that is being written. Nothing of others is replaced: what has one of the names must be ours.
"""

import re
from collections.abc import Mapping
from urllib.parse import unquote, urlsplit

from pyspark.sql import SparkSession

from forecast_assets.errors import StoreError
from forecast_assets.store.spark.names import require_catalog, stored_as, within
from forecast_assets.store.spark.views import derived, seen
from forecast_assets.store.spark.words import told_as_ours
from forecast_assets.store.tables import tables
from forecast_assets.store.tables.marked import MARKED
from forecast_assets.store.tables.table import CATALOG, Table

ROOMS = ("market", "forecast")

OURS = "A view of forecast_assets"
"""The comment by which a view is known to be one of these."""


def register(spark: SparkSession, url: str, horizon: int, catalog: str | None = None) -> list[str]:
    """Put all tables and views into Spark's catalog; return their names.

    ``url``: where the tables are. ``catalog``: None is the session's own. To do it again changes
    nothing. Raises ConfigurationError for the name of a catalog that is not allowed, and StoreError
    if a name is taken by something else, or if Spark cannot do it.
    """
    require_catalog(catalog)
    declared = {each.removeprefix(f"{CATALOG}."): x for each, x in tables(horizon).items()}
    with told_as_ours(url):
        _register(spark, url, catalog, declared, horizon)
    named = "" if catalog is None else f"{catalog}."
    return [f"{named}{name}" for name in declared]


def _register(
    spark: SparkSession,
    url: str,
    catalog: str | None,
    declared: Mapping[str, Table],
    horizon: int,
) -> None:
    for room in ROOMS:
        spark.sql(f"CREATE SCHEMA IF NOT EXISTS {within(catalog, room)}").collect()
    for name, table in declared.items():
        if not table.view:
            called = stored_as(catalog, name) if name in MARKED else within(catalog, name)
            make_table(spark, called, location(url, name))
    for name in MARKED:
        make_view(spark, within(catalog, name), seen(catalog, name, declared[name]))
    for name, table in declared.items():
        if table.view:
            query = derived(catalog, name, declared, horizon)
            make_view(spark, within(catalog, name), query)


def location(url: str, name: str) -> str:
    """Where Spark finds a table; it takes paths as they are, and S3 by a file system of its own."""
    parts = urlsplit(url)
    scheme = "s3a" if parts.scheme == "s3" else parts.scheme
    folder = unquote(parts.path).rstrip("/")
    return f"{scheme}://{parts.netloc}{folder}/{name.replace('.', '/')}"


def make_table(spark: SparkSession, name: str, place: str) -> None:
    """Make an external table, unless it is there already."""
    if spark.catalog.tableExists(name):
        found = _place_of(spark, name)
        if found is None or _plainly(found) != _plainly(place):
            raise StoreError(
                f"{name}: this name is taken in Spark's catalog, by a table at {found}: register in"
                " another catalog, or drop that table if nobody needs it"
            )
        return
    spark.catalog.createTable(name, path=place, source="delta")


def _place_of(spark: SparkSession, name: str) -> str | None:
    """Where the files of a table are; None of a view."""
    told = spark.sql(f"DESCRIBE TABLE EXTENDED {name}").collect()
    return next((row["data_type"] for row in told if row["col_name"] == "Location"), None)


def _plainly(place: str) -> str:
    """A location as Spark tells it, which writes file:/srv for file:///srv."""
    return re.sub("^file:/+", "file:/", place)


def make_view(spark: SparkSession, name: str, query: str) -> None:
    """Make a view, or make it anew if it is one of these."""
    if spark.catalog.tableExists(name) and spark.catalog.getTable(name).description != OURS:
        raise StoreError(
            f"{name}: this name is taken in Spark's catalog, by something else: register in"
            " another catalog, or drop it if nobody needs it"
        )
    spark.sql(f"CREATE OR REPLACE VIEW {name} COMMENT '{OURS}' AS {query}")
