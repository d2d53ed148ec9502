"""Attempts: the runs that have already tried a piece of work, so that it is not asked for at once.

The only memory is Dagster's own history of runs. Each run of a plan has a tag that names its pieces
of work, each with a signature: a hash of the inputs that the piece would be made from. If a piece
is still due after its run has ended, it is tried again after a pause, which doubles each time.
After ``automation.attempts`` runs it is given up until its inputs, and so its signature, change.

A run counts only for the tables that it worked on. It carries the newest mark that the tables had
when it was asked for, and leaves a mark of its own in them when it ends. Tables that were emptied
or restored from a copy do not have that mark, so the run does not count for them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from forecast_assets.automation.work import Work, signature
from forecast_assets.configuration.sections import Automation
from forecast_assets.store.contract import MarkTable


@dataclass(frozen=True)
class PastRun:
    """A run that has ended: when, in UTC, what it was for, and the mark that it carries."""

    run_id: str
    ended: datetime
    mark: str | None
    work: Sequence[Work]


@dataclass(frozen=True)
class Tried:
    """How often a piece of work was tried with the same inputs, and when its last run ended."""

    times: int
    last: datetime | None
    run_id: str


@dataclass(frozen=True)
class Attempts:
    """The runs of a plan that have ended, the newest first.

    ``finished``: the runs that count as tries. ``marks``: the table of marks; it is read at first
    use, which may raise StoreLocked. ``earlier``: older runs that no longer count as tries because
    a user has asked again; they still show what models decline.
    """

    finished: Sequence[PastRun]
    policy: Automation
    marks: MarkTable
    earlier: Sequence[PastRun] = ()

    @cached_property
    def _found(self) -> list[str]:
        return self.marks.found()

    @cached_property
    def _marks(self) -> frozenset[str]:
        return frozenset(self._found)

    @property
    def newest_mark(self) -> str:
        """The newest mark of the tables."""
        return self._found[-1]

    @cached_property
    def _tried(self) -> Mapping[Work, Tried]:
        tried: dict[Work, Tried] = {}
        for run in self.finished:
            if run.mark not in self._marks:
                continue
            for work in run.work:
                newer = tried.get(work, Tried(0, run.ended, run.run_id))
                tried[work] = Tried(newer.times + 1, newer.last, newer.run_id)
        return tried

    @cached_property
    def _seen(self) -> set[Work]:
        known = [*self.finished, *self.earlier]
        return {work for run in known if run.mark in self._marks for work in run.work}

    def seen(self, work: Work) -> bool:
        """Whether any run, an earlier one too, has tried this piece with the same inputs."""
        return work in self._seen

    def tried(self, work: Work) -> Tried:
        """How often a piece of work was tried with the same inputs."""
        return self._tried.get(work, Tried(0, None, ""))

    def given_up(self, work: Work) -> bool:
        """Whether this piece was tried as often as ``automation.attempts`` allows."""
        return self.tried(work).times >= self.policy.attempts

    def next_time(self, work: Work) -> datetime | None:
        """When this piece may be tried again, in UTC; None if it may be tried at once."""
        tried = self.tried(work)
        if tried.last is None:
            return None
        pause = self.policy.retry_seconds * 2 ** (tried.times - 1)
        return tried.last + timedelta(seconds=pause)

    def key(self, asked: Sequence[Work]) -> str:
        """The run key of a request: the same request at the same attempt has the same key.

        Dagster starts only one run for a key, ever. The key therefore changes whenever a run has
        ended; otherwise tables that were emptied would never be filled again.
        """
        newest = self.finished[0].run_id if self.finished else ""
        return signature(newest, *((work, self.tried(work).times) for work in sorted(asked)))
