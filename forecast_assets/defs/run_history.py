"""Run history: what Dagster has recorded of a plan's runs, from sensors and terminals alike."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from dagster import DagsterInstance, DagsterRun, RunRecord, RunsFilter
from dagster._core.code_pointer import ModuleCodePointer

from forecast_assets.automation.attempts import Attempts, PastRun
from forecast_assets.automation.plan import PlannedRun
from forecast_assets.automation.work import Work, in_words
from forecast_assets.configuration.sections import Automation
from forecast_assets.defs.run_process import PROCESS
from forecast_assets.store.contract import MarkTable

DUE = "forecast_assets/due"
"""The tag with a run's pieces of work and their signatures, as JSON."""

TABLES = "forecast_assets/tables"
"""The tag with the newest mark of the tables that the run has seen."""

WHAT = "forecast_assets/what"
"""The tag with the pieces of work in words, for the list of runs in the UI."""

PLAN = "forecast_assets/plan"
"""The tag with the name of the plan; runs of sensors and of terminals have it."""

FILES, DUE_WORK = "new_market_data", "due_work"
"""The plans, named after their sensors: one for waiting files, and one for all other due work."""

COMMODITY = "forecast_assets/commodity"
"""The tag with the commodity of a run that works the windows of just one; a queue may limit it."""

OURS = {"forecast_assets/job": "yes"}
"""The tag that runs of the project's jobs have before their process says which one it is."""

DEFINITIONS = "forecast_assets.definitions"
"""The module from which Dagster loads the graph."""

RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
"""Dagster's tags for the first and the last partition of a run."""

RUNS_READ = 200
"""How many of a plan's newest runs are read."""


def is_ours(run: DagsterRun) -> bool:
    """Whether a run is of this project; other programs may have theirs in the same history.

    Runs of assets that were chosen in the UI are of no job of the project, but Dagster notes from
    where it has loaded them.
    """
    loaded = run.job_code_origin.repository_origin.code_pointer if run.job_code_origin else None
    if isinstance(loaded, ModuleCodePointer) and loaded.module == DEFINITIONS:
        return True
    return bool({PLAN, PROCESS, *OURS} & run.tags.keys())


@dataclass(frozen=True)
class RunHistory:
    """The newest runs of a plan, the newest first."""

    records: Sequence[RunRecord]

    @classmethod
    def of(cls, instance: DagsterInstance, plan: str) -> "RunHistory":
        """Read the newest runs of a plan."""
        asked = RunsFilter(tags={PLAN: plan})
        return cls(instance.get_run_records(filters=asked, limit=RUNS_READ))

    def ended(self) -> list[PastRun]:
        """The runs that have ended, on any tables."""
        return [past(record) for record in self.records if record.dagster_run.is_finished]

    def attempts(self, policy: Automation, marks: MarkTable) -> Attempts:
        """The attempts of the runs that have ended."""
        return Attempts(self.ended(), policy, marks)


def past(record: RunRecord) -> PastRun:
    """Convert a record of a run that has ended to the automation's own class."""
    run = record.dagster_run
    seconds = record.end_time or record.update_timestamp.replace(tzinfo=UTC).timestamp()
    ended = datetime.fromtimestamp(seconds, UTC)
    return PastRun(run.run_id, ended, run.tags.get(TABLES), work_of(record))


def tags(plan: str, attempts: Attempts, asked: Sequence[Work]) -> dict[str, str]:
    """The tags of a plan's run for these pieces of work."""
    due = json.dumps({work.name: work.signature for work in sorted(asked)})
    return {PLAN: plan, DUE: due, TABLES: attempts.newest_mark, WHAT: in_words(asked)}


def request_tags(request: PlannedRun, attempts: Attempts) -> dict[str, str]:
    """The tags of a requested run: its pieces of work, and its range of partitions."""
    bounds = dict(zip((RANGE_START, RANGE_END), request.bounds or (), strict=False))
    of_one = {COMMODITY: name} if (name := request.commodity) else {}
    return tags(DUE_WORK, attempts, request.work) | bounds | of_one


def leave_mark(instance: DagsterInstance, run: DagsterRun, marks: MarkTable) -> None:
    """At the end of a plan's run: leave its id as a mark in the tables, and tag the run with it."""
    if DUE in run.tags:
        marks.leave(run.run_id, datetime.now(UTC).replace(tzinfo=None))
        instance.add_run_tags(run.run_id, {TABLES: run.run_id})


def work_of(record: RunRecord) -> list[Work]:
    """The pieces of work that a run was for."""
    asked = json.loads(record.dagster_run.tags.get(DUE, "{}"))
    return [Work(name, signed) for name, signed in asked.items()]
