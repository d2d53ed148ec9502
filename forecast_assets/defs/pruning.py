"""Pruning: old runs of Dagster's history are deleted, and what still says something is kept.

Dagster has no retention of runs and events of its own. Its `delete_run` also deletes the events
that show what a partition holds, and it leaves checks and files behind. So some old runs are kept
whole, and of the others everything is deleted that Dagster has of them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from dagster import (
    DagsterEventType,
    DagsterInstance,
    DagsterRunStatus,
    JobDefinition,
    OpExecutionContext,
    RunsFilter,
    job,
    op,
)
from dagster._core.storage.event_log.schema import (
    AssetCheckExecutionsTable,
    SqlEventLogStorageTable,
)
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage
from dagster._core.storage.event_log.sqlite import SqliteEventLogStorage
from sqlalchemy import func, select

from forecast_assets.configuration.settings import Settings
from forecast_assets.defs.run_history import DUE_WORK, FILES, OURS, PLAN, RUNS_READ, is_ours
from forecast_assets.defs.stored_events import events_of, files_of

ENDED = (DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED)
"""The states of runs that may be deleted."""

SHOWN = (
    DagsterEventType.ASSET_MATERIALIZATION,
    DagsterEventType.ASSET_MATERIALIZATION_PLANNED,
    DagsterEventType.ASSET_OBSERVATION,
)
"""The events whose newest one shows what a partition holds, and whether the last try failed."""


@dataclass(frozen=True)
class Pruned:
    """What was done with the old runs.

    ``deleted``: how many were deleted with all their events. ``emptied``: of how many the events
    were deleted, while the record stays for the plan. ``kept``: how many were kept whole.
    """

    deleted: int = 0
    emptied: int = 0
    kept: int = 0

    @property
    def line(self) -> str:
        """What was done, in one line."""
        return (
            f"{self.deleted} old runs deleted, {self.emptied} left without their events,"
            f" {self.kept} kept, since they made what is shown now"
        )


def pruned(instance: DagsterInstance, before: datetime) -> Pruned:
    """Delete the runs that were made before a moment, with a time zone, and have ended.

    Runs of other programs in the same history are left alone. Two kinds of old runs are kept. A run
    stays whole if it made the newest materialization of an asset or partition, was the last that
    was to make it, or evaluated a check last: otherwise partitions would be shown as missing. The
    newest ``RUNS_READ`` runs of each plan lose their events but not their record, since the plan
    reads from it what was tried before.

    The files of a run are deleted first, then its events, and its record last. So if the process
    is killed, the next pruning finds the run again, and deletes what is left of it.
    """
    asked = RunsFilter(statuses=list(ENDED), created_before=before)
    oldest_first = reversed(instance.get_runs(filters=asked))
    old = [run.run_id for run in oldest_first if is_ours(run)]
    if not old:
        return Pruned()
    events = events_of(instance)
    whole, read, logged = shown(events), set(read_by_plans(instance)), with_events(events)
    emptied = [run_id for run_id in old if run_id in read & logged - whole]
    deleted = [run_id for run_id in old if run_id not in read | whole]
    for run_id in emptied:
        delete_events(instance, events, run_id)
    for run_id in deleted:
        delete_events(instance, events, run_id)
        instance.run_storage.delete_run(run_id)
    return Pruned(len(deleted), len(emptied), len(whole.intersection(old)))


def shown(events: SqlEventLogStorage) -> set[str]:
    """The runs of the events that show what assets, partitions and checks are like now."""
    logged, checked = SqlEventLogStorageTable.c, AssetCheckExecutionsTable.c
    of_assets = (
        select(func.max(logged.id))
        .where(logged.asset_key.is_not(None))
        .where(logged.dagster_event_type.in_([each.value for each in SHOWN]))
        .group_by(logged.asset_key, logged.partition, logged.dagster_event_type)
    )
    of_checks = select(func.max(checked.id)).group_by(
        checked.asset_key, checked.check_name, checked.execution_status
    )
    with events.index_connection() as connection:
        return {
            run_id
            for table, newest in ((logged, of_assets), (checked, of_checks))
            for run_id in connection.execute(
                select(table.run_id).where(table.id.in_(newest))
            ).scalars()
        }


def with_events(events: SqlEventLogStorage) -> set[str]:
    """The runs that have events."""
    with events.index_connection() as connection:
        return set(
            connection.execute(select(SqlEventLogStorageTable.c.run_id).distinct()).scalars()
        )


def read_by_plans(instance: DagsterInstance) -> Iterator[str]:
    """The newest runs of each plan, of which a plan reads what was tried before."""
    for plan in (DUE_WORK, FILES):
        of_plan = RunsFilter(tags={PLAN: plan})
        yield from (run.run_id for run in instance.get_runs(filters=of_plan, limit=RUNS_READ))


def delete_events(instance: DagsterInstance, events: SqlEventLogStorage, run_id: str) -> None:
    """Delete what the steps of a run printed, its events, and its evaluations of checks."""
    checks = AssetCheckExecutionsTable
    instance.compute_log_manager.delete_logs(prefix=[run_id])
    if isinstance(events, SqliteEventLogStorage):
        for file in reversed(files_of(events, run_id)):
            file.unlink(missing_ok=True)
    with events.index_connection() as connection:
        connection.execute(checks.delete().where(checks.c.run_id == run_id))
        events.delete_events_for_run(connection, run_id)


def kept_since(settings: Settings, now: datetime) -> datetime | None:
    """The moment since which all runs are kept, by ``history.keep_days``; None if all are.

    ``now``: with a time zone.
    """
    days = settings.history.keep_days
    return None if days is None else now - timedelta(days=days)


def prune_by(settings: Settings, instance: DagsterInstance) -> Pruned:
    """Delete the runs that are older than ``history.keep_days``."""
    since = kept_since(settings, datetime.now(UTC))
    return pruned(instance, since) if since else Pruned()


def prune_job(settings: Settings) -> JobDefinition:
    """The job that prunes the history of runs."""

    @op(name="prune_history")
    def delete_old_runs(context: OpExecutionContext) -> None:
        context.log.info("%s", prune_by(settings, context.instance).line)

    says = "Delete the runs that are older than `history.keep_days`."

    @job(name="prune", description=says, tags=OURS)
    def prune() -> None:
        delete_old_runs()

    return prune
