"""``commodity.forecast.trained_models``: one row for each fitted model."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date

import pyarrow as pa

from forecast_assets.errors import StoreError
from forecast_assets.forecast.records import ModelFailure, TrainedModel, Written
from forecast_assets.forecast.version_pins import Pin
from forecast_assets.store.sql.database import Connection, Database
from forecast_assets.store.sql.failure_table import replace_failures
from forecast_assets.store.sql.pin_table import add_revision
from forecast_assets.store.sql.writes import MODELS

RETIRE = """
    UPDATE forecast.trained_models SET is_active = FALSE
    WHERE is_active AND commodity = $commodity AND model_name = $model_name
        AND training_date = $training_date AND model_version = $model_version
"""

TWIN = """
    SELECT model_id FROM forecast.trained_models
    WHERE is_active AND model_id = $model_id AND payload_sha256 = $payload_sha256
        AND fitted_model_json IS NOT DISTINCT FROM $fitted_model_json
        AND fitted_model_uri IS NOT DISTINCT FROM $fitted_model_uri
        AND options = $options AND data_fingerprint = $data_fingerprint
"""

TWIN_BY = (
    "model_id",
    "payload_sha256",
    "fitted_model_json",
    "fitted_model_uri",
    "options",
    "data_fingerprint",
)

FIND = "SELECT * FROM forecast.trained_models WHERE is_active"

WHICH = {
    name: f" AND {name} = ${name}"
    for name in ("commodity", "model_name", "training_date", "model_version")
}
"""The criteria by which models are found; only those that are given are asked for, since the whole
table would be read to look for rows in which one that is not given may be anything."""

IN_ORDER = " ORDER BY commodity, training_date, model_version, model_name"


@dataclass(frozen=True)
class DuckDBModelTable:
    """Fitted models in DuckDB."""

    database: Database

    def append(
        self,
        written: Written,
        models: Sequence[TrainedModel],
        failures: Sequence[ModelFailure],
        pin: Pin | None = None,
    ) -> None:
        """Add models, and deactivate those that the new models or failures replace."""

        def change(connection: Connection) -> None:
            if pin is not None:
                add_revision(connection, pin)
            new = [model for model in models if not _has_twin(connection, model)]
            for name in [model.model_name for model in new] + [x.model_name for x in failures]:
                _retire(connection, written, name)
            for model in new:
                connection.register("fitted", pa.Table.from_pylist([asdict(model)]))
                connection.execute(
                    "INSERT INTO forecast.trained_models BY NAME SELECT * FROM fitted"
                )
                _require_one_active(connection, model.model_id)
            replace_failures(connection, written, "train", failures)

        self.database.write(MODELS.of(written.commodity), change)

    def find(
        self,
        commodity: str | None = None,
        model_name: str | None = None,
        training_date: date | None = None,
        model_version: str | None = None,
    ) -> list[TrainedModel]:
        """The active models that match all criteria given."""
        values = (commodity, model_name, training_date, model_version)
        criteria = {
            name: value for name, value in zip(WHICH, values, strict=True) if value is not None
        }

        def read(connection: Connection) -> list[TrainedModel]:
            query = FIND + "".join(WHICH[name] for name in criteria) + IN_ORDER
            found = connection.execute(query, criteria)
            names = [name for name, *_ in found.description]
            return [TrainedModel(**dict(zip(names, row, strict=True))) for row in found.fetchall()]

        return list(self.database.at_rest(("models", *values), read))


def _has_twin(connection: Connection, model: TrainedModel) -> bool:
    """Whether another run has saved exactly the same model at the same time."""
    values = asdict(model)
    return bool(connection.execute(TWIN, {name: values[name] for name in TWIN_BY}).fetchall())


def _retire(connection: Connection, written: Written, model_name: str) -> None:
    identity = {
        "commodity": written.commodity,
        "model_name": model_name,
        "training_date": written.training_date,
        "model_version": written.model_version,
    }
    connection.execute(RETIRE, identity)


def _require_one_active(connection: Connection, model_id: str) -> None:
    found = connection.execute(
        "SELECT count(*) FROM forecast.trained_models WHERE is_active AND model_id = ?", [model_id]
    ).fetchall()
    if found != [(1,)]:
        raise StoreError(f"{model_id}: {found} active rows after a write of one; nothing was kept")
