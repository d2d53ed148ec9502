"""What was known of every covariate at each session; a partition is one commodity.

Read from the configured files, validated row by row, and joined with the sessions of ``prices``: a
session has the newest value that was known at its close, carried forward for a few days at most.
``commodity.market.features`` has a row for each session and covariate. A covariate keeps its rows
if its file cannot be read, or if it is not configured any more but models of the version use it.
"""

from collections.abc import Iterator
from dataclasses import replace

from dagster import (
    AssetExecutionContext,
    AssetIn,
    AssetsDefinition,
    BackfillPolicy,
    ResourceParam,
    asset,
)

from forecast_assets.automation.listener import Listener
from forecast_assets.configuration.settings import Settings
from forecast_assets.defs.descriptions import FeatureDescription
from forecast_assets.defs.io_managers import Histories
from forecast_assets.defs.partitioned import Given, Partitioned
from forecast_assets.defs.partitions import Partitions
from forecast_assets.defs.progress import Progress
from forecast_assets.defs.resources import StoreResource
from forecast_assets.market.features import Features, read_features
from forecast_assets.market.meaning import Meaning
from forecast_assets.market.refusals import Refused
from forecast_assets.store.pinning import PinnedVersion
from forecast_assets.timeline.clock import now


def features_asset(settings: Settings, partitions: Partitions) -> AssetsDefinition:
    """The asset ``features`` of a configuration."""

    @asset(
        partitions_def=partitions.commodities,
        ins={"prices": AssetIn(input_manager_key="price_io_manager")},
        backfill_policy=BackfillPolicy.single_run(),
        io_manager_key="feature_io_manager",
        pool=settings.store.pool,
        group_name="market",
        kinds={"python", settings.store.kind},
        description=__doc__,
    )
    def features(
        context: AssetExecutionContext,
        prices: Histories,
        store: StoreResource,
        progress: ResourceParam[Progress],
        listener: ResourceParam[Listener],
    ) -> Iterator[Given]:
        version = PinnedVersion.of(settings, store.tables()).take_over(now(), context.run.run_id)

        def join(key: str) -> Features:
            commodity = version.settings.commodity(key)
            dates, bounds = prices[key].dates, version.settings.bounds_of(key)
            today = Meaning.of(key, commodity).today(now())
            folder, limits = settings.folder, settings.landing
            joined = read_features(key, commodity, dates, folder, today, bounds, limits)
            for said in (*Refused.of(joined.rejections).shown, *joined.missing.values()):
                context.log.error("%s", said)
            return replace(joined, kept=version.in_force.kept.get(key, ()))

        yield from Partitioned(
            context,
            progress,
            listener,
            FeatureDescription(settings, store),
            join,
            training_dates=settings.windows.begun(),
        ).given()

    return features
