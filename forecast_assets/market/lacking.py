"""Lacking: the stored sessions that a source no longer has, and which of them are taken back.

A session that is gone between others was deleted by somebody. One that is gone from the end is
more often the mark of a file that broke off, or of an older copy, and one from the start that of a
file which holds the last years only: these are taken back only when that is asked for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from forecast_assets.timeline.scrutiny import FEW_SESSIONS, FEW_SHARE

LISTED = 5
"""Sessions that a line lists; of more it says the first and the last."""


@dataclass(frozen=True)
class Lacking:
    """Stored sessions that a source lacks, in order of dates.

    ``taken_back``: withdrawn. The others were kept: ``oldest`` are before its first session,
    ``newest`` after its last one. ``many``: so many beside the oldest that it may be half a file.
    ``weekends``: withdrawn too, since the configuration says that they are no sessions.
    """

    taken_back: Sequence[date] = ()
    oldest: Sequence[date] = ()
    between: Sequence[date] = ()
    newest: Sequence[date] = ()
    many: bool = False
    weekends: Sequence[date] = ()

    @property
    def kept(self) -> list[date]:
        """The sessions that stay although the source lacks them."""
        return [*self.oldest, *self.between, *self.newest]

    def notes(self, name: str) -> list[str]:
        """What was taken back of the commodity called ``name``, and what was kept, a line each."""
        hint = f"`forecast run --commodity {name} --allow-withdrawals` takes"
        lines = []
        if self.taken_back:
            lines.append(
                f"{name}: its source took back {sessions(self.taken_back)}: withdrawn, with the"
                " forecasts from there"
            )
        if self.weekends:
            lines.append(
                f"{name}: weekends are no sessions (`weekends: drop`): {sessions(self.weekends)}:"
                " withdrawn, with the forecasts from there"
            )
        if self.oldest:
            lines.append(
                f"{name}: its source begins later than what is stored, and lacks"
                f" {sessions(self.oldest)}, which stay as they were; {hint} them back"
            )
        if self.newest and not self.many:
            them = "it" if len(self.newest) == 1 else "them"
            lines.append(
                f"{name}: its source lacks the newest {sessions(self.newest)}, which"
                f" {_were(self.newest)} kept: a file cut off, or an older copy? {hint} {them} back"
            )
        return lines

    def problem(self, name: str) -> str:
        """That the source may be half of one, in a line; empty where it is not."""
        if not self.many:
            return ""
        lost = sessions([*self.between, *self.newest])
        which = f"{lost}, of those that are stored" if self.between else f"the newest {lost}"
        return (
            f"{name}: its source lacks {which}, which were kept: is the file whole?"
            f" `forecast run --commodity {name} --allow-withdrawals` takes them back"
        )


def lacking(
    missing: Sequence[date], first: date, newest: date, held: int, *, sound: bool, allowed: bool
) -> Lacking:
    """Sort out the stored sessions that a source lacks.

    ``first`` and ``newest`` are its own, ``held`` is how many it has. ``sound``: nothing in it was
    refused. ``allowed``: whatever it lacks is taken back.
    """
    if allowed:
        return Lacking(taken_back=missing)
    oldest = [day for day in missing if day < first]
    between = [day for day in missing if first < day < newest]
    after = [day for day in missing if day > newest]
    few = max(FEW_SESSIONS, FEW_SHARE * held)
    if sound and len(between) <= few:
        return Lacking(between, oldest, [], after, many=len(after) > few)
    return Lacking((), oldest, between, after, many=sound and len(between) + len(after) > few)


def sessions(days: Sequence[date]) -> str:
    """How many sessions, and which."""
    if len(days) == 1:
        return f"session, {days[0]}" if days else ""
    which = ", ".join(map(str, days))
    if len(days) > LISTED:
        which = f"{days[0]} to {days[-1]}"
    return f"{len(days):,} sessions, {which}"


def _were(days: Sequence[date]) -> str:
    return "was" if len(days) == 1 else "were"
