"""Prices and files that wait until a user accepts or rejects them, and what users should look at.

Each function returns lines of text for the terminal, the report and the metadata.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime

import numpy as np

from forecast_assets.automation.due import undue
from forecast_assets.automation.freshness import strange_prices
from forecast_assets.boundary import boundary
from forecast_assets.configuration.settings import Settings
from forecast_assets.market.features import read_features
from forecast_assets.market.landing import LandingFolder
from forecast_assets.market.plausible import Plausible
from forecast_assets.market.records import HeldPrice
from forecast_assets.store.contract import Store
from forecast_assets.timeline.history import History
from forecast_assets.timeline.scrutiny import Change, Dispute
from forecast_assets.timeline.strange import strange

LISTED = 5
"""Of many sessions only so many are listed."""


def held_files(folder: LandingFolder) -> list[str]:
    """A line for each file in ``landing/held`` and each commodity that it would revise."""
    return [line for file in folder.held() for line in file.lines]


def held_prices(settings: Settings, store: Store, name: str) -> list[str]:
    """The prices of the commodity ``name`` that its source gave and that wait, a line a reason."""
    waiting = store.held.waiting(name)
    if not waiting:
        return []
    history = store.prices.history(name)
    hint = f"`forecast prices accept {name}` takes them over, `forecast prices reject {name}` drops"
    return [
        f"{name}: {said}, held for a word: {hint} them"
        for said in (_revisions(history, waiting), _strange(settings, history, waiting))
        if said
    ]


def files_in_brief(folder: LandingFolder) -> list[str]:
    """The names of the files that wait, in one line; empty if there are none."""
    names = [file.arrival.path.name for file in folder.held()]
    return [f"held for a word: {', '.join(names)} (`forecast landing`)"] if names else []


def prices_in_brief(settings: Settings, store: Store) -> list[str]:
    """How many prices wait, a line for each commodity that has any."""
    lines: list[str] = []
    for name in settings.commodities:
        with boundary(name, lines):
            if count := len(store.held.waiting(name)):
                lines.append(f"{name}: {count} prices held for a word (`forecast prices`)")
    return lines


def to_know(settings: Settings, store: Store, history: History, at: datetime) -> list[str]:
    """What a reader should know before using a commodity's forecasts, one line each.

    The lines say why the commodity has no window to train or forecast, what in the prices needs a
    look, and which covariates lack a value. What is stale or old is told by ``doubts``. ``at``: the
    present moment, in UTC.
    """
    name = history.commodity
    windows = settings.windows.of(name, at.replace(tzinfo=UTC))
    reason = undue(settings, windows, history)
    return [
        *([reason] if reason else []),
        *to_look_at(settings, store, name),
        *unmatched(settings, history, at.date()),
    ]


def unmatched(settings: Settings, history: History, today: date) -> list[str]:
    """Covariates and regions whose files, as they are now, lack a value that is needed."""
    name = history.commodity
    commodity = settings.commodity(name)
    if not commodity.covariates or len(history) == 0:
        return []
    bounds = settings.bounds_of(name)
    read = read_features(name, commodity, history.dates, settings.folder, today, bounds)
    return [*read.missing.values(), *read.unmatched]


def to_look_at(settings: Settings, store: Store, name: str) -> list[str]:
    """What a user should look at in a commodity's prices, a line each.

    These are prices that wait, that no source may have any more, and that are strange.
    """
    strange_ones = strange_prices(settings, store, [name])
    return [
        *held_prices(settings, store, name),
        *implausible(settings, store.prices.history(name)),
        *(f"{each.commodity}: {each.found}" for each in strange_ones),
    ]


def implausible(settings: Settings, history: History) -> list[str]:
    """Stored sessions beyond the bounds of now, a line each, with the command to take them back.

    An older release, or wider bounds, may have let them in.
    """
    name = history.commodity
    bounds = Plausible(name, settings.bounds_of(name))
    first = np.datetime64(bounds.bounds.first_day)
    beyond = (history.dates < first) | (np.abs(history.closes) > bounds.bounds.price)
    lines = [
        f"{name}: {day} is stored although {bounds.of_session(day, close)}:"
        f" `forecast prices withdraw {name} {day} --reason 'a misprint'` takes it back"
        for day, close in zip(
            history.dates[beyond][:LISTED].tolist(), history.closes[beyond].tolist(), strict=False
        )
    ]
    more = int(beyond.sum()) - len(lines)
    return [*lines, *([f"{name}: and {more:,} more sessions beyond its bounds"] if more else [])]


def withdrawals(store: Store, name: str) -> list[str]:
    """The newest sessions of a commodity that somebody withdrew, a line each, and how many more."""
    found = store.prices.withdrawn(name)
    lines = [
        f"{name}: {each.date} ({each.close:g}) was withdrawn on {each.at:%Y-%m-%d} by {each.by}:"
        f" {each.reason}; `forecast prices accept {name} {each.date}` brings it back"
        for each in found[-LISTED:]
    ]
    more = len(found) - len(lines)
    return [*lines, *([f"{name}: and {more:,} more withdrawn sessions"] if more else [])]


def _revisions(history: History, waiting: Sequence[HeldPrice]) -> str:
    revised = [Change(x.date, x.close, x.stored_close) for x in waiting if x.reason == "revision"]
    if not revised:
        return ""
    others = [x for x in waiting if x.reason == "with_revisions"]
    new = sum(x.stored_close is None for x in others)
    also = f", and {new:,} new sessions would come" if new else ""
    return f"by its source {Dispute(revised, len(history), many=bool(others))}{also}"


def _strange(settings: Settings, history: History, waiting: Sequence[HeldPrice]) -> str:
    held = {x.date: x.close for x in waiting if x.reason == "strange"}
    if not held:
        return ""
    closes = dict(zip(history.dates.tolist(), history.closes.tolist(), strict=True)) | held
    days = sorted(closes)
    dates = np.array(days, dtype="datetime64[D]")
    merged = History(history.commodity, dates, np.array([closes[day] for day in days]))
    known = set(history.dates.tolist()) - held.keys()
    look = strange(merged, settings.checks.spike_bound, known)
    count = "1 strange close" if len(held) == 1 else f"{len(held):,} strange closes"
    return f"{count} of its source: {look}"
