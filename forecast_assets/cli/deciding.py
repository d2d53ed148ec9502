"""``forecast landing`` and ``forecast prices``: accepting and rejecting what waits."""

import os
import pwd
from collections.abc import Sequence
from contextlib import suppress
from datetime import date
from functools import partial

from rich.console import Console

from forecast_assets.automation.freshness import strange_of
from forecast_assets.automation.waiting import held_files, to_look_at, withdrawals
from forecast_assets.boundary import boundary
from forecast_assets.cli.console import write
from forecast_assets.configuration.names import valid_reason
from forecast_assets.configuration.settings import Settings, load_settings
from forecast_assets.errors import CommoditiesFailed, ConfigurationError
from forecast_assets.market.landing import LANDING, Held, LandingFolder
from forecast_assets.market.reception import accept, line_of, reject
from forecast_assets.store.contract import Store
from forecast_assets.store.lock_file import one_at_a_time
from forecast_assets.store.opening import open_store
from forecast_assets.timeline.clock import now
from forecast_assets.timeline.history import History

TERMINAL = "terminal"
"""The name in the tables for who merged a price that was accepted by a command, not by a run."""


def list_held_files(console: Console) -> None:
    """Print a line for each commodity of each file that waits."""
    lines = held_files(LandingFolder(load_settings()))
    for line in lines or ["no file waits"]:
        write(console, line)


def accept_files(console: Console, names: Sequence[str]) -> None:
    """Merge files that wait, and put them away."""
    settings = load_settings()
    folder, tables = LandingFolder(settings), open_store(settings)
    with one_at_a_time(settings.landing_lock, LANDING, partial(write, console)):
        for held in _held(folder, names):
            for landing in accept(folder, held, tables.landings, now(), TERMINAL):
                write(console, line_of(landing))
            write(console, f"{held.arrival.name}: accepted")
    write(console, "`forecast run` does what is due now")


def reject_files(console: Console, names: Sequence[str]) -> None:
    """Put away files that wait, without merging the rows that wait."""
    settings = load_settings()
    folder = LandingFolder(settings)
    with one_at_a_time(settings.landing_lock, LANDING, partial(write, console)):
        for held in _held(folder, names):
            reject(folder, held)
            write(console, f"{held.arrival.name}: rejected")


def list_held_prices(console: Console) -> None:
    """Print the prices that wait, are strange or are withdrawn, commodity by commodity."""
    settings = load_settings()
    store = open_store(settings)
    lines: list[str] = []
    broken: list[str] = []
    for name in settings.commodities:
        with boundary(name, broken):
            lines += to_look_at(settings, store, name)
            lines += withdrawals(store, name)
    for each in lines:
        write(console, each)
    if broken:
        raise CommoditiesFailed(*broken)
    if not lines:
        write(console, "no price waits, is strange or is withdrawn")


def withdraw_price(console: Console, name: str, day: date, reason: str) -> None:
    """Take a session back: its revisions stay, and its source is not heard with this close."""
    _, store = _of(name)
    said = valid_reason(reason)
    if not store.prices.withdraw(name, day, said, now(), f"{TERMINAL}: {_user()}"):
        near = _nearest(store.prices.history(name), day)
        raise ConfigurationError(f"{name}: no session is stored on {day}; {near}")
    back = f"`forecast prices accept {name} {day}` brings it back"
    write(console, f"{name}: {day} is withdrawn; {back}")
    then = "withdraws the forecasts from there, and does what else is due now"
    write(console, f"`forecast run` {then}")


def _user() -> str:
    """Who gives the command: the name of the user, or the number where there is no name."""
    number = os.getuid()
    with suppress(KeyError):
        return pwd.getpwuid(number).pw_name
    return str(number)


def _nearest(history: History, day: date) -> str:
    """A text for users: the stored sessions before and after a day that is none."""
    before = [str(each) for each in history.known_before(day).dates[-1:]]
    after = [str(each) for each in history.since(day).dates[:1]]
    return f"the nearest: {' and '.join([*before, *after]) or 'none, since there is no price'}"


def accept_prices(console: Console, name: str, day: date | None) -> None:
    """Merge a commodity's waiting prices, and stop mentioning its strange ones.

    If nothing of a day waits, a withdrawn session of that day is brought back.
    """
    settings, store = _of(name)
    merged = store.held.accept(name, day, now(), TERMINAL)
    strange = [each for each in strange_of(settings, store, name).days if day in (None, each)]
    store.held.vouch(name, strange, now())
    if not merged and not strange:
        if day and store.prices.restore(name, day, now(), f"{TERMINAL}: {_user()}"):
            lines = [f"{name}: {day} is back as it was", "`forecast run` does what is due now"]
            for line in lines:
                write(console, line)
            return
        raise ConfigurationError(
            f"{name}: nothing waits, is strange or is withdrawn{f' on {day}' if day else ''}"
        )
    said = f"{len(merged)} closes are merged, {len(strange)} strange ones are taken to be right"
    write(console, f"{name}: {said}")
    write(console, "`forecast run` does what is due now")


def reject_prices(console: Console, name: str, day: date | None) -> None:
    """Drop a commodity's waiting prices for good; the same prices of its source are ignored."""
    _, store = _of(name)
    gone = store.held.reject(name, day, now())
    if not gone:
        raise ConfigurationError(f"{name}: nothing waits{f' on {day}' if day else ''}")
    write(console, f"{name}: {len(gone)} closes are rejected; the stored ones stay")


def _of(name: str) -> tuple[Settings, Store]:
    settings = load_settings()
    settings.commodity(name)
    return settings, open_store(settings)


def _held(folder: LandingFolder, names: Sequence[str]) -> list[Held]:
    """The waiting files with these names. Raises ConfigurationError, which lists all that wait."""
    waiting = {each.arrival.name: each for each in folder.held()}
    for name in names:
        if name not in waiting:
            there = ", ".join(waiting) or "none waits"
            raise ConfigurationError(f"landing/held: found {name!r}, allowed: {there}")
    return [waiting[name] for name in dict.fromkeys(names)]
