"""The page to read in the morning: can these forecasts be trusted, and what do they say?

One HTML file without any other: for each commodity the fan of the newest published forecast, what
may be lost, how past fans fared, calibration and the leaderboard; failures and what is stale at the
top. It is written whole or not at all.
"""

import os
from pathlib import Path

from dagster import AssetsDefinition, MaterializeResult, asset

from forecast_assets.briefing import briefing
from forecast_assets.configuration import Settings
from forecast_assets.metadata import of_report
from forecast_assets.model_store import now
from forecast_assets.report import render
from forecast_assets.resources import StoreResource


def report_asset(settings: Settings) -> AssetsDefinition:
    """The asset ``report`` of a configuration."""

    @asset(
        name="report",
        deps=["leaderboard", "published_distributions"],
        group_name="trust",
        kinds={"html", "matplotlib"},
        description=__doc__,
    )
    def write(store: StoreResource) -> MaterializeResult[None]:
        said = briefing(settings, store.tables(), now())
        replace_file(settings.report_path, render(said))
        return MaterializeResult(metadata=of_report(said, settings.report_path))

    return write


def replace_file(path: Path, text: str) -> None:
    """Write a file so that it is, at any moment, as before or as after."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)
