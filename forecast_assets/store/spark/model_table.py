"""``commodity.forecast.trained_models`` in Spark's catalog: models are added and found there."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

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
    USING (SELECT explode(array(FALSE, TRUE)) AS is_new) AS part
    ON stored.is_active AND {mine} AND (NOT part.is_new OR {same})
    WHEN MATCHED AND NOT part.is_new AND NOT ({same}) THEN UPDATE SET is_active = FALSE
    WHEN NOT MATCHED AND part.is_new THEN INSERT ({columns}) VALUES ({values})
"""
"""One commit: what is replaced is not active any more, and the new row is there.

A row that says just the same stays, and nothing is added.
"""

FORGET_FAILURES = """
    DELETE FROM {failures} WHERE commodity = :commodity AND model_version = :model_version
        AND training_date = :training_date AND stage = 'train'
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
            self._insist(addition(self.catalog), asdict(model))
        self._insist(forgetting(self.catalog), asdict(written))

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

    def _insist(self, statement: str, values: Mapping[str, Any]) -> None:
        """Have Spark write, and again if another program has written the same meanwhile."""
        given = {name: _given(each) for name, each in values.items()}
        attempts = Retrying(
            retry=retry_if_exception(is_conflict),
            wait=PAUSES,
            stop=stop_after_delay(self.seconds),
        )
        try:
            with told_as_ours(MODELS):
                for attempt in attempts:
                    with attempt:
                        self.spark.sql(statement, given).collect()
        except RetryError as error:
            raise StoreLocked(
                f"{MODELS}: {values['commodity']}: for {self.seconds:g} s others have written the"
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


def addition(catalog: str | None) -> str:
    """The statement that adds a row, whose columns are its parameters."""
    columns = TRAINED_MODELS.schema.names
    return ADD.format(
        models=within(catalog, MODELS),
        mine=" AND ".join(f"stored.{name} = :{name}" for name in IDENTITY),
        same=" AND ".join(f"stored.{name} <=> :{name}" for name in SAME_AS),
        columns=", ".join(map(quoted, columns)),
        values=", ".join(map(_value, columns)),
    )


def forgetting(catalog: str | None) -> str:
    """The statement that deletes the failures of a window at training."""
    return FORGET_FAILURES.format(failures=within(catalog, FAILURES))


def _value(column: str) -> str:
    """The value of a column in a statement."""
    is_moment = TRAINED_MODELS.column(column).sql_type == "TIMESTAMP"
    return f"CAST(:{column} AS TIMESTAMP_NTZ)" if is_moment else f":{column}"


def _given(value: object) -> object:
    """A value as a parameter: a moment as text, since Spark takes others to have a time zone."""
    return value.isoformat(" ") if isinstance(value, datetime) else value
