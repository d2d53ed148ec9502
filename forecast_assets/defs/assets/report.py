"""The page to read in the morning: can these forecasts be trusted, and what do they say?

One HTML file for all commodities, with the fan of each newest published forecast, what may be lost,
how past fans fared, calibration and the leaderboard; failures and what is old stand at the top. It
is written whole or not at all. A commodity that cannot be told of is named, and the run fails once
the page of the others is there.
"""

import os
from pathlib import Path

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

from forecast_assets.configuration.settings import Settings
from forecast_assets.defs.metadata import failures_in, of_copy, of_report
from forecast_assets.defs.progress import Progress
from forecast_assets.defs.resources import StoreResource
from forecast_assets.errors import CommoditiesFailed
from forecast_assets.report.briefing import briefing
from forecast_assets.report.page import render
from forecast_assets.timeline.clock import now

BEFORE = ("leaderboard", "published_distributions")
"""The assets whose outcome the page tells."""


def report_asset(settings: Settings) -> AssetsDefinition:
    """The asset ``report`` of a configuration."""

    def written(context: AssetExecutionContext, store: StoreResource) -> MaterializeResult[None]:
        said = briefing(settings, store.tables(), now())
        said.failures.extend(failures_before(context.instance))
        replace_file(settings.report_path, render(said))
        metadata = of_report(said, settings.report_path)
        if settings.database.read_copy:
            metadata |= of_copy(
                settings.read_copy_path, store.tables().copy_to(settings.read_copy_path)
            )
        if said.failures:
            context.log_event(AssetMaterialization(asset_key="report", metadata=metadata))
            raise CommoditiesFailed("\n".join(dict.fromkeys(said.failures)))
        return MaterializeResult(metadata=metadata)

    @asset(
        name="report",
        deps=BEFORE,
        group_name="trust",
        kinds={"html", "matplotlib"},
        description=__doc__,
    )
    def write(
        context: AssetExecutionContext, store: StoreResource, progress: ResourceParam[Progress]
    ) -> MaterializeResult[None]:
        with progress.during(context.log, "publish"):
            return written(context, store)

    return write


def failures_before(instance: DagsterInstance) -> list[str]:
    """The commodities that were not ranked or published when that was last done, a line each."""
    newest = [instance.get_latest_materialization_event(AssetKey(name)) for name in BEFORE]
    done = [event.asset_materialization for event in newest if event is not None]
    return [line for each in done if each is not None for line in failures_in(each)]


def replace_file(path: Path, text: str) -> None:
    """Write a file so that it is, at any moment, as before or as after."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)
