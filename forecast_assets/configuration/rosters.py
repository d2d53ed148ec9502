"""Rosters: reading a list of models, each with its options."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from forecast_assets.configuration.explanations import line_of
from forecast_assets.errors import MissingExtra, UnknownModel
from forecast_assets.models.base import Forecaster
from forecast_assets.models.ensemble import Ensemble
from forecast_assets.models.roster import forecaster_class


def roster_of(
    entries: Any, feature_sets: Mapping[str, Any] | None, horizon: int | None
) -> dict[str, Forecaster]:
    """The models of a list, by name. Raises ValueError with a text that says what is allowed.

    ``feature_sets`` and ``horizon`` are None if the configuration has mistakes in them.
    """
    if not isinstance(entries, list):
        # pydantic reports a ValueError, but not a TypeError, with the key.
        raise ValueError(  # noqa: TRY004
            "allowed: a list of model names or of `name: {option: value}`"
        )
    if not entries:
        raise ValueError("allowed: at least 1 item")
    options_of: dict[str, dict[str, Any]] = {}
    for entry in entries:
        name, options = _model_entry(entry)
        if name in options_of:
            raise ValueError(f"{name} is listed twice")
        options_of[name] = options
    roster = {
        name: _forecaster(name, options)
        for name, options in options_of.items()
        if name != Ensemble.name
    }
    for forecaster in roster.values():
        _require_features(forecaster, feature_sets)
        _require_reach(forecaster, horizon)
    if Ensemble.name in options_of:
        options = options_of[Ensemble.name]
        if "members" in options:
            options |= {"members": _members(options["members"], feature_sets, horizon)}
        pooled = roster if "members" not in options else {}
        roster[Ensemble.name] = _forecaster(Ensemble.name, options, pooled)
    return {name: roster[name] for name in options_of}


def _members(
    entries: Any, feature_sets: Mapping[str, Any] | None, horizon: int | None
) -> dict[str, Forecaster]:
    listed = entries if isinstance(entries, list) else []
    names = [name for each in listed for name in (each if isinstance(each, Mapping) else [each])]
    if Ensemble.name in names:
        raise ValueError(
            f"{Ensemble.name}.members: found {entries!r}; allowed: models other than"
            f" {Ensemble.name}"
        )
    try:
        return roster_of(entries, feature_sets, horizon)
    except ValueError as error:
        raise ValueError(f"{Ensemble.name}.members: found {entries!r}; {error}") from error


def _require_features(forecaster: Forecaster, feature_sets: Mapping[str, Any] | None) -> None:
    wanted = forecaster.feature_set
    if wanted is not None and feature_sets is not None and wanted not in feature_sets:
        raise ValueError(
            f"{forecaster.name}.features: found {wanted!r}, allowed: a name of feature_sets:"
            f" {', '.join(feature_sets) or 'there are none'}"
        )


def _require_reach(forecaster: Forecaster, horizon: int | None) -> None:
    reach = forecaster.reach
    if reach is not None and horizon is not None and reach < horizon:
        raise ValueError(
            f"{forecaster.name}: reaches {reach} sessions ahead, allowed: the horizon of {horizon}"
            " or more: raise its option lag or horizon"
        )


def _model_entry(entry: Any) -> tuple[str, dict[str, Any]]:
    if isinstance(entry, str):
        return entry, {}
    if isinstance(entry, Mapping) and len(entry) == 1:
        name, options = next(iter(entry.items()))
        if isinstance(name, str) and isinstance(options, Mapping | None):
            return name, dict(options or {})
    raise ValueError(f"{entry!r}: allowed: a model name, or `name: {{option: value}}`")


def as_dumped(name: str, options: Mapping[str, Any]) -> Forecaster:
    """The model with these options, which its own dump has given.

    Raises ValueError if this release has no such model or option.
    """
    own = dict(options)
    if name == Ensemble.name:
        if not own.get("members"):
            raise ValueError(f"{name}: found no members, allowed: their options by their names")
        own["members"] = {each: as_dumped(each, some) for each, some in own["members"].items()}
    return _forecaster(name, own)


def _forecaster(
    name: str, options: dict[str, Any], pooled: Mapping[str, Forecaster] | None = None
) -> Forecaster:
    """A model; ``pooled``: the members of an ensemble that names none."""
    try:
        if pooled:
            return Ensemble.of_all(pooled, **options)
        return forecaster_class(name)(**options)
    except (MissingExtra, UnknownModel) as error:
        raise ValueError(str(error)) from error
    except ValidationError as error:
        options_of = forecaster_class(name)
        lines = [f"{name}.{line_of(detail, options_of)}" for detail in error.errors()]
        raise ValueError("; ".join(lines)) from error
