"""Growth: days that arrive one by one, and whether the later of them cost more than the earlier.

``python -m forecast_assets_tests.growth --days 2000``: each day a file with one close is dropped,
and both sensors and the runs that they ask for do what is due, with the clock on that day and
Dagster's history pruned after ``--keep`` days. Sensors look in this process, which stays as a
daemon does; a run is a process of its own. It prints the time, memory, open files, files and bytes
by day, and exits with 1 if a bound is broken. 2,000 days take two hours or more; a
quarter less with ``--plain``, which draws no pictures: these cost the same on every day. With
``--home FOLDER`` all is kept there, with a row for each day, and the same command goes on after it
was stopped; the memory of the process that stays then begins anew.

``--compare`` takes two minutes instead: of two homes one is after 150 days and one after 1,976, by
tables that were filled at once. They do days in turns, now the one and now the other first, so
that both meet the same noise of the machine, and the median day of the later may not cost more than
the bound.
"""

import argparse
import csv
import ctypes
import gc
import mmap
import os
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Self, get_type_hints

import numpy as np
import pyarrow as pa
import pytest
from dagster import DagsterInstance, RunRequest
from rich.console import Console
from rich.table import Table

from forecast_assets.cli.allocator import ONE_ARENA
from forecast_assets.configuration.home import Places
from forecast_assets.configuration.settings import Settings
from forecast_assets.defs import run_history, sensors, version_of_run
from forecast_assets.defs.pruning import pruned
from forecast_assets.report.figures import sparkline
from forecast_assets.timeline import clock, windows
from forecast_assets.timeline.history import History
from forecast_assets_tests.beginnings import at_home
from forecast_assets_tests.caretaker import Caretaker, configuration
from forecast_assets_tests.chaos.forks import preload
from forecast_assets_tests.histories import make_history
from forecast_assets_tests.quick import blank_pictures, no_mirrors

BEGUN = 260
"""Sessions that are there before the first day."""

FIRST = "2015-12-28"
"""The first session. By it neither of the days that are compared follows soon on a training date:
until the outcomes of the old window are known, a day has to score two windows."""

EARLY, LATE = 150, 1976
"""The days that are compared: seven years apart, so that each is as far into its window."""

SLOWER = 1.1
"""The bound on the time of late days, in times of early ones."""

LARGER = 32e6
"""The bound on the growth of memory from the early to the late days, in bytes."""

FILES = 20
"""The bound on the growth of the number of files, but for those that are kept on purpose."""

OF_A_DROPPED_FILE = 2
"""The file itself, and its note."""

OF_A_WINDOW = 8
"""Two runs of a window are kept, the newest that forecast in it and the newest that scored it; each
with its events in a file, and with what it printed in three."""

CONSOLE = Console()

STRETCH = 100
"""So many days at the end are compared with as many from the 101st on."""

COMPARED = 10
"""How many days of each kind are compared by ``--compare``."""

MODELS = ("naive", "random_walk")


class Simulated(datetime):
    """A clock that stands at the evening of a day."""

    at = datetime(2017, 1, 1, tzinfo=UTC)

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        return cls.fromtimestamp(cls.at.timestamp(), tz or UTC).replace(tzinfo=tz)


@dataclass(frozen=True)
class Day:
    """What one day cost, and what was there after it; times in seconds, sizes in bytes.

    ``seconds``: of CPU, of all processes. ``memory``: of the process that stays, without what
    allocators keep of freed memory, to give out again. ``run``: what the largest run needed beside
    what it began with, which in a process of a daemon is what it imported. ``began``: when it
    began, in seconds since 1970.
    """

    day: int
    seconds: float
    memory: int
    run: int
    handles: int
    files: int
    bytes: int
    history_bytes: int
    began: float


@dataclass
class Daemon(Caretaker):
    """A caretaker whose runs are processes of their own.

    ``seconds``: of CPU, and ``grown``: the memory that each needed beside what it began with, both
    of the runs of a day.
    """

    seconds: list[float] = field(default_factory=list)
    grown: list[int] = field(default_factory=list)

    def tick(self) -> list[tuple[RunRequest, bool]]:
        """Look at both sensors and run what they ask for: requests, and whether they went well."""
        return [
            (request, self.launch(request))
            for look in (self.land, self.due)
            for request in look().run_requests or []
        ]

    def launch(self, request: RunRequest) -> bool:
        """Execute a run in a process of its own; whether it went well."""
        begun = mmap.mmap(-1, 8)
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                begun[:] = begin_anew().to_bytes(8)
                with DagsterInstance.from_config(str(Places.here().dagster)) as instance:
                    code = 0 if replace(self, instance=instance).execute(request).success else 1
            finally:
                os._exit(code)
        _, status, used = os.wait4(pid, 0)
        self.seconds.append(used.ru_utime + used.ru_stime)
        self.grown.append(used.ru_maxrss * 1024 - int.from_bytes(begun[:]))
        return status == 0


@dataclass
class Life:
    """A home in which one day after the other comes."""

    folder: Path
    history: History
    keeper: Daemon
    keep: int
    days: int = 0
    began: list[datetime] = field(default_factory=list)

    def come(self, days: int = 1) -> None:
        """Let the closes of the next days arrive at once, and do all that is due."""
        first = BEGUN + self.days if self.days else 0
        self.days += days
        last = BEGUN + self.days
        closing = self.history.dates[last - 1].item()
        Simulated.at = datetime(closing.year, closing.month, closing.day, 22, tzinfo=UTC)
        self.began.append(datetime.now(UTC))
        name = f"closes_to_{closing}.csv"
        part = History("Coffee", self.history.dates[first:last], self.history.closes[first:last])
        with at_home(self.folder):
            self.keeper.drop(name, part)
            failed = [request for request, success in self.keeper.settle() if not success]
        if failed:
            raise RuntimeError(f"day {self.days}: {len(failed)} runs failed: {failed}")
        if len(self.began) > self.keep:
            pruned(self.keeper.instance, self.began[-self.keep])

    def kept(self) -> int:
        """How many files are kept on purpose, for what was dropped and for the windows."""
        dropped = list((self.folder / "home" / "landing" / "accepted").glob("*.csv"))
        begun = self.keeper.settings.windows.begun(Simulated.at)
        return OF_A_DROPPED_FILE * len(dropped) + OF_A_WINDOW * len(begun)

    def lived(self) -> Day:
        """One day, and what it cost."""
        self.keeper.seconds.clear()
        self.keeper.grown.clear()
        before = time.process_time()
        self.come()
        seconds = time.process_time() - before + sum(self.keeper.seconds)
        tidy()
        files, size = sizes(self.folder)
        return Day(
            self.days,
            seconds,
            resident(),
            max(self.keeper.grown),
            len(list(Path("/proc/self/fd").iterdir())),
            files - self.kept(),
            size,
            sizes(self.folder / "dagster")[1],
            self.began[-1].timestamp(),
        )


def tidy() -> None:
    """Free what nothing refers to, and give the system back what allocators keep of it.

    Arrow has an allocator of its own. What an instance of DuckDB keeps is not given back: it goes
    when the instance is made anew.
    """
    gc.collect()
    pa.default_memory_pool().release_unused()
    ctypes.CDLL(None).malloc_trim(0)


def resident() -> int:
    """The memory that this process has, in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def begin_anew() -> int:
    """Have the largest memory of a forked process be that of now, without what was freed before.

    Returns that memory, in bytes.
    """
    tidy()
    Path("/proc/self/clear_refs").write_text("5")
    return resident()


def sizes(folder: Path) -> tuple[int, int]:
    """The number of files in a folder, and their bytes."""
    found = [file.stat().st_size for file in folder.rglob("*") if file.is_file()]
    return len(found), sum(found)


@contextmanager
def opened(folder: Path, days: int, keep: int) -> Iterator[Life]:
    """A new home for so many days, in an empty folder."""
    history = make_history(BEGUN + days, first=FIRST)
    start = history.dates[BEGUN - 5].item()
    training = {"cadence": "quarterly", "start": start, "min_observations": 250}
    text = configuration("Coffee", horizon=14, paths=50, models=list(MODELS), training=training)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "forecast.yaml").write_text(text)
    with ExitStack() as stack:
        stack.enter_context(at_home(folder))
        Places.here().prepare()
        settings = Settings.load(folder / "forecast.yaml")
        instance = DagsterInstance.from_config(str(folder / "dagster"))
        keeper = Daemon(settings, stack.enter_context(instance))
        keeper.definitions()
        yield Life(folder, history, keeper, keep)


@contextmanager
def on_a_day_of_its_own(*, plain: bool) -> Iterator[None]:
    """Have the clock stand where ``Simulated`` says; what steps print is stored and not shown.

    Dagster starts processes to show it, whose time would not be counted. ``plain``: pictures are
    blank.
    """
    with ExitStack() as stack:
        stack.enter_context(no_mirrors())
        if plain:
            stack.enter_context(blank_pictures())
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        for module in (clock, windows, run_history, sensors, version_of_run):
            patch.setattr(module, "datetime", Simulated)
        yield


def load_all() -> None:
    """Import all that a run needs, so that no run of this process has to do so itself."""
    with TemporaryDirectory() as folder, opened(Path(folder) / "home", 1, 1) as life:
        preload(life.folder, life.come)


def live(folder: Path, days: int, keep: int) -> list[Day]:
    """All days, one after the other; each is written to a file of rows as it ends.

    If the folder has days already, those that come after them.
    """
    rows = folder / "days.csv"
    found = read(rows) if rows.exists() else []
    with opened(folder, days, keep) as life, rows.open("w") as file:
        life.days = len(found)
        life.began += [datetime.fromtimestamp(day.began, UTC) for day in found]
        write = csv.writer(file)
        write.writerow(each.name for each in fields(Day))
        write.writerows(vars(day).values() for day in found)
        for _ in range(days - len(found)):
            found.append(life.lived())
            write.writerow(vars(found[-1]).values())
            file.flush()
    return found


def read(rows: Path) -> list[Day]:
    """The days in a file of rows; one whose row is not whole is left out, and comes again."""
    types = get_type_hints(Day)
    with rows.open() as file:
        return [
            Day(**{name: types[name](value) for name, value in row.items()})
            for row in csv.DictReader(file)
            if None not in row.values()
        ]


def broken(days: Sequence[Day]) -> list[str]:
    """The bounds that the last days break, compared with those from the 101st on."""
    if len(days) < 3 * STRETCH:
        return [f"{len(days)} days are too few to compare: at least {3 * STRETCH} are needed"]
    early, late = days[STRETCH : 2 * STRETCH], days[-STRETCH:]
    return bounds(early, late)


def bounds(early: Sequence[Day], late: Sequence[Day]) -> list[str]:
    """The bounds that some late days break, compared with some early ones."""
    said = []
    ratio = median(x.seconds for x in late) / median(x.seconds for x in early)
    if ratio > SLOWER:
        said.append(f"a late day takes {ratio:.2f} times as long as an early one: {SLOWER} allowed")
    for whose, name in (("memory", "memory"), ("run", "a run's memory")):
        grown = median(getattr(x, whose) for x in late) - median(getattr(x, whose) for x in early)
        if grown > LARGER:
            said.append(f"{name} grew by {grown / 1e6:.0f} MB: {LARGER / 1e6:.0f} allowed")
    if (more := max(x.handles for x in late) - max(x.handles for x in early)) > 0:
        said.append(f"{more} more handles are open")
    if (more := max(x.files for x in late) - max(x.files for x in early)) > FILES:
        said.append(f"{more} more files are kept: {FILES} allowed")
    return said


def compared() -> list[str]:
    """The bounds that a day after many days breaks, in turns with days after few."""
    early: list[Day] = []
    late: list[Day] = []
    with TemporaryDirectory() as folder, ExitStack() as stack:
        lives = [
            (
                stack.enter_context(opened(Path(folder) / str(days), days + COMPARED, COMPARED)),
                found,
            )
            for days, found in ((EARLY, early), (LATE, late))
        ]
        for days, (life, _) in zip((EARLY, LATE), lives, strict=True):
            life.come(days)
            life.come()  # what only the first day after so many has to do
        for turn in range(COMPARED - 1):
            for life, found in lives[:: -1 if turn % 2 else 1]:
                found.append(life.lived())
            CONSOLE.print(f"{early[-1].seconds:.2f} s and {late[-1].seconds:.2f} s")
    show([*early, *late])
    ratio = median(x.seconds for x in late) / median(x.seconds for x in early)
    CONSOLE.print(f"a day after {LATE:,} days takes {ratio:.2f} times one after {EARLY}")
    return bounds(early, late)


def show(days: Sequence[Day], rows: int = 20) -> None:
    """Print some of the days as a table, and the time of all of them as a line."""
    sizes = "memory, MB", "a run's, MB", "handles", "files", "all, MB", "history, MB"
    table = Table("day", "CPU, s", *sizes)
    for day in days[:: max(len(days) // rows, 1)]:
        table.add_row(
            f"{day.day:,}",
            f"{day.seconds:.2f}",
            f"{day.memory / 1e6:.0f}",
            f"{day.run / 1e6:.0f}",
            str(day.handles),
            str(day.files),
            f"{day.bytes / 1e6:.1f}",
            f"{day.history_bytes / 1e6:.1f}",
        )
    CONSOLE.print(table)
    stretches = np.array_split([day.seconds for day in days], min(len(days), 60))
    CONSOLE.print("CPU by day:", sparkline(np.array([np.median(some) for some in stretches])))


def main() -> int:
    """Let days come, print what they cost, and return 1 if a bound is broken."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--days", type=int, default=2000, help="how many days come")
    parser.add_argument("--keep", type=int, default=90, help="after how many days runs are pruned")
    parser.add_argument("--home", type=Path, help="keep all in this folder, and go on from it")
    parser.add_argument("--compare", action="store_true", help="compare early and late days only")
    parser.add_argument("--plain", action="store_true", help="draw no pictures")
    asked = parser.parse_args()
    if not ONE_ARENA.items() <= os.environ.items():
        # As `forecast ui` and the units of systemd do for the daemon.
        command = [sys.executable, "-m", "forecast_assets_tests.growth", *sys.argv[1:]]
        os.execve(sys.executable, command, {**os.environ, **ONE_ARENA})  # noqa: S606
    with on_a_day_of_its_own(plain=asked.plain):
        load_all()
        if asked.compare:
            said = compared()
        else:
            with TemporaryDirectory() as folder:
                days = live(asked.home or Path(folder), asked.days, asked.keep)
            show(days)
            said = broken(days)
    for line in said:
        CONSOLE.print(f"broken: {line}")
    return 1 if said else 0


if __name__ == "__main__":
    sys.exit(main())
