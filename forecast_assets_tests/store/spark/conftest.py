"""A Connect server of Spark for all tests of a process, which also reaches the store of S3."""

from collections.abc import Iterator

import pytest
from pyspark.sql import SparkSession

from forecast_assets_tests.seaweed import Seaweed
from forecast_assets_tests.spark_server import Spark, connect_server


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, s3: Seaweed) -> Iterator[Spark]:
    """The server."""
    with connect_server(tmp_path_factory.mktemp("spark"), s3) as found:
        yield found


@pytest.fixture
def spark(server: Spark) -> Iterator[SparkSession]:
    """A session of the server, whose catalog is empty."""
    session = SparkSession.builder.remote(server.address).create()
    yield session
    for room in ("forecast", "market"):
        session.sql(f"DROP SCHEMA IF EXISTS {room} CASCADE").collect()
    session.stop()
