"""Lacking: stored sessions that a source no longer has, and which of them are withdrawn.

A session that is missing between others was deleted on purpose, so it is withdrawn. If sessions are
missing at the end, the file was probably cut off, or is an older copy; if they are missing at the
start, the file probably holds only the last years. Those are withdrawn only if a user asks for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from forecast_assets.timeline.scrutiny import FEW_SESSIONS, FEW_SHARE

LISTED = 5
"""A line lists at most this many sessions; of more it names the first and the last."""


@dataclass(frozen=True)
class Lacking:
    """Stored sessions that a source lacks, in order of dates.

    ``taken_back``: those that are withdrawn. All others are kept. ``oldest``: those before the
    source's first session. ``between``: those between its sessions. ``newest``: those after its
    last session. ``many``: True if so many others than the oldest are missing that the file may be
    cut off. ``weekends``: withdrawn too, since the configuration says that weekends are no
    sessions.
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
        """Lines for users: which sessions of the commodity ``name`` were withdrawn, and kept."""
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
        """A warning that the source may be cut off; empty if nothing suggests that."""
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
    """Sort the stored sessions that a source lacks into those to withdraw and those to keep.

    ``missing``: the sessions that it lacks. ``first`` and ``newest``: the first and last session of
    the source. ``held``: how many sessions it has. ``sound``: whether none of its rows was refused.
    ``allowed``: whether a user has allowed it to withdraw all that it lacks.
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
    """The number of sessions and their days, as a text for users."""
    if len(days) == 1:
        return f"session, {days[0]}" if days else ""
    which = ", ".join(map(str, days))
    if len(days) > LISTED:
        which = f"{days[0]} to {days[-1]}"
    return f"{len(days):,} sessions, {which}"


def _were(days: Sequence[date]) -> str:
    return "was" if len(days) == 1 else "were"
