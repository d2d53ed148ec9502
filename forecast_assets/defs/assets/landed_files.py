"""Files that were dropped into the landing folder, merged into the prices and put away.

CSV or Parquet, of one commodity or several, in any order: late files, corrections, repeats. What is
refused is named by line, here and in a note beside the file. ``commodity.market.landings`` has a
row for each file and commodity. A run takes every file that is whole, of all commodities at once.
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from functools import partial

from dagster import (
    AssetExecutionContext,
    AssetKey,
    AssetMaterialization,
    AssetsDefinition,
    DagsterInstance,
    DataVersion,
    MaterializeResult,
    ResourceParam,
    asset,
)
from filelock import FileLock

from forecast_assets.boundary import boundary
from forecast_assets.configuration.settings import Settings
from forecast_assets.defs.metadata import Metadata, drawn, of_landed_files, of_prices, with_picture
from forecast_assets.defs.partitions import Partitions
from forecast_assets.defs.past import UNCHANGED, Past, last_past, made_from
from forecast_assets.defs.progress import Progress
from forecast_assets.defs.resources import StoreResource
from forecast_assets.errors import FilesFailed, Interrupted
from forecast_assets.market.landing import LandingFolder
from forecast_assets.market.reception import Received, receive
from forecast_assets.report.plots import price_plot
from forecast_assets.store.contract import Store
from forecast_assets.timeline.clock import now
from forecast_assets.timeline.history import History


def landed_files_asset(settings: Settings, partitions: Partitions) -> AssetsDefinition:
    """The asset ``landed_files`` of a configuration."""

    @asset(group_name="market", kinds={"python", "duckdb"}, description=__doc__)
    def landed_files(
        context: AssetExecutionContext, store: StoreResource, progress: ResourceParam[Progress]
    ) -> MaterializeResult[None]:
        folder, tables = LandingFolder(settings), store.tables()
        folder.make()
        received: list[Received] = []
        failed: list[str] = []
        with FileLock(settings.home / ".landing.lock"):
            waiting = folder.waiting(time.time())
            arrivals = {arrival.path.name: arrival for arrival in waiting.whole}
            for name in progress.track(context.log, "landing", "files", arrivals, len(arrivals)):
                try:
                    by = context.run.run_id
                    received.append(receive(folder, arrivals[name], tables.landings, now(), by))
                except Interrupted:
                    raise
                except Exception as error:  # a file's boundary; raised below
                    failed.append(" ".join(f"{name}: {type(error).__name__}: {error}".split()))
                    context.log.exception(failed[-1])
        for file in received:
            log = context.log.error if file.reason else context.log.info
            log("%s: %s", file.file, file.outcome)
        for name, metadata, history in prices_of(received, tables, settings, failed):
            with boundary(name, failed):
                plot = partial(price_plot, history, settings.commodity(name).unit)
                described = with_picture(metadata, drawn(context.log, plot))
                context.log_event(
                    landed(context.instance, history, settings.windows.begun(), described)
                )
        if failed:
            raise FilesFailed("\n".join(failed))
        metadata = of_landed_files(received, len(waiting.unfinished))
        return MaterializeResult(metadata=metadata, data_version=DataVersion(UNCHANGED))

    return landed_files


def prices_of(
    received: Sequence[Received], tables: Store, settings: Settings, failures: list[str]
) -> list[tuple[str, Metadata, History]]:
    """What the files did to ``prices``: a commodity, what to say of it, and its closes now.

    One whose prices landed and cannot be told of has a line in ``failures``.
    """
    landed = [
        (seen, landing)
        for file in received
        for seen, landing in zip(file.observations, file.landings, strict=True)
        if landing.dispute is None
    ]
    told = []
    for name in sorted({landing.commodity for _, landing in landed}):
        mine = [(seen, landing.changes) for seen, landing in landed if landing.commodity == name]
        first, changes = mine[0]
        for _, more in mine[1:]:
            changes = changes + more
        seen = replace(
            first,
            origin=", ".join(dict.fromkeys(seen.origin for seen, _ in mine)),
            rejections=[rejection for seen, _ in mine for rejection in seen.rejections],
            without_close=sum(seen.without_close for seen, _ in mine),
            notes=[note for seen, _ in mine for note in seen.notes],
        )
        with boundary(name, failures):
            unit, history = settings.commodity(name).unit, tables.prices.history(name)
            metadata = of_prices(seen, changes, history, unit) | {"files_landed": len(mine)}
            told.append((name, metadata, history))
    return told


def landed(
    instance: DagsterInstance, history: History, training_dates: Sequence[date], metadata: Metadata
) -> AssetMaterialization:
    """A materialization of the prices of a commodity, as ``prices`` itself would log it."""
    name, asset = history.commodity, AssetKey("prices")
    past = Past.of(history, training_dates, last_past(instance, asset, name))
    return AssetMaterialization(
        asset_key=asset,
        partition=name,
        metadata=metadata | past.metadata,
        tags=made_from(past.version, "landed_files", UNCHANGED),
    )
