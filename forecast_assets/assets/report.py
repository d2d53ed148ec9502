"""Placeholder while the page is made."""

from dagster import AssetsDefinition, MaterializeResult, asset

from forecast_assets.configuration import Settings


def report_asset(settings: Settings) -> AssetsDefinition:
    """The asset ``report`` of a configuration."""

    @asset(name="report", deps=["leaderboard", "published_distributions"], group_name="trust")
    def write() -> MaterializeResult[None]:
        return MaterializeResult()

    return write
