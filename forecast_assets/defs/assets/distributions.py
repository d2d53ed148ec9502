"""Price paths from every session of a window; a partition is a commodity and a training date.

``commodity.forecast.distributions`` has a row for each path of the next sessions. A forecast knows
closes up to its cutoff and a model fitted before its window, and nothing of the future. What is
missing is drawn, and what a retrained model had drawn; another forecast whose history was revised
stays as it was said, unless nothing has happened after it or the run has ``recompute: true``.
"""

import logging
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

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
from forecast_assets.defs.checks import forecast_checks
from forecast_assets.defs.descriptions import ForecastDescription
from forecast_assets.defs.io_managers import ForecastWindow, Histories, recorded
from forecast_assets.defs.partitioned import Given, Partitioned
from forecast_assets.defs.partitions import Partitions
from forecast_assets.defs.progress import Progress
from forecast_assets.defs.resources import StoreResource
from forecast_assets.defs.run_config import MODELS_OF_A_RUN, TRAINING_DATE_OF_A_RUN
from forecast_assets.defs.run_windows import RunWindows
from forecast_assets.defs.version_of_run import version_of_run
from forecast_assets.evaluation.drawn_scores import DrawnScores
from forecast_assets.evaluation.findings import Finding, of_forecasting
from forecast_assets.evaluation.scoring import score
from forecast_assets.forecast.drawing import Loaded
from forecast_assets.forecast.forecasting import forecast_window
from forecast_assets.forecast.points import Ordered
from forecast_assets.forecast.records import Draw, ModelFailure, Written
from forecast_assets.forecast.training import not_due
from forecast_assets.forecast.version_pins import as_rewrites
from forecast_assets.store.pinning import PinnedVersion
from forecast_assets.store.saved_models import FittedModels
from forecast_assets.timeline.history import History
from forecast_assets.timeline.outcomes import Outcomes
from forecast_assets.timeline.window import Window

LOG = logging.getLogger(__name__)


class ForecastConfig(Config):
    """What a run may choose about forecasting."""

    models: list[Any] | None = Field(default=None, description=MODELS_OF_A_RUN)
    model_version: str | None = Field(
        default=None,
        description="Version of the models to forecast with; the configuration's by default.",
    )
    training_date: str | None = Field(default=None, description=TRAINING_DATE_OF_A_RUN)
    recompute: bool = Field(
        default=False,
        description="Draw again the forecasts whose history was revised since they were issued.",
    )


@dataclass(frozen=True)
class Drawing:
    """The inputs from which a run draws its forecasts; ``version``: the meaning to draw by.

    ``scores``: gets those of the forecasts whose outcomes are known when they are drawn.
    """

    version: PinnedVersion
    windows: RunWindows
    features: Histories
    models: FittedModels
    store: StoreResource
    scores: DrawnScores
    recompute: bool

    def forecast(self, key: str) -> ForecastWindow:
        """Draw the forecasts that are due in a window, and collect its other changes.

        Raises NoSession if no forecast can start in the run's windows yet.
        """
        return self.prepared(key)()

    def ahead(self, value: ForecastWindow, key: str) -> Callable[[], ForecastWindow] | None:
        """Begin the next window, unless what is to be committed changes forecasts besides its own.

        The tables as they are now lack only forecasts of another window then.
        """
        is_another = self.windows.of(key).commodity != value.window.commodity
        return self.prepared(key) if is_another or not value.forecasting.reaches_others else None

    def prepared(self, key: str) -> Callable[[], ForecastWindow]:
        """Read what a window is made of; the result draws it, and reads no table."""
        log, window = self.windows.context.log, self.windows.of(key)
        history = self.features[window.commodity]
        header = self.windows.written(window, self.features.read_at[window.commodity])
        reason, models, broken = self._models(window, header)
        if reason:
            log.warning("%s: nothing is due: %s", key, reason)
        issued = self.store.tables().paths.issued(
            window.commodity, self.version.version, self.windows.cutoffs(key, history)
        )
        settings, anew = self.version.settings, self.windows.anew(key)

        def draw() -> ForecastWindow:
            with ThreadPoolExecutor(settings.parallel.processes or os.cpu_count()) as pool:
                outcome = forecast_window(
                    settings,
                    window,
                    history,
                    models,
                    issued,
                    recompute=self.recompute,
                    anew=anew,
                    spread=pool.map,
                    look=partial(self._score, header, history),
                )
            outcome = as_rewrites(outcome, issued, self.version.rewritten(window.commodity))
            if reason and not outcome.changes_tables:
                self.windows.require_session(history)
            outcome = replace(outcome, failures=[*broken, *outcome.failures])
            return ForecastWindow(window, header, outcome, history, reason)

        return draw

    def _score(self, header: Written, history: History, draw: Draw, ordered: Ordered) -> None:
        """Score the forecasts of a draw whose outcomes are known, while their paths are there.

        What goes wrong keeps no forecast from being stored: ``scores`` meets it again and tells it.
        """
        try:
            happened = Outcomes.after(history, draw.cutoffs, draw.paths.shape[2])
            if happened.known.any():
                closes, outcomes = happened.cutoff_closes, happened.closes
                found = score(draw.paths, closes, outcomes, ordered=ordered, points=draw.points)
                self.scores.keep(header, draw, happened, found)
        except Exception:  # the boundary of what is only done early
            LOG.debug("%s: not scored early", draw.model.model_id, exc_info=True)

    def inspect(self, value: ForecastWindow) -> list[Finding]:
        """Log what failed in a window, and check its new forecasts."""
        for failure in value.forecasting.failures:
            self.windows.context.log.error("%s", failure.reason)
        return of_forecasting(self.version.settings, value.history, value.forecasting)

    def _models(
        self, window: Window, header: Written
    ) -> tuple[str | None, list[Loaded], list[ModelFailure]]:
        """Why a window has nothing to draw, or its models and failures of those not loaded."""
        if reason := not_due(self.version.settings, window, self.features[window.commodity]):
            return reason, [], []
        tried = recorded(self.store.tables(), header, "train")
        names = self.version.settings.models.keys() - {
            each.model_name for each in tried if each.declined
        }
        if not names:
            return f"{window.commodity}: every model of the roster declined the window", [], []
        return None, *self.models.of(window, self.version.version, names)


def distributions_asset(settings: Settings, partitions: Partitions) -> AssetsDefinition:
    """The asset ``distributions`` of a configuration."""

    @asset(
        partitions_def=partitions.windows,
        ins={
            "features": AssetIn(
                partition_mapping=MultiToSingleDimensionPartitionMapping("commodity"),
                input_manager_key="feature_io_manager",
            ),
            "trained_models": AssetIn(input_manager_key="model_io_manager"),
        },
        backfill_policy=BackfillPolicy.single_run(),
        io_manager_key="paths_io_manager",
        check_specs=forecast_checks("distributions"),
        pool=settings.store.pool,
        group_name="forecast",
        kinds={"numpy", settings.store.kind},
        description=__doc__,
    )
    def distributions(
        context: AssetExecutionContext,
        config: ForecastConfig,
        features: Histories,
        trained_models: FittedModels,
        store: StoreResource,
        drawn_scores: ResourceParam[DrawnScores],
        progress: ResourceParam[Progress],
        listener: ResourceParam[Listener],
    ) -> Iterator[Given]:
        version = version_of_run(context, settings, store, config.model_version, config.models)
        windows = RunWindows(context, partitions, version.version, config.training_date)
        drawn_scores.clear()
        drawing = Drawing(
            version, windows, features, trained_models, store, drawn_scores, config.recompute
        )
        description = ForecastDescription(settings, store, version.in_force.differences)
        yield from Partitioned(
            context,
            progress,
            listener,
            description,
            drawing.forecast,
            drawing.inspect,
            drawing.ahead,
            code_kept=windows.code_kept,
        ).given()

    return distributions
