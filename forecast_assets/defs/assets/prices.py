"""Daily prices of every commodity, as its source has them now; a partition is one commodity.

Read from its source (a live one is asked from shortly before the newest price on), validated row by
row, and kept with every revision in ``commodity.market.price_revisions``;
``commodity.market.prices`` shows the newest. A day without a close is dropped, never filled.
"""

from collections.abc import Iterator
from datetime import UTC, timedelta

from dagster import (
    AssetExecutionContext,
    AssetMaterialization,
    AssetsDefinition,
    BackfillPolicy,
    Config,
    Output,
    ResourceParam,
    asset,
)
from pydantic import Field

from forecast_assets.configuration.commodities import FredSource, YahooSource
from forecast_assets.configuration.settings import Settings
from forecast_assets.defs.io_managers import Reading
from forecast_assets.defs.metadata import REJECTIONS_SHOWN
from forecast_assets.defs.partitioned import Partitioned
from forecast_assets.defs.partitions import Partitions
from forecast_assets.defs.progress import Progress
from forecast_assets.defs.resources import StoreResource
from forecast_assets.defs.services import FredResource, YahooResource
from forecast_assets.market.live import PriceSource, final_day
from forecast_assets.market.meaning import Meaning
from forecast_assets.market.observations import Observations
from forecast_assets.market.refusals import grouped
from forecast_assets.market.sources import read_source
from forecast_assets.timeline.clock import now


class PricesConfig(Config):
    """What a run may choose about prices."""

    allow_withdrawals: bool = Field(
        default=False,
        description="Take back every session that the source lacks, be they many or the newest.",
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
        context: AssetExecutionContext,
        config: PricesConfig,
        store: StoreResource,
        yahoo: YahooResource,
        fred: FredResource,
        progress: ResourceParam[Progress],
    ) -> Iterator[Output[Partitioned] | AssetMaterialization]:
        def fetch(key: str, live: PriceSource, symbol: str) -> Observations:
            known = store.tables().prices.history(key)
            overlap = timedelta(days=settings.fetch.overlap_days)
            since = known.newest - overlap if len(known) else None
            calendar = settings.commodity(key).calendar
            final = final_day(settings.fetch, now().replace(tzinfo=UTC), calendar)
            return live.read(key, symbol, since, final)

        def observe(key: str) -> Observations:
            commodity = settings.commodity(key)
            match commodity.source:
                case YahooSource(symbol=symbol):
                    return fetch(key, yahoo, symbol)
                case FredSource(series=series):
                    return fetch(key, fred, series)
                case source:
                    meaning = Meaning.of(key, commodity)
                    today = meaning.today(now())
                    return read_source(key, source, settings.folder, today, meaning)

        def read(key: str) -> Reading:
            observations = observe(key)
            for rejection in grouped(observations.rejections)[:REJECTIONS_SHOWN]:
                context.log.error("%s", rejection)
            return Reading(observations, config.allow_withdrawals, settings.scrutiny)

        value = Partitioned(context, progress, read, settings.windows.begun())
        yield Output(value)
        yield from value.again()

    return prices
