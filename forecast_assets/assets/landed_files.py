"""Files that were dropped into the landing folder, merged into the prices and put away.

CSV or Parquet, of one commodity or several, in any order: late files, corrections and repeats
among them. Good rows land in ``commodity.market.prices``; bad ones are named, here and in a note
beside the file, with line, column, value and rule. ``commodity.market.landings`` has a row for
each file and commodity. A file that is still being written is left for the next run.
"""

import time
from collections.abc import Sequence
from dataclasses import replace

from dagster import (
    AssetExecutionContext,
    AssetMaterialization,
    AssetsDefinition,
    MaterializeResult,
    ResourceParam,
    asset,
)
from filelock import FileLock

from forecast_assets.boundary import boundary
from forecast_assets.configuration import Settings
from forecast_assets.errors import FilesFailed, Interrupted
from forecast_assets.landing import LandingFolder
from forecast_assets.metadata import of_landed_files, of_prices
from forecast_assets.model_store import now
from forecast_assets.progress import Progress
from forecast_assets.reception import Received, receive
from forecast_assets.resources import StoreResource
from forecast_assets.store.contract import Store


def landed_files_asset(settings: Settings) -> AssetsDefinition:
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
            for name in progress.track(context.log, "landed_files", list(arrivals)):
                try:
                    by = context.run.run_id
                    received.append(receive(folder, arrivals[name], tables.landings, now(), by))
                except Interrupted:
                    raise
                except Exception as error:  # a file's boundary; raised below
                    failed.append(f"{name}: {type(error).__name__}: {error}")
                    context.log.exception(failed[-1])
        for file in received:
            log = context.log.error if file.reason else context.log.info
            log("%s: %s", file.file, file.outcome)
        for materialization in prices_of(received, tables, settings, failed):
            context.log_event(materialization)
        if failed:
            raise FilesFailed("\n".join(failed))
        return MaterializeResult(metadata=of_landed_files(received, len(waiting.unfinished)))

    return landed_files


def prices_of(
    received: Sequence[Received], tables: Store, settings: Settings, failures: list[str]
) -> list[AssetMaterialization]:
    """What the files did to ``prices``: one materialization a commodity.

    One whose prices landed and cannot be told of has a line in ``failures``.
    """
    landed = [
        (seen, landing)
        for file in received
        for seen, landing in zip(file.observations, file.landings, strict=True)
        if landing.dispute is None
    ]
    materializations = []
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
            metadata = of_prices(seen, changes, history, unit)
            materializations.append(
                AssetMaterialization(asset_key="prices", partition=name, metadata=metadata)
            )
    return materializations
