"""Files that were dropped into the landing folder, merged into the prices and put away.

CSV or Parquet, of one commodity or several, in any order: late files, corrections, repeats. What is
refused is named by line, here and in a note beside the file. ``commodity.market.landings`` has a
row for each file and commodity. A run takes every file that is whole, of all commodities at once.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from dagster import (
    AssetExecutionContext,
    AssetKey,
    AssetMaterialization,
    AssetObservation,
    AssetsDefinition,
    DataVersion,
    MaterializeResult,
    ResourceParam,
    asset,
)

from forecast_assets.automation.listener import Listener
from forecast_assets.automation.results import FilesLanded, PricesLanded
from forecast_assets.boundary import told_of
from forecast_assets.configuration.settings import Settings
from forecast_assets.defs.after_commit import AfterCommit, Metadata, with_picture
from forecast_assets.defs.metadata import of_landed_files, of_landed_prices
from forecast_assets.defs.partitions import Partitions
from forecast_assets.defs.past import UNCHANGED, Past, last_past, made_from
from forecast_assets.defs.progress import Progress
from forecast_assets.defs.resources import StoreResource
from forecast_assets.errors import FilesFailed, Interrupted
from forecast_assets.market.landing import LANDING, LandingFolder
from forecast_assets.market.reception import Received, receive
from forecast_assets.report.plots import price_plot
from forecast_assets.store.contract import Store
from forecast_assets.store.lock_file import one_at_a_time
from forecast_assets.timeline.clock import now
from forecast_assets.timeline.history import History

STAGE = "landing"


@dataclass
class Arrivals:
    """The files of the landing folder that a run merges, and their results so far.

    ``failed``: a line for each file that raised an unexpected error. ``unfinished``: how many files
    may still be growing.
    """

    settings: Settings
    context: AssetExecutionContext
    store: StoreResource
    listener: Listener
    received: list[Received] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    unfinished: int = 0

    def receive_all(self, progress: Progress) -> None:
        """Merge and put away the complete files, each in its own boundary.

        Raises FilesFailed after the last one if any failed.
        """
        log, folder, tables = self.context.log, LandingFolder(self.settings), self.store.tables()
        folder.make()
        with one_at_a_time(self.settings.landing_lock, LANDING, self.store.tell_wait):
            waiting = folder.waiting(time.time())
            self.unfinished = len(waiting.unfinished)
            arrivals = {str(number): each for number, each in enumerate(waiting.whole)}
            for number in progress.track(log, STAGE, "files", arrivals, len(arrivals)):
                arrival = arrivals[number]
                try:
                    by = self.context.run.run_id
                    self.received.append(receive(folder, arrival, tables.landings, now(), by))
                except Interrupted:
                    raise
                except Exception as error:  # a file's boundary; raised after the others have landed
                    self.failed.append(told_of(arrival.name, error))
                    log.exception(self.failed[-1])
        if self.failed:
            raise FilesFailed(*self.failed)

    def told(self) -> Metadata:
        """Tell what was done with the files so far, and return the metadata on them.

        The files are told first: they are put away, so no later run tells what was refused of them.
        """
        for file in self.received:
            (self.context.log.error if file.reason else self.context.log.info)(
                "%s: %s", file.file, file.outcome
            )
        files = FilesLanded(self.received, self.unfinished, tuple(self.failed))
        self.after.hear(files)
        metadata = self.after.metadata("landed files", lambda: of_landed_files(files))
        landed = prices_of(self.received, self.store.tables(), self.after)
        for prices in self.after.each("the prices that landed", landed):
            self.after.hear(prices)
            self.after.attempt(prices.commodity, partial(self.tell, prices), None)
        return metadata

    def tell(self, landed: PricesLanded) -> None:
        """Log what landed as a materialization of the prices, as ``prices`` itself would.

        What of it cannot be shown becomes a note, since the prices are committed.
        """
        context, history, name = self.context, landed.history, landed.commodity
        unit, asset_key = self.settings.commodity(name).unit, AssetKey("prices")
        after, whose = self.after, f"{name}: its"
        picture = after.picture(f"{whose} picture", partial(price_plot, history, unit))
        said = after.metadata(f"{whose} metadata", lambda: of_landed_prices(landed, unit))
        metadata, tags = with_picture(said, picture), {}
        before = after.attempt(f"{whose} past", lambda: self._past(asset_key, history), None)
        if before is not None:
            metadata |= before.metadata
            tags = dict(made_from(before.version, "landed_files", UNCHANGED))
        event = AssetMaterialization(asset_key, metadata=metadata, partition=name, tags=tags)
        after.attempt(name, lambda: context.log_event(event), None)

    @property
    def after(self) -> AfterCommit:
        """The boundary of what is told of files and prices that are committed."""
        return AfterCommit(self.context.log, self.listener)

    def _past(self, asset_key: AssetKey, history: History) -> Past:
        before = last_past(self.context.instance, asset_key, history.commodity)
        return Past.of(history, self.settings.windows.begun(), before)


def landed_files_asset(settings: Settings, partitions: Partitions) -> AssetsDefinition:
    """The asset ``landed_files`` of a configuration."""

    @asset(
        pool=settings.store.pool,
        group_name="market",
        kinds={"python", settings.store.kind},
        description=__doc__,
    )
    def landed_files(
        context: AssetExecutionContext,
        store: StoreResource,
        progress: ResourceParam[Progress],
        listener: ResourceParam[Listener],
    ) -> MaterializeResult[None]:
        arrivals = Arrivals(settings, context, store, listener)
        with progress.during(context.log, STAGE):  # to tell of many commodities takes a while, too
            try:
                arrivals.receive_all(progress)
            except BaseException:  # a user who cancels the run, too
                # Dagster ignores the metadata of a step that fails, so an event has it.
                observed = AssetObservation("landed_files", metadata=arrivals.told())
                arrivals.after.attempt("landed files", lambda: context.log_event(observed), None)
                raise
            context.add_asset_metadata(arrivals.told())
        return MaterializeResult(data_version=DataVersion(UNCHANGED))

    return landed_files


def prices_of(
    received: Sequence[Received], tables: Store, after: AfterCommit
) -> Iterator[PricesLanded]:
    """What the files changed in the prices of each commodity.

    A commodity whose prices landed but cannot be read is left out, with a note.
    """
    landed = [
        (seen, landing)
        for file in received
        for seen, landing in zip(file.observations, file.landings, strict=True)
        if landing.dispute is None
    ]
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
        history = after.attempt(name, partial(tables.prices.history, name), None)
        if history is not None:
            yield PricesLanded(seen, changes, history, len(mine))
