"""The settings in force: a configuration, with what its model version was pinned to mean.

Models that the version has keep the options and members that it was pinned with, and the number of
paths, the feature sets, the covariates and the ticks stay too. What is new in the configuration is
added as long as it changes no model that the version has. What else differs is told in words.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from forecast_assets.configuration.commodities import Commodity, Covariate
from forecast_assets.configuration.rosters import as_dumped
from forecast_assets.configuration.settings import Settings
from forecast_assets.configuration.version_meaning import (
    Options,
    VersionMeaning,
    sets_in,
    sets_of,
    values_of,
)
from forecast_assets.errors import ConfigurationError
from forecast_assets.models.base import Forecaster
from forecast_assets.models.ensemble import Ensemble


@dataclass(frozen=True)
class InForce:
    """The settings in force, and how they came about.

    ``settings``: to train and draw by. ``meaning``: what the version means with all additions.
    ``differences``: a line for each thing that the configuration says otherwise. ``left_out``: a
    line for a pool of all models that new models are left out of; a rewrite changes this too.
    ``additions``: the names of what the configuration adds. ``kept``: by commodity, the covariates
    that the version uses and the configuration no longer names.
    """

    settings: Settings
    meaning: VersionMeaning
    differences: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    additions: list[str] = field(default_factory=list)
    kept: Mapping[str, list[str]] = field(default_factory=dict)


def in_force(settings: Settings, pinned: VersionMeaning | None) -> InForce:
    """The settings in force where a version was pinned with a meaning, or not yet if it is None.

    Raises ConfigurationError if this release does not know a pinned model or one of its options.
    """
    if pinned is None:
        return InForce(settings, VersionMeaning.of(settings))
    models = models_in_force(settings, pinned)
    sets = settings.feature_sets | {name: list(x) for name, x in pinned.feature_sets.items()}
    chosen = covariates_in_force(settings, pinned, models, sets)
    ticks = ticks_in_force(settings, pinned)
    commodities = {
        name: commodity.model_copy(
            update={"covariates": chosen[name].in_force, "tick": ticks[name]}
        )
        for name, commodity in settings.commodities.items()
    }
    own = {"models": models, "feature_sets": sets, "commodities": commodities}
    found = settings.model_copy(update={**own, "paths": pinned.paths})
    return InForce(
        found,
        _with_kept(VersionMeaning.of(found), pinned, chosen).with_the_rest_of(pinned),
        [
            *told("paths", pinned.paths, settings.paths),
            *_models_differing(settings, pinned, models),
            *_sets_differing(settings, pinned, models),
            *(line for name, one in chosen.items() for line in one.differences(name)),
            *(
                line
                for name, tick in ticks.items()
                for line in told(f"commodities.{name}.tick", tick, settings.commodities[name].tick)
            ),
        ],
        [line for name, held in models.items() for line in _left_out(held, settings.models[name])],
        [
            *(name for name in models if name not in pinned.models),
            *(name for name in chosen if name not in pinned.covariates),
            *(f"{new} of {name}" for name, one in chosen.items() for new in one.added),
        ],
        {name: list(one.gone) for name, one in chosen.items() if one.gone},
    )


def models_in_force(settings: Settings, pinned: VersionMeaning) -> dict[str, Forecaster]:
    """The models that the configuration names, those that are pinned with their pinned options."""
    held = {
        name: pinned_model(settings.model_version, name, pinned.models[name])
        for name in settings.models
        if name in pinned.models
    }
    models = settings.models | held
    return {
        name: held.get(name) or _of_those(model, settings, models) for name, model in models.items()
    }


def pinned_model(version: str, name: str, options: Options) -> Forecaster:
    """A model as it was pinned. Raises ConfigurationError if this release does not know it so."""
    try:
        return as_dumped(name, options)
    except ValueError as error:
        raise ConfigurationError(
            f"model_version: {version} was pinned with a model that this release cannot make"
            f" ({error}): install the release that made it, or give a new model_version"
        ) from error


def covariates_in_force(
    settings: Settings,
    pinned: VersionMeaning,
    models: Mapping[str, Forecaster],
    sets: Mapping[str, Sequence[str]],
) -> dict[str, "Covariates"]:
    """The covariates of each commodity, sorted; ``models`` and ``sets``: those in force.

    Only an ensemble makes do with the covariates that there are. So one that it might use is not
    added to a commodity that lacked it, also while the configuration does not name the ensemble.
    """
    used = {covariate for name in sets_of(models.values()) for covariate in sets[name]}
    pooled = sets_in(pinned.models.get(Ensemble.name, {}))
    reserved = {covariate for name in pooled for covariate in sets[name]}
    return {
        name: Covariates.of(commodity, pinned.covariates.get(name), used, reserved)
        for name, commodity in settings.commodities.items()
    }


def ticks_in_force(settings: Settings, pinned: VersionMeaning) -> dict[str, float | None]:
    """The tick of each commodity, None for one without: pinned, unless the commodity is new."""
    return {
        name: pinned.ticks.get(name) if name in pinned.covariates else commodity.tick
        for name, commodity in settings.commodities.items()
    }


def _of_those(
    model: Forecaster, settings: Settings, models: Mapping[str, Forecaster]
) -> Forecaster:
    """A new model; a new pool is one of the models in force, where the roster has the same ones."""
    if not isinstance(model, Ensemble):
        return model
    members = {
        name: models[name].plain()
        if name in settings.models and settings.models[name].plain() == member
        else member
        for name, member in model.members.items()
    }
    return model.model_copy(update={"members": members})


@dataclass(frozen=True)
class Covariates:
    """The covariates of one commodity, sorted.

    ``in_force``: those to read, with the keys that decide their values as pinned. ``pinned``: such
    keys of those that the version uses. ``configured``: the same as the configuration has them.
    ``added``: new ones that a model uses. ``held_back``: new ones that would change a pool.
    """

    in_force: dict[str, Covariate]
    pinned: Mapping[str, Options]
    configured: Mapping[str, Options]
    added: list[str]
    held_back: list[str]

    @classmethod
    def of(
        cls,
        commodity: Commodity,
        pinned: Mapping[str, Options] | None,
        used: set[str],
        reserved: set[str],
    ) -> "Covariates":
        """Sort the covariates of a commodity.

        ``pinned``: None if the version does not have the commodity yet. ``used``: the covariates in
        the sets of models in force. ``reserved``: those that a pinned pool would use if it could.
        """
        known = pinned or {}
        new = [name for name in commodity.covariates if name not in known]
        held_back = [name for name in new if pinned is not None and name in reserved]
        return cls(
            {
                name: source.model_copy(update=_read(source, known.get(name)))
                for name, source in commodity.covariates.items()
                if name not in held_back
            },
            {name: options for name, options in known.items() if name in used},
            {name: values_of(source) for name, source in commodity.covariates.items()},
            [name for name in new if pinned is not None and name in used - reserved],
            held_back,
        )

    @property
    def gone(self) -> list[str]:
        """Those that the version uses and the configuration no longer has."""
        return [name for name in self.pinned if name not in self.configured]

    def differences(self, commodity: str) -> Iterator[str]:
        """A line for each difference."""
        key = f"commodities.{commodity}.covariates"
        for name, options in self.pinned.items():
            if name in self.configured:
                now = {each: self.configured[name][each] for each in options}
                yield from _options_told(f"{key}.{name}", options, now)
            else:
                yield f"{key}.{name}: was used, is absent"
        for name in self.held_back:
            yield f"{key}.{name}: was absent, is there for {Ensemble.name} to use"


def _read(source: Covariate, options: Options | None) -> dict[str, Any]:
    """The pinned keys of a covariate, as its own class has them."""
    if options is None:
        return {}
    read = type(source).model_validate(source.model_dump(exclude_unset=True) | dict(options))
    return {key: getattr(read, key) for key in options}


def _with_kept(
    meaning: VersionMeaning, pinned: VersionMeaning, chosen: Mapping[str, Covariates]
) -> VersionMeaning:
    """A meaning with the pinned covariates that the configuration lacks, or that no model uses."""
    covariates = {
        name: {**pinned.covariates.get(name, {}), **meaning.covariates[name]} for name in chosen
    }
    return replace(meaning, covariates=covariates)


def _models_differing(
    settings: Settings, pinned: VersionMeaning, models: Mapping[str, Forecaster]
) -> Iterator[str]:
    for name, model in models.items():
        if name in pinned.models:
            yield from _model_told(name, model, settings.models[name])


def _model_told(name: str, held: Forecaster, said: Forecaster) -> Iterator[str]:
    """The options that a model has otherwise; a pool of all models may lack new ones."""
    without = {"members"}
    was, now = (x.model_dump(mode="json", exclude=without) for x in (held, said))
    yield from _options_told(name, was, now)
    if not (isinstance(held, Ensemble) and isinstance(said, Ensemble)):
        return
    both = [each for each in held.members if each in said.members]
    if len(both) < len(held.members) or not (said.takes_all or len(both) == len(said.members)):
        yield from told(f"{name}.members", sorted(held.members), sorted(said.members))
    for each in both:
        yield from _model_told(f"{name}.members.{each}", held.members[each], said.members[each])


def _left_out(held: Forecaster, said: Forecaster) -> list[str]:
    """A line for a pool of all models that has fewer members than there are models now."""
    if not (isinstance(held, Ensemble) and isinstance(said, Ensemble) and said.takes_all):
        return []
    if held.members.keys() < said.members.keys():
        return told(f"{held.name}.members", sorted(held.members), sorted(said.members))
    return []


def _sets_differing(
    settings: Settings, pinned: VersionMeaning, models: Mapping[str, Forecaster]
) -> Iterator[str]:
    for name in sorted(sets_of(models.values())):
        if name in pinned.feature_sets and name in settings.feature_sets:
            was, now = sorted(pinned.feature_sets[name]), sorted(settings.feature_sets[name])
            yield from told(f"feature_sets.{name}", was, now)


def _options_told(key: str, was: Options, now: Options) -> Iterator[str]:
    for option in dict.fromkeys((*was, *now)):
        yield from told(f"{key}.{option}", was.get(option), now.get(option))


def told(key: str, was: object, now: object) -> list[str]:
    """A line that says what was and what is, or none if that is the same."""
    return [] if was == now else [f"{key}: was {_said(was)}, is {_said(now)}"]


def _said(value: object) -> str:
    match value:
        case None:
            return "not set"
        case bool():
            return str(value).lower()
        case Mapping():
            return ", ".join(f"{name} {_said(each)}" for name, each in value.items())
        case str():
            return value
        case Iterable():
            return ", ".join(map(_said, value)) or "none"
        case _:
            return str(value)
