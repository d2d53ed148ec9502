"""IO managers: each partition is computed when it can be written, and commits by itself."""

from abc import abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from dagster import (
    AssetExecutionContext,
    AssetMaterialization,
    ConfigurableIOManager,
    DagsterEvent,
    InputContext,
    OutputContext,
)

from forecast_assets.artifacts import ArtifactStore
from forecast_assets.assessment import Assessment
from forecast_assets.checks import check_events, require_sound
from forecast_assets.errors import (
    Interrupted,
    ModelNotFound,
    ModelsFailed,
    PartitionsFailed,
    PayloadCorrupted,
    SchemaTooNew,
    SourceError,
    StoreError,
    UnknownModel,
)
from forecast_assets.features import Features
from forecast_assets.findings import Finding
from forecast_assets.forecasting import Forecasting, Loaded
from forecast_assets.history import History
from forecast_assets.metadata import (
    Metadata,
    of_fans,
    of_features,
    of_forecasts,
    of_prices,
    of_scores,
    of_training,
)
from forecast_assets.model_store import ModelStore, now
from forecast_assets.partitions import Window, commodity_of
from forecast_assets.progress import Progress
from forecast_assets.resources import StoreResource
from forecast_assets.scrutiny import Scrutiny
from forecast_assets.sessions import too_sparse
from forecast_assets.sources import Observations
from forecast_assets.store.contract import ModelFailure, RecordedFailure, Stage, Store, Written
from forecast_assets.store.failure_table import same_failures
from forecast_assets.training import Training


@dataclass(frozen=True)
class Partitioned:
    """The value of an asset: its partitions, each computed when it is asked for.

    ``findings``: what was found in each before it was committed, filled in as they are computed.
    """

    context: AssetExecutionContext
    progress: Progress
    compute: Callable[[str], Any]
    findings: dict[str, list[Finding]] = field(default_factory=dict)

    def track(self) -> Iterable[str]:
        """The partition keys of the run, in order, shown as progress."""
        name, keys = self.context.asset_key.to_user_string(), sorted(self.context.partition_keys)
        if not keys:
            raise PartitionsFailed(f"{name}: the range of this run holds no partition")
        return self.progress.track(self.context.log, name, keys)


class PartitionedIOManager(ConfigurableIOManager):
    """Writes partitions one by one; one that fails does not stop the others."""

    store: StoreResource

    def tables(self) -> Store:
        """The tables behind their contract."""
        resource: Any = self.store  # Dagster types a nested resource as what may become one
        store: Store = resource.tables()
        return store

    def inspect(self, value: Any) -> list[Finding]:
        """What is found in a partition before it is committed; nothing unless overridden."""
        return []

    @abstractmethod
    def write(self, value: Any, run_id: str) -> Metadata:
        """Commit one partition, and say what it holds now."""

    # Dagster runs a generator here as well, and keeps what it yielded when it raises.
    def handle_output(  # type: ignore[override]
        self, context: OutputContext, obj: Partitioned
    ) -> Iterator[DagsterEvent]:
        """Compute and commit each partition; raise PartitionsFailed at the end if any failed."""
        described: dict[str, Metadata] = {}
        failed: dict[str, str] = {}
        try:
            for key in obj.track():
                try:
                    value = obj.compute(key)
                    obj.findings[key] = self.inspect(value)
                    require_sound(obj.findings[key])
                    described[key] = self.write(value, context.run_id)
                except Interrupted:
                    raise
                except Exception as error:  # a partition's boundary; raised below
                    failed[key] = " ".join(f"{key}: {type(error).__name__}: {error}".split())
                    context.log.exception(failed[key])
        except Interrupted as error:
            failed["the rest"] = str(error)
        if not failed:
            for key, metadata in described.items():
                obj.context.add_asset_metadata(metadata, partition_key=key)
            return
        for key, metadata in described.items():
            context.log_event(
                AssetMaterialization(asset_key=context.asset_key, partition=key, metadata=metadata)
            )
        yield from context.consume_events()  # else an in-process result would not have them
        yield from check_events(obj.context, context.asset_key, obj.findings)
        raise PartitionsFailed("\n".join(failed.values()))


@dataclass(frozen=True)
class Histories:
    """Histories by the name of their commodity, each read when it is first asked for.

    One that cannot be read so fails the partitions of its commodity, and no others of a run.
    """

    read: Callable[[str], History]
    known: dict[str, History] = field(default_factory=dict)

    def __getitem__(self, name: str) -> History:
        """The history of a commodity. Raises StoreError where it has no price."""
        if name not in self.known:
            self.known[name] = self.read(name)
        return self.known[name]


@dataclass(frozen=True, eq=False)
class Reading:
    """What a source held, whether it may take back sessions, and what of it is not believed."""

    observations: Observations
    allow_withdrawals: bool
    scrutiny: Scrutiny


class PriceIOManager(PartitionedIOManager):
    """Observations to ``commodity.market.prices``; histories from it."""

    units: dict[str, str]

    def write(self, value: Reading, run_id: str) -> Metadata:
        """Append what is new or revised. Raises SourceError for a series that is too sparse."""
        prices = self.tables().prices
        require_daily(value.observations, prices.history(value.observations.commodity))
        changes = prices.write(
            value.observations,
            now(),
            run_id,
            allow_withdrawals=value.allow_withdrawals,
            scrutiny=value.scrutiny,
        )
        name = value.observations.commodity
        history = prices.history(name)
        if len(history) == 0:
            raise SourceError(f"{name}: nothing has landed yet: drop a file with its prices")
        return of_prices(value.observations, changes, history, self.units[name])

    def load_input(self, context: InputContext) -> Histories:
        """The history of each commodity asked for, by name."""
        prices = self.tables().prices
        return Histories(lambda name: require_prices(prices.history(name)))


class FeatureIOManager(PartitionedIOManager):
    """Covariates to ``commodity.market.features``; histories with their covariates from it."""

    units: dict[str, dict[str, str]]

    def write(self, value: Features, run_id: str) -> Metadata:
        """Make the table say what the covariates are now."""
        changes = self.tables().features.write(value, now(), run_id)
        return of_features(value, changes, self.units[value.commodity])

    def load_input(self, context: InputContext) -> Histories:
        """The history of each commodity asked for, with its covariates, by name."""
        tables = self.tables()
        return Histories(
            lambda name: tables.features.read(require_prices(tables.prices.history(name)))
        )


def require_daily(observations: Observations, history: History) -> None:
    """Raise SourceError where a source and the prices stored so far are too sparse together."""
    observed = observations.prices["date"].to_numpy().astype("datetime64[D]")
    if reason := too_sparse(np.union1d(history.dates, observed)):
        raise SourceError(f"{observations.commodity}: {reason}")


def require_prices(history: History) -> History:
    """The history itself. Raises StoreError when it is empty."""
    if len(history) == 0:
        raise StoreError(
            f"{history.commodity}: no prices are stored: materialize `prices` for it first"
        )
    return history


@dataclass(frozen=True, eq=False)
class TrainedWindow:
    """A window's training, and who did it."""

    written: Written
    training: Training


@dataclass(frozen=True)
class FittedModels:
    """Stored models, read when they are asked for."""

    models: ModelStore

    def of(
        self, window: Window, model_version: str, names: Collection[str]
    ) -> tuple[list[Loaded], list[ModelFailure]]:
        """The active models of a window among ``names``, rebuilt, and those that cannot be.

        Raises ModelNotFound where there is none.
        """
        found = self.models.store.models.find(
            window.commodity, training_date=window.training_date, model_version=model_version
        )
        wanted = [row for row in found if row.model_name in names]
        if not wanted:
            raise ModelNotFound(
                f"{window.key}: no trained model of version {model_version};"
                f" {self.models.inventory(window.commodity)}"
            )
        loaded, failures = [], []
        for row in wanted:
            try:
                loaded.append((row, self.models.rebuild(row)))
            except (PayloadCorrupted, SchemaTooNew, UnknownModel) as error:
                reason = f"{window.key}: {type(error).__name__}: {error}"
                failures.append(ModelFailure(row.model_name, reason))
        return loaded, failures


class ModelIOManager(PartitionedIOManager):
    """Fitted models to ``commodity.forecast.trained_models`` and back."""

    artifacts_url: str
    threshold_bytes: int

    def model_store(self) -> ModelStore:
        """Where models are saved and loaded."""
        return ModelStore(self.tables(), ArtifactStore(self.artifacts_url), self.threshold_bytes)

    def write(self, value: TrainedWindow, run_id: str) -> Metadata:
        """Append the models fitted now. Raises ModelsFailed when none is left."""
        training, written = value.training, value.written
        models = self.model_store()
        rows = [
            models.row(
                fit.model,
                written,
                training.history,
                training_start=fit.training_start,
                options=fit.forecaster.model_dump(),
                fit_seconds=round(fit.seconds, 4),
                covariates=fit.covariates,
            )
            for fit in training.fits
        ]
        before = recorded(models.store, written, "train")
        if rows or not same_failures(before, training.failures):
            models.store.models.append(written, rows, training.failures)
        broken = [failure.reason for failure in training.failures if not failure.declined]
        if broken and not rows and not training.kept:
            raise ModelsFailed(f"no model could be fitted: {'; '.join(broken)}")
        return of_training(training, rows, written.model_version)

    def load_input(self, context: InputContext) -> FittedModels:
        """A handle that loads models by window and version, when they are needed."""
        return FittedModels(self.model_store())


@dataclass(frozen=True, eq=False)
class ForecastWindow:
    """A window's forecasts, for whom, and the closes they came from."""

    written: Written
    forecasting: Forecasting
    history: History
    not_due: str | None = None
    findings: list[Finding] = field(default_factory=list)


class PathsIOManager(PartitionedIOManager):
    """Paths to ``commodity.forecast.distributions`` and back."""

    units: dict[str, str]

    def inspect(self, value: ForecastWindow) -> list[Finding]:
        """What is found in a window's new forecasts."""
        return value.findings

    def write(self, value: ForecastWindow, run_id: str) -> Metadata:
        """Commit the window's new paths; then raise ModelsFailed if a model of it broke."""
        store, written, outcome = self.tables(), value.written, value.forecasting
        before = recorded(store, written, "forecast")
        rows = 0
        if outcome.changes_tables or not same_failures(before, outcome.failures):
            rows = store.paths.replace(
                written,
                outcome.draws,
                outcome.failures,
                moved=outcome.moved,
                withdrawn=outcome.withdrawn,
                happened=outcome.happened,
            )
        if broken := [failure.reason for failure in outcome.failures if not failure.declined]:
            raise ModelsFailed("; ".join(broken))
        fans = store.paths.newest(written.commodity, written.training_date, written.model_version)
        unit = self.units[written.commodity]
        name, version = written.commodity, written.model_version
        return of_forecasts(outcome, name, version, rows, value.not_due) | (
            of_fans(value.history, fans, unit) if fans else {}
        )

    def load_input(self, context: InputContext) -> pa.Table:
        """Every row of the partitions asked for, all versions."""
        paths = self.tables().paths
        asked = dates_by_commodity(context.asset_partition_keys)
        return pa.concat_tables([paths.read(name, days) for name, days in asked.items()])


@dataclass(frozen=True, eq=False)
class AssessedWindow:
    """A window's new scores, and whose they are."""

    written: Written
    assessment: Assessment


class ScoreIOManager(PartitionedIOManager):
    """Scores to ``commodity.forecast.scores`` and ``path_scores``."""

    units: dict[str, str]

    def write(self, value: AssessedWindow, run_id: str) -> Metadata:
        """Commit a window's new scores."""
        scores, written = self.tables().scores, value.written
        if value.assessment.models or value.assessment.gone:
            scores.replace(written, value.assessment.models, value.assessment.gone)
        held = scores.read(written.commodity, [written.training_date], written.model_version)
        unit = self.units[written.commodity]
        return of_scores(value.assessment, held, written.model_version, unit)

    def load_input(self, context: InputContext) -> pd.DataFrame:
        """Scores of every session ahead of the partitions asked for, all versions."""
        scores = self.tables().scores
        asked = dates_by_commodity(context.asset_partition_keys)
        return pd.concat([scores.read(name, days) for name, days in asked.items()])


def dates_by_commodity(keys: Sequence[str]) -> dict[str, list[date]]:
    """The training dates that partition keys ask for, by commodity."""
    dates: dict[str, list[date]] = {}
    for key in keys:
        day = key.rpartition("|")[2]
        dates.setdefault(commodity_of(key), []).append(date.fromisoformat(day))
    return dates


def written(window: Window, model_version: str, run_id: str, at: datetime) -> Written:
    """The columns that all rows of one write of a window share."""
    return Written(window.commodity, model_version, window.training_date, at, run_id)


def recorded(store: Store, written: Written, stage: Stage) -> list[RecordedFailure]:
    """The failures of the last attempt at a window."""
    return [
        failure
        for failure in store.failures.find(written.commodity, written.model_version)
        if failure.training_date == written.training_date and failure.stage == stage
    ]
