"""``forecast run`` from its first line to its last: what it shows, waits for, and says it did."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from queue import Queue
from threading import Thread

import pytest
from dagster import DagsterRun, DagsterRunStatus, RunsFilter

from forecast_assets.cli.outcome import told_once
from forecast_assets.defs.launching import instance
from forecast_assets.defs.run_process import RunProcess
from forecast_assets.errors import StoreLocked
from forecast_assets.models.naive import Naive
from forecast_assets.store.opening import open_store
from forecast_assets.store.patience import Kept, Patience
from forecast_assets_tests.beginnings import Beginnings
from forecast_assets_tests.commands import begin, forecast
from forecast_assets_tests.graphs import ROOT, Graph, MakeGraph
from forecast_assets_tests.histories import make_history, write_prices
from forecast_assets_tests.holders import Holder, holding

pytestmark = pytest.mark.long

LIMIT_SECONDS = 300
MONTHLY = {"cadence": "monthly", "start": "2020-01-01"}
SESSIONS, FORECASTS = 530, 9
"""Closes up to 2020-01-13, and what is due of them, in one window."""

MORE = 84
"""Sessions up to 2020-05-08, in that window and four more."""

QUICK = {
    "models": ["naive"],
    "paths": 5,
    "horizon": 3,
    "training": MONTHLY,
    "database": {"lock_timeout_seconds": 5},
}


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
    graph: Graph = make_graph(make_history(SESSIONS), **QUICK)
    return graph


def failures(lines: list[str]) -> list[str]:
    return [line for line in lines if line.startswith("failed: ")]


def test_a_new_session_is_counted_with_what_was_made_of_it(
    graph: Graph, beginnings: Beginnings
) -> None:
    begin(beginnings, graph.settings.folder, "run")
    write_prices(graph.settings.folder / "prices" / "Coffee.csv", make_history(SESSIONS + 1))
    with instance(graph.settings.places) as dagster:
        dead = replace(RunProcess.here("c0ffee"), boot="another")
        dagster.add_run(
            DagsterRun("land", "c0ffee", status=DagsterRunStatus.STARTED, tags=dead.tag)
        )
        done = forecast("run")
        assert dagster.get_runs(RunsFilter(statuses=[DagsterRunStatus.STARTED])) == []
    assert f"note: run c0ffee (land) is reported as failed: its process ({dead})" in done.output
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
    done = forecast("run", "--to", "2020-01-10")
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


def test_a_run_in_a_pipe_says_where_it_is_and_waits_for_a_reader_and_computes_nothing_again(
    graph: Graph, beginnings: Beginnings
) -> None:
    path = graph.settings.database_path
    begin(beginnings, graph.settings.folder, "run")
    write_prices(graph.settings.folder / "prices" / "Coffee.csv", make_history(SESSIONS + MORE))
    kept, said = set(graph.store.models.find()), graph.store.paths.issued("Coffee", "v1.0")
    with running("run") as output:
        assert output.until("").startswith("configuration ")
        assert output.until("").endswith("forecast run begins")
        output.until("Coffee prices begins")
        output.until("Coffee prices ended after ")
        output.until("Coffee train begins: 5 windows")
        with hold_when_free(path) as holder:
            line = output.until(f"waiting for {path.name}: it is open in ")
            assert holder.named in line
            assert output.process.poll() is None
        output.until(f"{path.name} is free again after ")
        output.until("Coffee score ended after ")
        assert output.process.poll() is None
        lines = output.rest()
    assert output.process.returncode == 0, lines
    assert failures(lines) == []
    for stage in ("train", "forecast", "score"):
        begins, ends = (
            next(place for place, line in enumerate(lines) if f"Coffee {stage} {word}" in line)
            for word in ("begins", "ended after ")
        )
        assert begins < ends
    told = [line for line in lines if re.match(r"\d\d:\d\d:\d\d Coffee (train|score)", line)]
    assert len(told) >= 4
    assert any(line.startswith("Report: ") for line in lines)
    assert kept <= set(graph.store.models.find())
    issued = graph.store.paths.issued("Coffee", "v1.0")
    assert len(issued) == FORECASTS + MORE
    drawn_at = {each.data_cutoff_date: each.generation_timestamp for each in issued}
    assert all(drawn_at[each.data_cutoff_date] == each.generation_timestamp for each in said)
    (summary,) = [line for line in lines if line.startswith("  Coffee: ")]
    trained = "4 windows trained (4 models)"
    drawn = f"{MORE} forecasts drawn, {FORECASTS} forecasts kept"
    assert f"{MORE} new sessions, {trained}, {drawn}" in summary


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
    begin(beginnings, graph.settings.folder, "run")
    held = open_store(graph.settings).models.find()
    with holding(path, mode) as holder:
        done = forecast("run")
    lines = done.output.splitlines()
    assert done.exit_code == 1
    assert any(f"waiting for {path.name}: it is open in {holder.named}" in line for line in lines)
    waits = [re.search(r"kept this file for ([\d.]+) s", line) for line in failures(lines)]
    assert holder.named in failures(lines)[0]
    assert sum(float(wait.group(1)) for wait in waits if wait) < 2 * 5
    assert "note: the rest was not begun, since the tables are still kept from us" in lines
    assert len(failures(lines)) == 1
    assert lines[-1].startswith("The run failed: 1 problem above")
    assert open_store(graph.settings).models.find() == held


def locked(seconds: float) -> str:
    """What is said of tables that were kept for so long."""

    def kept() -> None:
        raise Kept("duckdb (PID 7)")

    path = Path("/data/commodity.duckdb")
    with pytest.raises(StoreLocked) as raised:
        Patience(seconds, told=lambda line: None).open(path, kept, writing=False, also=None)
    return str(raised.value)


LATE, SOON = locked(0.2), locked(0.001)


@pytest.mark.parametrize(
    ("problems", "told"),
    [
        ([LATE, SOON], [0]),
        (["Tea: no file", f"Tea|2020-01-01: {LATE}", SOON], [0, 1]),
        ([LATE, "Tea: no file", LATE, "Tea: no file"], [0, 1]),
        (["Tea: no file", "Coffee: no file", "Tea: no file"], [0, 1]),
    ],
)
def test_tables_that_are_kept_are_one_problem_whatever_met_them(
    problems: list[str], told: list[int]
) -> None:
    assert told_once(problems) == [problems[place] for place in told]
