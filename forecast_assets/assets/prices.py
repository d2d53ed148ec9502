"""Daily prices of every commodity, as its source has them now.

Read from the configured source, validated row by row, and kept with every revision in
``commodity.market.price_revisions``; ``commodity.market.prices`` shows the newest. A day without
a close is a holiday: it is dropped and never filled.
"""

from dagster import (
    AssetExecutionContext,
    AssetsDefinition,
    BackfillPolicy,
    Config,
    Output,
    ResourceParam,
    asset,
)
from pydantic import Field

from forecast_assets.configuration import Settings
from forecast_assets.io_managers import Partitioned, Reading
from forecast_assets.metadata import REJECTIONS_SHOWN
from forecast_assets.model_store import now
from forecast_assets.partitions import Partitions
from forecast_assets.progress import Progress
from forecast_assets.sources import read_source


class PricesConfig(Config):
    """What a run may choose about prices."""

    allow_withdrawals: bool = Field(
        default=False,
        description="Take back every session that the source lacks, even if they are many.",
    )


def prices_asset(settings: Settings, partitions: Partitions) -> AssetsDefinition:
    """The asset ``prices`` of a configuration."""

    @asset(
        partitions_def=partitions.commodities,
        deps=["landed_files"],
        backfill_policy=BackfillPolicy.single_run(),
        io_manager_key="price_io_manager",
        group_name="market",
        kinds={"python", "duckdb"},
        description=__doc__,
    )
    def prices(
        context: AssetExecutionContext, config: PricesConfig, progress: ResourceParam[Progress]
    ) -> Output[Partitioned]:
        def read(key: str) -> Reading:
            today = now().date()
            observations = read_source(key, settings.commodity(key), settings.folder, today)
            for rejection in observations.rejections[:REJECTIONS_SHOWN]:
                context.log.error("%s", rejection)
            return Reading(observations, config.allow_withdrawals)

        return Output(Partitioned(context, progress, read))

    return prices
