"""IO managers: they save each partition in one transaction, and load the inputs of assets."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

import pandas as pd
import pyarrow as pa
from dagster import InputContext, ResourceDependency

from forecast_assets.automation.results import (
    FeaturesJoined,
    PricesRead,
    WindowForecast,
    WindowScored,
    WindowTrained,
)
from forecast_assets.defs.partitioned import PartitionedIOManager
from forecast_assets.defs.partitions import commodity_of, training_date_of
from forecast_assets.errors import SourceError, StoreError
from forecast_assets.evaluation.assessment import Assessment
from forecast_assets.forecast.forecasting import Forecasting
from forecast_assets.forecast.records import RecordedFailure, Stage, Written, same_failures
from forecast_assets.forecast.training import Training
from forecast_assets.forecast.version_pins import Pin
from forecast_assets.market.features import Features
from forecast_assets.market.observations import Observations
from forecast_assets.store.artifacts import ArtifactStore
from forecast_assets.store.contract import Store
from forecast_assets.store.frames import frame
from forecast_assets.store.saved_models import FittedModels, ModelStore
from forecast_assets.timeline.clock import now
from forecast_assets.timeline.history import History
from forecast_assets.timeline.scrutiny import Scrutiny
from forecast_assets.timeline.window import Window


@dataclass(frozen=True)
class Histories:
    """Histories by commodity, each of which is read at its first use.

    So a history that cannot be read fails only the partitions of its own commodity. ``read_at``:
    when each was read, in UTC; no price that was written later is in it.
    """

    read: Callable[[str], History]
    tables: Store
    known: dict[str, History] = field(default_factory=dict)
    read_at: dict[str, datetime] = field(default_factory=dict)

    def __getitem__(self, name: str) -> History:
        """The history of a commodity. Raises StoreError if it has no price."""
        if name not in self.known:
            with self.tables.reading():  # from here on the tables stay as they are
                self.read_at[name] = now()
                self.known[name] = self.read(name)
        return self.known[name]


@dataclass(frozen=True, eq=False)
class SourceReading:
    """What a source held, and how to save it.

    ``allow_withdrawals``: whether all stored sessions that the source lacks are withdrawn.
    ``scrutiny``: decides which closes must wait.
    """

    observations: Observations
    allow_withdrawals: bool
    scrutiny: Scrutiny


class PriceIOManager(PartitionedIOManager):
    """Observations to ``commodity.market.prices``; histories from it."""

    def save(self, value: SourceReading, by: str) -> PricesRead:
        """Append new and revised prices. Raises SourceError if no file has landed yet."""
        prices, observations = self.tables().prices, value.observations
        changes = prices.write(
            observations,
            now(),
            by,
            allow_withdrawals=value.allow_withdrawals,
            scrutiny=value.scrutiny,
        )
        name = observations.commodity
        history = prices.history(name)
        if len(history) == 0:
            raise SourceError(f"{name}: nothing has landed yet: drop a file with its prices")
        return PricesRead(observations, changes, history)

    def load_input(self, context: InputContext) -> Histories:
        """The histories of the commodities in the partitions, by name."""
        tables = self.tables()
        return Histories(lambda name: require_prices(tables.prices.history(name)), tables)


class FeatureIOManager(PartitionedIOManager):
    """Covariates to ``commodity.market.features``; histories with their covariates from it."""

    def save(self, value: Features, by: str) -> FeaturesJoined:
        """Make the table equal to the covariates as they are now."""
        return FeaturesJoined(value, self.tables().features.write(value, now(), by))

    def load_input(self, context: InputContext) -> Histories:
        """The histories of the commodities in the partitions with their covariates, by name."""
        tables = self.tables()
        return Histories(
            lambda name: tables.features.read(require_prices(tables.prices.history(name))), tables
        )


def require_prices(history: History) -> History:
    """Return the history. Raises StoreError if it is empty."""
    if len(history) == 0:
        raise StoreError(
            f"{history.commodity}: no prices are stored: materialize `prices` for it first"
        )
    return history


@dataclass(frozen=True, eq=False)
class TrainedWindow:
    """A window's training, and the columns that all its rows share.

    ``pin``: what the version means, if that is to be pinned with its models.
    """

    window: Window
    written: Written
    training: Training
    pin: Pin | None = None


class ModelIOManager(PartitionedIOManager):
    """Fitted models to ``commodity.forecast.trained_models`` and back."""

    artifacts: ResourceDependency[ArtifactStore]  # no plain field: its address may be a secret
    threshold_bytes: int

    def model_store(self) -> ModelStore:
        """The store for saving and loading models."""
        return ModelStore(self.tables(), self.artifacts, self.threshold_bytes)

    def save(self, value: TrainedWindow, by: str) -> WindowTrained:
        """Append the models fitted now, and the failures of the others."""
        training, written = value.training, value.written
        models = self.model_store()
        rows, unstored = models.rows(training.fits, written, training.history)
        training = replace(training, failures=[*training.failures, *unstored])
        before = recorded(models.store, written, "train")
        if rows or not same_failures(before, training.failures):
            pin = value.pin if rows else None
            models.store.models.append(written, rows, training.failures, pin)
        return WindowTrained.of(value.window, written.model_version, training, rows)

    def load_input(self, context: InputContext) -> FittedModels:
        """A handle that loads models by window and version, when they are needed."""
        return FittedModels(self.model_store())


@dataclass(frozen=True, eq=False)
class ForecastWindow:
    """A window's forecasts to save.

    ``written``: the columns that all its rows share. ``history``: the closes that the forecasts
    were made from. ``not_due``: why there was nothing to draw, or None.
    """

    window: Window
    written: Written
    forecasting: Forecasting
    history: History
    not_due: str | None = None


class PathsIOManager(PartitionedIOManager):
    """Paths to ``commodity.forecast.distributions`` and back."""

    def save(self, value: ForecastWindow, by: str) -> WindowForecast:
        """Write the window's new paths, outcomes and failures."""
        store, written, outcome = self.tables(), value.written, value.forecasting
        before = recorded(store, written, "forecast")
        rows = 0
        if outcome.changes_tables or not same_failures(before, outcome.failures):
            rows = store.paths.apply(written, outcome.change)
        return WindowForecast.of(
            value.window, written.model_version, value.history, outcome, rows, value.not_due
        )

    def load_input(self, context: InputContext) -> pa.Table:
        """All rows of the partitions, in all versions."""
        paths = self.tables().paths
        asked = dates_by_commodity(context.asset_partition_keys)
        return pa.concat_tables([paths.read(name, days) for name, days in asked.items()])


@dataclass(frozen=True, eq=False)
class AssessedWindow:
    """A window's new scores, and the columns that all their rows share."""

    window: Window
    written: Written
    assessment: Assessment


class ScoreIOManager(PartitionedIOManager):
    """Scores to ``commodity.forecast.scores`` and ``path_scores``."""

    def save(self, value: AssessedWindow, by: str) -> WindowScored:
        """Write a window's new scores."""
        assessment, written = value.assessment, value.written
        if assessment.models or assessment.gone:
            self.tables().scores.replace(written, assessment.models, assessment.gone)
        return WindowScored.of(value.window, written.model_version, assessment)

    def load_input(self, context: InputContext) -> pd.DataFrame:
        """The scores by session ahead of the partitions, in all versions."""
        scores = self.tables().scores
        asked = dates_by_commodity(context.asset_partition_keys)
        return frame(pa.concat_tables([scores.read(name, days) for name, days in asked.items()]))


def dates_by_commodity(keys: Sequence[str]) -> dict[str, list[date]]:
    """The training dates in partition keys, by commodity."""
    dates: dict[str, list[date]] = {}
    for key in keys:
        dates.setdefault(commodity_of(key), []).append(training_date_of(key))
    return dates


def recorded(store: Store, written: Written, stage: Stage) -> list[RecordedFailure]:
    """The failures of the last attempt at a window."""
    return [
        failure
        for failure in store.failures.find(written.commodity, written.model_version)
        if failure.training_date == written.training_date and failure.stage == stage
    ]
