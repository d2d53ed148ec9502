"""Which model is good, how good, and whether that can be told yet, over all commodities.

``commodity.forecast.leaderboard`` has a row for each commodity, version and model, and one over all
commodities: mean scores, skill against the naive model on the same forecasts, coverage, PIT values
with a verdict, a Diebold-Mariano test on forecasts without a common session, what training took.
"""

import pandas as pd
from dagster import (
    AssetExecutionContext,
    AssetsDefinition,
    DataVersion,
    MaterializeResult,
    ResourceParam,
    asset,
)

from forecast_assets.boundary import boundary
from forecast_assets.configuration.settings import Settings
from forecast_assets.defs.metadata import drawn, failures, of_leaderboard, with_picture
from forecast_assets.defs.progress import Progress
from forecast_assets.defs.resources import StoreResource
from forecast_assets.evaluation.leaderboard import leaderboard
from forecast_assets.evaluation.publishing import tolerance_of
from forecast_assets.report.plots import skill_plot
from forecast_assets.timeline.clock import now


def leaderboard_asset(settings: Settings) -> AssetsDefinition:
    """The asset ``leaderboard`` of a configuration."""

    def ranked(context: AssetExecutionContext, store: StoreResource) -> MaterializeResult[None]:
        tables = store.tables()
        records: dict[tuple[str, str], pd.DataFrame] = {}
        failed: list[str] = []
        for name, version in tables.scores.versions():
            if name in settings.commodities:
                with boundary(name, failed):
                    records[name, version] = tables.scores.records(name, version)
        cost = tables.leaderboard.training_cost()
        rows = leaderboard(records, cost, tolerance_of(settings), failed)
        tables.leaderboard.replace(rows, now(), context.run.run_id)
        for failure in failed:
            context.log.error("%s", failure)
        held, in_use = tables.leaderboard.read(), settings.model_version
        units = {name: commodity.unit for name, commodity in settings.commodities.items()}
        metadata = of_leaderboard(held, in_use, units)
        standings = held[held.model_version == in_use]
        picture = drawn(context.log, lambda: skill_plot(standings) if len(standings) else None)
        return MaterializeResult(
            metadata=with_picture(metadata, picture) | failures(failed),
            data_version=DataVersion(tables.contents.leaderboard()),
        )

    @asset(
        name="leaderboard",
        deps=["scores", "trained_models"],
        group_name="trust",
        kinds={"scipy", "duckdb"},
        description=__doc__,
    )
    def rank(
        context: AssetExecutionContext, store: StoreResource, progress: ResourceParam[Progress]
    ) -> MaterializeResult[None]:
        with progress.during(context.log, "publish"):
            return ranked(context, store)

    return rank
