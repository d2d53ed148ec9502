"""IO managers: each partition is computed when it can be written, and commits by itself."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

import numpy as np
import pandas as pd
import pyarrow as pa
from dagster import (
    InputContext,
)

from forecast_assets.defs.metadata import (
    ROWS,
    Metadata,
    by_version,
    fans_table,
    of_features,
    of_forecasts,
    of_prices,
    of_scores,
    of_training,
    of_versions,
    scores_table,
)
from forecast_assets.defs.partitioned import PartitionedIOManager
from forecast_assets.defs.partitions import commodity_of
from forecast_assets.errors import (
    ModelsFailed,
    SourceError,
    StoreError,
)
from forecast_assets.evaluation.assessment import Assessment
from forecast_assets.evaluation.findings import Finding
from forecast_assets.forecast.forecasting import Forecasting
from forecast_assets.forecast.records import (
    RecordedFailure,
    Stage,
    TrainedModel,
    Written,
    same_failures,
)
from forecast_assets.forecast.training import Training
from forecast_assets.market.features import Features
from forecast_assets.market.observations import Observations
from forecast_assets.report import plots
from forecast_assets.store.artifacts import ArtifactStore
from forecast_assets.store.contract import Store
from forecast_assets.store.frames import frame
from forecast_assets.store.saved_models import FittedModels, ModelStore
from forecast_assets.timeline.clock import now
from forecast_assets.timeline.history import History
from forecast_assets.timeline.scrutiny import Scrutiny
from forecast_assets.timeline.sessions import too_sparse
from forecast_assets.timeline.window import Window


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

    def picture(self, key: str, metadata: Metadata) -> str | None:
        """All closes."""
        return plots.price_plot(self.tables().prices.history(key), self.units[key])

    def history(self, key: str) -> History | None:
        """The closes of a commodity."""
        return self.tables().prices.history(key)

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

    def picture(self, key: str, metadata: Metadata) -> str | None:
        """Each covariate as it is stored."""
        history = self.history(key)
        return plots.feature_plot(history, self.units[key]) if history.feature_names else None

    def history(self, key: str) -> History:
        """The closes of a commodity with its covariates."""
        tables = self.tables()
        return tables.features.read(tables.prices.history(key))

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

    window: Window
    written: Written
    training: Training


class ModelIOManager(PartitionedIOManager):
    """Fitted models to ``commodity.forecast.trained_models`` and back."""

    artifacts_url: str
    threshold_bytes: int
    model_version: str

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
        return self._described(value, rows)

    def _described(self, value: TrainedWindow, fitted: Sequence[TrainedModel]) -> Metadata:
        """What a window has, of the version in use and then of the run's."""
        store, window, version = self.tables(), value.window, value.written.model_version
        first, end = window.partition_date, window.end
        held = store.versions.held(window.commodity, first, end)
        in_use: list[TrainedModel] = []
        if version != self.model_version:
            in_use = store.models.find(
                window.commodity, training_date=first, model_version=self.model_version
            )
        described = of_training(value.training, fitted, version, in_use)
        return described | of_versions(held, self.model_version)

    def contents(self, value: TrainedWindow) -> str:
        """The fingerprint of a window's active models."""
        window = value.window
        return self.tables().contents.models(window.commodity, window.partition_date, window.end)

    def load_input(self, context: InputContext) -> FittedModels:
        """A handle that loads models by window and version, when they are needed."""
        return FittedModels(self.model_store())


@dataclass(frozen=True, eq=False)
class ForecastWindow:
    """A window's forecasts, for whom, and the closes they came from."""

    window: Window
    written: Written
    forecasting: Forecasting
    history: History
    not_due: str | None = None
    findings: list[Finding] = field(default_factory=list)


class PathsIOManager(PartitionedIOManager):
    """Paths to ``commodity.forecast.distributions`` and back."""

    units: dict[str, str]
    model_version: str

    def inspect(self, value: ForecastWindow) -> list[Finding]:
        """What is found in a window's new forecasts."""
        return value.findings

    def write(self, value: ForecastWindow, run_id: str) -> Metadata:
        """Commit the window's new paths; then raise ModelsFailed if a model of it broke."""
        store, written, outcome = self.tables(), value.written, value.forecasting
        before = recorded(store, written, "forecast")
        rows = 0
        if outcome.changes_tables or not same_failures(before, outcome.failures):
            rows = store.paths.apply(written, outcome.change)
        name, version = written.commodity, written.model_version
        described = of_forecasts(outcome, name, version, rows, value.not_due)
        if broken := [failure.reason for failure in outcome.failures if not failure.declined]:
            raise ModelsFailed("; ".join(broken), described)
        return self._newest(value) | described | self._versions(value, described)

    def contents(self, value: ForecastWindow) -> str:
        """The fingerprint of a window's forecasts."""
        window = value.window
        return self.tables().contents.forecasts(window.commodity, window.partition_date, window.end)

    def _newest(self, value: ForecastWindow) -> Metadata:
        """The newest forecasts of a window, of the version in use and then of the run's."""
        paths, written, window = self.tables().paths, value.written, value.window
        name, unit = window.commodity, self.units[window.commodity]
        dates = {self.model_version: window.partition_date}
        dates |= {written.model_version: written.training_date}
        fans = {version: paths.newest(name, day, version) for version, day in dates.items()}
        if not any(fans.values()):
            return {}
        tables = {version: fans_table(value.history, some, unit) for version, some in fans.items()}
        return by_version("newest_forecast", tables)

    def _versions(self, value: ForecastWindow, described: Metadata) -> Metadata:
        """Every version of a window, and the paths of the one in use."""
        window = value.window
        held = self.tables().versions.held(window.commodity, window.partition_date, window.end)
        paths = {each.model_version: each.paths for each in held}
        rows = described[ROWS]
        if value.written.model_version != self.model_version:
            rows = paths.get(self.model_version) or rows
        return of_versions(held, self.model_version) | {ROWS: rows}

    def picture(self, key: str, metadata: Metadata) -> str | None:
        """The newest forecast of each model of a window."""
        ((name, (day,)),) = dates_by_commodity([key]).items()
        tables = self.tables()
        for version in (self.model_version, str(metadata["model_version"])):
            if fans := tables.paths.newest(name, day, version):
                return plots.fan_chart(tables.prices.history(name), fans, self.units[name])
        return None

    def load_input(self, context: InputContext) -> pa.Table:
        """Every row of the partitions asked for, all versions."""
        paths = self.tables().paths
        asked = dates_by_commodity(context.asset_partition_keys)
        return pa.concat_tables([paths.read(name, days) for name, days in asked.items()])


@dataclass(frozen=True, eq=False)
class AssessedWindow:
    """A window's new scores, and whose they are."""

    window: Window
    written: Written
    assessment: Assessment


class ScoreIOManager(PartitionedIOManager):
    """Scores to ``commodity.forecast.scores`` and ``path_scores``."""

    units: dict[str, str]
    model_version: str

    def write(self, value: AssessedWindow, run_id: str) -> Metadata:
        """Commit a window's new scores."""
        scores, written = self.tables().scores, value.written
        if value.assessment.models or value.assessment.gone:
            scores.replace(written, value.assessment.models, value.assessment.gone)
        window, unit = value.window, self.units[written.commodity]
        frames = {
            version: frame(scores.read(window.commodity, [day], version))
            for version, day in (
                (self.model_version, window.partition_date),
                (written.model_version, written.training_date),
            )
        }
        held = self.tables().versions.held(window.commodity, window.partition_date, window.end)
        in_use = frames[self.model_version]
        shown = in_use if len(in_use) else frames[written.model_version]
        tables = {version: scores_table(held, unit) for version, held in frames.items()}
        return (
            by_version("scores", tables)
            | of_scores(value.assessment, shown, written.model_version)
            | of_versions(held, self.model_version)
        )

    def contents(self, value: AssessedWindow) -> str:
        """The fingerprint of a window's scores."""
        window = value.window
        return self.tables().contents.scores(window.commodity, window.partition_date, window.end)

    def picture(self, key: str, metadata: Metadata) -> str | None:
        """CRPS and coverage of each model of a window by session ahead."""
        ((name, days),) = dates_by_commodity([key]).items()
        for version in (self.model_version, str(metadata["model_version"])):
            held = frame(self.tables().scores.read(name, days, version))
            if len(held):
                return plots.score_plot(held, self.units[name])
        return None

    def load_input(self, context: InputContext) -> pd.DataFrame:
        """Scores of every session ahead of the partitions asked for, all versions."""
        scores = self.tables().scores
        asked = dates_by_commodity(context.asset_partition_keys)
        return frame(pa.concat_tables([scores.read(name, days) for name, days in asked.items()]))


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
