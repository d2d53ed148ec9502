"""What a model version means: its models with all options, and what they are trained and drawn by.

A meaning is plain JSON values. It says everything, also what the configuration leaves to a default,
so that neither an edited configuration nor another default of a release can change it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any

from pydantic import AfterValidator

from forecast_assets.configuration.commodities import Covariate
from forecast_assets.configuration.settings import Settings
from forecast_assets.models.base import Forecaster

Options = Mapping[str, Any]


def _as_options(found: dict[str, Any]) -> dict[str, Any]:
    """The options of a model as they were stored, those of members within them."""
    members, is_name = found.get("members", {}), isinstance(found.get("features", ""), str | None)
    if not isinstance(members, dict) or not all(isinstance(x, dict) for x in members.values()):
        raise ValueError("members: allowed: the options of each member by its name")
    if not is_name:
        raise ValueError("features: allowed: the name of a feature set")
    for each in members.values():
        _as_options(each)
    return found


StoredOptions = Annotated[dict[str, Any], AfterValidator(_as_options)]
"""The form of options in the tables; which options a model has is not looked at."""

VALUES_OF_A_COVARIATE = {
    "column",
    "delay_days",
    "fill_days",
    "region",
    "aggregate",
    "regions",
    "weights",
}
"""The keys of a covariate that decide which value a session has. The others say where its file is
and how it is written, and may change."""


@dataclass(frozen=True)
class VersionMeaning:
    """What a model version means.

    ``paths``: paths a forecast. ``horizon``: sessions ahead. ``models``: the options of each model,
    those of an ensemble with its members by name. ``feature_sets``: the names of covariates in each
    set that a model uses. ``covariates``: for each commodity, the covariates that are in any of
    these sets, with the keys that decide their values. ``ticks``: the tick of each commodity that
    has one; a commodity that ``covariates`` names and ``ticks`` does not has none.
    """

    paths: int
    horizon: int
    models: Mapping[str, Options]
    feature_sets: Mapping[str, Sequence[str]]
    covariates: Mapping[str, Mapping[str, Options]]
    ticks: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: Settings) -> "VersionMeaning":
        """What a configuration means."""
        used = sets_of(settings.models.values())
        sets = {name: list(settings.feature_sets[name]) for name in sorted(used)}
        named = {covariate for members in sets.values() for covariate in members}
        covariates = {
            name: {
                covariate: values_of(source)
                for covariate, source in commodity.covariates.items()
                if covariate in named
            }
            for name, commodity in settings.commodities.items()
        }
        models = {name: model.model_dump(mode="json") for name, model in settings.models.items()}
        ticks = {
            name: commodity.tick
            for name, commodity in settings.commodities.items()
            if commodity.tick is not None
        }
        return cls(settings.paths, settings.horizon, models, sets, covariates, ticks)

    def with_the_rest_of(self, other: "VersionMeaning") -> "VersionMeaning":
        """This meaning, with the models, sets and commodities that only another one has.

        Covariates that are only in sets of the other one stay too.
        """
        own = {covariate for members in self.feature_sets.values() for covariate in members}
        rest = {
            name: {each: how for each, how in covariates.items() if each not in own}
            if name in self.covariates
            else covariates
            for name, covariates in other.covariates.items()
        }
        return replace(
            self,
            models={**other.models, **self.models},
            feature_sets={**other.feature_sets, **self.feature_sets},
            covariates=rest
            | {name: {**rest.get(name, {}), **each} for name, each in self.covariates.items()},
            ticks={
                **{name: x for name, x in other.ticks.items() if name not in self.covariates},
                **self.ticks,
            },
        )

    def models_unlike(self, other: "VersionMeaning", commodity: str) -> set[str]:
        """The models that mean something else for a commodity in another meaning, which has them.

        A commodity that only one of the two has is not told apart.
        """
        known = self.models.keys() & other.models.keys()
        both = commodity in self.covariates and commodity in other.covariates
        other_tick = both and self.ticks.get(commodity) != other.ticks.get(commodity)
        if self.paths != other.paths or other_tick:
            return known
        sets = {
            name
            for name, members in self.feature_sets.items()
            if sorted(members) != sorted(other.feature_sets.get(name, ()))
            or (both and self._values(members, commodity) != other._values(members, commodity))
        }
        return {
            name
            for name in known
            if self.models[name] != other.models[name] or sets_in(self.models[name]) & sets
        }

    def _values(self, covariates: Sequence[str], commodity: str) -> dict[str, Options]:
        """How those covariates that a commodity has get their values."""
        held = self.covariates[commodity]
        return {name: held[name] for name in covariates if name in held}


def values_of(covariate: Covariate) -> dict[str, Any]:
    """The keys of a covariate that decide its values."""
    return covariate.model_dump(mode="json", include=VALUES_OF_A_COVARIATE)


def sets_of(models: Iterable[Forecaster]) -> set[str]:
    """The feature sets that models or their members use."""
    return {part.feature_set for model in models for part in model.parts() if part.feature_set}


def sets_in(options: Options) -> set[str]:
    """The feature sets in the options of a model or of its members."""
    of_members = (sets_in(each) for each in options.get("members", {}).values())
    own = options.get("features")
    return ({own} if own else set()).union(*of_members)
