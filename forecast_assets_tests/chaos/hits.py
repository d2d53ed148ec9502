"""Where a scene is hit: killed at a time or at a write, starved of disk, robbed, or set back."""

import random
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from forecast_assets.timeline import clock
from forecast_assets_tests.chaos import moments, small_disk
from forecast_assets_tests.chaos.forks import LIMIT_SECONDS, Child, Ended
from forecast_assets_tests.chaos.moments import Point
from forecast_assets_tests.chaos.scenes import Scene

TIME, AT, WITHIN = "killed at a time", "killed at a write", "killed within a write"
DISK, HISTORY_DISK = "data folder full", "DAGSTER_HOME full"
DISKS = (DISK, HISTORY_DISK)
KILLS = (TIME, AT, WITHIN)
CLOCK = "clock set back"

WEIGHTS = {TIME: 35, AT: 25, WITHIN: 22, DISK: 7, HISTORY_DISK: 3, CLOCK: 3}
"""How often each kind of hit is chosen; robberies are as often as ``ROBBED`` says."""

ROBBED = 5

LATER_SECONDS = 0.006
"""A process that is hit within a write is killed up to so much after the write has begun."""

LASTING = ("the commit", "the checkpoint", "the guard is written", "Dagster keeps an event")
"""The writes that take so long."""

BACK = timedelta(days=2)
"""How far a clock is set back."""


@dataclass(frozen=True)
class Undisturbed:
    """A scene that nobody has disturbed: how long it took, and how often each write came.

    ``grown``: by how many bytes the data folder and Dagster's home have grown. ``began`` and
    ``like``: what the tables held before it, and hold after it.
    """

    seconds: float
    counts: dict[str, int]
    grown: tuple[int, int]
    code: int
    began: dict[str, tuple[int, int]]
    like: dict[str, tuple[int, int]]
    files: list[str]


@dataclass(frozen=True)
class Hit:
    """One hit. ``share``: of the time of the scene, or of the room that it needs on a disk."""

    kind: str
    share: float
    point: Point
    delay: float

    @classmethod
    def chosen(cls, chance: random.Random, scene: Scene, known: Undisturbed) -> "Hit":
        """A hit by chance."""
        weights = WEIGHTS | dict.fromkeys(scene.robs, ROBBED)
        if not scene.runs:
            weights.pop(HISTORY_DISK)
        (kind,) = chance.choices(list(weights), list(weights.values()))
        names = sorted(known.counts)
        if kind == WITHIN:
            names = [f"before {each}" for each in LASTING if f"before {each}" in known.counts]
        name = chance.choice(names)
        point = name, chance.randrange(known.counts[name])
        return cls(kind, chance.random(), point, chance.random() * LATER_SECONDS)

    def __str__(self) -> str:
        """The hit, for people."""
        if self.kind == TIME:
            return f"{self.kind} ({self.share:.0%})"
        if self.kind in DISKS:
            return f"{self.kind} (with {self.share:.0%} of what is needed)"
        name, number = self.point
        later = f" + {self.delay * 1000:.1f} ms" if self.kind == WITHIN else ""
        return f"{self.kind} ({name}, {number + 1}.{later})"

    def strike(self, scene: Scene, folder: Path, known: Undisturbed, before: Path) -> "Struck":
        """Play the scene, and hit it."""
        child = Child(folder, lambda child: self._suffer(child, scene, folder, known))
        if self.kind == TIME:
            hit = not child.reached(self.share * known.seconds) and child.lives
            child.kill()
        elif self.kind not in DISKS and (hit := child.reached(LIMIT_SECONDS)):
            if self.kind == WITHIN:
                _wait(self.delay)
            if self.kind in (AT, WITHIN):
                child.kill()
            elif self.kind in ROBBERIES:
                ROBBERIES[self.kind](folder / "home", before / "home")
                child.go_on()
        ended = child.ended()
        if self.kind in DISKS:  # there may have been room enough
            hit = (ended.code, ended.given or 0) != (0, known.code)
        for place in ("home", "dagster"):
            small_disk.settle(folder / place)
        return Struck(ended, hit and (ended.killed or self.kind not in KILLS))

    def _suffer(self, child: Child, scene: Scene, folder: Path, known: Undisturbed) -> Any:
        """In the child: the scene, made ready for the hit."""

        def act() -> int | None:
            return scene.act(folder)

        if self.kind in DISKS:
            place, grown = {
                DISK: (folder / "home", known.grown[0]),
                HISTORY_DISK: (folder / "dagster", known.grown[1]),
            }[self.kind]
            return small_disk.with_room(place, int(self.share * grown), act)
        if self.kind == CLOCK:
            moments.watch(lambda point: set_back(child) if point == self.point else None)
        elif self.kind != TIME:
            waits = self.kind != WITHIN
            moments.watch(lambda point: child.reach(waits=waits) if point == self.point else None)
        return act()


@dataclass(frozen=True)
class Struck:
    """How a scene ended, and whether the hit came before its end."""

    ended: Ended
    hit: bool


def set_back(child: Child) -> None:
    """In the child: from now on, let the project's clock be wrong, and say that it is."""

    def late(shown: Callable[[], datetime] = clock.now) -> datetime:
        return shown() - BACK

    for name, module in list(sys.modules.items()):
        if name.startswith("forecast_assets.") and getattr(module, "now", None) is clock.now:
            module.now = late  # type: ignore[attr-defined]
    child.reach(waits=False)


def _wait(seconds: float) -> None:
    """Wait so briefly that a sleep would be too long."""
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        pass


def delete_tables(home: Path, _before: Path) -> None:
    """Somebody deletes the file of the tables."""
    for file in home.glob("commodity.duckdb*"):
        file.unlink()


def restore_tables(home: Path, before: Path) -> None:
    """Somebody puts an older copy in its place, as the documentation says."""
    delete_tables(home, before)
    (home / ".commodity.duckdb.guard").unlink(missing_ok=True)
    if (before / "commodity.duckdb").exists():
        (home / "commodity.duckdb").write_bytes((before / "commodity.duckdb").read_bytes())


def delete_artifact(home: Path, _before: Path) -> None:
    """Somebody deletes a payload."""
    for file in sorted(home.glob("artifacts/**/*.json"))[:1]:
        file.unlink()


def delete_dropped(home: Path, _before: Path) -> None:
    """Somebody deletes a file that waits in the landing folder."""
    for file in sorted((home / "landing").glob("*.csv"))[-1:]:
        file.unlink()


ROBBERIES: dict[str, Callable[[Path, Path], None]] = {
    "the tables are deleted": delete_tables,
    "the tables are those of before": restore_tables,
    "an artifact is deleted": delete_artifact,
    "a file is deleted": delete_dropped,
}
