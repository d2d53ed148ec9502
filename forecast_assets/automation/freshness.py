"""What is old, missing or strange, by commodity.

A price or forecast is old by the age in sessions that `checks` allows: so say checks and report.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from forecast_assets.boundary import boundary
from forecast_assets.configuration.commodities import SampleSource
from forecast_assets.configuration.sections import Age
from forecast_assets.configuration.settings import Settings
from forecast_assets.store.contract import Store
from forecast_assets.timeline.history import History
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
    """Commodities whose newest price is older than ``checks.price_age``, in sessions."""
    return of_each(
        watched(settings),
        lambda name: price_age(settings, store.prices.history(name), today),
    )


def price_age(settings: Settings, history: History, today: date) -> list[Observed]:
    """Whether the newest price of a commodity is old; samples are not expected to grow."""
    name = history.commodity
    if not is_watched(settings, name):
        return []
    if len(history) == 0:
        return [Observed(name, RED, "there is no price")]
    sessions = sessions_since(settings, history, history.newest, today)
    found = f"the newest price is of {history.newest}, {sessions} sessions ago"
    return _aged(name, sessions, settings.checks.price_age, found)


def forecast_ages(settings: Settings, store: Store, today: date) -> list[Observed]:
    """Commodities whose newest forecast is older than ``checks.forecast_age``, in sessions.

    The age of a forecast is that of the last close that it was made from.
    """

    def look(name: str) -> list[Observed]:
        history = store.prices.history(name)
        issued = store.paths.issued(name, settings.model_version)
        if not issued:
            return [Observed(name, RED, "there is no forecast")]
        newest = issued.cutoffs.max().item()
        sessions = sessions_since(settings, history, newest, today)
        found = f"the newest forecast knows {newest}, {sessions} sessions ago"
        return _aged(name, sessions, settings.checks.forecast_age, found)

    return of_each(watched(settings), look)


def sessions_since(settings: Settings, history: History, day: date, today: date) -> int:
    """How many sessions of a commodity there were after ``day`` and before ``today``."""
    calendar = settings.commodity(history.commodity).calendar
    return age(day, today, calendar, trading_week(history.dates))


def behind(history: History, forecast: str, cutoff: date) -> str | None:
    """A text if a forecast was made without the newest price; None if it has it."""
    if cutoff >= history.newest:
        return None
    return f"the newest price is of {history.newest}, {forecast} knows {cutoff}"


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
    with store.reading():  # opens the tables once
        history = store.prices.history(name)
        models = store.models.find(name, model_version=settings.model_version)
        accepted = store.held.accepted(name)
    newest = max((row.training_date for row in models), default=date.min)
    seen = [row.training_start_date for row in models if row.training_date == newest]
    looked_back = history.since(min(seen)) if seen else history
    return strange(looked_back, settings.checks.spike_bound, accepted)


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
    return [name for name in settings.commodities if is_watched(settings, name)]


def is_watched(settings: Settings, name: str) -> bool:
    """Whether new prices are expected of a commodity."""
    return not isinstance(settings.commodity(name).source, SampleSource)


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
