"""The payloads of fitted models: the one door through which they are stored and rebuilt.

A payload is in the row of its model or, if it is large, in the artifact store. Whoever may write
either can write anything there. So all of it is bounded before it is parsed, and checked before a
model is made of it; what cannot be rebuilt is an error of that model by name.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, FailFast, FiniteFloat, RootModel

from forecast_assets.configuration.version_meaning import Options, StoredOptions
from forecast_assets.errors import (
    ArtifactsUnavailable,
    CannotFit,
    MissingExtra,
    PayloadCorrupted,
    SchemaTooNew,
    UnknownModel,
)
from forecast_assets.forecast.payloads import (
    LARGEST_PAYLOAD,
    PAYLOAD_FORMAT,
    canonical_json,
    parsed,
)
from forecast_assets.forecast.records import TrainedModel
from forecast_assets.models import roster
from forecast_assets.models.base import FittedForecaster
from forecast_assets.models.saved import Form, checked
from forecast_assets.models.tick import TICK, Tick
from forecast_assets.store.artifacts import ArtifactStore, address_of

TABLE = "commodity.forecast.trained_models"

TRAIN_AGAIN = "train this window again to replace it"

NOT_REBUILT = (PayloadCorrupted, UnknownModel, SchemaTooNew, MissingExtra, ArtifactsUnavailable)
"""Why a stored model cannot be had: it is damaged, or only this installation cannot use it now."""

LIKE_ITS_ROW = ("model", "schema version", "size", "format", "tick")
"""In what a payload and the row of its model must agree."""

MOST_SOUND = 10_000
"""How many payloads a process remembers to be sound."""


@dataclass(frozen=True)
class StoredPayload:
    """The columns of ``trained_models`` that hold a model's payload, or its address and hash."""

    fitted_model_json: str | None
    fitted_model_uri: str | None
    payload_sha256: str
    model_size_bytes: int


Deciding = tuple[str, str, int, int, str, str]
"""What of a row decides whether a model can be made of it: hash, name, schema version, size and
format of its payload, and a hash of the documents that tell of the model."""


@dataclass
class SoundPayloads:
    """Models that were rebuilt in this process, by what decides it; the latest are kept.

    The sensor looks at all models every few seconds, and to rebuild one takes longer than to
    compare its hash.
    """

    known: OrderedDict[Deciding, None] = field(default_factory=OrderedDict)

    def __contains__(self, row: TrainedModel) -> bool:
        return _key(row) in self.known

    def add(self, row: TrainedModel) -> None:
        """Remember the payload of a row."""
        self.known[_key(row)] = None
        while len(self.known) > MOST_SOUND:
            self.known.popitem(last=False)


def _key(row: TrainedModel) -> Deciding:
    documents = repr((row.options, row.parameters, row.fit_metrics))
    return (
        row.payload_sha256,
        row.model_name,
        row.payload_schema_version,
        row.model_size_bytes,
        row.payload_format,
        hashlib.sha256(documents.encode(errors="surrogatepass")).hexdigest(),
    )


SOUND = SoundPayloads()


def as_json(fitted: FittedForecaster, document: Mapping[str, Any]) -> bytes:
    """The JSON of what a model says. Raises CannotFit for a number that JSON does not have."""
    try:
        return canonical_json(document)
    except ValueError as error:
        raise CannotFit(f"{fitted.name}: its estimates cannot be stored: {error}") from error


@dataclass(frozen=True)
class Payloads:
    """Payloads in rows, and in an artifact store from ``threshold_bytes`` on."""

    artifacts: ArtifactStore
    threshold_bytes: int

    def stored(self, fitted: FittedForecaster, folder: str) -> StoredPayload:
        """The payload of a model for its row, or written to ``folder`` if it is large.

        Raises CannotFit for estimates from which no model could be rebuilt, so that no such row is
        ever made. Raises ArtifactsUnavailable or PayloadCorrupted if it cannot be written.
        """
        payload = as_json(fitted, roster.dump(fitted))
        try:
            roster.load(parsed(payload))
        except PayloadCorrupted as error:
            raise CannotFit(f"{fitted.name}: its estimates cannot be stored: {error}") from error
        sha256 = hashlib.sha256(payload).hexdigest()
        if len(payload) < self.threshold_bytes:
            return StoredPayload(payload.decode(), None, sha256, len(payload))
        address = self.artifacts.write(folder, sha256, payload)
        return StoredPayload(None, address, sha256, len(payload))

    def read(self, row: TrainedModel) -> bytes:
        """The saved bytes of a model. Raises PayloadCorrupted or ArtifactsUnavailable."""
        _require_said(row, "payload_sha256", "model_size_bytes")
        size = row.model_size_bytes
        if not 0 < size <= LARGEST_PAYLOAD:
            raise PayloadCorrupted(
                f"{row.model_id}: {TABLE} says {size:,} bytes, allowed: 1 to {LARGEST_PAYLOAD:,}:"
                f" {TRAIN_AGAIN}"
            )
        if row.fitted_model_uri is None:
            payload, place = (row.fitted_model_json or "").encode(), TABLE
        else:
            try:
                payload = self.artifacts.read(row.fitted_model_uri, size)
            except PayloadCorrupted as error:
                raise type(error)(f"{row.model_id}: {error}: {TRAIN_AGAIN}") from error
            except ArtifactsUnavailable as error:
                raise ArtifactsUnavailable(f"{row.model_id}: {error}") from error
            place = address_of(row.fitted_model_uri)
        found = hashlib.sha256(payload).hexdigest()
        if found != row.payload_sha256:
            raise PayloadCorrupted(
                f"{row.model_id}: the payload in {place} has SHA-256 {found}, its row says"
                f" {row.payload_sha256[:64]}: {TRAIN_AGAIN}"
            )
        return payload

    def rebuild(self, row: TrainedModel) -> FittedForecaster:
        """Rebuild the model of a row. Raises one of ``NOT_REBUILT`` and nothing else."""
        require_documents(row)
        model = model_of(row, self.read(row))
        SOUND.add(row)
        return model

    def intact(self, rows: Iterable[TrainedModel]) -> list[TrainedModel]:
        """The rows whose models need not be trained again.

        They can be rebuilt, or they could be if the artifact store answered, or if the package or
        release that they ask for were installed: such a row is kept, and who draws from it is told.
        """
        return [row for row in rows if self._is_intact(row)]

    def _is_intact(self, row: TrainedModel) -> bool:
        try:
            is_known = row in SOUND
            if not is_known:
                require_documents(row)
            payload = self.read(row)
            if not is_known:
                model_of(row, payload)
                SOUND.add(row)
        except (MissingExtra, ArtifactsUnavailable):
            return True
        except SchemaTooNew:
            return bool(parsed(payload)["schema_version"] == row.payload_schema_version)
        except (PayloadCorrupted, UnknownModel):
            return False
        return True


class FitTold(BaseModel):
    """What a row tells people of its fit besides numbers."""

    model_config = ConfigDict(strict=True)

    warnings: Annotated[list[str], FailFast()] = []


Estimates = RootModel[dict[str, FiniteFloat]]
"""The estimates of a row by their names."""


ModelOptions = RootModel[StoredOptions]
"""The options of the model of a row."""


class DrawnIn(BaseModel):
    """What else is among these options."""

    model_config = ConfigDict(strict=True)

    tick: Tick | None = None


def require_documents(row: TrainedModel) -> None:
    """Raise PayloadCorrupted unless what a row tells of its model can be read.

    Runs tell it of the models that they keep.
    """
    _require_said(row, "parameters", "fit_metrics")
    for column, form in (("parameters", Estimates), ("fit_metrics", FitTold)):
        _document(row, column, form)
    stored_options(row)
    stored_tick(row)


def stored_options(row: TrainedModel) -> Options:
    """The options that a model was trained with, without its tick. Raises PayloadCorrupted."""
    found = _document(row, "options", ModelOptions).root
    return {name: value for name, value in found.items() if name != TICK}


def stored_tick(row: TrainedModel) -> float | None:
    """The tick to which the paths of a model are rounded, or None. Raises PayloadCorrupted."""
    return _document(row, "options", DrawnIn).tick


def _document(row: TrainedModel, column: str, form: type[Form]) -> Form:
    """What a column with JSON says. Raises PayloadCorrupted."""
    try:
        return checked(form, parsed((getattr(row, column) or "").encode()), column)
    except PayloadCorrupted as error:
        raise PayloadCorrupted(
            f"{row.model_id}: {column} of {TABLE} cannot be read: {error}: {TRAIN_AGAIN}"
        ) from error


def _require_said(row: TrainedModel, *columns: str) -> None:
    """Raise PayloadCorrupted if a column that no row of ours leaves empty is empty."""
    for column in columns:
        if getattr(row, column) is None:
            raise PayloadCorrupted(f"{row.model_id}: {TABLE} has no {column}: {TRAIN_AGAIN}")


def model_of(row: TrainedModel, payload: bytes) -> FittedForecaster:
    """Make the model of a row from bytes that have its hash.

    Raises PayloadCorrupted, UnknownModel, SchemaTooNew or MissingExtra, and nothing else.
    """
    try:
        document = parsed(payload)
        model = roster.load(document)
        _require_like(row, model, document["schema_version"], len(payload))
    except (UnknownModel, SchemaTooNew, MissingExtra) as error:
        raise type(error)(f"{row.model_id}: {error}") from error
    except PayloadCorrupted as error:
        raise _broken(row, str(error)) from error
    except Exception as error:  # the boundary of a model: what anyone wrote, any library may raise
        raise _broken(row, f"{type(error).__name__}: {str(error)[:200]}") from error
    return model


def _broken(row: TrainedModel, said: str) -> PayloadCorrupted:
    place = TABLE if row.fitted_model_uri is None else address_of(row.fitted_model_uri)
    return PayloadCorrupted(
        f"{row.model_id}: no model can be rebuilt from the payload in {place}: {said}:"
        f" {TRAIN_AGAIN}"
    )


def _require_like(
    row: TrainedModel, model: FittedForecaster, schema_version: int, size: int
) -> None:
    """Raise PayloadCorrupted unless a model is the one that its row names."""
    found = (model.name, schema_version, size, PAYLOAD_FORMAT, model.tick)
    said = (
        row.model_name,
        row.payload_schema_version,
        row.model_size_bytes,
        row.payload_format,
        stored_tick(row),
    )
    for what, is_it, should in zip(LIKE_ITS_ROW, found, said, strict=True):
        if is_it != should:
            raise PayloadCorrupted(f"it has the {what} {is_it}, its row says {should}")
