"""The page to read in the morning: can these forecasts be trusted, and what do they say?

One HTML file for all commodities, with the fan of each newest published forecast, what may be lost,
how past fans fared, calibration and the leaderboard; failures and what is old stand at the top. It
is written whole or not at all. A commodity that cannot be told of is named, and the run fails once
the page of the others is there.
"""

from pathlib import Path
from typing import get_args

from dagster import (
    AssetExecutionContext,
    AssetKey,
    AssetMaterialization,
    AssetsDefinition,
    DagsterInstance,
    MaterializeResult,
    ResourceParam,
    asset,
)
from filelock import FileLock

from forecast_assets.automation.doubts import Rule
from forecast_assets.automation.listener import Listener
from forecast_assets.automation.results import PageWritten
from forecast_assets.configuration.file_modes import as_closed_as
from forecast_assets.configuration.settings import Settings
from forecast_assets.defs.after_commit import AfterCommit, Metadata
from forecast_assets.defs.metadata import failures_in, of_copy, of_report
from forecast_assets.defs.progress import Progress
from forecast_assets.defs.resources import StoreResource
from forecast_assets.errors import CommoditiesFailed
from forecast_assets.report.briefing import briefing
from forecast_assets.report.page import Report, render
from forecast_assets.store.contract import Store
from forecast_assets.timeline.clock import now

BEFORE = ("leaderboard", "published_distributions")
"""The assets whose failures the page shows."""


def report_asset(settings: Settings) -> AssetsDefinition:
    """The asset ``report`` of a configuration."""

    @asset(
        name="report",
        deps=BEFORE,
        pool=settings.store.pool,
        group_name="trust",
        kinds={"html", "matplotlib"},
        description=__doc__,
    )
    def write(
        context: AssetExecutionContext,
        store: StoreResource,
        progress: ResourceParam[Progress],
        listener: ResourceParam[Listener],
    ) -> MaterializeResult[None]:
        with progress.during(context.log, "publish"):
            said = briefing(settings, store.tables(), now())
            said.failures.extend(failures_before(context.instance))
            after = AfterCommit(context.log, listener)
            page, metadata = written(settings, store.tables(), said, after)
        if said.failures:
            context.log_event(AssetMaterialization(asset_key="report", metadata=metadata))
            raise CommoditiesFailed(*dict.fromkeys(said.failures))
        after.hear(page)
        context.add_asset_metadata(metadata)
        return MaterializeResult()

    return write


def written(
    settings: Settings, tables: Store, said: Report, after: AfterCommit
) -> tuple[PageWritten, Metadata]:
    """Write the page, and renew the copy of the tables if one is configured.

    Returns the result and the metadata. Commodities that have no section are added to the failures
    of ``said``, and pictures that could not be drawn to what is not drawn of it.
    """
    replace_file(settings.report_path, render(said))
    told = (*get_args(Rule), "warning")
    warned = [each.text for each in said.notices if each.level in told]
    page, path = PageWritten([*warned, *said.not_drawn]), settings.report_path
    metadata = after.metadata("report: its metadata", lambda: of_report(said, page, path))
    if settings.database.read_copy:
        metadata |= of_copy(settings.read_copy_path, tables.copy_to(settings.read_copy_path))
    return page, metadata


def failures_before(instance: DagsterInstance) -> list[str]:
    """A line for each commodity that failed in the last ranking or publishing."""
    newest = [instance.get_latest_materialization_event(AssetKey(name)) for name in BEFORE]
    done = [event.asset_materialization for event in newest if event is not None]
    return [line for each in done if each is not None for line in failures_in(each)]


def replace_file(path: Path, text: str) -> None:
    """Replace a file in one step, so that it is never incomplete.

    What a killed process has left of it is overwritten.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_name(f".{path.name}.lock")):
        fresh = path.with_name(f".{path.name}.new")
        fresh.unlink(missing_ok=True)
        with open(fresh, "w", encoding="utf-8", opener=as_closed_as(path)) as page:
            page.write(text)
        fresh.replace(path)
