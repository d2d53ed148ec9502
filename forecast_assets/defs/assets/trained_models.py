"""Fitted models of the roster; a partition is a commodity and the window from a training date on.

A model is fitted on what was known before the training date and used until the next one:
``commodity.forecast.trained_models`` has a row for each. It is fitted again when its data change or
its version is rewritten, and the row that it replaces stays, inactive. One that cannot be fitted is
named, with its reason, in the metadata and in ``commodity.forecast.failures``.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
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
from forecast_assets.defs.descriptions import TrainingDescription
from forecast_assets.defs.io_managers import Histories, TrainedWindow
from forecast_assets.defs.partitioned import Given, Partitioned
from forecast_assets.defs.partitions import Partitions
from forecast_assets.defs.progress import Progress
from forecast_assets.defs.resources import StoreResource
from forecast_assets.defs.run_config import (
    MODELS_OF_A_RUN,
    REWRITE_OF_A_RUN,
    TRAINING_DATE_OF_A_RUN,
)
from forecast_assets.defs.run_windows import RunWindows
from forecast_assets.defs.stages import stage_of
from forecast_assets.defs.version_of_run import version_of_run
from forecast_assets.errors import ModelsFailed
from forecast_assets.forecast.parallel import Processes
from forecast_assets.forecast.tasks import Done, Task
from forecast_assets.forecast.training import (
    Spread,
    Training,
    WindowToTrain,
    require_session,
    train,
)
from forecast_assets.store.pinning import PinnedVersion
from forecast_assets.store.saved_models import ModelStore
from forecast_assets.timeline.clock import now
from forecast_assets.timeline.window import Window


class TrainingConfig(Config):
    """What a run may choose about training."""

    models: list[Any] | None = Field(default=None, description=MODELS_OF_A_RUN)
    model_version: str | None = Field(
        default=None,
        description="Version to save the models under; the configuration's by default.",
    )
    training_date: str | None = Field(default=None, description=TRAINING_DATE_OF_A_RUN)
    rewrite: str | None = Field(default=None, description=REWRITE_OF_A_RUN)


@dataclass(frozen=True)
class Trainings:
    """The trainings of a run, commodity by commodity; an error ends only those of its commodity.

    All windows of a commodity are trained together, but each is returned when it is asked for.
    ``version``: the meaning to train by, and what of it is to be pinned. ``begun``: the running
    trainings, by commodity. ``early``: trainings that are done and have not been asked for yet.
    """

    version: PinnedVersion
    windows: RunWindows
    features: Histories
    models: ModelStore
    spread: Spread
    begun: dict[str, Iterator[tuple[Window, Training]]] = field(default_factory=dict)
    early: dict[Window, Training] = field(default_factory=dict)

    def train(self, key: str) -> TrainedWindow:
        """The training of a partition. Raises ModelsFailed after an error in an earlier one."""
        log, window = self.windows.context.log, self.windows.of(key)
        training = self.of(window)
        for failure in training.failures:
            log.error("%s", failure.reason)
        if training.not_due:
            log.warning("%s: nothing is due: %s", key, training.not_due)
        written = self.windows.written(window, now())
        return TrainedWindow(window, written, training, self.version.due(written.at, written.by))

    def of(self, window: Window) -> Training:
        """The training of a window. Raises ModelsFailed after an error in an earlier one."""
        commodity = window.commodity
        if commodity not in self.begun:
            self.begun[commodity] = self._begin(commodity)
        while window not in self.early:
            trained = next(self.begun[commodity], None)
            if trained is None:
                raise ModelsFailed("not trained: an earlier partition's error ended it")
            self.early[trained[0]] = trained[1]
        return self.early.pop(window)

    def _begin(self, commodity: str) -> Iterator[tuple[Window, Training]]:
        """Begin to train the windows of a commodity; the iterator trains on. Raises NoSession."""
        windows = self.windows.all_of(commodity)
        run = self.version.settings
        require_session(run, next(iter(windows.values())), self.features[commodity])
        requests = [self._request(key, window) for key, window in windows.items()]
        return train(run, requests, self.spread)

    def _request(self, key: str, window: Window) -> WindowToTrain:
        if self.windows.anew(key):
            return WindowToTrain(window, self.features[window.commodity])
        known = self.models.store.models.find(
            window.commodity,
            training_date=window.training_date,
            model_version=self.version.version,
        )
        return WindowToTrain(window, self.features[window.commodity], self.models.intact(known))


def trained_models_asset(settings: Settings, partitions: Partitions) -> AssetsDefinition:
    """The asset ``trained_models`` of a configuration."""

    @asset(
        partitions_def=partitions.windows,
        ins={
            "features": AssetIn(
                partition_mapping=MultiToSingleDimensionPartitionMapping("commodity"),
                input_manager_key="feature_io_manager",
            )
        },
        backfill_policy=BackfillPolicy.single_run(),
        io_manager_key="model_io_manager",
        pool=settings.store.pool,
        group_name="forecast",
        kinds={"statsmodels", settings.store.kind},
        description=__doc__,
    )
    def trained_models(
        context: AssetExecutionContext,
        config: TrainingConfig,
        features: Histories,
        store: StoreResource,
        progress: ResourceParam[Progress],
        listener: ResourceParam[Listener],
    ) -> Iterator[Given]:
        version = version_of_run(
            context, settings, store, config.model_version, config.models, config.rewrite
        )
        windows = RunWindows(context, partitions, version.version, config.training_date)
        models = ModelStore.over(store.tables(), settings)
        spread = spread_of(settings, context, progress)
        trainings = Trainings(version, windows, features, models, spread)

        description = TrainingDescription(settings, store, version.in_force.differences)
        yield from Partitioned(
            context,
            progress,
            listener,
            description,
            trainings.train,
            code_kept=windows.code_kept,
        ).given()

    return trained_models


def spread_of(settings: Settings, context: AssetExecutionContext, progress: Progress) -> Spread:
    """A function that runs tasks in the configured processes and shows each model as it is done."""
    stage = stage_of("trained_models", sorted(context.partition_keys))
    processes = Processes(
        settings.parallel,
        lambda done, total: progress.track(context.log, stage, "models", done, total),
    )

    def spread(tasks: Sequence[Task]) -> Iterator[list[Done[Any]]]:
        return processes(tasks) if tasks else iter(())

    return spread
