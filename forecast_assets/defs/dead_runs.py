"""Dead runs: those that Dagster's history shows as going on although their process is gone.

A process that is killed, or whose machine stops, cannot report how its run ended. So the next
command, or the daemon of the same history, reports such a run as failed, and deletes its lock file.
A run whose process lives is left alone, and so is one of another machine without a lock file here.
Where Dagster's run monitoring tells dead runs, only those are reported here whose tags say a
process of this machine that is gone: those of commands, which no launcher of Dagster has started.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from dagster import DagsterEventType, DagsterInstance, DagsterRunStatus, RunRecord, RunsFilter

from forecast_assets.configuration.sections import Automation, Executor
from forecast_assets.configuration.settings import Settings
from forecast_assets.defs.pulse import Pulses, pulses_beside
from forecast_assets.defs.run_history import PLAN, is_ours
from forecast_assets.defs.run_monitoring import is_monitored
from forecast_assets.defs.run_process import RunProcess, lives_since

UNFINISHED = [
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.QUEUED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
]

WAITING = UNFINISHED[1:]
"""The states of runs that may go on by themselves. A run in the state NOT_STARTED is not among
them: the sensor asks for it again under the same key."""

MEANT = (
    "it was killed, or the machine stopped. What it had committed stays, and the next run does what"
    " is still due"
)


@dataclass(frozen=True)
class Buried:
    """The runs that are going on, and a line for each that was reported as dead now.

    ``working``: the ids of the runs that may be writing the tables: those with a pulse, of other
    histories too, or where runs have none, all that are going on.
    """

    going_on: Sequence[RunRecord]
    lines: Sequence[str]
    working: Sequence[str]

    def of_plan(self, plan: str) -> list[str]:
        """The ids of a plan's runs that are going on, the newest first."""
        runs = [record.dagster_run for record in self.going_on]
        return [run.run_id for run in runs if run.tags.get(PLAN) == plan]


def buried_by(settings: Settings, instance: DagsterInstance, now: datetime) -> Buried:
    """Report the dead runs of a configuration as failed; see ``bury``."""
    pulses, executor = pulses_beside(settings.database_path), settings.execution.executor
    return bury(instance, settings.automation, pulses, now, executor)


def bury(
    instance: DagsterInstance,
    policy: Automation,
    pulses: Pulses,
    now: datetime,
    executor: Executor = "in_process",
) -> Buried:
    """Report runs as failed whose process no longer exists, and delete the locks of dead runs.

    Where the tags of a run do not say its process, or say one that cannot be seen from here, the
    run is dead if it began more than ``silence_seconds`` ago and has no pulse. If its process is of
    another machine, or of this one under another name, its lock file must be here too. Runs of
    other programs in the same history are neither reported nor returned. ``executor``: what works
    the steps of the daemon's runs.
    """
    monitored = is_monitored(instance, executor)
    going_on, lines = [], []
    for record in instance.get_run_records(filters=RunsFilter(statuses=UNFINISHED)):
        run = record.dagster_run
        if not is_ours(run):
            continue
        process = RunProcess.of(run.run_id, run.tags)
        is_gone = process is not None and process.fate == "gone"
        dead = (is_gone or not monitored) and _is_dead(record, process, policy, pulses, now)
        if dead and not (process is None and _is_starting(instance, run.run_id)):
            named = f"its process ({process}) is gone" if process else "its process is gone"
            if ended := _report(instance, run.run_id, f"{named} without a word: {MEANT}"):
                lines.append(
                    f"run {run.run_id[:8]} ({run.job_name}) is reported as {ended}: {named}"
                )
            pulses.forget(run.run_id)
        elif run.status in WAITING:
            going_on.append(record)
    _forget_ended(instance, policy, pulses, now)
    all_of_them = [record.dagster_run.run_id for record in going_on]
    return Buried(going_on, lines, all_of_them if monitored else pulses.alive())


def _is_dead(
    record: RunRecord,
    process: RunProcess | None,
    policy: Automation,
    pulses: Pulses,
    now: datetime,
) -> bool:
    run, fate = record.dagster_run, process.fate if process else "unseen"
    if run.status == DagsterRunStatus.QUEUED or fate == "alive":
        return False
    if fate == "elsewhere" and not pulses.has(run.run_id):
        return False
    if fate in ("unseen", "elsewhere"):
        begun = record.start_time or record.update_timestamp.replace(tzinfo=UTC).timestamp()
        unsure = now.timestamp() - begun < policy.silence_seconds
        if unsure or run.status == DagsterRunStatus.NOT_STARTED:
            return False
    return not pulses.beats(run.run_id)


def _is_starting(instance: DagsterInstance, run_id: str) -> bool:
    """Whether the process lives that a daemon has started for a run, and said in the run's log.

    On a busy machine such a process may need minutes until it says itself which one it is.
    """
    for record in instance.all_logs(run_id, of_type=DagsterEventType.ENGINE_EVENT):
        event = record.dagster_event
        pid = event.engine_event_data.metadata.get("pid") if event else None
        if pid is not None and lives_since(int(str(pid.value)), record.timestamp):
            return True
    return False


def _report(instance: DagsterInstance, run_id: str, reason: str) -> str:
    """Report a run as failed, or as canceled if that is what a user had asked for; say as which.

    Its process is gone, so what the history says now is its last word. If the run has ended since
    the runs were listed, nothing is reported, and the result is empty.
    """
    run = instance.get_run_by_id(run_id)
    if run is None or run.is_finished:
        return ""
    if run.status == DagsterRunStatus.CANCELING:
        instance.report_run_canceled(run, reason)
        return "canceled"
    instance.report_run_failed(run, reason)
    return "failed"


def _forget_ended(
    instance: DagsterInstance, policy: Automation, pulses: Pulses, now: datetime
) -> None:
    """Delete the locks that processes left which died after their run had ended.

    A lock of a run that this history does not know may be just being made, unless it is old.
    """
    for run_id, since in pulses.silent():
        run = instance.get_run_by_id(run_id)
        old = now.timestamp() - since > policy.silence_seconds
        if run.is_finished if run else old:
            pulses.forget(run_id)
