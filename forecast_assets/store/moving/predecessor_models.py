"""Taking over the ``trained_models`` of another system, as far as they are JSON of this project.

The payload of any other is not read: whoever can write a pickled one could run any program here.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, date, datetime
from shlex import quote
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds

from forecast_assets.boundary import boundary
from forecast_assets.configuration.names import NAME_PATTERN, NAME_RULE
from forecast_assets.configuration.settings import Settings
from forecast_assets.errors import ForecastAssetsError, StoreError
from forecast_assets.forecast.payloads import PAYLOAD_FORMAT
from forecast_assets.forecast.records import IMPORTED_BY, OF_PREDECESSOR, TrainedModel
from forecast_assets.store.contract import Condition, Store
from forecast_assets.store.ledger import MODEL
from forecast_assets.store.moving.foreign_file import ForeignFile, names_of
from forecast_assets.store.moving.importing import Import
from forecast_assets.store.payloads import Payloads
from forecast_assets.store.saved_models import artifacts_of
from forecast_assets.store.sql.writes import TAKEN_MODELS
from forecast_assets.store.tables.forecast import TRAINED_MODELS

NAMED = (*MODEL, "training_date")
"""The columns without which a model has no name."""

PICKLED = ("pickle", "pkl", "joblib", "dill")
"""What the format or address of a payload has in it that was pickled."""

BEGINNINGS = (b"\x80", b"gAN", b"gAS", b'"gA')
"""How pickled bytes begin, and how they do as text of base64."""

NEVER_READ = "a pickled payload is never read, since it could run any program"

UNKNOWN_OPTIONS = "{}"
"""The options of a model of which they are not known."""


@dataclass(frozen=True)
class Models:
    """The models of another system, which are moved to ``store``; ``rows``: its own rows."""

    rows: ds.Dataset
    store: Store
    settings: Settings
    done: Import

    def move(self) -> None:
        """Move all models that can be taken. Raises StoreError for rows without names."""
        files = ForeignFile.all_of(self.rows)
        names = names_of(files, self.rows)
        if lacking := [name for name in NAMED if name not in names]:
            raise StoreError(f"trained_models: it has no {', '.join(lacking)}")
        for batch in (batch for file in files for batch in file.batches(at_once=1)):
            for row in batch.to_pylist():
                commodity = str(row["commodity"])
                with boundary(commodity, self.done.failures):
                    self._take(commodity, row)

    def _take(self, commodity: str, row: Mapping[str, Any]) -> None:
        """Take a model, or refuse it with the way to train it here."""
        named = " ".join(str(row[name]) for name in NAMED[1:])
        try:
            model = self._model(row)
        except (ForecastAssetsError, TypeError, ValueError) as error:
            said = f"{named}: {error}; {self.retraining(row)}"
            self.done.refuse(TRAINED_MODELS.name, commodity, 1, said)
            return
        found = pa.Table.from_pylist([asdict(model)], schema=TRAINED_MODELS.plain_schema)
        where: list[Condition] = [
            ("model_id", "=", model.model_id),
            ("payload_sha256", "=", model.payload_sha256),
        ]
        rows = {TRAINED_MODELS.name: found}
        taken = self.store.moved.take(TAKEN_MODELS.of(commodity), rows, where)
        for name, count in taken.items():
            self.done.of(name, commodity).taken += count
            self.done.of(name, commodity).same += 1 - count

    def _model(self, row: Mapping[str, Any]) -> TrainedModel:
        """The row of a model here. Raises an error if its payload is none of this project."""
        if is_pickled(row):
            raise StoreError(NEVER_READ)
        if row.get("payload_format") != PAYLOAD_FORMAT:
            raise StoreError(
                f"its payload is {row.get('payload_format') or 'of no format'!r}, and only"
                f" {PAYLOAD_FORMAT!r} of this project can be read"
            )
        given = {"options": UNKNOWN_OPTIONS} | dict(row)
        if not isinstance(given.get("fitted_model_json"), str | None):
            raise StoreError("its payload is no text, as JSON is")
        columns = [each.name for each in fields(TrainedModel)]
        if lacking := [name for name in columns if name not in given]:
            raise StoreError(f"the table has no {', '.join(lacking)}")
        names = [str(given[name]) for name in MODEL]
        names[2] = f"{OF_PREDECESSOR}{names[2]}"
        if strange := [name for name in names if not NAME_PATTERN.fullmatch(name)]:
            raise StoreError(f"{strange[0]!r} is no name: allowed: {NAME_RULE}")
        day, end = _day(given["training_date"]), _day(given["training_end_date"])
        if end >= day:
            raise StoreError(f"it was fitted on a close of {end}, in its own window")
        model = replace(
            TrainedModel(**{name: given[name] for name in columns}),
            model_id=f"{names[0]}_{names[1]}_{day}_{names[2]}",
            model_version=names[2],
            training_date=day,
            training_start_date=_day(given["training_start_date"]),
            training_end_date=end,
            created_at=_moment(given["created_at"]),
            created_by=IMPORTED_BY,
            year=day.year,
            month=day.month,
        )
        artifacts = artifacts_of(self.settings)
        Payloads(artifacts, self.settings.artifacts.threshold_bytes).rebuild(model)
        return model

    def retraining(self, row: Mapping[str, Any]) -> str:
        """What trains such a model here."""
        commodity, name = str(row["commodity"]), str(row["model_name"])
        words = f"`forecast run --commodity {quote(commodity)}"
        if commodity not in self.settings.commodities:
            return f"configure the commodity, and train it here: {words}`"
        if name not in self.settings.models:
            return f"configure a model in its place ({', '.join(self.settings.models)}): {words}`"
        try:
            day = _day(row["training_date"])
        except (TypeError, ValueError):
            return f"train it here: {words}`"
        if any(each.training_date == day for each in self.settings.windows.of(commodity)):
            return f"train it here: {words} --from {day} --to {day}`"
        return f"train it here: {words} --train-on {day} --model-version trained_{day}`"


def is_pickled(row: Mapping[str, Any]) -> bool:
    """Whether a payload says that it is pickled, or begins so; it is not looked at further."""
    payload = row.get("fitted_model_json") or b""
    begins = (payload if isinstance(payload, bytes) else str(payload)[:8].encode()).lstrip()
    told = f"{row.get('payload_format') or ''} {row.get('fitted_model_uri') or ''}".lower()
    return begins.startswith(BEGINNINGS) or any(word in told for word in PICKLED)


def _day(value: Any) -> date:
    """A day that may be written as a moment or a text. Raises TypeError or ValueError."""
    if isinstance(value, datetime):
        return value.date()
    return value if isinstance(value, date) else date.fromisoformat(value)


def _moment(value: Any) -> datetime:
    """A moment in UTC, as the tables have it. Raises TypeError or ValueError."""
    found = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    return found.astimezone(UTC).replace(tzinfo=None) if found.tzinfo else found
