"""What a row of ``versions`` says that its version means: the one door through which it is read.

Whoever may write the tables can write anything there. So the form is checked before a meaning is
made of it, and a row that has another one is an error of its version by name.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Json, PositiveInt

from forecast_assets.configuration.version_meaning import Options, StoredOptions, VersionMeaning
from forecast_assets.errors import PayloadCorrupted, VersionCorrupted
from forecast_assets.models.saved import checked
from forecast_assets.models.tick import Tick

TABLE = "commodity.forecast.versions"

TICK = "(tick)"
"""Under what the tick of a commodity stands among its covariates; none of these can be named so."""


def _told_apart(held: dict[str, Options | Tick]) -> dict[str, Options | Tick]:
    """The covariates of a commodity and its tick, if that and no other is a number."""
    for name, value in held.items():
        if isinstance(value, Mapping) == (name == TICK):
            raise ValueError(f"allowed: keys of each covariate, and a number as {TICK}")
    return held


OfCommodity = Annotated[dict[str, Options | Tick], AfterValidator(_told_apart)]


class StoredMeaning(BaseModel):
    """The form of the columns that say what a version means."""

    model_config = ConfigDict(strict=True, protected_namespaces=())

    n_paths: PositiveInt
    horizon: PositiveInt
    models: Json[dict[str, StoredOptions]]
    feature_sets: Json[dict[str, list[str]]]
    covariates: Json[dict[str, OfCommodity]]


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
    held = found.covariates.items()
    return VersionMeaning(
        found.n_paths,
        found.horizon,
        found.models,
        found.feature_sets,
        {
            name: {each: how for each, how in mine.items() if isinstance(how, Mapping)}
            for name, mine in held
        },
        {name: tick for name, mine in held if isinstance(tick := mine.get(TICK), float)},
    )


def covariates_and_ticks(meaning: VersionMeaning) -> dict[str, dict[str, Options | float]]:
    """What the column ``covariates`` has of a meaning, from which ``meaning_of`` reads it."""
    ticks = {name: {TICK: tick} for name, tick in meaning.ticks.items()}
    return {name: {**held, **ticks.get(name, {})} for name, held in meaning.covariates.items()}
