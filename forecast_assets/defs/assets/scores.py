"""How good forecasts turned out to be; a partition is a commodity and a training date.

``commodity.forecast.scores`` has a row for each forecast and session ahead whose outcome is known;
``commodity.forecast.path_scores`` one for each forecast and horizon, with scores of whole paths.
Only what is new is scored: a session that came, a revised price, a forecast that was drawn again.
The view ``commodity.forecast.skill`` compares with the naive model's forecast of the same date.
"""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from dagster import (
    AssetExecutionContext,
    AssetIn,
    AssetsDefinition,
    BackfillPolicy,
    Config,
    MultiToSingleDimensionPartitionMapping,
    ResourceParam,
    asset,
)
from pydantic import Field

from forecast_assets.automation.listener import Listener
from forecast_assets.configuration.settings import Settings
from forecast_assets.defs.descriptions import ScoreDescription
from forecast_assets.defs.io_managers import AssessedWindow, Histories
from forecast_assets.defs.partitioned import Given, Partitioned
from forecast_assets.defs.partitions import Partitions
from forecast_assets.defs.progress import Progress
from forecast_assets.defs.resources import StoreResource
from forecast_assets.defs.run_windows import RunWindows
from forecast_assets.evaluation.assessment import assess_window
from forecast_assets.evaluation.drawn_scores import DrawnScores
from forecast_assets.timeline.clock import now


class ScoringConfig(Config):
    """What a run may choose about scoring."""

    model_version: str | None = Field(
        default=None,
        description="Version of the forecasts to score; the configuration's by default.",
    )


@dataclass(frozen=True)
class Scoring:
    """The inputs from which a run computes its scores."""

    settings: Settings
    windows: RunWindows
    prices: Histories
    store: StoreResource
    drawn: DrawnScores

    def assess(self, key: str) -> AssessedWindow:
        """Compute the scores that are due in a window.

        Raises NoSession if no forecast can start in the run's windows yet.
        """
        window, version = self.windows.of(key), self.windows.version
        name, tables, history = window.commodity, self.store.tables(), self.prices[window.commodity]
        cutoffs = self.windows.cutoffs(key, history)
        threads = self.settings.parallel.processes or os.cpu_count()
        with ThreadPoolExecutor(threads) as pool:
            assessment = assess_window(
                window,
                history,
                tables.paths.issued(name, version, cutoffs),
                tables.scores.scored(name, version, cutoffs),
                horizon=self.settings.horizon,
                read=lambda model, days: tables.paths.drawn(name, model, version, days),
                known=partial(self.drawn.take, name, version),
                spread=pool.map,
                anew=self.windows.anew(key),
            )
        if not (assessment.models or assessment.gone):
            self.windows.require_session(history)
        return AssessedWindow(window, self.windows.written(window, now()), assessment)


def scores_asset(settings: Settings, partitions: Partitions) -> AssetsDefinition:
    """The asset ``scores`` of a configuration."""

    @asset(
        partitions_def=partitions.windows,
        ins={
            "prices": AssetIn(
                partition_mapping=MultiToSingleDimensionPartitionMapping("commodity"),
                input_manager_key="price_io_manager",
            )
        },
        deps=["distributions"],
        backfill_policy=BackfillPolicy.single_run(),
        io_manager_key="score_io_manager",
        pool=settings.store.pool,
        group_name="trust",
        kinds={"numpy", settings.store.kind},
        description=__doc__,
    )
    def scores(
        context: AssetExecutionContext,
        config: ScoringConfig,
        prices: Histories,
        store: StoreResource,
        drawn_scores: ResourceParam[DrawnScores],
        progress: ResourceParam[Progress],
        listener: ResourceParam[Listener],
    ) -> Iterator[Given]:
        windows = RunWindows(context, partitions, settings.version(config.model_version))
        scoring = Scoring(settings, windows, prices, store, drawn_scores)
        description = ScoreDescription(settings, store)
        yield from Partitioned(
            context, progress, listener, description, scoring.assess, code_kept=windows.code_kept
        ).given()

    return scores
