"""What must hold whenever something was cut off, and what must hold once it was done again."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from dagster import DagsterRunStatus, RunsFilter

from forecast_assets.configuration.settings import Settings
from forecast_assets.defs.dead_runs import UNFINISHED, bury
from forecast_assets.defs.launching import instance
from forecast_assets.defs.pulse import pulses_beside
from forecast_assets.defs.run_process import PROCESS
from forecast_assets.record.verification import verify
from forecast_assets.store.opening import open_store
from forecast_assets.store.tables import tables
from forecast_assets_tests.chaos.likeness import Likeness, files_of, likeness_of

DUE = ("forecast report", "forecast run")
"""What these commands mend is work that is due, and no loss."""

LOST = "--from"
"""An option of the command that trains anew what was lost; only somebody who deletes payloads makes
that necessary."""

REDRAWN = 1
"""How many forecasts of each model are drawn and scored again by each verification."""


def broken_after(settings: Settings, due: tuple[str, ...] = DUE, lost: str = LOST) -> list[str]:
    """What is broken right after something was cut off.

    ``due``: how commands begin that do due work. ``lost``: what they hold if something was lost.
    """
    store = open_store(settings)
    if not settings.database_path.exists():
        return []
    with store.connection(read_only=True) as connection:
        for table in tables(settings.horizon):
            connection.execute(f"SELECT count(*) FROM {table.removeprefix('commodity.')}")  # noqa: S608 - names of our tables
    found = verify(settings, store, redraw=REDRAWN)
    return [
        f"{each.kind}: {each.table} {each.commodity} {each.model_name} {each.day}: {each.found}"
        for each in found.damages
        if not each.mended_by.startswith(due) or (lost and lost in each.mended_by)
    ]


def damaged(settings: Settings) -> list[str]:
    """What is damaged after all was done again."""
    found = verify(settings, open_store(settings), redraw=REDRAWN)
    return [f"{each.kind}: {each.table} {each.day}: {each.found}" for each in found.damages]


def unlike(settings: Settings, like: Likeness, files: Sequence[str]) -> list[str]:
    """What is not as it was without a disturbance: ``like`` and ``files``."""
    mine = likeness_of(settings)
    lines = [
        f"{table}: {mine[table][0]} rows, undisturbed {like[table][0]}"
        f"{'' if mine[table][0] != like[table][0] else ', of other contents'}"
        for table in like
        if mine[table] != like[table]
    ]
    there = files_of(settings.folder)
    lines += [f"left over: {name}" for name in sorted(set(there) - set(files))]
    lines += [f"lacking: {name}" for name in sorted(set(files) - set(there))]
    return lines


def unfinished_runs(settings: Settings) -> list[str]:
    """The runs of a history, all of which can be read, that go on for ever after a command.

    A run that was made and that no process has begun is not among them, unless its tags say one.
    """
    if not (settings.places.dagster / "history").is_dir():
        return []
    with instance(settings.places) as dagster:
        bury(dagster, settings.automation, pulses_beside(settings.database_path), datetime.now(UTC))
        for run in dagster.get_runs():
            dagster.all_logs(run.run_id)
        runs = dagster.get_runs(RunsFilter(statuses=UNFINISHED))
    return [
        f"run {run.run_id} is {run.status.value} for ever"
        for run in runs
        if run.status != DagsterRunStatus.NOT_STARTED or PROCESS in run.tags
    ]


@dataclass(frozen=True)
class Landed:
    """The files that were ever dropped, by their contents."""

    files: Mapping[str, int]

    @classmethod
    def of(cls, folder: Path) -> "Landed":
        """Those that are in the landing folder and in its folders."""
        found = (folder / "home" / "landing").rglob("*.csv")
        return cls(Counter(map(cls.hash_of, found)))

    @staticmethod
    def hash_of(file: Path) -> str:
        """What a file is known by."""
        return hashlib.sha256(file.read_bytes()).hexdigest()

    def lost(self, before: "Landed") -> list[str]:
        """A line for each file that was there before and is nowhere now."""
        gone = Counter(before.files) - Counter(self.files)
        return [f"lost from landing: the file with the hash {hashed[:12]}" for hashed in gone]
