"""``commodity.forecast.trained_models`` in Spark's catalog: models are added and found there."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any
from uuid import uuid4

import pyarrow as pa
from pyspark.sql import SparkSession
from tenacity import RetryError, Retrying, retry_if_exception, stop_after_delay

from forecast_assets.errors import StoreError, StoreLocked
from forecast_assets.forecast.records import ModelFailure, TrainedModel, Written
from forecast_assets.forecast.version_pins import Pin
from forecast_assets.store.patience import PAUSES
from forecast_assets.store.spark.names import quoted, require_catalog, within
from forecast_assets.store.spark.words import is_conflict, told_as_ours
from forecast_assets.store.tables.forecast import TRAINED_MODELS

MODELS, FAILURES = "forecast.trained_models", "forecast.failures"

IDENTITY = ("commodity", "model_name", "training_date", "model_version")

SAME_AS = (
    "model_id",
    "payload_sha256",
    "fitted_model_json",
    "fitted_model_uri",
    "options",
    "data_fingerprint",
)
"""The columns in which a row agrees with one that says just the same."""

ADD = """
    MERGE INTO {models} AS stored
    USING (SELECT *, explode(array(FALSE, TRUE)) AS is_new FROM {arriving}) AS part
    ON stored.is_active AND {mine} AND part.is_new = ({same})
    WHEN MATCHED AND NOT part.is_new THEN UPDATE SET is_active = FALSE
    WHEN NOT MATCHED AND part.is_new THEN INSERT ({columns}) VALUES ({values})
"""
"""One commit: what is replaced is not active any more, and the new row is there.

A row that says just the same stays, and nothing is added. No stored row may match both rows of
``part``: so one that says the same matches the new one, and any other the old one. A ``MERGE``
takes no parameters, so the row comes from a temporary view.
"""

SPARK_TYPES = {"VARCHAR": "STRING", "JSON": "STRING", "TIMESTAMP": "TIMESTAMP_NTZ"}
"""How Spark calls the types that others call otherwise."""

FORGET_FAILURES = """
    MERGE INTO {failures} AS stored USING {arriving} AS part
    ON stored.commodity = part.commodity AND stored.model_version = part.model_version
        AND stored.training_date = part.training_date AND stored.stage = 'train'
    WHEN MATCHED THEN DELETE
"""


@dataclass(frozen=True)
class SparkModelTable:
    """Fitted models in Spark's catalog. ``seconds``: how long others may be in the way."""

    spark: SparkSession
    catalog: str | None
    seconds: float

    def append(
        self,
        written: Written,
        models: Sequence[TrainedModel],
        failures: Sequence[ModelFailure],
        pin: Pin | None = None,
    ) -> None:
        """Add models, and deactivate those that they replace.

        Raises StoreError for failures and pins, which only runs write; StoreLocked if others write
        the same all the time.
        """
        if failures or pin:
            raise StoreError(f"{MODELS}: in Spark only models are saved, no failures and no pins")
        for model in models:
            with self._arriving(asdict(model)) as view:
                self._insist(addition(self.catalog, view), written.commodity)
        with self._arriving(asdict(written)) as view:
            self._insist(forgetting(self.catalog, view), written.commodity)

    def find(
        self,
        commodity: str | None = None,
        model_name: str | None = None,
        training_date: date | None = None,
        model_version: str | None = None,
    ) -> list[TrainedModel]:
        """The active models that match all criteria given, in order of names."""
        criteria = dict(
            zip(IDENTITY, (commodity, model_name, training_date, model_version), strict=True)
        )
        with told_as_ours(MODELS):
            rows = self.spark.table(within(self.catalog, MODELS))
            rows = rows.where(rows["is_active"])
            for name, value in criteria.items():
                if value is not None:
                    rows = rows.where(rows[name] == value)
            found = rows.toArrow().to_pylist()
        models = [TrainedModel(**row) for row in found]
        return sorted(
            models,
            key=lambda row: (row.commodity, row.training_date, row.model_version, row.model_name),
        )

    @contextmanager
    def _arriving(self, row: Mapping[str, Any]) -> Iterator[str]:
        """The name of a temporary view that has just this row, with moments as text.

        Spark would take moments without a time zone to be of the zone of its session.
        """
        view = f"arriving_{uuid4().hex}"
        plain = {
            name: value.isoformat(" ") if isinstance(value, datetime) else value
            for name, value in row.items()
        }
        with told_as_ours(MODELS):
            self.spark.createDataFrame(pa.Table.from_pylist([plain])).createTempView(view)
        try:
            yield view
        finally:
            self.spark.catalog.dropTempView(view)

    def _insist(self, statement: str, commodity: str) -> None:
        """Have Spark write, and again if another program has written the same meanwhile."""
        attempts = Retrying(
            retry=retry_if_exception(is_conflict),
            wait=PAUSES,
            stop=stop_after_delay(self.seconds),
        )
        try:
            with told_as_ours(MODELS):
                for attempt in attempts:
                    with attempt:
                        self.spark.sql(statement).collect()
        except RetryError as error:
            raise StoreLocked(
                f"{MODELS}: {commodity}: for {self.seconds:g} s others have written the"
                " same; nothing was written: run again"
            ) from error


@dataclass(frozen=True)
class SparkModels:
    """What keeps fitted models in Spark's catalog, and nothing else."""

    models: SparkModelTable

    @classmethod
    def of(cls, spark: SparkSession, catalog: str | None, seconds: float) -> "SparkModels":
        """Those in a catalog; None is the session's own. Raises ConfigurationError for its name."""
        require_catalog(catalog)
        return cls(SparkModelTable(spark, catalog, seconds))


def addition(catalog: str | None, arriving: str) -> str:
    """The statement that adds the row of a view."""
    columns = TRAINED_MODELS.schema.names
    return ADD.format(
        models=within(catalog, MODELS),
        arriving=quoted(arriving),
        mine=" AND ".join(f"stored.{name} = part.{name}" for name in IDENTITY),
        same=" AND ".join(f"stored.{name} <=> part.{name}" for name in SAME_AS),
        columns=", ".join(map(quoted, columns)),
        values=", ".join(map(_value, columns)),
    )


def forgetting(catalog: str | None, arriving: str) -> str:
    """The statement that deletes the failures at training of the window that a view names."""
    return FORGET_FAILURES.format(failures=within(catalog, FAILURES), arriving=quoted(arriving))


def _value(column: str) -> str:
    """The value of a column of the arriving row."""
    known = TRAINED_MODELS.column(column).sql_type
    return f"CAST(part.{column} AS {SPARK_TYPES.get(known, known)})"
