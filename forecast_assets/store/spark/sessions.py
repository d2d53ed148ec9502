"""Sessions of Spark."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from pyspark.sql import SparkSession

from forecast_assets.store.spark.words import told_as_ours


@contextmanager
def session_at(remote: str) -> Iterator[SparkSession]:
    """A session of a Connect server, which ends in the end. Raises StoreError without an answer."""
    with told_as_ours(remote), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas")
        spark = SparkSession.builder.remote(remote).create()
    try:
        yield spark
    finally:
        spark.stop()
