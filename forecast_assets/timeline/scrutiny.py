"""Scrutiny: which of a source's news are so unlike what is stored that they wait for a word.

A revision is looked at like a new price: a close that moves beyond the bound, or many closes at
once, is more often another file, unit or contract than a correction. A revision that brings a
strange stretch of closes back in line with its neighbours is a correction, whatever its size.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

from forecast_assets.timeline.history import History
from forecast_assets.timeline.strange import moved, percent

FEW_SESSIONS, FEW_SHARE = 5, 0.01
"""So many sessions, or this share of them, may change at once before it looks like another file."""

ROUNDING = 0.001
"""A close that changes by less than this share was rounded otherwise."""


@dataclass(frozen=True)
class Change:
    """What a source says of a session: its close, and the stored one; None for a new session."""

    date: date
    close: float
    stored: float | None

    @property
    def share(self) -> float:
        """By which share of the stored close it moves; infinite from zero."""
        if self.stored is None or self.stored == 0:
            return float("inf")
        return (self.close - self.stored) / abs(self.stored)

    def __str__(self) -> str:
        """From what to what, in words."""
        return f"{self.date}: {self.stored:g} to {self.close:g}, {percent(self.share)}"


@dataclass(frozen=True)
class Dispute:
    """Revisions that wait for a word. ``many``: too many at once, so that nothing else is taken.

    ``stored``: how many sessions are stored.
    """

    revisions: Sequence[Change]
    stored: int
    many: bool

    def __str__(self) -> str:
        """How many, from when to when, and the largest."""
        largest = max(self.revisions, key=lambda each: abs(each.share))
        if len(self.revisions) == 1:
            return f"1 of {self.stored:,} stored closes would change ({largest})"
        days = f"{self.revisions[0].date} to {self.revisions[-1].date}"
        count = f"{len(self.revisions):,} of {self.stored:,} stored closes"
        return f"{count}, {days}, would change (most: {largest})"


@dataclass(frozen=True)
class Scrutiny:
    """What is not believed at once: ``bound``, and sources whose strange new closes wait as well.

    ``bound``: the largest plausible move of a close, a share. ``quarantined``: commodities.
    """

    bound: float
    quarantined: frozenset[str] = frozenset()


def dispute(stored: History, changes: Sequence[Change], bound: float) -> Dispute | None:
    """The revisions among ``changes``, in order of dates, that wait for a word; None for none."""
    revised = [x for x in changes if x.stored is not None and moved(x.close, x.stored, ROUNDING)]
    mends = mended(stored, changes, bound)
    doubted = [change for change in revised if change.date not in mends]
    if len(doubted) > max(FEW_SESSIONS, FEW_SHARE * len(stored)):
        return Dispute(doubted, len(stored), many=True)
    large = [x for x in doubted if x.stored is not None and moved(x.close, x.stored, bound)]
    return Dispute(large, len(stored), many=False) if large else None


def mended(stored: History, changes: Sequence[Change], bound: float) -> set[date]:
    """The revised sessions of stretches that were strange beside their neighbours and would not be.

    A stretch is sessions in a row that are all revised; it was strange where the move into it, or
    the one out of it, was beyond the bound.
    """
    said = {change.date: change.close for change in changes if change.stored is not None}
    days: list[date] = stored.dates.tolist()
    before = dict(zip(days, stored.closes.tolist(), strict=True))
    after = before | said
    found: set[date] = set()
    first = 0
    while first < len(days):
        if days[first] not in said:
            first += 1
            continue
        end = first
        while end < len(days) and days[end] in said:
            end += 1
        edges = [pair for pair in ((first - 1, first), (end - 1, end)) if _inside(pair, days)]
        around = [(at - 1, at) for at in range(max(first, 1), min(end + 1, len(days)))]
        if _leaps(edges, days, before, bound) and not _leaps(around, days, after, bound):
            found.update(days[first:end])
        first = end
    return found


def strange_news(
    stored: History, changes: Sequence[Change], bound: float, accepted: Collection[date]
) -> list[Change]:
    """New or revised closes beyond the bound from the last close before them that is let in."""
    news = {change.date: change for change in changes}
    closes = dict(zip(stored.dates.tolist(), stored.closes.tolist(), strict=True))
    strange: list[Change] = []
    last: float | None = None
    for day in sorted({*closes, *news}):
        change = news.get(day)
        close = change.close if change else closes[day]
        leaps = last is not None and last > 0 and moved(close, last, bound)
        if change and leaps and day not in accepted:
            strange.append(change)
            close = closes.get(day, last)
        last = close
    return strange


def _inside(pair: tuple[int, int], days: Sequence[date]) -> bool:
    return pair[0] >= 0 and pair[1] < len(days)


def _leaps(
    pairs: Sequence[tuple[int, int]],
    days: Sequence[date],
    closes: dict[date, float],
    bound: float,
) -> bool:
    """Whether a close is beyond the bound from the one before it, in any of the pairs."""
    return any(moved(closes[days[at]], closes[days[before]], bound) for before, at in pairs)
