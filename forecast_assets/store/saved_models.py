"""Saving and loading fitted models, by commodity, training date and version.

A model is stored as JSON: in its row, or in the artifact store if it is large. The row also has the
hash of the bytes. Loading checks the hash and the schema version before it rebuilds the model.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any

from forecast_assets.configuration.settings import Settings, load_settings
from forecast_assets.errors import (
    ArtifactsUnavailable,
    CannotFit,
    LookAheadError,
    ModelNotFound,
    PayloadCorrupted,
)
from forecast_assets.forecast.drawing import Loaded
from forecast_assets.forecast.payloads import PAYLOAD_FORMAT, canonical_json, library_versions
from forecast_assets.forecast.records import ModelFailure, TrainedModel, Written
from forecast_assets.forecast.training import Fit
from forecast_assets.models import roster
from forecast_assets.models.base import FittedForecaster
from forecast_assets.models.tick import with_tick
from forecast_assets.store.artifacts import ArtifactStore
from forecast_assets.store.contract import KeepsModels, Store
from forecast_assets.store.opening import open_store
from forecast_assets.store.payloads import NOT_REBUILT, Payloads, as_json
from forecast_assets.timeline.clock import now
from forecast_assets.timeline.history import History
from forecast_assets.timeline.window import Window


def require_past(name: str, written: Written, history: History) -> None:
    """Raise LookAheadError if a history reaches the training date of the model fitted on it."""
    if history.newest >= written.training_date:
        raise LookAheadError(
            f"{written.commodity}: {name} of {written.training_date} was fitted on a close of"
            f" {history.newest}"
        )


def artifacts_of(settings: Settings) -> ArtifactStore:
    """The artifact store of a configuration."""
    return ArtifactStore(settings.artifacts_url, settings.artifacts.timeout_seconds)


@dataclass(frozen=True)
class SavedModels:
    """Fitted models in what keeps them, their large payloads in an artifact store."""

    store: KeepsModels
    artifacts: ArtifactStore
    threshold_bytes: int

    @property
    def payloads(self) -> Payloads:
        """The door through which payloads are stored and rebuilt."""
        return Payloads(self.artifacts, self.threshold_bytes)

    def row(self, fit: Fit, written: Written, history: History) -> TrainedModel:
        """Make the row of a model fitted on ``history``; a large payload is written to its file.

        Raises LookAheadError if the history reaches the training date, CannotFit for estimates that
        cannot be stored, PayloadCorrupted or ArtifactsUnavailable if its file cannot be written.
        """
        fitted = fit.model
        require_past(fitted.name, written, history)
        sample = history.since(fit.training_start)
        skips = roster.forecaster_class(fitted.name).positive_only
        parts = (
            written.commodity,
            fitted.name,
            written.training_date.isoformat(),
            written.model_version,
        )
        return TrainedModel(
            model_id="_".join(parts),
            commodity=written.commodity,
            model_name=fitted.name,
            model_version=written.model_version,
            training_date=written.training_date,
            training_start_date=fit.training_start,
            training_end_date=history.newest,
            training_samples=len(sample.positive() if skips else sample),
            options=as_json(fitted, fit.options).decode(),
            parameters=as_json(fitted, fitted.parameters).decode(),
            **asdict(self.payloads.stored(fitted, "/".join(parts))),
            payload_format=PAYLOAD_FORMAT,
            payload_schema_version=fitted.schema_version,
            data_fingerprint=history.select(fit.covariates).fingerprint,
            library_versions=canonical_json(library_versions()).decode(),
            fit_metrics=as_json(fitted, asdict(fitted.metrics)).decode(),
            fit_seconds=round(fit.seconds, 4),
            created_at=written.at,
            created_by=written.by,
            is_active=True,
            year=written.training_date.year,
            month=written.training_date.month,
        )

    def rows(
        self, fits: Iterable[Fit], written: Written, history: History
    ) -> tuple[list[TrainedModel], list[ModelFailure]]:
        """The rows of models, and a failure for each that cannot be stored.

        Raises LookAheadError if the history reaches the training date.
        """
        rows, failures = [], []
        for fit in fits:
            try:
                rows.append(self.row(fit, written, history))
            except (CannotFit, PayloadCorrupted, ArtifactsUnavailable) as error:
                window = f"{written.commodity}|{written.training_date}"
                failures.append(ModelFailure(fit.model.name, f"{window}: {error}"))
        return rows, failures

    def rebuild(self, row: TrainedModel) -> FittedForecaster:
        """Rebuild the model of a row. Raises one of ``NOT_REBUILT``."""
        return self.payloads.rebuild(row)

    def intact(self, rows: Iterable[TrainedModel]) -> list[TrainedModel]:
        """The rows whose models need not be trained again, since they can be rebuilt."""
        return self.payloads.intact(rows)

    def find(
        self, *, commodity: str, model_name: str, training_date: date, model_version: str
    ) -> TrainedModel:
        """The row of an active model. Raises ModelNotFound, which lists what exists."""
        rows = self.store.models.find(commodity, model_name, training_date, model_version)
        if rows:
            return rows[0]
        raise ModelNotFound(
            f"no active {model_name} of {commodity} for {training_date}, version {model_version};"
            f" {self.inventory(commodity, model_name)}"
        )

    def inventory(self, commodity: str, model_name: str | None = None) -> str:
        """A line with the versions and training dates for which a commodity has models."""
        dates: dict[str, set[date]] = {}
        for row in self.store.models.find(commodity, model_name):
            dates.setdefault(row.model_version, set()).add(row.training_date)
        there = [f"{version} ({_span(days)})" for version, days in sorted(dates.items())]
        return f"there are: {', '.join(there)}" if there else "there are none: materialize them"


@dataclass(frozen=True)
class ModelStore(SavedModels):
    """Fitted models in a store, beside all else that it has."""

    store: Store

    @classmethod
    def of(cls, settings: Settings) -> "ModelStore":
        """The model store that a configuration describes."""
        return cls.over(open_store(settings), settings)

    @classmethod
    def over(cls, store: Store, settings: Settings) -> "ModelStore":
        """The model store of a configuration, on a store that is open already."""
        return cls(store, artifacts_of(settings), settings.artifacts.threshold_bytes)


def load_model(
    *,
    commodity: str,
    model_name: str,
    training_date: date | str,
    model_version: str | None = None,
    models: SavedModels | None = None,
) -> FittedForecaster:
    """Load a fitted model, ready to simulate.

    ``model_version`` and ``models``: those of the configuration by default. Raises ModelNotFound,
    PayloadCorrupted, SchemaTooNew, UnknownModel, MissingExtra or ArtifactsUnavailable.
    """
    settings = load_settings()
    shelf = models or ModelStore.of(settings)
    row = shelf.find(
        commodity=commodity,
        model_name=model_name,
        training_date=_day(training_date),
        model_version=settings.version(model_version),
    )
    return shelf.rebuild(row)


def save_model(
    fitted: FittedForecaster,
    *,
    history: History,
    training_date: date | str,
    model_version: str | None = None,
    options: Mapping[str, Any] | None = None,
    models: SavedModels | None = None,
) -> TrainedModel:
    """Save a model fitted on ``history``, which must end before ``training_date``.

    An existing model of the same commodity, name, date and version is kept with
    ``is_active = FALSE``. ``options``: stored with the model; the graph fits it again if they
    differ from those in the configuration. Its paths are rounded to the commodity's ``tick``, as
    the configuration has it, unless the model has one of its own. Raises LookAheadError or
    ConfigurationError.
    """
    settings = load_settings()
    configured = settings.commodity(history.commodity).tick
    tick = configured if fitted.tick is None else fitted.tick
    shelf = models or ModelStore.of(settings)
    written = Written(
        commodity=history.commodity,
        model_version=settings.version(model_version),
        training_date=_day(training_date),
        at=now(),
        by="save_model",
    )
    made_with = with_tick(options or {}, tick)
    fit = Fit(replace(fitted, tick=tick), made_with, history.first, fitted.covariates)
    row = shelf.row(fit, written, history)
    shelf.store.models.append(written, [row], [])
    return row


def _day(day: date | str) -> date:
    return date.fromisoformat(day) if isinstance(day, str) else day


def _span(days: set[date]) -> str:
    first, last = min(days), max(days)
    return f"{first}" if first == last else f"{len(days)} dates, {first} to {last}"


@dataclass(frozen=True)
class FittedModels:
    """Stored models, which are read when they are needed."""

    models: ModelStore

    def of(
        self, window: Window, model_version: str, names: Collection[str]
    ) -> tuple[list[Loaded], list[ModelFailure]]:
        """Rebuild the active models of a window among ``names``.

        Returns the models, and failures for those that cannot be rebuilt. Raises ModelNotFound if
        there is none.
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
            except NOT_REBUILT as error:
                reason = f"{window.key}: {type(error).__name__}: {error}"
                failures.append(ModelFailure(row.model_name, reason))
        return loaded, failures
