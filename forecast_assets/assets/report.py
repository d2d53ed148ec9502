"""Placeholder while the page is made.

The page about all of it, for people who look at it in the morning: what is published, how the
models stand, and what did not work.
"""

from dagster import AssetOut, AssetsDefinition, MaterializeResult, Nothing, multi_asset

from forecast_assets.configuration import Settings


def report_asset(settings: Settings) -> AssetsDefinition:
    """The asset ``report`` of a configuration.

    A job has its name, and Dagster wants names of jobs and operations to differ.
    """

    @multi_asset(
        name="write_report",
        outs={
            "report": AssetOut(
                dagster_type=Nothing, group_name="trust", kinds={"html"}, description=__doc__
            )
        },
        deps=["leaderboard", "published_distributions"],
    )
    def write() -> MaterializeResult[None]:
        return MaterializeResult()

    return write
