"""Daily prices of every commodity, as its source has them now; a partition is one commodity.

Read from its source (a live one is asked from shortly before the newest price on), validated row by
row, and kept with every revision in ``commodity.market.price_revisions``;
``commodity.market.prices`` shows the newest. A day without a close is dropped, never filled.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, timedelta

import numpy as np
from dagster import (
    AssetExecutionContext,
    AssetsDefinition,
    BackfillPolicy,
    Config,
    ResourceParam,
    asset,
)
from pydantic import Field

from forecast_assets.automation.listener import Listener
from forecast_assets.configuration.commodities import FredSource, YahooSource
from forecast_assets.configuration.settings import Settings
from forecast_assets.defs.descriptions import PriceDescription
from forecast_assets.defs.io_managers import SourceReading
from forecast_assets.defs.partitioned import Given, Partitioned
from forecast_assets.defs.partitions import Partitions
from forecast_assets.defs.progress import Progress
from forecast_assets.defs.resources import StoreResource
from forecast_assets.defs.services import FredResource, YahooResource
from forecast_assets.errors import SourceError
from forecast_assets.market.live import PriceSource, final_day
from forecast_assets.market.meaning import Meaning
from forecast_assets.market.observations import Observations
from forecast_assets.market.refusals import Refused
from forecast_assets.market.sources import read_source
from forecast_assets.timeline.clock import now
from forecast_assets.timeline.history import History
from forecast_assets.timeline.sessions import too_sparse


class PricesConfig(Config):
    """What a run may choose about prices."""

    allow_withdrawals: bool = Field(
        default=False,
        description="Take back every session that the source lacks, be they many or the newest.",
    )


@dataclass(frozen=True)
class Sources:
    """The price sources of a configuration, with the services for the live ones."""

    settings: Settings
    store: StoreResource
    yahoo: PriceSource
    fred: PriceSource

    def read(self, name: str) -> Observations:
        """Read the source of a commodity. Raises SourceError."""
        commodity = self.settings.commodity(name)
        match commodity.source:
            case YahooSource(symbol=symbol):
                return self._fetch(name, self.yahoo, symbol)
            case FredSource(series=series):
                return self._fetch(name, self.fred, series)
            case source:
                meaning = Meaning.of(name, commodity, self.settings.bounds_of(name))
                today = meaning.today(now())
                folder, limits = self.settings.folder, self.settings.landing
                return read_source(name, source, folder, today, meaning, limits)

    def _fetch(self, name: str, live: PriceSource, symbol: str) -> Observations:
        """Ask a service for new prices, from shortly before the newest stored price on."""
        known, fetch = self.store.tables().prices.history(name), self.settings.fetch
        since = known.newest - timedelta(days=fetch.overlap_days) if len(known) else None
        calendar = self.settings.commodity(name).calendar
        final = final_day(fetch, now().replace(tzinfo=UTC), calendar)
        return live.read(name, symbol, since, final, self.settings.bounds_of(name))


def require_daily(observations: Observations, history: History) -> None:
    """Raise SourceError if a source, together with the stored prices, is too sparse."""
    observed = observations.prices["date"].to_numpy().astype("datetime64[D]")
    if reason := too_sparse(np.union1d(history.dates, observed)):
        raise SourceError(f"{observations.commodity}: {reason}")


def prices_asset(settings: Settings, partitions: Partitions) -> AssetsDefinition:
    """The asset ``prices`` of a configuration."""

    @asset(
        partitions_def=partitions.commodities,
        deps=["landed_files"],
        backfill_policy=BackfillPolicy.single_run(),
        io_manager_key="price_io_manager",
        pool=settings.store.pool,
        group_name="market",
        kinds={"python", settings.store.kind},
        description=__doc__,
    )
    def prices(
        context: AssetExecutionContext,
        config: PricesConfig,
        store: StoreResource,
        yahoo: YahooResource,
        fred: FredResource,
        progress: ResourceParam[Progress],
        listener: ResourceParam[Listener],
    ) -> Iterator[Given]:
        sources = Sources(settings, store, yahoo, fred)

        def read(key: str) -> SourceReading:
            observations = sources.read(key)
            for rejection in Refused.of(observations.rejections).shown:
                context.log.error("%s", rejection)
            require_daily(observations, store.tables().prices.history(key))
            return SourceReading(observations, config.allow_withdrawals, settings.scrutiny)

        yield from Partitioned(
            context,
            progress,
            listener,
            PriceDescription(settings, store),
            read,
            training_dates=settings.windows.begun(),
        ).given()

    return prices
