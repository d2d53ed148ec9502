"""The meaning of a model version in the tables: reading it, and what is to be pinned.

Tables of a release that pinned nothing have models all the same. What these were trained with is
then taken over as the version's meaning, so that an upgrade together with an edited configuration
rewrites nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

from forecast_assets.configuration.commodities import Covariate
from forecast_assets.configuration.in_force import InForce, in_force
from forecast_assets.configuration.names import valid_reason
from forecast_assets.configuration.rosters import as_dumped
from forecast_assets.configuration.settings import Settings, require_apart
from forecast_assets.configuration.version_meaning import (
    Options,
    VersionMeaning,
    sets_in,
    sets_of,
    values_of,
)
from forecast_assets.errors import ConfigurationError, PayloadCorrupted, UnknownModel
from forecast_assets.forecast.payloads import canonical_json
from forecast_assets.forecast.records import TrainedModel
from forecast_assets.forecast.version_pins import FIRST, TAKEN_OVER, Pin, PinKind, rewritten
from forecast_assets.models.tick import with_tick
from forecast_assets.store.contract import Store
from forecast_assets.store.payloads import NOT_REBUILT, stored_options, stored_tick
from forecast_assets.store.saved_models import ModelStore

LEDGER, MODELS = "commodity.forecast.forecasts", "commodity.forecast.trained_models"


@dataclass(frozen=True, eq=False)
class PinnedVersion:
    """A model version as the tables have it, beside a configuration.

    ``configured``: the configuration, with the version and models of a run. ``store``: the tables.
    ``pins``: all revisions, in order. ``taken_over``: the meaning of models that were trained
    before anything was pinned, or None. ``trained``: the names of all models that were ever fitted,
    and ``begun``: of all commodities that they were fitted for.
    """

    configured: Settings
    store: Store
    pins: Sequence[Pin]
    taken_over: VersionMeaning | None
    trained: frozenset[str]
    begun: frozenset[str]

    @classmethod
    def of(cls, settings: Settings, store: Store) -> "PinnedVersion":
        """Read the version of some settings.

        Raises ConfigurationError for a new version that differs from another only by case.
        """
        version = settings.model_version
        with store.reading() as tables:  # opens the tables once
            pins = store.pins.find(version)
            columns = ["model_name", "commodity"]
            fitted = tables.read(MODELS, columns, [("model_version", "=", version)])
            trained, begun = (frozenset(fitted.column(name).to_pylist()) for name in columns)
            if not trained:
                known = tables.read(MODELS, ["model_version"]).column("model_version")
                require_apart(version, sorted(set(known.to_pylist())))
            taken_over = of_stored(settings, store) if trained and not pins else None
        return cls(settings, store, pins, taken_over, trained, begun)

    @property
    def version(self) -> str:
        """The version's name."""
        return self.configured.model_version

    @property
    def meaning(self) -> VersionMeaning | None:
        """What the version means; None if it has no models yet.

        A model that could never be fitted is no part of it, so its options may still change; nor is
        a commodity for which no model was.
        """
        if not self.pins:
            return self.taken_over
        pinned = self.pins[-1].meaning
        models = {name: each for name, each in pinned.models.items() if name in self.trained}
        covariates = {name: x for name, x in pinned.covariates.items() if name in self.begun}
        ticks = {name: x for name, x in pinned.ticks.items() if name in self.begun}
        if not models:
            return None
        return replace(pinned, models=models, covariates=covariates, ticks=ticks)

    @cached_property
    def in_force(self) -> InForce:
        """The settings in force, and what differs from the configuration.

        Raises ConfigurationError if this release does not know a pinned model.
        """
        return in_force(self.configured, self.meaning)

    @property
    def differences(self) -> list[str]:
        """All that a rewrite would change, a line each."""
        return [*self.in_force.differences, *self.in_force.left_out]

    @property
    def settings(self) -> Settings:
        """The settings to train and draw by."""
        return self.in_force.settings

    def rewritten(self, commodity: str) -> dict[str, datetime]:
        """When each model was last given another meaning for a commodity, by its name."""
        return rewritten(self.pins, commodity)

    def require_same(self) -> None:
        """Raise ConfigurationError if the configuration differs from what the version means."""
        if differences := self.in_force.differences:
            raise ConfigurationError(
                f"models: under model_version {self.version} there are models that mean something"
                f" else ({'; '.join(differences)}), allowed: a model_version that is not used yet,"
                " or models with the options of before"
            )

    def take_over(self, at: datetime, by: str) -> "PinnedVersion":
        """Pin what is taken over, if it is not pinned yet; return the version as it is then."""
        if self.taken_over is None:
            return self
        pin = self._pin("taken over", TAKEN_OVER, self.taken_over, at, by)
        self.store.pins.append(pin)
        return replace(self, pins=[pin], taken_over=None)

    def due(self, at: datetime, by: str) -> Pin | None:
        """What is to be pinned with the next models; None if it is pinned already."""
        found = self.in_force
        if self.pins and found.meaning == self.pins[-1].meaning:
            return None
        if self.meaning is None:
            return self._pin("first", FIRST, found.meaning, at, by)
        if not found.additions:
            return None
        return self._pin("added", f"added: {', '.join(found.additions)}", found.meaning, at, by)

    def rewrite(self, reason: str, at: datetime, by: str) -> "PinnedVersion":
        """Pin what the configuration means, for a reason that a user gives.

        Raises ConfigurationError for a reason that cannot be stored, for another horizon, or if the
        version has no models yet.
        """
        said, held = valid_reason(reason), self.meaning
        if held is None:
            raise ConfigurationError(f"model_version {self.version}: nothing was trained under it")
        if held.horizon != self.configured.horizon:
            raise ConfigurationError(
                f"horizon: found {self.configured.horizon}, allowed: {held.horizon}, that of all"
                " forecasts in these tables"
            )
        before = self.take_over(at, by)
        meaning = VersionMeaning.of(self.configured).with_the_rest_of(held)
        pin = before._pin("rewrite", said, meaning, at, by)
        self.store.pins.append(pin)
        return replace(before, pins=[*before.pins, pin])

    def require_covariates(self, in_use: "PinnedVersion") -> None:
        """Raise ConfigurationError if covariates are read otherwise than this version uses them.

        ``in_use``: the version of the configuration; there is one ``features`` for all versions.
        """
        own, read = self.settings, in_use.settings
        used = {name for each in sets_of(own.models.values()) for name in own.feature_sets[each]}
        otherwise = [
            f"{covariate} of {name}"
            for name, commodity in own.commodities.items()
            for covariate, source in commodity.covariates.items()
            if covariate in used and not _same(source, read.commodity(name).covariates, covariate)
        ]
        if otherwise:
            raise ConfigurationError(
                f"model_version: {self.version} uses {', '.join(otherwise)} otherwise than"
                f" {in_use.version}, and `features` holds the values of one version: make"
                f" {self.version} the model_version of the configuration to work on it"
            )

    def _pin(
        self, kind: PinKind, reason: str, meaning: VersionMeaning, at: datetime, by: str
    ) -> Pin:
        return Pin(self.version, len(self.pins) + 1, kind, reason, meaning, at, by)


def _same(source: Covariate, read: Mapping[str, Covariate], name: str) -> bool:
    """Whether a covariate has the same values as the one that is read by this name."""
    return name in read and values_of(read[name]) == values_of(source)


def of_stored(settings: Settings, store: Store) -> VersionMeaning | None:
    """What the stored models of a version mean; None if there are none.

    The options are those of the newest active model of each name, and the number of paths is that
    of the newest forecasts. A feature set has the covariates of a model that was fitted with it,
    and a commodity has the tick of its newest model. What the models do not tell is taken from the
    configuration.
    """
    version = settings.model_version
    found = store.models.find(model_version=version)
    if not found:
        return None
    with store.reading() as tables:
        columns = ["generation_timestamp", "n_paths"]
        drawn = tables.read(LEDGER, columns, [("model_version", "=", version)])
        joined = {name: store.features.sessions(name) for name in settings.commodities}
    models = {row.model_name: row for row in sorted(found, key=lambda row: row.created_at)}
    options = {name: each for name, row in models.items() if (each := _options(row)) is not None}
    said = VersionMeaning.of(settings)
    newest = max(zip(*(column.to_pylist() for column in drawn.columns), strict=True), default=None)
    sets = dict(said.feature_sets)
    for name, each in options.items():
        used = [*sets_in(each)] if "members" not in each else []
        covariates = _covariates(ModelStore.over(store, settings), models[name]) if used else None
        sets |= dict.fromkeys(used, covariates) if covariates else {}
    named = {covariate for members in sets.values() for covariate in members}
    return VersionMeaning(
        newest[1] if newest else said.paths,
        said.horizon,
        {**{name: said.models[name] for name in models if name in said.models}, **options},
        sets,
        {
            name: _joined(settings, name, named & joined[name].keys())
            for name in settings.commodities
            if any(row.commodity == name for row in found)
        },
        _ticks(found),
    )


def _joined(settings: Settings, commodity: str, names: Iterable[str]) -> dict[str, Options]:
    """How the covariates of a commodity get their values, where the configuration still says it."""
    configured = settings.commodity(commodity).covariates
    return {
        name: values_of(configured[name]) if name in configured else {} for name in sorted(names)
    }


def _ticks(models: Iterable[TrainedModel]) -> dict[str, float]:
    """The tick of the newest model of each commodity, of those that have one and can be read."""
    found = {}
    for row in sorted(models, key=lambda row: row.created_at):
        with suppress(PayloadCorrupted):
            found[row.commodity] = stored_tick(row)
    return {name: tick for name, tick in found.items() if tick is not None}


def _options(row: TrainedModel) -> Options | None:
    """A model's options; None if this release makes another model of them, or none."""
    try:
        found = stored_options(row)
        made_with = with_tick(as_dumped(row.model_name, found).model_dump(), stored_tick(row))
        same = canonical_json(made_with).decode()
    except (PayloadCorrupted, UnknownModel, ValueError):
        return None
    return found if same == row.options else None


def _covariates(models: ModelStore, row: TrainedModel) -> list[str] | None:
    """The covariates that a stored model was fitted with; None if it cannot be rebuilt."""
    try:
        return list(models.rebuild(row).covariates)
    except NOT_REBUILT:
        return None
