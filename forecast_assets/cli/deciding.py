"""``forecast landing`` and ``forecast prices``: accepting and rejecting what waits."""

from collections.abc import Sequence
from datetime import date

from filelock import FileLock
from rich.console import Console

from forecast_assets.automation.freshness import strange_of
from forecast_assets.automation.waiting import held_files, to_look_at
from forecast_assets.boundary import boundary
from forecast_assets.cli.console import write
from forecast_assets.configuration.settings import Settings, load_settings
from forecast_assets.errors import CommoditiesFailed, ConfigurationError
from forecast_assets.market.landing import Held, LandingFolder
from forecast_assets.market.reception import accept, line_of, reject
from forecast_assets.store.contract import Store
from forecast_assets.store.opening import open_store
from forecast_assets.timeline.clock import now

TERMINAL = "terminal"
"""The name in the tables for who merged a price that was accepted by a command, not by a run."""


def list_held_files(console: Console) -> None:
    """Print a line for each commodity of each file that waits."""
    lines = held_files(LandingFolder(load_settings()))
    _print(console, lines or ["no file waits"])


def accept_files(console: Console, names: Sequence[str]) -> None:
    """Merge files that wait, and put them away."""
    settings = load_settings()
    folder, tables = LandingFolder(settings), open_store(settings)
    with FileLock(settings.home / ".landing.lock"):
        for held in _held(folder, names):
            for landing in accept(folder, held, tables.landings, now(), TERMINAL):
                _print(console, [line_of(landing)])
            _print(console, [f"{held.arrival.name}: accepted"])
    _print(console, ["`forecast run` does what is due now"])


def reject_files(console: Console, names: Sequence[str]) -> None:
    """Put away files that wait, without merging the rows that wait."""
    settings = load_settings()
    folder = LandingFolder(settings)
    with FileLock(settings.home / ".landing.lock"):
        for held in _held(folder, names):
            reject(folder, held)
            _print(console, [f"{held.arrival.name}: rejected"])


def list_held_prices(console: Console) -> None:
    """Print the prices that wait and those that are strange, commodity by commodity."""
    settings = load_settings()
    store = open_store(settings)
    lines: list[str] = []
    broken: list[str] = []
    for name in settings.commodities:
        with boundary(name, broken):
            lines += to_look_at(settings, store, name)
    for each in lines:
        write(console, each)
    if broken:
        raise CommoditiesFailed(*broken)
    if not lines:
        write(console, "no price waits or is strange")


def accept_prices(console: Console, name: str, day: date | None) -> None:
    """Merge a commodity's waiting prices, and stop mentioning its strange ones."""
    settings, store = _of(name)
    merged = store.held.accept(name, day, now(), TERMINAL)
    strange = [each for each in strange_of(settings, store, name).days if day in (None, each)]
    store.held.vouch(name, strange, now())
    if not merged and not strange:
        raise ConfigurationError(
            f"{name}: nothing waits or is strange{f' on {day}' if day else ''}"
        )
    said = f"{len(merged)} closes are merged, {len(strange)} strange ones are taken to be right"
    _print(console, [f"{name}: {said}", "`forecast run` does what is due now"])


def reject_prices(console: Console, name: str, day: date | None) -> None:
    """Drop a commodity's waiting prices for good; the same prices of its source are ignored."""
    _, store = _of(name)
    gone = store.held.reject(name, day, now())
    if not gone:
        raise ConfigurationError(f"{name}: nothing waits{f' on {day}' if day else ''}")
    _print(console, [f"{name}: {len(gone)} closes are rejected; the stored ones stay"])


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


def _print(console: Console, lines: Sequence[str]) -> None:
    for line in lines:
        write(console, line)
