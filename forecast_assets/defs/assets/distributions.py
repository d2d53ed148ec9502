"""Price paths from every session of a window; a partition is a commodity and a training date.

``commodity.forecast.distributions`` has a row for each path of the next sessions. A forecast knows
closes up to its cutoff and a model fitted before its window, and nothing of the future. What is
missing is drawn, and what a retrained model had drawn; another forecast whose history was revised
stays as it was said, unless nothing has happened after it or the run has ``recompute: true``.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from dagster import (
    AssetCheckResult,
    AssetExecutionContext,
    AssetIn,
    AssetMaterialization,
    AssetsDefinition,
    BackfillPolicy,
    Config,
    MultiToSingleDimensionPartitionMapping,
    Output,
    ResourceParam,
    asset,
)
from pydantic import Field

from forecast_assets.configuration.settings import Settings
from forecast_assets.defs.checks import check_results, forecast_checks
from forecast_assets.defs.io_managers import ForecastWindow, Histories, recorded, written
from forecast_assets.defs.partitioned import Partitioned
from forecast_assets.defs.partitions import Partitions, first_of
from forecast_assets.defs.progress import Progress
from forecast_assets.defs.resources import StoreResource
from forecast_assets.defs.run_config import MODELS_OF_A_RUN, TRAINING_DATE_OF_A_RUN
from forecast_assets.evaluation.findings import of_forecasting
from forecast_assets.forecast.forecasting import forecast_window
from forecast_assets.forecast.training import not_due, require_session
from forecast_assets.store.saved_models import FittedModels
from forecast_assets.timeline.clock import now


class ForecastConfig(Config):
    """What a run may choose about forecasting."""

    models: list[Any] | None = Field(default=None, description=MODELS_OF_A_RUN)
    model_version: str | None = Field(
        default=None,
        description="Version of the models to forecast with; the configuration's by default.",
    )
    training_date: str | None = Field(default=None, description=TRAINING_DATE_OF_A_RUN)
    recompute: bool = Field(
        default=False,
        description="Draw again the forecasts whose history was revised since they were issued.",
    )


def distributions_asset(settings: Settings, partitions: Partitions) -> AssetsDefinition:
    """The asset ``distributions`` of a configuration."""

    @asset(
        partitions_def=partitions.windows,
        ins={
            "features": AssetIn(
                partition_mapping=MultiToSingleDimensionPartitionMapping("commodity"),
                input_manager_key="feature_io_manager",
            ),
            "trained_models": AssetIn(input_manager_key="model_io_manager"),
        },
        backfill_policy=BackfillPolicy.single_run(),
        io_manager_key="paths_io_manager",
        check_specs=forecast_checks("distributions"),
        group_name="forecast",
        kinds={"numpy", "duckdb"},
        description=__doc__,
    )
    def distributions(
        context: AssetExecutionContext,
        config: ForecastConfig,
        features: Histories,
        trained_models: FittedModels,
        store: StoreResource,
        progress: ResourceParam[Progress],
    ) -> Iterator[Output[Partitioned] | AssetCheckResult | AssetMaterialization]:
        run = settings.of_run(config.model_version, config.models)
        version, read_at = run.model_version, now()

        def forecast(key: str) -> ForecastWindow:
            window = partitions.window_of_run(key, config.training_date, version)
            history = features[window.commodity]
            header = written(window, version, context.run.run_id, read_at)
            tables = store.tables()
            declined = {x.model_name for x in recorded(tables, header, "train") if x.declined}
            names = run.models.keys() - declined
            reason = not_due(settings, window, history)
            if reason is None and not names:
                reason = f"{window.commodity}: every model of the roster declined the window"
            if reason:
                context.log.warning("%s: nothing is due: %s", key, reason)
            models, broken = ([], []) if reason else trained_models.of(window, version, names)
            outcome = forecast_window(
                run,
                window,
                history,
                models,
                tables.paths.issued(window.commodity, version),
                recompute=config.recompute,
            )
            if reason and not outcome.changes_tables:
                first = partitions.window_of(first_of(context.partition_keys, window.commodity))
                require_session(settings, first, history)
            outcome = replace(outcome, failures=[*broken, *outcome.failures])
            for failure in outcome.failures:
                context.log.error("%s", failure.reason)
            findings = of_forecasting(settings, history, outcome)
            return ForecastWindow(window, header, outcome, history, reason, findings)

        value = Partitioned(context, progress, forecast)
        yield Output(value)  # Dagster goes on from here once every partition is committed
        yield from value.again()
        yield from check_results(value.findings)

    return distributions
