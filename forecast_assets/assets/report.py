"""The page to read in the morning: can these forecasts be trusted, and what do they say?

One HTML file without any other: for each commodity the fan of the newest published forecast, what
may be lost, how past fans fared, calibration and the leaderboard; failures and what is stale at the
top. It is written whole or not at all.
"""

import os
from pathlib import Path

from dagster import (
    AssetExecutionContext,
    AssetsDefinition,
    MarkdownMetadataValue,
    MaterializeResult,
    MetadataValue,
    asset,
)

from forecast_assets.briefing import briefing
from forecast_assets.configuration import Settings
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
    def write(context: AssetExecutionContext, store: StoreResource) -> MaterializeResult[None]:
        said = briefing(settings, store.tables(), now())
        replace_file(settings.report_path, render(said))
        notices = [f"- {notice.level}: {notice.text}" for notice in said.notices]
        return MaterializeResult(
            metadata={
                "page": MetadataValue.url(settings.report_path.as_uri()),
                "path": MetadataValue.path(settings.report_path),
                "notices": MarkdownMetadataValue("\n".join(notices) or "none"),
                "commodities": len(said.commodities),
            }
        )

    return write


def replace_file(path: Path, text: str) -> None:
    """Write a file so that it is, at any moment, as before or as after."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)
