"""For notebooks and programs of Spark: the tables in its catalog, and models saved and loaded."""

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from forecast_assets.configuration.settings import Settings, load_settings
from forecast_assets.errors import ConfigurationError
from forecast_assets.forecast.records import TrainedModel
from forecast_assets.models.base import FittedForecaster
from forecast_assets.store.opening import models_in_spark, registered_in_spark
from forecast_assets.store.patience import Patience
from forecast_assets.store.saved_models import SavedModels, artifacts_of, load_model, save_model
from forecast_assets.timeline.history import History

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def register_spark(
    *, spark: "SparkSession", catalog: str | None = None, settings: Settings | None = None
) -> list[str]:
    """Put the tables and views of a configuration into Spark's catalog; return their names.

    They are called as they are here: ``forecast.distributions``, and with a ``catalog`` whose name
    is commodity ``commodity.forecast.distributions``. To do it again changes nothing. Raises
    StoreError if the tables are no Delta tables, if there are none yet, if a name is taken by
    something else, or if Spark cannot do it, and ConfigurationError for a catalog's name.
    """
    known = settings or load_settings()
    patience = Patience(known.database.lock_timeout_seconds)
    return registered_in_spark(
        spark, known.tables_at, known.database.memory_limit, patience, catalog
    )


def save_model_spark(
    *,
    spark: "SparkSession",
    fitted_model: FittedForecaster,
    commodity: str,
    model_name: str,
    training_date: date | str,
    history: History,
    model_version: str | None = None,
    options: Mapping[str, Any] | None = None,
    catalog: str | None = None,
) -> TrainedModel:
    """Save a model into ``forecast.trained_models`` of Spark's catalog; return its row.

    It is the row that ``save_model`` writes. ``commodity`` and ``model_name`` are those of
    ``history`` and ``fitted_model``. ``catalog``: None is the session's own. Raises what
    ``save_model`` raises; ConfigurationError for other names; StoreError if Spark cannot do it, and
    StoreLocked if others write the same all the time.
    """
    for what, said, found in (
        ("commodity", commodity, history.commodity),
        ("model_name", model_name, fitted_model.name),
    ):
        if said != found:
            raise ConfigurationError(
                f"{what}: found {said!r}, allowed: {found!r}, whose model it is"
            )
    return save_model(
        fitted_model,
        history=history,
        training_date=training_date,
        model_version=model_version,
        options=options,
        models=_models(spark, catalog),
    )


def load_model_spark(
    *,
    spark: "SparkSession",
    commodity: str,
    model_name: str,
    training_date: date | str,
    model_version: str | None = None,
    catalog: str | None = None,
) -> FittedForecaster:
    """Load a model from ``forecast.trained_models`` of Spark's catalog, ready to simulate.

    Raises what ``load_model`` raises, and StoreError if Spark cannot read it.
    """
    return load_model(
        commodity=commodity,
        model_name=model_name,
        training_date=training_date,
        model_version=model_version,
        models=_models(spark, catalog),
    )


def _models(spark: "SparkSession", catalog: str | None) -> SavedModels:
    settings = load_settings()
    kept = models_in_spark(spark, catalog, settings.database.lock_timeout_seconds)
    return SavedModels(kept, artifacts_of(settings), settings.artifacts.threshold_bytes)
