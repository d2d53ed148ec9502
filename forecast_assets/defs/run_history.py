"""Run history: what Dagster has recorded of the runs of a plan, whoever launched them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from dagster import DagsterInstance, DagsterRun, DagsterRunStatus, RunRecord, RunsFilter

from forecast_assets.automation.attempts import Attempts, PastRun
from forecast_assets.automation.plan import PlannedRun
from forecast_assets.automation.work import Work, in_words
from forecast_assets.configuration.sections import Automation
from forecast_assets.defs.pulse import Pulses
from forecast_assets.store.contract import MarkTable

DUE = "forecast_assets/due"
"""The tag: JSON, piece of work to signature."""

TABLES = "forecast_assets/tables"
"""The tag: the newest mark of the tables that the run has seen."""

WHAT = "forecast_assets/what"
"""The tag: the same pieces of work, in words for the list of runs."""

PLAN = "forecast_assets/plan"
"""The tag: of which plan a run is, whether a sensor or a terminal launched it."""

FILES, DUE_WORK = "new_market_data", "due_work"
"""The plans, by the names of their sensors: of files that wait, and of all else that is due."""

RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
"""Dagster's tags of the first and the last partition of a run."""

RUNS_READ = 200
"""Runs of a plan that are looked back on."""

WAITING = (
    DagsterRunStatus.QUEUED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
)
"""Runs that may go on by themselves. One that is not started is asked for again, by its key."""


@dataclass(frozen=True)
class RunHistory:
    """The newest runs of a plan, the newest first."""

    records: Sequence[RunRecord]

    @classmethod
    def of(cls, instance: DagsterInstance, plan: str) -> "RunHistory":
        """Read them."""
        asked = RunsFilter(tags={PLAN: plan})
        return cls(instance.get_run_records(filters=asked, limit=RUNS_READ))

    def ended(self) -> list[PastRun]:
        """Those that have ended, on whatever tables."""
        return [past(record) for record in self.records if record.dagster_run.is_finished]

    def attempts(self, policy: Automation, marks: MarkTable) -> Attempts:
        """What those that have ended have tried."""
        return Attempts(self.ended(), policy, marks)

    def going_on(self) -> list[RunRecord]:
        """Runs that have not ended."""
        return [record for record in self.records if record.dagster_run.status in WAITING]


def past(record: RunRecord) -> PastRun:
    """A run that has ended, without Dagster's words for it."""
    run = record.dagster_run
    seconds = record.end_time or record.update_timestamp.replace(tzinfo=UTC).timestamp()
    ended = datetime.fromtimestamp(seconds, UTC)
    return PastRun(run.run_id, ended, run.tags.get(TABLES), work_of(record))


def tags(plan: str, attempts: Attempts, asked: Sequence[Work]) -> dict[str, str]:
    """The tags of a run of a plan that is for these pieces of work."""
    due = json.dumps({work.name: work.signature for work in sorted(asked)})
    return {PLAN: plan, DUE: due, TABLES: attempts.newest_mark, WHAT: in_words(asked)}


def request_tags(request: PlannedRun, attempts: Attempts) -> dict[str, str]:
    """The tags of a run of what is due: its pieces of work, and its range of partitions."""
    bounds = dict(zip((RANGE_START, RANGE_END), request.bounds or (), strict=False))
    return tags(DUE_WORK, attempts, request.work) | bounds


def leave_mark(instance: DagsterInstance, run: DagsterRun, marks: MarkTable) -> None:
    """At the end of a run of a plan: the tables know it, and it says so."""
    if DUE in run.tags:
        marks.leave(run.run_id, datetime.now(UTC).replace(tzinfo=None))
        instance.add_run_tags(run.run_id, {TABLES: run.run_id})


def work_of(record: RunRecord) -> list[Work]:
    """The pieces of work that a run was for."""
    asked = json.loads(record.dagster_run.tags.get(DUE, "{}"))
    return [Work(name, signed) for name, signed in asked.items()]


def bury(
    instance: DagsterInstance,
    history: RunHistory,
    policy: Automation,
    pulses: Pulses,
    now: datetime,
) -> list[RunRecord]:
    """Report runs as failed whose process is gone; return those that are going on."""
    alive, silence = [], policy.silence_seconds
    for record in history.going_on():
        run = record.dagster_run
        begun = record.start_time or record.update_timestamp.replace(tzinfo=UTC).timestamp()
        unsure = run.status == DagsterRunStatus.QUEUED or now.timestamp() - begun < silence
        if unsure or pulses.beats(run.run_id):
            alive.append(record)
        else:
            instance.report_run_failed(run, "its process is gone without a word")
            pulses.forget(run.run_id)
    return alive
