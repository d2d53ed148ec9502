"""Fitted models: one active one for each window, with the payload that was saved."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from forecast_assets.boundary import boundary
from forecast_assets.errors import MissingExtra, PayloadCorrupted, SchemaTooNew
from forecast_assets.forecast.payloads import PAYLOAD_FORMAT
from forecast_assets.models import roster
from forecast_assets.record.damage import MODEL, Damage, damages, without
from forecast_assets.record.mending import BACKUP, Mending
from forecast_assets.record.rows import Rows
from forecast_assets.store.artifacts import ArtifactStore

TABLE = "forecast.trained_models"

WINDOW = [*MODEL, "training_date"]


def of_models(rows: Rows) -> list[Damage]:
    """What is wrong with the models' rows besides their payloads."""
    models, mending = rows.models, rows.mending
    name = f"{rows.commodity}_" + models.model_name + "_"
    ids = name + models.training_date.dt.strftime("%Y-%m-%d") + "_" + models.model_version
    dates = models.training_date.dt
    wrong = (models.model_id != ids) | (models.year != dates.year) | (models.month != dates.month)
    late = models.training_end_date >= models.training_date
    active = models[models.is_active]
    several = active[active.duplicated(WINDOW, keep="last")]

    def told(kind: str, some: pd.DataFrame, found: str) -> list[Damage]:
        return damages(kind, TABLE, rows.commodity, some, found, BACKUP, "training_date")

    return [
        *told("model of other names", models[wrong], "model_id, year or month is of another row"),
        *told("trained too late", models[late], "it was fitted on closes of its own window"),
        *told("several active models", several, "a window has one model, and this is another"),
        *_lacking(rows, mending),
    ]


def _lacking(rows: Rows, mending: Mending) -> list[Damage]:
    """Models of the roster of which a window has rows and none is active, without a failure."""
    newest = rows.models.drop_duplicates(WINDOW, keep="last")
    active = rows.models[rows.models.is_active][WINDOW].drop_duplicates()
    failures = rows.read("forecast.failures", [*WINDOW, "stage"])
    failed = failures[failures.stage == "train"][WINDOW].drop_duplicates()
    lost = without(without(newest, active, WINDOW), failed, WINDOW)
    lost = lost[lost.model_name.isin(list(rows.settings.models))]
    found = "the window has this model, and none is active"
    return damages(
        "no active model", TABLE, rows.commodity, lost, found, mending.training, "training_date"
    )


def of_payloads(models: pd.DataFrame, commodity: str, mending: Mending) -> list[Damage]:
    """Payloads that changed, artifacts that are missing, and models that cannot be rebuilt.

    A payload of a model that is not in use is not lost if another row of the model has its bytes,
    as after a new training.
    """
    intact: set[tuple[str, str]] = set()
    artifacts = ArtifactStore(mending.settings.artifacts_url)
    broken: list[tuple[Any, Wrong]] = []
    for row in models.itertuples(index=False):
        payload, wrong = _saved(row, artifacts)
        if wrong is None:
            intact.add((row.model_id, row.payload_sha256))
            wrong = _unreadable(row, payload)
        if wrong is not None:
            broken.append((row, wrong))
    told = []
    for row, wrong in broken:
        is_kept = (row.model_id, row.payload_sha256) in intact
        if wrong.kind in LOST and is_kept and not row.is_active:
            continue
        trained = mending.training(row) if row.is_active and wrong.kind in LOST else BACKUP
        some = pd.DataFrame([row])
        way = wrong.mended_by or trained
        told += damages(wrong.kind, TABLE, commodity, some, wrong.found, way, "training_date")
    return told


CHANGED, ABSENT, UNREADABLE = "changed payload", "missing artifact", "payload cannot be rebuilt"
LOST = (CHANGED, ABSENT)
"""Damage that a new training of the same model mends, as it writes the same bytes."""


@dataclass(frozen=True)
class Wrong:
    """What is wrong with a payload; ``mended_by``: what mends it, if that is already known."""

    kind: str
    found: str
    mended_by: str = ""


def _saved(row: Any, artifacts: ArtifactStore) -> tuple[bytes, Wrong | None]:
    """The bytes of a payload, and what is wrong with them."""
    payload, place = str(row.fitted_model_json).encode(), "fitted_model_json"
    if pd.notna(row.fitted_model_uri):
        place = row.fitted_model_uri
        try:
            payload = artifacts.read(place)
        except PayloadCorrupted as error:
            return b"", Wrong(ABSENT, str(error))
    found = hashlib.sha256(payload).hexdigest()
    if found != row.payload_sha256:
        said = f"{place} has SHA-256 {found[:12]}..., its row says {row.payload_sha256[:12]}..."
        return payload, Wrong(CHANGED, said)
    return payload, None


def _unreadable(row: Any, payload: bytes) -> Wrong | None:
    """Why no model, or another one, can be made from bytes that are those that were saved."""
    failures: list[str] = []
    lacking: list[str] = []
    with boundary(row.model_id, failures):
        document = json.loads(payload)
        try:
            model = roster.load(document)
        except (SchemaTooNew, MissingExtra) as error:
            lacking.append(str(error))
        else:
            failures += _strange(row, model.name, document, len(payload))
    if lacking:
        return Wrong(UNREADABLE, lacking[0], "the installation that it asks for")
    return Wrong(UNREADABLE, failures[0]) if failures else None


def _strange(row: Any, name: str, document: dict[str, Any], size: int) -> Iterator[str]:
    """In what a model is not the one that its row names."""
    if name != row.model_name:
        yield f"{row.model_id}: the payload is of the model {name}"
    if document["schema_version"] != row.payload_schema_version:
        yield f"{row.model_id}: the payload has schema version {document['schema_version']}"
    if size != row.model_size_bytes or row.payload_format != PAYLOAD_FORMAT:
        yield f"{row.model_id}: the payload has {size} bytes of {PAYLOAD_FORMAT}"
