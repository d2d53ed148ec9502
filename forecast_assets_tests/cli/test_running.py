"""``forecast run`` from its first line to its last: what it shows, waits for, and says it did."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Queue
from threading import Thread

import pytest
from typer.testing import CliRunner

from forecast_assets.cli import app
from forecast_assets.cli.running import told_once
from forecast_assets.models.naive import Naive
from forecast_assets.store.opening import open_store
from forecast_assets_tests.beginnings import Beginnings
from forecast_assets_tests.commands import begin
from forecast_assets_tests.graphs import ROOT, Graph, MakeGraph
from forecast_assets_tests.histories import make_history
from forecast_assets_tests.holders import Holder, holding

pytestmark = pytest.mark.long

LIMIT_SECONDS = 300
MONTHLY = {"cadence": "monthly", "start": "2020-01-01"}
SESSIONS = 625
"""To 2020-05-25."""

WINDOWS, FORECASTS = 5, 104
"""Of them, until the newest price."""


class Output:
    """The lines of a program, as they come."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[str] = []
        self.coming: Queue[str | None] = Queue()
        Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.coming.put(line.rstrip("\n"))
        self.coming.put(None)

    def until(self, words: str) -> str:
        """The next line that holds these words."""
        while True:
            line = self.coming.get(timeout=LIMIT_SECONDS)
            assert line is not None, f"no line with {words!r}: {self.lines}"
            self.lines.append(line)
            if words in line:
                return line

    def rest(self) -> list[str]:
        """All lines, once there are no more."""
        while (line := self.coming.get(timeout=LIMIT_SECONDS)) is not None:
            self.lines.append(line)
        return self.lines


@contextmanager
def running(*arguments: str) -> Iterator[Output]:
    """``forecast`` with its output in a pipe; it ends with its children."""
    process = subprocess.Popen(
        [sys.executable, "-m", "forecast_assets.cli", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        yield Output(process)
        process.wait(LIMIT_SECONDS)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


@pytest.fixture
def graph(make_graph: MakeGraph, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Graph:
    monkeypatch.setenv("FORECAST_CONFIG", str(tmp_path / "forecast.yaml"))
    graph: Graph = make_graph(
        make_history(SESSIONS),
        models=["naive"],
        paths=20,
        training=MONTHLY,
        database={"lock_timeout_seconds": 5},
    )
    return graph


def failures(lines: list[str]) -> list[str]:
    return [line for line in lines if line.startswith("failed: ")]


def test_a_run_in_a_pipe_says_where_it_is_long_before_its_end(graph: Graph) -> None:
    with running("run") as output:
        assert output.until("").startswith("configuration ")
        assert output.until("").endswith("forecast run begins")
        for stage in ("prices", "train", "forecast", "score"):
            output.until(f"Coffee {stage} begins")
            assert output.process.poll() is None
            output.until(f"Coffee {stage} ended after ")
        lines = output.rest()
    assert output.process.returncode == 0
    assert f"Coffee train begins: {WINDOWS} windows" in "\n".join(lines)
    told = [line for line in lines if re.match(r"\d\d:\d\d:\d\d Coffee (train|score)", line)]
    assert len(told) >= 4
    assert any(line.startswith("Report: ") for line in lines)
    summary = next(line for line in lines if line.startswith("  Coffee: "))
    trained = f"{WINDOWS} windows trained ({WINDOWS} models)"
    assert f"{SESSIONS} new sessions, {trained}, {FORECASTS} forecasts drawn" in summary


def test_a_second_run_says_that_nothing_was_due_and_a_new_session_is_counted(
    graph: Graph,
) -> None:
    prices = graph.settings.folder / "prices" / "Coffee.csv"
    whole = prices.read_text().splitlines(keepends=True)
    prices.write_text("".join(whole[:-1]))
    for _ in range(2):
        done = CliRunner().invoke(app, ["run"], catch_exceptions=False)
    assert "This run: nothing was due, in " in done.output
    assert "  Coffee: nothing was due; " in done.output
    assert " trained" not in done.output.split("This run: ")[1]
    prices.write_text("".join(whole))
    done = CliRunner().invoke(app, ["run"], catch_exceptions=False)
    assert "This run: 1 of 1 commodities, in " in done.output
    summary = next(x for x in done.output.splitlines() if x.startswith("  Coffee: "))
    assert "1 new session" in summary
    assert "1 forecast drawn" in summary
    horizon = graph.settings.horizon  # the newest forecast of all has no outcome yet
    assert f"{horizon} outcomes joined (one a date), {horizon} forecasts scored" in summary
    assert " trained" not in summary


def test_a_failed_run_ends_in_red_and_not_like_a_success(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*arguments: object) -> None:
        raise RuntimeError("no luck [red]today[/red]")

    monkeypatch.setattr(Naive, "estimate", broken)
    done = CliRunner().invoke(app, ["run", "--to", "2020-01-10"], catch_exceptions=False)
    assert done.exit_code == 1
    lines = done.output.splitlines()
    last = failures(lines)
    assert len(last) == 1
    assert "no luck [red]today[/red]" in last[0]
    assert lines[-1] == "The run failed: 1 problem above; exit 1"
    places = [
        next(i for i, x in enumerate(lines) if x.startswith(word))
        for word in ("Tables: ", "Report: ", "failed: ")
    ]
    assert places == sorted(places)
    summary = next(x for x in lines if x.startswith("  Coffee: "))
    assert f"{SESSIONS} new sessions" in summary
    assert "trained" not in summary


def test_a_forgotten_reader_is_named_and_waited_for_and_nothing_is_computed_again(
    graph: Graph, beginnings: Beginnings
) -> None:
    path = graph.settings.database_path
    begin(beginnings, graph.settings.folder, "run", "--to", "2020-01-10")
    kept = set(graph.store.models.find())
    with running("run") as output:
        output.until("Coffee train begins")
        with hold_when_free(path) as holder:
            line = output.until(f"waiting for {path.name}: it is open in ")
            assert holder.named in line
            assert output.process.poll() is None
        output.until(f"{path.name} is free again after ")
        lines = output.rest()
    assert output.process.returncode == 0, lines
    assert failures(lines) == []
    assert kept <= set(graph.store.models.find())
    assert len(graph.store.paths.issued("Coffee", "v1.0")) == FORECASTS
    (summary,) = [line for line in lines if line.startswith("  Coffee: ")]
    rest = WINDOWS - len(kept)
    assert f"{rest} windows trained ({rest} models)" in summary


@contextmanager
def hold_when_free(path: Path) -> Iterator[Holder]:
    """A reader that gets the file between two writes of a run."""
    until = time.monotonic() + LIMIT_SECONDS
    while True:
        try:
            with holding(path) as holder:
                yield holder
                return
        except AssertionError:
            assert time.monotonic() < until


@pytest.mark.parametrize("mode", ["read", "write"])
def test_the_whole_run_waits_once_and_says_who_kept_the_tables(
    graph: Graph, beginnings: Beginnings, mode: str
) -> None:
    path = graph.settings.database_path
    begin(beginnings, graph.settings.folder, "run", "--to", "2020-01-10")
    held = open_store(graph.settings).models.find()
    with holding(path, mode) as holder, running("run") as output:
        output.until(f"waiting for {path.name}: it is open in {holder.named}")
        lines = output.rest()
    assert output.process.returncode == 1
    waits = [re.search(r"kept this file for ([\d.]+) s", line) for line in failures(lines)]
    assert holder.named in failures(lines)[0]
    assert sum(float(wait.group(1)) for wait in waits if wait) < 2 * 5
    assert "note: the rest was not begun, since the tables are still kept from us" in lines
    assert len(failures(lines)) == 1
    assert lines[-1].startswith("The run failed: 1 problem above")
    assert open_store(graph.settings).models.find() == held


LOCKED = "/data/commodity.duckdb: another process kept this file for {} s, and no more is waited"


@pytest.mark.parametrize(
    ("problems", "told"),
    [
        ([LOCKED.format(12), LOCKED.format(0.006)], [0]),
        (["Tea: no file", f"Tea|2020-01-01: {LOCKED.format(12)}", LOCKED.format(0)], [0, 1]),
        ([LOCKED.format(12), "Tea: no file", LOCKED.format(12), "Tea: no file"], [0, 1]),
        (["Tea: no file", "Coffee: no file", "Tea: no file"], [0, 1]),
    ],
)
def test_tables_that_are_kept_are_one_problem_whatever_met_them(
    problems: list[str], told: list[int]
) -> None:
    assert told_once(problems) == [problems[place] for place in told]
