"""Freshness and soundness of prices: what is old, missing or strange, by commodity."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from forecast_assets.configuration import Age, SampleSource, Settings
from forecast_assets.sessions import age, gaps, trading_week
from forecast_assets.store.contract import Store

GREEN, YELLOW, RED = "green", "yellow", "red"

FLAGS_WATCHED = 14
"""The newest sessions in which a strange price is warned of; older ones are only counted."""


@dataclass(frozen=True)
class Observed:
    """What is wrong with one commodity, and how bad it is."""

    commodity: str
    level: str
    found: str


def price_ages(settings: Settings, store: Store, today: date) -> list[Observed]:
    """Commodities whose newest price is older than ``checks.price_age``, in sessions.

    Samples are not expected to grow.
    """
    observed = []
    for name, calendar in watched(settings):
        history = store.prices.history(name)
        if len(history) == 0:
            observed.append(Observed(name, RED, "there is no price"))
            continue
        sessions = age(history.newest, today, calendar, trading_week(history.dates))
        found = f"the newest price is of {history.newest}, {sessions} sessions ago"
        observed += _aged(name, sessions, settings.checks.price_age, found)
    return observed


def forecast_ages(settings: Settings, store: Store, today: date) -> list[Observed]:
    """Commodities whose newest forecast knows less than ``checks.forecast_age`` allows."""
    observed = []
    for name, calendar in watched(settings):
        history = store.prices.history(name)
        issued = store.paths.issued(name, settings.model_version)
        if not issued:
            observed.append(Observed(name, RED, "there is no forecast"))
            continue
        newest = max(forecast.data_cutoff_date for forecast in issued)
        sessions = age(newest, today, calendar, trading_week(history.dates))
        found = f"the newest forecast knows {newest}, {sessions} sessions ago"
        observed += _aged(name, sessions, settings.checks.forecast_age, found)
    return observed


def missing_sessions(settings: Settings, store: Store) -> list[Observed]:
    """Sessions since the first training date that a calendar expects and that have no price."""
    observed = []
    for name, commodity in settings.commodities.items():
        history = store.prices.history(name)
        missing = gaps(history, commodity.calendar, settings.training.start)
        if missing:
            found = f"{len(missing)} sessions of {commodity.calendar} have no price: "
            observed.append(Observed(name, YELLOW, found + _some([str(day) for day in missing])))
    return observed


def strange_prices(settings: Settings, store: Store) -> list[Observed]:
    """Moves beyond ``checks.spike_bound`` and closes at or below zero, of late."""
    observed = []
    for name in settings.commodities:
        history = store.prices.history(name)
        flagged = store.prices.flagged(name, settings.checks.spike_bound)
        newest = set(history.dates[-FLAGS_WATCHED:].tolist())
        late = [str(price) for price in flagged if price.date in newest]
        if late:
            found = f"{_some(late)} ({len(flagged)} such sessions in all)"
            observed.append(Observed(name, YELLOW, found))
    return observed


def watched(settings: Settings) -> list[tuple[str, str]]:
    """Commodities that new prices are expected of, each with its calendar."""
    return [
        (name, commodity.calendar)
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
