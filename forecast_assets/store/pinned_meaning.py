"""What a row of ``versions`` says that its version means: the one door through which it is read.

Whoever may write the tables can write anything there. So the form is checked before a meaning is
made of it, and a row that has another one is an error of its version by name.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Json, PositiveInt

from forecast_assets.configuration.version_meaning import Options, StoredOptions, VersionMeaning
from forecast_assets.errors import PayloadCorrupted, VersionCorrupted
from forecast_assets.models.saved import checked

TABLE = "commodity.forecast.versions"


class StoredMeaning(BaseModel):
    """The form of the columns that say what a version means."""

    model_config = ConfigDict(strict=True, protected_namespaces=())

    n_paths: PositiveInt
    horizon: PositiveInt
    models: Json[dict[str, StoredOptions]]
    feature_sets: Json[dict[str, list[str]]]
    covariates: Json[dict[str, dict[str, Options]]]


def meaning_of(row: Mapping[str, Any]) -> VersionMeaning:
    """The meaning in a row of ``versions``, by its columns. Raises VersionCorrupted."""
    values = {column: row[column] for column in StoredMeaning.model_fields}
    try:
        found = checked(StoredMeaning, values, "it is not as it was written")
    except PayloadCorrupted as error:
        raise VersionCorrupted(
            f"model_version {row['model_version']}: what it means cannot be read from revision"
            f" {row['revision']} in {TABLE}: {error}: restore a backup (docs/operations.md,"
            " Restore), or give a new model_version"
        ) from error
    return VersionMeaning(
        found.n_paths, found.horizon, found.models, found.feature_sets, found.covariates
    )
