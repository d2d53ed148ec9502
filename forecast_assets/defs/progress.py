"""Progress of long work: named stages, how much of each is done, and the time left."""

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
from rich.text import Text

from forecast_assets.errors import Interrupted
from forecast_assets.outside import plain

Item = TypeVar("Item")
Clock = Callable[[], float]
"""A function that returns seconds since a fixed moment and never goes back."""

QUIET_SECONDS = 5.0
"""In a log, a stage has at least one line in this time."""

LIVELY_SECONDS = 1.5
"""Where a command's output goes, the next beat after this time has a line."""

BEAT_SECONDS = 1.0
"""The display of a stage is updated this often, even if nothing of it is done."""


STOPPING = (
    "stopping after what is being worked on, which may take minutes; what was committed stays"
)


class Progress(Protocol):
    """Shows the progress of work."""

    def track(
        self, log: logging.Logger, stage: str, unit: str, items: Iterable[Item], total: int
    ) -> Iterator[Item]:
        """Yield the items as they come; one is done when the next is asked for.

        ``stage``: the name of the work, such as ``WTI train``. ``unit``: the name of its items, in
        the plural. ``total``: how many items there are. A stage may count several units, one inside
        the items of another.
        """

    def during(self, log: logging.Logger, stage: str) -> AbstractContextManager[object]:
        """Show a stage in which nothing is counted."""


@dataclass
class Count:
    """How much of one unit of a stage is done."""

    done: int
    total: int


@dataclass
class Stage:
    """A named piece of work: when it began, and the counts of its units.

    ``doing``: what is done now beside them; empty if nothing is to be said.
    """

    name: str
    began: float
    counts: dict[str, Count] = field(default_factory=dict)
    doing: str = ""

    def count(self, unit: str, total: int) -> Count:
        """Begin to count a unit; if all of it that was known is done, add ``total`` to it."""
        known = self.counts.get(unit, Count(0, 0))
        before = known.done if known.done == known.total else 0
        self.counts[unit] = Count(before, before + total)
        return self.counts[unit]

    @property
    def done(self) -> int:
        """How many items of all units are done."""
        return sum(count.done for count in self.counts.values())

    @property
    def total(self) -> int:
        """How many items of all units there are; 0 if nothing is counted."""
        return sum(count.total for count in self.counts.values())

    def counted(self) -> str:
        """A text of the counts: ``3 of 16 windows, 17 of 44 models``."""
        said = [f"{x.done} of {x.total} {unit}" for unit, x in self.counts.items()]
        return ", ".join([*said, self.doing] if self.doing else said)

    def left(self, now: float) -> str:
        """The time left, estimated by the innermost unit partly done, or else the time so far."""
        spent = now - self.began
        for count in reversed(self.counts.values()):
            if 0 < count.done < count.total:
                return f"about {spoken(spent * (count.total - count.done) / count.done)} left"
        return f"{spoken(spent)} so far"

    def line(self, now: float) -> str:
        """A line with the counts and the time left."""
        said = [each for each in (self.counted(), self.left(now)) if each]
        return f"{self.name}: {', '.join(said)}"

    def opening(self) -> str:
        """A line that the stage begins, with the totals."""
        totals = ", ".join(f"{count.total} {unit}" for unit, count in self.counts.items())
        return f"{self.name} begins: {totals}" if totals else f"{self.name} begins"

    def ending(self, now: float) -> str:
        """A line that the stage has ended, with the counts and the time it took."""
        return f"{self.name} ended after {spoken(now - self.began)}: {self.counted()}".rstrip(": ")


def spoken(seconds: float) -> str:
    """A duration as text, such as 45 s, 12 min or 2 h 5 min."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


class Display(Protocol):
    """Shows stages on a medium, such as a terminal or a log."""

    def begun(self, stage: Stage) -> None:
        """Show that a stage begins."""

    def moved(self, stage: Stage) -> None:
        """Show the progress of a stage."""

    def ended(self, stage: Stage) -> None:
        """Show that a stage has ended."""

    def say(self, line: str) -> None:
        """Show a line about something else."""


class Lines:
    """Shows stages by lines: when one begins and ends, and every few seconds in between.

    ``quiet``: at least so many seconds are between two lines of what goes on.
    """

    def __init__(
        self,
        write: Callable[[str], object],
        clock: Clock = time.monotonic,
        *,
        quiet: float = LIVELY_SECONDS,
    ) -> None:
        self.write = write
        self.clock = clock
        self.quiet = quiet
        self.written = clock()

    def begun(self, stage: Stage) -> None:
        """Write that a stage begins."""
        self.say(stage.opening())

    def moved(self, stage: Stage) -> None:
        """Write the progress of a stage, unless a line was written just before."""
        if self.clock() - self.written >= self.quiet:
            self.say(stage.line(self.clock()))

    def ended(self, stage: Stage) -> None:
        """Write that a stage has ended."""
        self.say(stage.ending(self.clock()))

    def say(self, line: str) -> None:
        """Write a line."""
        self.written = self.clock()
        self.write(line)


class Bars:
    """Shows each stage by a bar in the terminal; a stage that has ended becomes a line above."""

    def __init__(self, bar: RichBar, clock: Clock = time.monotonic) -> None:
        self.bar = bar
        self.clock = clock
        self.tasks: dict[str, TaskID] = {}

    def begun(self, stage: Stage) -> None:
        """Open the stage's bar."""
        self.tasks[stage.name] = self.bar.add_task(stage.name, total=None, counted="", left="")
        self.moved(stage)

    def moved(self, stage: Stage) -> None:
        """Move the stage's bar."""
        self.bar.update(
            self.tasks[stage.name],
            completed=stage.done,
            total=stage.total or None,
            counted=stage.counted(),
            left=stage.left(self.clock()),
        )

    def ended(self, stage: Stage) -> None:
        """Replace the stage's bar by a line."""
        self.bar.remove_task(self.tasks.pop(stage.name))
        self.say(stage.ending(self.clock()))

    def say(self, line: str) -> None:
        """Write a line above the bars."""
        write_line(self.bar.console, line)


def write_line(console: Console, line: str) -> None:
    """Write a line with the time of day, whatever characters it holds."""
    now = datetime.now().astimezone()
    console.print(Text(plain(f"{now:%H:%M:%S} {line}")), soft_wrap=True)


class Tracker:
    """Keeps the stages that are under way, and updates their display."""

    def __init__(self, display: Display, clock: Clock = time.monotonic) -> None:
        self.display = display
        self.clock = clock
        self.stages: dict[str, Stage] = {}
        self.announced: set[str] = set()
        self.lock = RLock()  # the thread of ``beating`` reads stages while they change

    def require_going_on(self) -> None:
        """Raise Interrupted if work should stop between two items; by default it never does."""

    @contextmanager
    def stage(self, name: str, unit: str | None = None, total: int = 0) -> Iterator[Stage]:
        """Keep a stage under way during the block; a stage of the same name inside it is shared."""
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
        """Show a stage before its work begins; it ends with its work, or else with the block."""
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

    @contextmanager
    def doing(self, what: str) -> Iterator[None]:
        """Show what is done during the block, beside the counts of the innermost stage."""
        with self.lock:
            stage = list(self.stages.values())[-1] if self.stages else Stage("", self.clock())
            stage.doing = what
        try:
            yield
        finally:
            stage.doing = ""

    def beat(self) -> None:
        """Update the display of the innermost stage, even if nothing of it was done."""
        with self.lock:
            if self.stages:
                self.display.moved(list(self.stages.values())[-1])

    @contextmanager
    def beating(self, seconds: float = BEAT_SECONDS) -> Iterator[None]:
        """Call ``beat`` regularly from a thread of its own, so that long items are shown too."""
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
    """Shows progress by lines in the log of a Dagster run."""

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
        """Write every few seconds that a stage is under way."""
        with self._tracker(log, stage) as tracker, tracker.stage(stage):
            yield

    @contextmanager
    def _tracker(self, log: logging.Logger, stage: str) -> Iterator[Tracker]:
        """The tracker of a stage; all units that are counted in the stage share it."""
        if stage in self.trackers:
            yield self.trackers[stage]
            return
        tracker = self.trackers[stage] = Tracker(Lines(log.info, quiet=QUIET_SECONDS))
        try:
            with tracker.beating():
                yield tracker
        finally:
            del self.trackers[stage]


class TerminalProgress(Tracker):
    """Shows the progress of a command, in a terminal or where its output goes."""

    def __init__(self, display: Display, stopping: Event, clock: Clock = time.monotonic) -> None:
        super().__init__(display, clock)
        self.stopping = stopping

    def require_going_on(self) -> None:
        """Raise Interrupted if the user has asked to stop."""
        if self.stopping.is_set():
            raise Interrupted("interrupted: what was committed stays; run again for the rest")

    def hear_stop(self) -> None:
        """Say that the user's wish to stop was heard, and that it takes a while."""
        with self.lock:
            self.display.say(STOPPING)

    def track(
        self, log: logging.Logger, stage: str, unit: str, items: Iterable[Item], total: int
    ) -> Iterator[Item]:
        """Yield the items as they come. Raises Interrupted between two of them."""
        return self.follow(stage, unit, items, total)

    def during(self, log: logging.Logger, stage: str) -> AbstractContextManager[object]:
        """Watch a stage in which nothing is counted."""
        return self.stage(stage)

    def say(self, line: str) -> None:
        """Write a line. Raises Interrupted if the user has asked to stop."""
        self.require_going_on()
        with self.lock:
            self.display.say(line)
