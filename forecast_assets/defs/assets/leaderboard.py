"""Which model is good, how good, and whether that can be told yet, over all commodities.

``commodity.forecast.leaderboard`` has a row for each commodity, version and model, and one over all
commodities: mean scores, skill against the naive model on the same forecasts, coverage, PIT values
with a verdict, a Diebold-Mariano test on forecasts without a common session, what training took.
"""

import pandas as pd
import pyarrow as pa
from dagster import (
    AssetExecutionContext,
    AssetsDefinition,
    DataVersion,
    MaterializeResult,
    ResourceParam,
    asset,
)

from forecast_assets.automation.listener import Listener
from forecast_assets.automation.results import Ranked
from forecast_assets.boundary import boundary
from forecast_assets.configuration.settings import Settings
from forecast_assets.defs.after_commit import AfterCommit, with_picture
from forecast_assets.defs.metadata import of_leaderboard
from forecast_assets.defs.progress import Progress
from forecast_assets.defs.resources import StoreResource
from forecast_assets.evaluation.leaderboard import leaderboard
from forecast_assets.evaluation.publishing import tolerance_of
from forecast_assets.report.plots import skill_plot
from forecast_assets.store.contract import Store
from forecast_assets.store.frames import frame
from forecast_assets.timeline.clock import now


def ranked(settings: Settings, tables: Store, by: str, after: AfterCommit) -> Ranked:
    """Replace the leaderboard, with all model versions.

    ``after``: the boundary for reading what was written. A commodity whose scores cannot be read
    becomes a failure; the others are ranked.
    """
    records: dict[tuple[str, str], pd.DataFrame] = {}
    failed: list[str] = []
    for name, version in tables.scores.versions():
        if name in settings.commodities:
            with boundary(name, failed):
                records[name, version] = frame(tables.scores.records(name, version))
    cost = frame(tables.leaderboard.training_cost())
    rows = leaderboard(records, cost, tolerance_of(settings), failed)
    tables.leaderboard.replace(pa.Table.from_pandas(rows, preserve_index=False), now(), by)
    held = after.attempt("leaderboard", lambda: frame(tables.leaderboard.read()), rows)
    return Ranked(held, failed)


def drawn(found: Ranked, model_version: str) -> str | None:
    """A picture of the skill of a version's models; None if it has none."""
    mine = found.standings[found.standings.model_version == model_version]
    return skill_plot(mine) if len(mine) else None


def leaderboard_asset(settings: Settings) -> AssetsDefinition:
    """The asset ``leaderboard`` of a configuration."""
    in_use = settings.model_version
    units = {name: commodity.unit for name, commodity in settings.commodities.items()}

    @asset(
        name="leaderboard",
        deps=["scores", "trained_models"],
        pool=settings.store.pool,
        group_name="trust",
        kinds={"scipy", settings.store.kind},
        description=__doc__,
    )
    def rank(
        context: AssetExecutionContext,
        store: StoreResource,
        progress: ResourceParam[Progress],
        listener: ResourceParam[Listener],
    ) -> MaterializeResult[None]:
        after = AfterCommit(context.log, listener)
        with progress.during(context.log, "publish"):
            found = ranked(settings, store.tables(), context.run.run_id, after)
            for failure in found.failures:
                context.log.error("%s", failure)
            picture = after.picture("leaderboard: its picture", lambda: drawn(found, in_use))
            contents = after.attempt(
                "leaderboard: its contents",
                lambda: DataVersion(store.tables().contents.leaderboard()),
                None,
            )
        after.hear(found)
        said = after.metadata(
            "leaderboard: its metadata", lambda: of_leaderboard(found, in_use, units)
        )
        context.add_asset_metadata(with_picture(said, picture))
        return MaterializeResult(data_version=contents)

    return rank
