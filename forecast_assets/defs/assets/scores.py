"""How good forecasts turned out to be; a partition is a commodity and a training date.

``commodity.forecast.scores`` has a row for each forecast and session ahead whose outcome is known;
``commodity.forecast.path_scores`` one for each forecast and horizon, with scores of whole paths.
Only what is new is scored: a session that came, a revised price, a forecast that was drawn again.
The view ``commodity.forecast.skill`` compares with the naive model's forecast of the same date.
"""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from dagster import (
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
from forecast_assets.defs.io_managers import AssessedWindow, Histories, written
from forecast_assets.defs.partitioned import Partitioned
from forecast_assets.defs.partitions import Partitions, first_of
from forecast_assets.defs.progress import Progress
from forecast_assets.defs.resources import StoreResource
from forecast_assets.evaluation.assessment import assess_window
from forecast_assets.forecast.training import require_session
from forecast_assets.timeline.clock import now


class ScoringConfig(Config):
    """What a run may choose about scoring."""

    model_version: str | None = Field(
        default=None,
        description="Version of the forecasts to score; the configuration's by default.",
    )


def scores_asset(settings: Settings, partitions: Partitions) -> AssetsDefinition:
    """The asset ``scores`` of a configuration."""

    @asset(
        partitions_def=partitions.windows,
        ins={
            "prices": AssetIn(
                partition_mapping=MultiToSingleDimensionPartitionMapping("commodity"),
                input_manager_key="price_io_manager",
            )
        },
        deps=["distributions"],
        backfill_policy=BackfillPolicy.single_run(),
        io_manager_key="score_io_manager",
        group_name="trust",
        kinds={"scoringrules", "duckdb"},
        description=__doc__,
    )
    def scores(
        context: AssetExecutionContext,
        config: ScoringConfig,
        prices: Histories,
        store: StoreResource,
        progress: ResourceParam[Progress],
    ) -> Iterator[Output[Partitioned] | AssetMaterialization]:
        version = settings.version(config.model_version)

        def assess(key: str) -> AssessedWindow:
            window = partitions.window_of(key)
            name, tables = window.commodity, store.tables()
            with ThreadPoolExecutor(settings.parallel.processes or os.cpu_count()) as threads:
                assessment = assess_window(
                    window,
                    prices[name],
                    tables.paths.issued(name, version),
                    tables.scores.scored(name, version),
                    horizon=settings.horizon,
                    read=lambda model, days: tables.paths.drawn(name, model, version, days),
                    spread=threads.map,
                )
            if not (assessment.models or assessment.gone):
                first = partitions.window_of(first_of(context.partition_keys, name))
                require_session(settings, first, prices[name])
            header = written(window, version, context.run.run_id, now())
            return AssessedWindow(window, header, assessment)

        value = Partitioned(context, progress, assess)
        yield Output(value)
        yield from value.again()

    return scores
