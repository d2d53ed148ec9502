"""How work shows where it is: named stages, what is counted in each, and the time left."""

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from threading import Event, RLock, Thread
from typing import Protocol, TypeVar

from rich.console import Console
from rich.progress import Progress as RichBar
from rich.progress import TaskID

from forecast_assets.errors import Interrupted

Item = TypeVar("Item")
Clock = Callable[[], float]
"""Seconds since some moment; they only go forward."""

QUIET_SECONDS = 5.0
"""A stage that says it in lines is silent for no longer than this."""

BEAT_SECONDS = 1.0
"""How often a stage is looked at while nothing of it gets done."""


class Progress(Protocol):
    """Something that watches work go on."""

    def track(
        self, log: logging.Logger, stage: str, unit: str, items: Iterable[Item], total: int
    ) -> Iterator[Item]:
        """Yield the items as they come; one is done when the next is asked for.

        ``stage`` names the work, such as ``WTI train``; ``unit``, in the plural, its ``total``
        items. A stage may count several units, the inner ones inside the outer one's items.
        """

    def during(self, log: logging.Logger, stage: str) -> AbstractContextManager[object]:
        """Watch a stage in which nothing is counted."""


@dataclass
class Count:
    """How much of one unit of a stage is done."""

    done: int
    total: int


@dataclass
class Stage:
    """A named piece of work: since when it is under way, and what is counted in it."""

    name: str
    began: float
    counts: dict[str, Count] = field(default_factory=dict)

    def count(self, unit: str, total: int) -> Count:
        """Begin to count a unit; more of it where all that was known is done."""
        known = self.counts.get(unit, Count(0, 0))
        before = known.done if known.done == known.total else 0
        self.counts[unit] = Count(before, before + total)
        return self.counts[unit]

    @property
    def done(self) -> int:
        """All that is done, whatever its unit."""
        return sum(count.done for count in self.counts.values())

    @property
    def total(self) -> int:
        """All that there is to do, whatever its unit; nothing is known of a stage with 0."""
        return sum(count.total for count in self.counts.values())

    def counted(self) -> str:
        """What is done of how much: ``3 of 16 windows, 17 of 44 models``."""
        return ", ".join(f"{x.done} of {x.total} {unit}" for unit, x in self.counts.items())

    def left(self, now: float) -> str:
        """The time left, told by the innermost unit that is half done, or the time it took."""
        spent = now - self.began
        for count in reversed(self.counts.values()):
            if 0 < count.done < count.total:
                return f"about {spoken(spent * (count.total - count.done) / count.done)} left"
        return f"{spoken(spent)} so far"

    def line(self, now: float) -> str:
        """Where it is."""
        said = [each for each in (self.counted(), self.left(now)) if each]
        return f"{self.name}: {', '.join(said)}"

    def opening(self) -> str:
        """That it begins, and how much there is to do."""
        totals = ", ".join(f"{count.total} {unit}" for unit, count in self.counts.items())
        return f"{self.name} begins: {totals}" if totals else f"{self.name} begins"

    def ending(self, now: float) -> str:
        """What was done, and how long it took."""
        return f"{self.name} ended after {spoken(now - self.began)}: {self.counted()}".rstrip(": ")


def spoken(seconds: float) -> str:
    """A time as people say it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


class Display(Protocol):
    """What shows stages."""

    def begun(self, stage: Stage) -> None:
        """Show that a stage begins."""

    def moved(self, stage: Stage) -> None:
        """Show where a stage is."""

    def ended(self, stage: Stage) -> None:
        """Show that a stage ended."""

    def say(self, line: str) -> None:
        """Show a line about something else."""


class Lines:
    """A line where a stage begins and ends, and at least every few seconds between."""

    def __init__(self, write: Callable[[str], object], clock: Clock = time.monotonic) -> None:
        self.write = write
        self.clock = clock
        self.written = clock()

    def begun(self, stage: Stage) -> None:
        """Say that a stage begins."""
        self.say(stage.opening())

    def moved(self, stage: Stage) -> None:
        """Say where a stage is, unless something was said just now."""
        if self.clock() - self.written >= QUIET_SECONDS:
            self.say(stage.line(self.clock()))

    def ended(self, stage: Stage) -> None:
        """Say that a stage ended."""
        self.say(stage.ending(self.clock()))

    def say(self, line: str) -> None:
        """Write a line."""
        self.written = self.clock()
        self.write(line)


class Bars:
    """A bar in the terminal for each stage under way; what has ended is a line above them."""

    def __init__(self, bar: RichBar, clock: Clock = time.monotonic) -> None:
        self.bar = bar
        self.clock = clock
        self.tasks: dict[str, TaskID] = {}

    def begun(self, stage: Stage) -> None:
        """Open its bar."""
        self.tasks[stage.name] = self.bar.add_task(stage.name, total=None, counted="", left="")
        self.moved(stage)

    def moved(self, stage: Stage) -> None:
        """Move its bar."""
        self.bar.update(
            self.tasks[stage.name],
            completed=stage.done,
            total=stage.total or None,
            counted=stage.counted(),
            left=stage.left(self.clock()),
        )

    def ended(self, stage: Stage) -> None:
        """Replace its bar by a line."""
        self.bar.remove_task(self.tasks.pop(stage.name))
        self.say(stage.ending(self.clock()))

    def say(self, line: str) -> None:
        """Write a line above the bars."""
        write_line(self.bar.console, line)


def write_line(console: Console, line: str) -> None:
    """Write a line with the time of day, as it is: brackets are the users' own."""
    now = datetime.now().astimezone()
    console.print(f"{now:%H:%M:%S} {line}", soft_wrap=True, markup=False, highlight=False)


class Tracker:
    """The stages under way, and what shows them."""

    def __init__(self, display: Display, clock: Clock = time.monotonic) -> None:
        self.display = display
        self.clock = clock
        self.stages: dict[str, Stage] = {}
        self.announced: set[str] = set()
        self.lock = RLock()  # the heartbeat looks at stages while they are worked on

    def require_going_on(self) -> None:
        """Raise Interrupted where work should stop between two items; here it never does."""

    @contextmanager
    def stage(self, name: str, unit: str | None = None, total: int = 0) -> Iterator[Stage]:
        """A stage while it is under way; one inside another of the same name is that one."""
        with self.lock:
            known = self.stages.get(name)
            is_inside = known is not None and name not in self.announced
            self.announced.discard(name)
            stage = known or self._begin(name)
            if unit is not None:
                stage.count(unit, total)
            if known is None:
                self.display.begun(stage)
        try:
            yield stage
        finally:
            if not is_inside:
                self._end(stage)

    @contextmanager
    def announce(self, name: str, unit: str, total: int) -> Iterator[None]:
        """Show a stage before its own work begins; it ends with that, or else with this."""
        with self.lock:
            stage = self._begin(name)
            stage.count(unit, total)
            self.announced.add(name)
            self.display.begun(stage)
        try:
            yield
        finally:
            if name in self.announced:
                self.announced.discard(name)
                self._end(stage)

    def _begin(self, name: str) -> Stage:
        stage = self.stages[name] = Stage(name, self.clock())
        return stage

    def _end(self, stage: Stage) -> None:
        with self.lock:
            del self.stages[stage.name]
            self.display.ended(stage)

    def follow(self, name: str, unit: str, items: Iterable[Item], total: int) -> Iterator[Item]:
        """Yield the items of a stage as they come. Raises Interrupted between two of them."""
        with self.stage(name, unit, total) as stage:
            self.require_going_on()
            for done, item in enumerate(items, start=1):
                yield item
                with self.lock:
                    stage.counts[unit].done += 1
                    if name in self.stages:
                        self.display.moved(stage)
                if done < total:
                    self.require_going_on()

    def beat(self) -> None:
        """Show where the innermost stage is, though nothing of it got done."""
        with self.lock:
            if self.stages:
                self.display.moved(list(self.stages.values())[-1])

    @contextmanager
    def beating(self, seconds: float = BEAT_SECONDS) -> Iterator[None]:
        """Beat from a thread of its own, however long an item takes."""
        over = Event()

        def beat() -> None:
            while not over.wait(seconds):
                self.beat()

        thread = Thread(target=beat, name="progress", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


class LogProgress:
    """Lines in the log of a run of Dagster."""

    def __init__(self) -> None:
        self.trackers: dict[str, Tracker] = {}

    def track(
        self, log: logging.Logger, stage: str, unit: str, items: Iterable[Item], total: int
    ) -> Iterator[Item]:
        """Yield the items as they come."""
        with self._tracker(log, stage) as tracker:
            yield from tracker.follow(stage, unit, items, total)

    @contextmanager
    def during(self, log: logging.Logger, stage: str) -> Iterator[None]:
        """Say every few seconds that a stage is under way."""
        with self._tracker(log, stage) as tracker, tracker.stage(stage):
            yield

    @contextmanager
    def _tracker(self, log: logging.Logger, stage: str) -> Iterator[Tracker]:
        """What follows a stage, one for all that is counted in it."""
        if stage in self.trackers:
            yield self.trackers[stage]
            return
        tracker = self.trackers[stage] = Tracker(Lines(log.info))
        try:
            with tracker.beating():
                yield tracker
        finally:
            del self.trackers[stage]


class TerminalProgress(Tracker):
    """Stages of a command, in a terminal or in what its output goes to."""

    def __init__(self, display: Display, stopping: Event, clock: Clock = time.monotonic) -> None:
        super().__init__(display, clock)
        self.stopping = stopping

    def require_going_on(self) -> None:
        """Raise Interrupted once the user asked to stop."""
        if self.stopping.is_set():
            raise Interrupted("interrupted: what was committed stays; run again for the rest")

    def track(
        self, log: logging.Logger, stage: str, unit: str, items: Iterable[Item], total: int
    ) -> Iterator[Item]:
        """Yield the items as they come. Raises Interrupted between two of them."""
        return self.follow(stage, unit, items, total)

    def during(self, log: logging.Logger, stage: str) -> AbstractContextManager[object]:
        """Watch a stage in which nothing is counted."""
        return self.stage(stage)

    def say(self, line: str) -> None:
        """Write a line. Raises Interrupted once the user asked to stop."""
        self.require_going_on()
        with self.lock:
            self.display.say(line)
