"""Attempts: what runs of a sensor have tried, so that each piece of work is asked for once.

Nothing is remembered beside Dagster's own history of runs: each run that a sensor asks for carries
a tag with the pieces of work it is for and the signature of what each was to be made from. A piece
that is still due after such a run is tried again after a pause that doubles, until it has been
tried often enough; then it waits until it would be made from something else.

A run counts for the tables that it was made on. It carries the newest mark of the tables when it
was asked for, and in the end a mark that it leaves in them itself; tables without that mark, since
they were emptied or restored from a copy, know nothing of the run.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property

from dagster import DagsterInstance, DagsterRun, DagsterRunStatus, RunRecord, RunsFilter

from forecast_assets.configuration.sections import Automation
from forecast_assets.defs.pulse import Pulses
from forecast_assets.store.contract import MarkTable

DUE = "forecast_assets/due"
"""The tag: JSON, piece of work to signature."""

TABLES = "forecast_assets/tables"
"""The tag: the newest mark of the tables that the run has seen."""

WHAT = "forecast_assets/what"
"""The tag: the same pieces of work, in words for the list of runs."""

STAGES_IN_ORDER = ("train", "forecast", "score")

PLACES_TOLD = 3
"""Windows or files that are named before the rest are counted."""

SENSOR = "dagster/sensor_name"
"""Dagster's tag of the sensor that asked for a run."""

RUNS_READ = 200
"""Runs of a sensor that are looked back on."""

WAITING = (
    DagsterRunStatus.QUEUED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
)
"""Runs that may go on by themselves. One that is not started is asked for again, by its key."""


@dataclass(frozen=True, order=True)
class Work:
    """A piece of work that is due, and a hash of what it would be made from."""

    name: str
    signature: str


def signature(*parts: object) -> str:
    """A short hash of some values, by what they look like."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:12]


@dataclass(frozen=True)
class Tried:
    """How often a piece of work was tried from the same, and when the last run of it ended."""

    times: int
    last: datetime | None
    run_id: str


@dataclass(frozen=True)
class Attempts:
    """The runs that a sensor has asked for, the newest first.

    ``marks``: of the tables; read when they are needed, which may raise StoreLocked.
    """

    records: Sequence[RunRecord]
    policy: Automation
    marks: MarkTable

    @classmethod
    def of(
        cls, instance: DagsterInstance, sensor: str, policy: Automation, marks: MarkTable
    ) -> "Attempts":
        """Read the newest runs of a sensor."""
        asked = RunsFilter(tags={SENSOR: sensor})
        return cls(instance.get_run_records(filters=asked, limit=RUNS_READ), policy, marks)

    @cached_property
    def going_on(self) -> list[RunRecord]:
        """Runs that have not ended."""
        return [record for record in self.records if record.dagster_run.status in WAITING]

    @cached_property
    def finished(self) -> list[RunRecord]:
        """Runs that have ended, on whatever tables."""
        return [record for record in self.records if record.dagster_run.is_finished]

    @cached_property
    def _found(self) -> list[str]:
        return self.marks.found()

    @cached_property
    def _tried(self) -> Mapping[Work, Tried]:
        tried: dict[Work, Tried] = {}
        for record in self.finished:
            if record.dagster_run.tags.get(TABLES) not in self._found:
                continue
            for work in work_of(record):
                newer = tried.get(work, Tried(0, ended(record), record.dagster_run.run_id))
                tried[work] = Tried(newer.times + 1, newer.last, newer.run_id)
        return tried

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
        newest = self.finished[0].dagster_run.run_id if self.finished else ""
        return signature(newest, *((work, self.tried(work).times) for work in sorted(asked)))

    def tags(self, asked: Sequence[Work]) -> dict[str, str]:
        """The tags of a run that is for these pieces of work."""
        due = json.dumps({work.name: work.signature for work in sorted(asked)})
        return {DUE: due, TABLES: self._found[-1], WHAT: in_words(asked)}


def in_words(asked: Sequence[Work]) -> str:
    """Pieces of work as people read them: "WTI 2026-07-01: forecast, score".

    Windows in which the same is done are told together; of many only the first few.
    """
    stages: dict[str, list[str]] = {}
    for work in asked:
        stage, _, where = work.name.partition(" ")
        stages.setdefault(where.replace("|", " "), []).append(stage)
    places: dict[str, list[str]] = {}
    for where, done in stages.items():
        named = [stage for stage in STAGES_IN_ORDER if stage in done]
        named += [stage for stage in done if stage not in STAGES_IN_ORDER]
        places.setdefault(", ".join(named), []).append(where)
    lines = [f"{_shortened(wheres)}: {what}".removeprefix(": ") for what, wheres in places.items()]
    return "; ".join(lines)


def _shortened(places: Sequence[str]) -> str:
    more = f" and {len(places) - PLACES_TOLD} more" if len(places) > PLACES_TOLD else ""
    return ", ".join(places[:PLACES_TOLD]) + more


def leave_mark(instance: DagsterInstance, run: DagsterRun, marks: MarkTable) -> None:
    """At the end of a run that a sensor asked for: the tables know it, and it says so."""
    if DUE in run.tags:
        marks.leave(run.run_id, datetime.now(UTC).replace(tzinfo=None))
        instance.add_run_tags(run.run_id, {TABLES: run.run_id})


def work_of(record: RunRecord) -> list[Work]:
    """The pieces of work that a run was for."""
    asked = json.loads(record.dagster_run.tags.get(DUE, "{}"))
    return [Work(name, signed) for name, signed in asked.items()]


def ended(record: RunRecord) -> datetime:
    """When a run ended, in UTC."""
    seconds = record.end_time or record.update_timestamp.replace(tzinfo=UTC).timestamp()
    return datetime.fromtimestamp(seconds, UTC)


def bury(
    instance: DagsterInstance, attempts: Attempts, pulses: Pulses, now: datetime
) -> list[RunRecord]:
    """Report runs as failed whose process is gone; return those that are going on."""
    alive, silence = [], attempts.policy.silence_seconds
    for record in attempts.going_on:
        run = record.dagster_run
        begun = record.start_time or record.update_timestamp.replace(tzinfo=UTC).timestamp()
        unsure = run.status == DagsterRunStatus.QUEUED or now.timestamp() - begun < silence
        if unsure or pulses.beats(run.run_id):
            alive.append(record)
        else:
            instance.report_run_failed(run, "its process is gone without a word")
            pulses.forget(run.run_id)
    return alive
