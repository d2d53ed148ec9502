"""Checks of stored prices and forecasts: what is old, missing or strange, by commodity."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from forecast_assets.boundary import boundary
from forecast_assets.configuration.commodities import SampleSource
from forecast_assets.configuration.sections import Age
from forecast_assets.configuration.settings import Settings
from forecast_assets.store.contract import Store
from forecast_assets.timeline.sessions import age, gaps, trading_week
from forecast_assets.timeline.strange import Strange, strange

GREEN, YELLOW, RED = "green", "yellow", "red"


@dataclass(frozen=True)
class Observed:
    """What is wrong with one commodity, and how bad it is."""

    commodity: str
    level: str
    found: str


def price_ages(settings: Settings, store: Store, today: date) -> list[Observed]:
    """Commodities whose newest price is older than ``checks.price_age``, in sessions.

    Samples are left out, since they never grow.
    """

    def look(name: str) -> list[Observed]:
        history = store.prices.history(name)
        if len(history) == 0:
            return [Observed(name, RED, "there is no price")]
        calendar = settings.commodity(name).calendar
        sessions = age(history.newest, today, calendar, trading_week(history.dates))
        found = f"the newest price is of {history.newest}, {sessions} sessions ago"
        return _aged(name, sessions, settings.checks.price_age, found)

    return of_each(watched(settings), look)


def forecast_ages(settings: Settings, store: Store, today: date) -> list[Observed]:
    """Commodities whose newest forecast is older than ``checks.forecast_age``, in sessions.

    The age of a forecast is that of the last close that it was made from.
    """

    def look(name: str) -> list[Observed]:
        history = store.prices.history(name)
        issued = store.paths.issued(name, settings.model_version)
        if not issued:
            return [Observed(name, RED, "there is no forecast")]
        newest = max(forecast.data_cutoff_date for forecast in issued)
        calendar = settings.commodity(name).calendar
        sessions = age(newest, today, calendar, trading_week(history.dates))
        found = f"the newest forecast knows {newest}, {sessions} sessions ago"
        return _aged(name, sessions, settings.checks.forecast_age, found)

    return of_each(watched(settings), look)


def missing_sessions(settings: Settings, store: Store) -> list[Observed]:
    """Sessions since the first training date that a calendar expects and that have no price."""

    def look(name: str) -> list[Observed]:
        calendar = settings.commodity(name).calendar
        missing = gaps(store.prices.history(name), calendar, settings.training.start)
        found = f"{len(missing)} sessions of {calendar} have no price: "
        days = [str(day) for day in missing]
        return [Observed(name, YELLOW, found + _some(days))] if days else []

    return of_each(settings.commodities, look)


def strange_prices(
    settings: Settings, store: Store, names: Sequence[str] | None = None
) -> list[Observed]:
    """Moves and changes of scale that a model in use was fitted on and that nobody has accepted.

    Only the commodities in ``names`` are looked at, or all if it is None. Samples are always left
    out, since their strange prices are known.
    """

    def look(name: str) -> list[Observed]:
        found = strange_of(settings, store, name)
        hint = f"; right as they are? `forecast prices accept {name}`"
        return [Observed(name, YELLOW, f"{found}{hint}")] if found else []

    there = watched(settings)
    return of_each(there if names is None else [x for x in names if x in there], look)


def strange_of(settings: Settings, store: Store, name: str) -> Strange:
    """What is strange about the closes that a commodity's newest models were fitted on."""
    history = store.prices.history(name)
    models = store.models.find(name, model_version=settings.model_version)
    newest = max((row.training_date for row in models), default=date.min)
    seen = [row.training_start_date for row in models if row.training_date == newest]
    looked_back = history.since(min(seen)) if seen else history
    return strange(looked_back, settings.checks.spike_bound, store.held.accepted(name))


def of_each(names: Iterable[str], look: Callable[[str], list[Observed]]) -> list[Observed]:
    """What ``look`` finds for each commodity; a commodity whose look raises is red."""
    observed = []
    for name in names:
        failures: list[str] = []
        with boundary(name, failures):
            observed += look(name)
        observed += [Observed(name, RED, failure) for failure in failures]
    return observed


def watched(settings: Settings) -> list[str]:
    """The commodities for which new prices are expected: all but samples."""
    return [
        name
        for name, commodity in settings.commodities.items()
        if not isinstance(commodity.source, SampleSource)
    ]


def worst(observed: Sequence[Observed]) -> str:
    """The worst level of all; green where nothing is wrong."""
    levels = {each.level for each in observed}
    return RED if RED in levels else YELLOW if levels else GREEN


def _aged(name: str, sessions: int, allowed: Age, found: str) -> list[Observed]:
    if sessions < allowed.warn:
        return []
    return [Observed(name, RED if sessions >= allowed.fail else YELLOW, found)]


def _some(texts: Sequence[str]) -> str:
    """The first few and the last of them."""
    if len(texts) <= 5:
        return ", ".join(texts)
    return f"{', '.join(texts[:4])} ... {texts[-1]}"
