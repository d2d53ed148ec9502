"""Fitted models: one active one for each window, with the payload that was saved."""

from dataclasses import dataclass, fields
from typing import Any

import pandas as pd

from forecast_assets.errors import (
    ArtifactMissing,
    ArtifactsUnavailable,
    MissingExtra,
    PayloadCorrupted,
    SchemaTooNew,
    UnknownModel,
)
from forecast_assets.forecast.records import TrainedModel
from forecast_assets.record.damage import MODEL, Damage, damages, without
from forecast_assets.record.mending import BACKUP, Mending
from forecast_assets.record.rows import Rows
from forecast_assets.store.payloads import Payloads, model_of, require_documents
from forecast_assets.store.saved_models import artifacts_of

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
    as after a new training. An inactive row whose payload was never used by a forecast was not
    written by us and is not reported.
    """
    made_by = mending.ledger[["model_id", "payload_sha256"]]
    used = set(made_by.itertuples(index=False, name=None))
    intact: set[tuple[str, str]] = set()
    settings = mending.settings
    payloads = Payloads(artifacts_of(settings), settings.artifacts.threshold_bytes)
    broken: list[tuple[Any, Wrong]] = []
    for row in models.itertuples(index=False):
        wrong = _wrong_with(payloads, _as_stored(row))
        if wrong is None:
            intact.add((row.model_id, row.payload_sha256))
        else:
            broken.append((row, wrong))
    told = []
    for row, wrong in broken:
        key = (row.model_id, row.payload_sha256)
        was_no_model = wrong.kind == UNREADABLE and key not in used
        if not wrong.mended_by and (key in intact or was_no_model) and not row.is_active:
            continue
        way = wrong.mended_by or (mending.training(row) if row.is_active else BACKUP)
        some = pd.DataFrame([row])
        told += damages(wrong.kind, TABLE, commodity, some, wrong.found, way, "training_date")
    return told


CHANGED, ABSENT, UNREADABLE = "changed payload", "missing artifact", "payload cannot be rebuilt"
UNREACHED = "artifact cannot be reached"


@dataclass(frozen=True)
class Wrong:
    """What is wrong with a payload; ``mended_by``: what mends it, if no new training does."""

    kind: str
    found: str
    mended_by: str = ""


def _as_stored(row: Any) -> TrainedModel:
    """The row as the store reads it, where what is empty is None."""
    values: dict[str, Any] = {each.name: getattr(row, each.name) for each in fields(TrainedModel)}
    empty = {name: None for name, value in values.items() if pd.isna(value)}
    return TrainedModel(**values | empty)


def _wrong_with(payloads: Payloads, row: TrainedModel) -> Wrong | None:
    """Why the payload of a row cannot be read, or no model be made of it; None if one can."""
    try:
        payload = payloads.read(row)
    except ArtifactMissing as error:
        return Wrong(ABSENT, str(error))
    except PayloadCorrupted as error:
        return Wrong(CHANGED, str(error))
    except ArtifactsUnavailable as error:
        return Wrong(UNREACHED, str(error), "the file system of artifacts.url, when it answers")
    try:
        require_documents(row)
        model_of(row, payload)
    except (SchemaTooNew, MissingExtra) as error:
        return Wrong(UNREADABLE, str(error), "the installation that it asks for")
    except (PayloadCorrupted, UnknownModel) as error:
        return Wrong(UNREADABLE, str(error))
    return None
