"""``commodity.forecast.versions``: what each model version was pinned to mean."""

import json
from dataclasses import asdict, dataclass, fields
from typing import Any

from forecast_assets.errors import StoreError
from forecast_assets.forecast.version_pins import Pin
from forecast_assets.store.pinned_meaning import covariates_and_ticks, meaning_of
from forecast_assets.store.sql.database import Connection, Database
from forecast_assets.store.sql.writes import PINS

FIND = """
    SELECT model_version, revision, kind, reason, pinned_at, pinned_by,
        n_paths, horizon, models, feature_sets, covariates
    FROM forecast.versions WHERE model_version = $model_version ORDER BY revision
"""

ADD = """
    INSERT INTO forecast.versions BY NAME
    SELECT $model_version AS model_version, $revision AS revision, $kind AS kind, $reason AS reason,
        $paths AS n_paths, $horizon AS horizon, $models AS models, $feature_sets AS feature_sets,
        $covariates AS covariates, $pinned_at AS pinned_at, $pinned_by AS pinned_by
"""

VERSIONS = "SELECT DISTINCT model_version FROM forecast.versions ORDER BY ALL"

RENAME = """
    UPDATE forecast.versions SET covariates = $covariates
    WHERE model_version = $model_version AND revision = $revision
"""

DOCUMENTS = ("models", "feature_sets", "covariates")
"""The columns with JSON."""


@dataclass(frozen=True)
class DuckDBPinTable:
    """Pins in DuckDB."""

    database: Database

    def find(self, model_version: str) -> list[Pin]:
        """All revisions of a version, in order; the last counts."""
        with self.database.reading() as connection:
            return found(connection, model_version)

    def append(self, pin: Pin) -> None:
        """Add a revision, unless another run has added the same."""
        self.database.write(PINS, lambda connection: add_revision(connection, pin))


def found(connection: Connection, model_version: str) -> list[Pin]:
    """All revisions of a version, in order."""
    rows = connection.sql(FIND, params={"model_version": model_version}).to_arrow_table()
    return [_pin(row) for row in rows.to_pylist()]


def add_revision(connection: Connection, pin: Pin) -> None:
    """Within a transaction: add a revision, unless another run has added the same.

    Raises StoreError if the one before it is missing, or if another run has added another one.
    """
    held = found(connection, pin.model_version)
    if held and held[-1].revision == pin.revision and held[-1].meaning == pin.meaning:
        return
    if len(held) != pin.revision - 1:
        raise StoreError(
            f"model_version {pin.model_version}: another run has pinned what it means in the"
            " meantime; nothing was written: run again"
        )
    meaning: dict[str, Any] = asdict(pin.meaning)
    meaning["covariates"] = covariates_and_ticks(pin.meaning)
    values = {
        name: json.dumps(value, sort_keys=True) if name in DOCUMENTS else value
        for name, value in (asdict(pin) | meaning).items()
        if name not in ("meaning", "ticks")
    }
    connection.execute(ADD, values)


def rename_in_pins(connection: Connection, old: str, new: str) -> int:
    """Within a transaction: rename a commodity in what is pinned; return the number of rows."""
    changed = 0
    for (version,) in connection.execute(VERSIONS).fetchall():
        for pin in found(connection, version):
            held = covariates_and_ticks(pin.meaning)
            if old in held:
                renamed = {new if name == old else name: each for name, each in held.items()}
                key = {"model_version": version, "revision": pin.revision}
                text = json.dumps(renamed, sort_keys=True)
                connection.execute(RENAME, key | {"covariates": text})
                changed += 1
    return changed


def _pin(row: dict[str, Any]) -> Pin:
    rest = {each.name: row[each.name] for each in fields(Pin) if each.name in row}
    return Pin(meaning=meaning_of(row), **rest)
