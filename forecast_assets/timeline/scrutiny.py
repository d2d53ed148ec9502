"""Scrutiny: which new and revised closes of a source must wait until a user accepts them.

A revision waits if it moves a close by more than the bound, or if it revises many closes at once.
Such revisions come from another file, unit or contract more often than from a correction. If a
revision brings a strange stretch of closes back in line with its neighbours, it is a correction and
does not wait, whatever its size.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

from forecast_assets.timeline.history import History
from forecast_assets.timeline.strange import moved, percent

FEW_SESSIONS, FEW_SHARE = 5, 0.01
"""If more sessions than this, and a larger share of all, change at once, it may be another file."""

ROUNDING = 0.001
"""A close that changes by at most this share counts as rounded differently, not as revised."""


@dataclass(frozen=True)
class Change:
    """A new or revised close of a source, and the stored one; None for a new session."""

    date: date
    close: float
    stored: float | None

    @property
    def share(self) -> float:
        """The change as a share of the stored close; infinite if that is zero or missing."""
        if self.stored is None or self.stored == 0:
            return float("inf")
        return (self.close - self.stored) / abs(self.stored)

    def __str__(self) -> str:
        """The session, both closes and the change, as a text for users."""
        return f"{self.date}: {self.stored:g} to {self.close:g}, {percent(self.share)}"


@dataclass(frozen=True)
class Dispute:
    """Revisions that wait until a user accepts or rejects them.

    ``stored``: how many sessions are stored. ``many``: True if they are too many at once; then
    nothing else of the source is taken either.
    """

    revisions: Sequence[Change]
    stored: int
    many: bool

    def __str__(self) -> str:
        """The number of revisions, their first and last day, and the largest, for users."""
        largest = max(self.revisions, key=lambda each: abs(each.share))
        if len(self.revisions) == 1:
            return f"1 of {self.stored:,} stored closes would change ({largest})"
        days = f"{self.revisions[0].date} to {self.revisions[-1].date}"
        count = f"{len(self.revisions):,} of {self.stored:,} stored closes"
        return f"{count}, {days}, would change (most: {largest})"


@dataclass(frozen=True)
class DoubtedWithdrawals:
    """Withdrawals of a file that wait until a user accepts or rejects them.

    ``days``: of the sessions. ``stored``: how many sessions are stored. ``newest``: how many of
    them are the newest ones.
    """

    days: Sequence[date]
    stored: int
    newest: int

    def __str__(self) -> str:
        """The number of withdrawals and their first and last day, for users."""
        which = f"the newest {self.newest:,} among them" if self.newest else "so many at once"
        first, last = self.days[0], self.days[-1]
        if len(self.days) == 1:
            return f"the newest session, {first}, would be withdrawn"
        return (
            f"{len(self.days):,} of {self.stored:,} stored sessions, {first} to {last}, would be"
            f" withdrawn, {which}"
        )


@dataclass(frozen=True)
class Scrutiny:
    """The settings of scrutiny.

    ``bound``: the largest move of a close that is plausible, as a share. ``quarantined``: the
    commodities whose strange new closes wait as well, not only their revisions.
    """

    bound: float
    quarantined: frozenset[str] = frozenset()


def dispute(stored: History, changes: Sequence[Change], bound: float) -> Dispute | None:
    """The revisions that wait until a user accepts or rejects them; None if there are none.

    ``changes``: in order of their dates. ``bound``: the largest move that is plausible, a share.
    """
    revised = [x for x in changes if x.stored is not None and moved(x.close, x.stored, ROUNDING)]
    mends = mended(stored, changes, bound)
    doubted = [change for change in revised if change.date not in mends]
    if len(doubted) > max(FEW_SESSIONS, FEW_SHARE * len(stored)):
        return Dispute(doubted, len(stored), many=True)
    large = [x for x in doubted if x.stored is not None and moved(x.close, x.stored, bound)]
    return Dispute(large, len(stored), many=False) if large else None


def doubted_withdrawals(
    stored: History, days: Sequence[date], told: Collection[date]
) -> DoubtedWithdrawals | None:
    """The withdrawals of a file if a user must accept them first; None otherwise.

    They wait, like sessions that a source lacks, if they are more than a few, or if no session
    remains after one of them. ``days``: stored sessions to withdraw, in order. ``told``: sessions
    of which the file has a price.
    """
    left = {*stored.dates.tolist(), *told} - set(days)
    last = max(left, default=date.min)
    newest = sum(day > last for day in days)
    if not newest and len(days) <= max(FEW_SESSIONS, FEW_SHARE * len(stored)):
        return None
    return DoubtedWithdrawals(days, len(stored), newest)


def mended(stored: History, changes: Sequence[Change], bound: float) -> set[date]:
    """The revised sessions that belong to a correction of a strange stretch.

    A stretch is a row of sessions that are all revised. It was strange if the move into it or out
    of it was beyond the bound; it is corrected if no move into, in or out of it is any more.
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


def strange_changes(
    stored: History, changes: Sequence[Change], bound: float, accepted: Collection[date]
) -> list[Change]:
    """New or revised closes whose move from the last accepted close is beyond the bound.

    ``accepted``: sessions whose strange close a user has accepted.
    """
    by_day = {change.date: change for change in changes}
    closes = dict(zip(stored.dates.tolist(), stored.closes.tolist(), strict=True))
    strange: list[Change] = []
    last: float | None = None
    for day in sorted({*closes, *by_day}):
        change = by_day.get(day)
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
    """Whether the move between the days of any pair is beyond the bound."""
    return any(moved(closes[days[at]], closes[days[before]], bound) for before, at in pairs)
