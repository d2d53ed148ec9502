"""Strange closes of a history: moves beyond a bound, and runs of closes on another scale.

If a close is about ten, a hundred or a thousand times the one before it, and the closes after it
stay there or return, it is probably in another unit, or a separator was misread. The text for users
says so. Strange closes are shown, but used like all others.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from forecast_assets.timeline.history import History

ABOUT = np.log10(1.25)
"""A move looks like a power of ten if its factor is at most 25 % away from it, in log10."""

STAYS = np.log10(2.0)
"""How far the closes after a change of scale may be from the new level, in log10: prices move."""

AROUND = 5
"""The level before and after a move is the median of this many sessions on either side."""

UNUSUAL = 20.0
"""A change of scale is at least this many times the median move.

Series around zero often move by a power of ten without a change of scale.
"""

SEPARATOR = 3
"""A misread separator of thousands changes a price by this many powers of ten."""


@dataclass(frozen=True)
class FlaggedPrice:
    """A close that a user should look at; it is used like any other.

    ``move``: the change as a share of the close before it; None if that is at or below zero.
    """

    date: date
    close: float
    previous_close: float | None
    move: float | None

    def __str__(self) -> str:
        """The session, its close, the close before it and the move, as a text for users."""
        before = "" if self.previous_close is None else f" after {self.previous_close:g}"
        move = "" if self.move is None else f", {percent(self.move)}"
        return f"{self.date}: {self.close:g}{before}{move}"


@dataclass(frozen=True)
class Stretch:
    """Consecutive sessions on one scale.

    ``begun``: the first close with the move that led to it; None at the start of the history.
    """

    first: date
    last: date
    sessions: int
    begun: FlaggedPrice | None


@dataclass(frozen=True)
class Rescaled:
    """Closes that look ``10 ** power`` times too large, compared with most others.

    ``power``: negative if they look too small. ``open_end``: whether the newest close is one of
    them. ``back``: the close after the first stretch, with its move; None if none follows.
    """

    power: int
    stretches: Sequence[Stretch]
    open_end: bool
    back: FlaggedPrice | None

    def __str__(self) -> str:
        """The closes and what may be wrong with them, as a text for users."""
        count = sum(each.sessions for each in self.stretches)
        first, last = self.stretches[0].first, self.stretches[-1].last
        times = f"{10 ** abs(self.power)} times too {'large' if self.power > 0 else 'small'}"
        begun = self.stretches[0].begun
        if begun is None:  # the oldest closes differ from the others
            return f"{_closes(count)} up to {last} look {times}, then {self.back}: another unit?"
        if len(self.stretches) == 1 and self.open_end:
            since = f" ({_closes(count)} from then on look {times})" if count > 1 else ""
            return f"{begun}: another unit?{since}"
        looks = "looks" if count == 1 else "look"
        days = f"from {first} to {last}" if count > 1 else f"of {first}"
        several = len(self.stretches) > 1 or abs(self.power) >= SEPARATOR
        question = "a separator" if several else "another unit, or a slipped decimal point"
        return f"{_closes(count)} {days} {looks} {times} ({begun}): {question}?"


@dataclass(frozen=True)
class Strange:
    """What is strange about a history.

    ``rescaled``: closes on another scale. ``moves``: all other moves beyond ``bound``, a share.
    """

    bound: float
    rescaled: Sequence[Rescaled] = field(default_factory=list)
    moves: Sequence[FlaggedPrice] = field(default_factory=list)

    def __bool__(self) -> bool:
        """Whether anything is strange."""
        return bool(self.rescaled or self.moves)

    def __str__(self) -> str:
        """A line for users: the other scales, and the number, largest and newest of the moves."""
        said = [str(each) for each in self.rescaled]
        if len(self.moves) <= 2:
            return "; ".join([*said, *map(str, self.moves)])
        largest = max(self.moves, key=lambda x: abs(x.move or 0.0))
        below = sum(x.close <= 0 for x in self.moves)
        zero = f", {below} of them to zero or below" if below else ""
        moves = (
            f"{len(self.moves)} moves beyond {100 * self.bound:g} %{zero}: the largest {largest}"
        )
        newest = f", the newest {self.moves[-1]}" if largest != self.moves[-1] else ""
        return "; ".join([*said, moves + newest])

    @property
    def days(self) -> list[date]:
        """The sessions at which a flagged move, or another scale, begins."""
        scales = [
            move.date
            for each in self.rescaled
            for move in (each.back, *(stretch.begun for stretch in each.stretches))
            if move is not None
        ]
        return sorted({*scales, *(move.date for move in self.moves)})


def strange(history: History, bound: float, accepted: Collection[date] = ()) -> Strange:
    """Find what a user should look at in a history.

    ``bound``: the largest move from one close to the next that is not flagged, a share.
    ``accepted``: sessions whose close a user has accepted; a move or another scale that begins
    there is left out.
    """
    powers = scales(history.closes)
    usual = _most_common(powers)
    breaks = set(np.flatnonzero(np.diff(powers)) + 1)
    moves = [x for at, x in _flagged(history, bound) if at not in breaks]
    found = []
    for power in sorted(set((powers - usual).tolist()) - {0}, key=abs):
        stretches = [
            each
            for each in _stretches(history, powers, usual + power)
            if each.begun is None or each.begun.date not in accepted
        ]
        if stretches:
            found.append(_rescaled(history, powers, power, stretches))
    kept = [x for x in found if x.stretches[0].begun or (x.back and x.back.date not in accepted)]
    return Strange(bound, kept, [x for x in moves if x.date not in accepted])


def scales(closes: NDArray[np.float64]) -> NDArray[np.int64]:
    """The scale of each close, as a power of ten relative to the first close; shape (n,).

    The scale changes at a move if the move is about a power of ten, if it is far larger than the
    usual move, and if the closes up to the next such move stay on the new level. A close at or
    below zero has the scale of the one before it.
    """
    powers = np.zeros(len(closes), dtype=np.int64)
    priced = np.flatnonzero(closes > 0)
    logs = np.log10(closes[priced])
    steps = np.diff(logs)
    if len(steps) == 0:
        return powers
    nearest = np.rint(steps)
    leaps = (nearest != 0) & (np.abs(steps - nearest) <= ABOUT)
    leaps &= np.abs(steps) >= UNUSUAL * np.median(np.abs(steps))
    places = np.flatnonzero(leaps) + 1
    previous = 0
    for place, end in pairwise([*places.tolist(), len(logs)]):
        before = np.median(logs[max(previous, place - AROUND) : place])
        after = np.median(logs[place : min(end, place + AROUND)])
        if abs(after - before - nearest[place - 1]) <= STAYS:
            powers[priced[place] :] += int(nearest[place - 1])
        previous = place
    return powers


def moved(close: float, before: float, bound: float) -> bool:
    """Whether ``close`` differs from ``before`` by more than ``bound``, a share of ``before``."""
    return abs(close - before) > bound * abs(before)


def percent(share: float) -> str:
    """A change as text, such as -99 %; it has one more digit if it would round to 0 or -100."""
    if abs(share) >= 1e6:
        return f"{100 * share:+.3g} %"
    text = f"{100 * share:+,.0f} %"
    return f"{100 * share:+,.1f} %" if text in ("+0 %", "-0 %", "-100 %") else text


def flagged_at(history: History, at: int) -> FlaggedPrice:
    """The close at position ``at`` of a history, with the move that led to it."""
    close = float(history.closes[at])
    before = float(history.closes[at - 1]) if at else None
    move = close / before - 1 if before is not None and before > 0 else None
    return FlaggedPrice(history.dates[at].item(), close, before, move)


def _flagged(history: History, bound: float) -> list[tuple[int, FlaggedPrice]]:
    """Closes at or below zero, those after them, and moves beyond the bound, with positions."""
    closes = history.closes
    below = closes <= 0
    flags = below.copy()
    flags[1:] |= below[:-1] | (np.abs(np.diff(closes)) > bound * np.abs(closes[:-1]))
    return [(at, flagged_at(history, at)) for at in np.flatnonzero(flags).tolist()]


def _most_common(powers: NDArray[np.int64]) -> int:
    values, counts = np.unique(powers, return_counts=True)
    return int(values[np.argmax(counts)]) if len(values) else 0


def _stretches(history: History, powers: NDArray[np.int64], power: int) -> list[Stretch]:
    inside = np.concatenate([[False], powers == power, [False]])
    edges = np.flatnonzero(np.diff(inside.astype(np.int8)))
    return [
        Stretch(
            history.dates[first].item(),
            history.dates[end - 1].item(),
            end - first,
            flagged_at(history, first) if first else None,
        )
        for first, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
    ]


def _rescaled(
    history: History, powers: NDArray[np.int64], power: int, stretches: Sequence[Stretch]
) -> Rescaled:
    end = int(np.searchsorted(history.dates, np.datetime64(stretches[0].last))) + 1
    back = flagged_at(history, end) if end < len(history) else None
    return Rescaled(power, stretches, stretches[-1].last == history.newest, back)


def _closes(count: int) -> str:
    return "1 close" if count == 1 else f"{count:,} closes"
