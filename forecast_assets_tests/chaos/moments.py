"""Moments of a run at which something is on its way to the disk: before and after each write."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from dagster import DagsterInstance
from dagster._core.storage.runs.sql_run_storage import SqlRunStorage

from forecast_assets.configuration import home
from forecast_assets.defs import resources
from forecast_assets.defs.assets import report
from forecast_assets.defs.pulse import Pulses
from forecast_assets.market.landing import LandingFolder
from forecast_assets.store.artifacts import ArtifactStore
from forecast_assets.store.duckdb import database, migrations, snapshot
from forecast_assets.store.duckdb.engine import Engine
from forecast_assets.store.duckdb.guard import Guard

WRITES: tuple[tuple[str, Any, str], ...] = (
    ("the commit", Engine, "commit"),
    ("the checkpoint", Engine, "_detach"),
    ("the guard is written", Guard, "_keep"),
    ("the guard is dropped", Guard, "drop"),
    ("an artifact is written", ArtifactStore, "write"),
    ("a file is put away", LandingFolder, "put_away"),
    ("the report is replaced", report, "replace_file"),
    ("the read copy is made", snapshot, "in_another_process"),
    ("the older file is copied", migrations, "in_another_process"),
    ("tables are upgraded", database, "upgrade"),
    ("a home's file is written", home, "_write"),
    ("a pulse begins", Pulses, "begin"),
    ("a pulse ends", Pulses, "end"),
    ("the mark is left", resources, "leave_mark"),
    ("Dagster keeps a run", SqlRunStorage, "add_run"),
    ("Dagster keeps an event", DagsterInstance, "handle_new_event"),
)
"""What each write is called, and the function that does it, by the module in which it is called."""

Point = tuple[str, int]
"""A moment by its name, and how often it has come before."""


def watch(reached: Callable[[Point], None]) -> None:
    """In this process, call ``reached`` before and after each write, for ever."""
    counted: Counter[str] = Counter()

    def come(name: str) -> None:
        counted[name] += 1
        reached((name, counted[name] - 1))

    for name, owner, attribute in WRITES:
        setattr(owner, attribute, _around(getattr(owner, attribute), name, come))


def _around(write: Callable[..., Any], name: str, come: Callable[[str], None]) -> Any:
    def watched(*given: Any, **named: Any) -> Any:
        come(f"before {name}")
        made = write(*given, **named)
        come(f"after {name}")
        return made

    return watched


def counted_in(act: Callable[[], Any]) -> tuple[Any, dict[str, int]]:
    """What ``act`` gives back, and how often each moment came in it."""
    counts: Counter[str] = Counter()
    watch(lambda point: counts.update([point[0]]))
    return act(), dict(counts)
