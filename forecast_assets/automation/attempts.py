"""Attempts: what runs of a sensor have tried, so that each piece of work is asked for once.

Nothing is remembered beside Dagster's own history of runs: each run that a sensor asks for carries
a tag with the pieces of work it is for and the signature of what each was to be made from. A piece
that is still due after such a run is tried again after a pause that doubles, until it has been
tried often enough; then it waits until it would be made from something else.

A run counts for the tables that it was made on. It carries the newest mark of the tables when it
was asked for, and in the end a mark that it leaves in them itself; tables without that mark, since
they were emptied or restored from a copy, know nothing of the run.
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
    """How often a piece of work was tried from the same, and when the last run of it ended."""

    times: int
    last: datetime | None
    run_id: str


@dataclass(frozen=True)
class Attempts:
    """The runs of a plan that have ended, the newest first.

    ``marks``: of the tables; read when they are needed, which may raise StoreLocked. ``earlier``:
    runs that are known and do not count as tries any more, since somebody asks anew.
    """

    finished: Sequence[PastRun]
    policy: Automation
    marks: MarkTable
    earlier: Sequence[PastRun] = ()

    @cached_property
    def _found(self) -> list[str]:
        return self.marks.found()

    @property
    def newest_mark(self) -> str:
        """The newest mark of the tables."""
        return self._found[-1]

    @cached_property
    def _tried(self) -> Mapping[Work, Tried]:
        tried: dict[Work, Tried] = {}
        for run in self.finished:
            if run.mark not in self._found:
                continue
            for work in run.work:
                newer = tried.get(work, Tried(0, run.ended, run.run_id))
                tried[work] = Tried(newer.times + 1, newer.last, newer.run_id)
        return tried

    @cached_property
    def _seen(self) -> set[Work]:
        known = [*self.finished, *self.earlier]
        return {work for run in known if run.mark in self._found for work in run.work}

    def seen(self, work: Work) -> bool:
        """Whether any run has tried it from the same."""
        return work in self._seen

    def tried(self, work: Work) -> Tried:
        """How often a piece of work was tried from the same."""
        return self._tried.get(work, Tried(0, None, ""))

    def given_up(self, work: Work) -> bool:
        """Whether it was tried often enough."""
        return self.tried(work).times >= self.policy.attempts

    def next_time(self, work: Work) -> datetime | None:
        """When it may be tried; None for at once."""
        tried = self.tried(work)
        if tried.last is None:
            return None
        pause = self.policy.retry_seconds * 2 ** (tried.times - 1)
        return tried.last + timedelta(seconds=pause)

    def key(self, asked: Sequence[Work]) -> str:
        """The run key of a request: the same request at the same attempt has the same key.

        A key is good for one run, ever: after another run has ended it is another, or tables
        that were emptied would never be filled again.
        """
        newest = self.finished[0].run_id if self.finished else ""
        return signature(newest, *((work, self.tried(work).times) for work in sorted(asked)))
