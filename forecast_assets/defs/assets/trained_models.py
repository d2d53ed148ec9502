"""Fitted models of the roster; a partition is a commodity and the window from a training date on.

A model is fitted on what was known before the training date and used until the next one:
``commodity.forecast.trained_models`` has a row for each. It is fitted again when its options or its
data change, and the row that it replaces stays, inactive. One that cannot be fitted is named, with
its reason, in the metadata and in ``commodity.forecast.failures``.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from dagster import (
    AssetExecutionContext,
    AssetIn,
    AssetMaterialization,
    AssetsDefinition,
    BackfillPolicy,
    Config,
    MultiToSingleDimensionPartitionMapping,
    Output,
    ResourceParam,
    asset,
)
from pydantic import Field

from forecast_assets.configuration.settings import Settings
from forecast_assets.defs.io_managers import Histories, TrainedWindow, written
from forecast_assets.defs.partitioned import Partitioned, stage_of
from forecast_assets.defs.partitions import Partitions, commodity_of
from forecast_assets.defs.progress import Progress
from forecast_assets.defs.resources import StoreResource
from forecast_assets.defs.run_config import MODELS_OF_A_RUN, TRAINING_DATE_OF_A_RUN
from forecast_assets.errors import ModelsFailed
from forecast_assets.forecast.parallel import Processes
from forecast_assets.forecast.tasks import Done, Task
from forecast_assets.forecast.training import Request, Training, require_session, train
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


@dataclass(frozen=True)
class Trainings:
    """The windows of a run, trained commodity by commodity: an error ends those of its own.

    ``of``: the trainings of a commodity's windows, in order.
    """

    of: Callable[[str], Iterator[tuple[Window, Training]]]
    begun: dict[str, Iterator[tuple[Window, Training]]] = field(default_factory=dict)

    def next_of(self, commodity: str) -> tuple[Window, Training]:
        """The next window of a commodity. Raises ModelsFailed after an error in an earlier one."""
        if commodity not in self.begun:
            self.begun[commodity] = self.of(commodity)
        try:
            return next(self.begun[commodity])
        except StopIteration as error:
            raise ModelsFailed("not trained: an earlier partition's error ended it") from error


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
        group_name="forecast",
        kinds={"statsmodels", "duckdb"},
        description=__doc__,
    )
    def trained_models(
        context: AssetExecutionContext,
        config: TrainingConfig,
        features: Histories,
        store: StoreResource,
        progress: ResourceParam[Progress],
    ) -> Iterator[Output[Partitioned] | AssetMaterialization]:
        run = settings.of_run(config.model_version, config.models)
        version = run.model_version
        models = ModelStore.over(store.tables(), settings)

        def request(window: Window) -> Request:
            known = models.store.models.find(
                window.commodity, training_date=window.training_date, model_version=version
            )
            return Request(window, features[window.commodity], models.intact(known))

        stage = stage_of("trained_models", sorted(context.partition_keys))
        processes = Processes(
            settings.parallel,
            lambda done, total: progress.track(context.log, stage, "models", done, total),
        )

        def spread(tasks: Sequence[Task]) -> Iterator[list[Done[Any]]]:
            return processes(tasks) if tasks else iter(())

        def trainings(name: str) -> Iterator[tuple[Window, Training]]:
            keys = [key for key in sorted(context.partition_keys) if commodity_of(key) == name]
            windows = [partitions.window_of_run(key, config.training_date, version) for key in keys]
            require_session(settings, windows[0], features[name])
            return train(run, [request(window) for window in windows], spread)

        trained = Trainings(trainings)

        def next_window(key: str) -> TrainedWindow:
            window, training = trained.next_of(commodity_of(key))
            for failure in training.failures:
                context.log.error("%s", failure.reason)
            if training.not_due:
                context.log.warning("%s: nothing is due: %s", key, training.not_due)
            header = written(window, version, context.run.run_id, now())
            return TrainedWindow(window, header, training)

        value = Partitioned(context, progress, next_window)
        yield Output(value)
        yield from value.again()

    return trained_models
