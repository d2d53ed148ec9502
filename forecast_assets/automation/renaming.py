"""Commodities that the configuration no longer names: finding them, and renaming their rows."""

from dataclasses import replace

from forecast_assets.configuration.settings import Settings
from forecast_assets.errors import ConfigurationError
from forecast_assets.store.contract import Store
from forecast_assets.store.pinning import PinnedVersion
from forecast_assets.timeline.history import History


def departed(settings: Settings, store: Store) -> list[str]:
    """The commodities that have rows and are not in the configuration, in order."""
    return [name for name in store.names.known() if name not in settings.commodities]


def departures(settings: Settings, store: Store) -> list[str]:
    """A line for each commodity that has rows and is not in the configuration.

    The line suggests ``forecast rename`` if the configuration has a commodity without rows, since
    that may be the new name.
    """
    known = store.names.known()
    free = [name for name in settings.commodities if name not in known]
    new = free[0] if len(free) == 1 else "NEW"
    return [
        f"{name}: not in the configuration: nothing of it is published, and its rows are kept"
        + (f" (`forecast rename {name} {new}` gives them to another name)" if free else "")
        for name in known
        if name not in settings.commodities
    ]


def rename(settings: Settings, store: Store, old: str, new: str) -> dict[str, int]:
    """Give all rows of a commodity a new name, and return their number by table.

    Forecasts and models stay as they are, and neither becomes due again. Raises ConfigurationError
    unless the configuration names ``new`` instead of ``old`` and only ``old`` has rows.
    """
    if old in settings.commodities:
        raise ConfigurationError(
            f"rename: {old!r} is still in the configuration: give it the new name there first"
        )
    settings.commodity(new)
    if old not in (known := departed(settings, store)):
        raise ConfigurationError(
            f"rename: found {old!r}, allowed: {', '.join(known) or 'nothing'}, that is, what has"
            " rows and is not in the configuration"
        )
    if new in store.names.known():
        raise ConfigurationError(
            f"rename: {new!r} has rows of its own already, and two histories are not made one;"
            f" those of {old!r} stay: give it a name in the configuration that has no rows yet"
        )
    history = store.features.read(store.prices.history(old))
    in_force = PinnedVersion.of(settings, store).settings
    return store.names.rename(old, new, reprinted(in_force, history, new))


def reprinted(settings: Settings, history: History, name: str) -> dict[str, str]:
    """The fingerprints of a history under another commodity name, by the present fingerprints.

    A fingerprint covers the commodity's name, so renaming changes it. Included are the fingerprints
    of every prefix of the history, with the covariates of each model of the roster.
    """
    names = history.feature_names
    views = {()} | {settings.covariates_of(model, names) for model in settings.models.values()}
    prints: dict[str, str] = {}
    for covariates in views:
        if set(covariates) <= set(names):
            view = history.select(covariates)
            again = replace(view, commodity=name).fingerprints
            prints |= dict(zip(view.fingerprints, again, strict=True))
    return prints
