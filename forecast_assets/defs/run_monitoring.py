"""Run monitoring: where Dagster itself has to tell dead runs, since their processes do not.

A run's pulse and the process in its tags tell whether it lives, if one process of this machine
works all of it. Where steps have processes of their own, and where the history of runs is in a
database that other machines share, ``run_monitoring`` of ``dagster.yaml`` tells dead runs.
"""

from dagster import DagsterInstance
from dagster._core.storage.event_log import (
    InMemoryEventLogStorage,
    SqliteEventLogStorage,
)

from forecast_assets.configuration.sections import Executor
from forecast_assets.defs.stored_events import events_of

OF_THIS_MACHINE = (SqliteEventLogStorage, InMemoryEventLogStorage)


def is_monitored(instance: DagsterInstance, executor: Executor) -> bool:
    """Whether Dagster's run monitoring tells which runs of an instance are dead."""
    return executor != "in_process" or not isinstance(events_of(instance), OF_THIS_MACHINE)
