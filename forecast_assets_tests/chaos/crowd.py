"""``python -m forecast_assets_tests.chaos.crowd --seconds 300``: all at once, over one home.

Files land while a real daemon looks at its sensors; two backfills go over all windows, and two
processes over the same one; ``status`` and ``show`` are asked for again and again; the package's
``Reader`` and programs that know only DuckDB read, briefly and for seconds. All must end well or
wait and say for whom. Afterwards the tables are those of one process that did all of it alone.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import duckdb
import typer
import yaml
from dagster import DagsterRunStatus, RunsFilter
from rich.console import Console
from rich.table import Table

from forecast_assets.defs.dead_runs import UNFINISHED
from forecast_assets.defs.launching import instance
from forecast_assets.record.verification import verify
from forecast_assets.store.opening import open_store
from forecast_assets.store.patience import SILENT_SECONDS, Patience, Told
from forecast_assets.store.reader import Reader
from forecast_assets_tests import quick
from forecast_assets_tests.chaos.forks import SAID, Child, Ended, done, preload
from forecast_assets_tests.chaos.likeness import likeness_of
from forecast_assets_tests.chaos.scenes import (
    command,
    drop,
    settings_of,
    upto,
    write_configuration,
)
from forecast_assets_tests.daemons import INSTANCE, Home, end_group, start, within
from forecast_assets_tests.graphs import Graph
from forecast_assets_tests.histories import make_history, write_prices

NAMES = ("Coffee", "Sugar")
HISTORIES = {name: make_history(1100, seed, name) for seed, name in enumerate(NAMES, 1)}
"""From 2018-01-01 to 2022-03-18."""

ONE_WINDOW = ("2020-01-01", "2020-01-31")
"""What is done before the crowd begins: the first window."""

READ_SECONDS = 5.0
"""Readers of the project must wait less than this."""

HELD_SECONDS = 3.0
"""How long a slow reader of another program keeps the file open."""

LIMIT_SECONDS = 1200.0
"""Within this time all that is due must be done after the crowd has gone."""

PER_FILE = {"market.landings", "forecast.publication_log"}
"""Tables with a row for each file, or for each change of what is published as time goes on."""

PER_SOURCE = {"market.price_revisions.source"}
"""Columns that say where something came from, which is another place for one process alone."""


@dataclass
class Heard:
    """The waits of a process: the longest to read, to write, and without a word about it."""

    reading: float = 0.0
    writing: float = 0.0
    silent: float = 0.0
    rounds: int = 0
    problems: list[str] = field(default_factory=list)

    def listen(self) -> None:
        """In this process, note each wait for the tables."""
        opened = Patience.open

        def timed(
            patience: Patience, path: Path, connect: Any, *, writing: bool, also: Told | None
        ) -> Any:
            said: list[str] = []
            began = time.monotonic()

            def hear(line: str) -> None:
                said.append(line)
                if also is not None:
                    also(line)

            try:
                return opened(patience, path, connect, writing=writing, also=hear)
            finally:
                waited = time.monotonic() - began
                if writing:
                    self.writing = max(self.writing, waited)
                else:
                    self.reading = max(self.reading, waited)
                if waited > 2 * SILENT_SECONDS + 2 and not any("it is open in" in x for x in said):
                    self.silent = max(self.silent, waited)

        Patience.open = timed  # type: ignore[method-assign,assignment]


def repeated(act: Callable[[], object], seconds: float, pause: float) -> dict[str, Any]:
    """In a child: do something until the time is over, and say what was heard."""
    heard = Heard()
    heard.listen()
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        act()
        heard.rounds += 1
        time.sleep(pause)
    return vars(heard)


def backfill(folder: Path, jobs: tuple[str, ...], name: str, first: str, last: str) -> None:
    """Runs over a range of windows, as the UI asks for them."""
    with instance(settings_of(folder).places) as dagster:
        graph = Graph(settings_of(folder), dagster)
        for job in jobs:
            graph.run(job, f"{name}|{first}", f"{name}|{last}" if last != first else None)


def read_by_package(folder: Path) -> None:
    """What a program of a user does."""
    reader = Reader(settings_of(folder).database_path)
    reader.point_forecasts_by_target("Coffee")


def read_by_another(folder: Path, hold: float, missed: list[float]) -> None:
    """What a program does that knows only DuckDB: it tries until it may read."""
    began = time.monotonic()
    while True:
        try:
            with duckdb.connect(folder / "home" / "commodity.duckdb", read_only=True) as connection:
                connection.execute("SELECT count(*) FROM forecast.distributions").fetchall()
                time.sleep(hold)
        except duckdb.IOException:
            time.sleep(0.05)
        else:
            missed.append(time.monotonic() - began - hold)
            return


def outside(folder: Path, seconds: float, hold: float, pause: float) -> dict[str, Any]:
    """In a child: another program's reader, and how long it had to try."""
    tried: list[float] = []
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        read_by_another(folder, hold, tried)
        time.sleep(pause)
    return vars(Heard(reading=max(tried, default=0.0), rounds=len(tried)))


@dataclass(frozen=True)
class Size:
    """How much is to be done: ``few`` sessions when the crowd begins, and ``most`` in the end."""

    few: int
    most: int

    @classmethod
    def of(cls, seconds: float) -> "Size":
        """As much as keeps a crowd at work for most of this time, on two cores."""
        return cls(530 + min(int(seconds * 1.5), 450), 540 + min(int(seconds * 1.8), 550))

    @property
    def windows(self) -> tuple[str, str]:
        """The first and the last training date that the backfills are over."""
        return "2020-01-01", f"{HISTORIES['Coffee'].dates[self.few - 1]:.7}-01"


def crowd(folder: Path, seconds: float, size: Size) -> Mapping[str, Child]:
    """All who work or read at once, beside the daemon."""
    jobs = ("train", "forecast", "score")
    first, last = size.windows

    def of(act: Callable[[], object], pause: float) -> Callable[[Child], Any]:
        return lambda child: repeated(act, seconds, pause)

    acts: dict[str, Callable[[Child], Any]] = {
        "backfill of Coffee": of(lambda: backfill(folder, jobs, "Coffee", first, last), 0.5),
        "backfill of Sugar": of(lambda: backfill(folder, jobs, "Sugar", first, last), 0.5),
        "one partition": of(lambda: backfill(folder, jobs, "Coffee", last, last), 0.5),
        "the same partition": of(lambda: backfill(folder, jobs, "Coffee", last, last), 0.5),
        "status": of(lambda: _well("status"), 0.5),
        "show": of(lambda: _well("show", "Coffee", "--model", "naive"), 0.5),
        "the package's Reader": of(lambda: read_by_package(folder), 0.2),
        "another program, briefly": lambda child: outside(folder, seconds, 0.0, 0.2),
        "another program, for long": lambda child: outside(folder, seconds, HELD_SECONDS, 9.0),
    }
    limit = seconds + LIMIT_SECONDS
    return {name: Child(folder, act, limit) for name, act in acts.items()}


def _well(*arguments: str) -> None:
    if code := command(*arguments):
        raise SystemExit(code)


def make_home(folder: Path, size: Size) -> None:
    """Prices have landed, and models and forecasts are there of the first window."""
    write_configuration(
        folder,
        dict.fromkeys(NAMES, "landing"),
        models=["naive", "random_walk"],
        automation={"interval_seconds": 1, "attempts": 20, "retry_seconds": 0.1},
        database={"lock_timeout_seconds": 120},
    )
    (folder / "dagster").mkdir()
    (folder / "dagster" / "dagster.yaml").write_text(yaml.safe_dump(INSTANCE))
    for name in NAMES:
        drop(folder, f"{name}.csv", upto(HISTORIES[name], size.few))
    _well("run", "--from", ONE_WINDOW[0], "--to", ONE_WINDOW[1])


def drop_days(folder: Path, seconds: float, size: Size) -> None:
    """Let a session of each commodity arrive again and again, in a file of its own."""
    pause = seconds / (size.most - size.few)
    for sessions in range(size.few + 1, size.most + 1):
        for name in NAMES:
            history = upto(HISTORIES[name], sessions)
            hidden = drop(folder, f".{name}.csv", history.since(history.dates[-1].item()))
            hidden.rename(hidden.with_name(f"{name}_{sessions}.csv"))
        time.sleep(pause)


def alone(folder: Path, sessions: int) -> None:
    """The same work by one process."""
    write_configuration(folder, dict.fromkeys(NAMES, "file"), models=["naive", "random_walk"])
    for name in NAMES:
        write_prices(folder / "prices" / f"{name}.csv", upto(HISTORIES[name], sessions))
    _well("run")


@contextmanager
def daemon(folder: Path) -> Iterator[None]:
    """A real daemon over the home."""
    process = start(folder, Home(folder).environment, "dagster._daemon", "run")
    log = folder / "dagster._daemon.log"
    try:
        within(LIMIT_SECONDS, "the daemon looks", lambda: "due_work" in log.read_text())
        yield
    finally:
        end_group(process)


def compared(folder: Path) -> dict[str, list[int]]:
    """What the tables of a home hold, but for what says in which file something came."""
    found = likeness_of(settings_of(folder), PER_SOURCE)
    return {name: list(each) for name, each in found.items() if name not in PER_FILE}


def runs_of(folder: Path) -> list[str]:
    """The runs that have not ended."""
    with instance(settings_of(folder).places) as dagster:
        return [run.run_id for run in dagster.get_runs(RunsFilter(statuses=UNFINISHED))]


def differing(folder: Path, like: Mapping[str, list[int]]) -> list[str]:
    """The tables that are not as one process makes them, and the files and runs that go on."""
    ended = done(folder, lambda: (compared(folder), runs_of(folder)))
    if ended.given is None:
        return [f"looking at the tables ended with {ended.code}: see {folder / SAID}"]
    mine, going_on = ended.given
    waiting = [file.name for file in (folder / "home" / "landing").glob("*.csv")]
    waiting += going_on
    return [*waiting, *(f"{x}: {mine[x]}, alone {like[x]}" for x in like if mine[x] != like[x])]


def in_the_end(folder: Path) -> list[str]:
    """In a child: what is wrong when all have gone."""
    settings = settings_of(folder)
    found = verify(settings, open_store(settings), redraw=None)
    with instance(settings.places) as dagster:
        failed = dagster.get_runs(RunsFilter(statuses=[DagsterRunStatus.FAILURE]))
        runs = dagster.get_runs_count()
    lines = [f"{x.kind}: {x.table} {x.commodity} {x.day}: {x.found}" for x in found.damages]
    return [*lines, *(f"run {x.run_id} of {runs} failed: {x.job_name}" for x in failed)]


def main(
    seconds: Annotated[float, typer.Option(help="How long all work and read at once.")] = 300.0,
) -> None:
    """Let all work and read at once, and compare."""
    console, began, size = Console(width=150), time.monotonic(), Size.of(seconds)
    root = Path(tempfile.mkdtemp(prefix="crowd-"))
    folder, other = root / "crowd", root / "alone"
    folder.mkdir()
    other.mkdir()
    with ExitStack() as stack:
        for quickened in (quick.blank_pictures, quick.kept_engines, quick.no_mirrors):
            stack.enter_context(quickened())
        preload(folder, lambda: make_home(folder, size))
        with daemon(folder):
            children = crowd(folder, seconds, size)
            drop_days(folder, seconds, size)
            ended = {name: child.ended() for name, child in children.items()}
            console.print(f"all have ended after {time.monotonic() - began:.0f} s")
            worked = done(other, lambda: alone(other, size.most), LIMIT_SECONDS)
            like = done(other, lambda: compared(other))
            broken = _died("the process alone", worked) or _died("comparing", like)
            broken = broken or _settled(folder, like.given)
        looked = done(folder, lambda: in_the_end(folder), LIMIT_SECONDS)
        broken += _died("looking", looked) or looked.given
    broken += show(console, ended)
    for line in broken:
        console.print(f"BROKEN: {line}", markup=False, style="red")
    took, load = time.monotonic() - began, os.getloadavg()[0]
    console.print(f"{took:.0f} s, {size.most} sessions of each commodity, load {load:.1f}")
    if broken:
        console.print(f"what is broken is kept in {root}")
        raise typer.Exit(1)
    shutil.rmtree(root, ignore_errors=True)


def _died(who: str, ended: Ended) -> list[str]:
    """A line if a child has not come to its end."""
    return [f"{who} ended with {ended.code}: see {SAID}"] if ended.code != 0 else []


def _settled(folder: Path, like: Mapping[str, list[int]]) -> list[str]:
    """Wait until the daemon has done what is due; what is not as it should be after that."""

    def rests() -> bool:
        """Whether no run goes on: its page is drawn when all tables are written."""
        with instance(settings_of(folder).places) as dagster:
            return not dagster.get_runs(RunsFilter(statuses=UNFINISHED))

    def settled() -> bool:
        return not differing(folder, like) and bool(done(folder, rests).given)

    with suppress(TimeoutError):
        within(LIMIT_SECONDS, "all is done", settled, pause=2.0)
    return differing(folder, like)


def show(console: Console, ended: Mapping[str, Ended]) -> list[str]:
    """Print the longest waits; return what is broken of them."""
    table, broken, ours = Table("who", "rounds", "longest wait to read", "to write"), [], 0.0
    for name, each in ended.items():
        if each.given is None:
            broken.append(f"{name} ended with {each.code}: see {SAID}")
            continue
        heard = Heard(**each.given)
        table.add_row(name, f"{heard.rounds}", f"{heard.reading:.1f} s", f"{heard.writing:.1f} s")
        if heard.silent:
            broken.append(f"{name} waited {heard.silent:.1f} s and did not say for whom")
        if not name.startswith("another program"):
            ours = max(ours, heard.reading)
    console.print(table)
    console.print(f"longest wait of the project's readers: {ours:.2f} s")
    if ours >= READ_SECONDS:
        broken.append(f"a reader waited {ours:.1f} s, more than {READ_SECONDS:g}")
    return broken


if __name__ == "__main__":
    typer.run(main)
