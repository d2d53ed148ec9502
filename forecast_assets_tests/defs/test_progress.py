"""How work shows where it is, and how it stops when it is asked to."""

import logging
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from io import StringIO
from threading import Event
from typing import Any

import pytest
from dagster import ExecuteInProcessResult
from rich.console import Console

from forecast_assets.cli.watching import bars, watching
from forecast_assets.configuration.sections import Parallel
from forecast_assets.defs.build import build_definitions
from forecast_assets.defs.progress import (
    BEAT_SECONDS,
    Bars,
    Lines,
    LogProgress,
    Progress,
    Stage,
    TerminalProgress,
    Tracker,
    spoken,
)
from forecast_assets.defs.run_history import RANGE_END, RANGE_START
from forecast_assets.errors import Interrupted
from forecast_assets.forecast.parallel import Numbered, Processes, in_order, watched
from forecast_assets.forecast.tasks import Done, Task, Whole
from forecast_assets.models.naive import FittedNaive, Naive
from forecast_assets.timeline.history import History
from forecast_assets_tests.graphs import QUIET, Graph, MakeGraph
from forecast_assets_tests.histories import make_history

MONTHS = [date(2020, month, 1) for month in range(1, 9)]
"""Two chains of windows."""
KEYS = [f"Coffee|{day}" for day in MONTHS]
MONTHLY = {"cadence": "monthly", "start": date(2020, 1, 1)}


class FakeClock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def tracker(clock: FakeClock, said: list[str]) -> Tracker:
    return Tracker(Lines(said.append, clock, quiet=5), clock)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.4, "0 s"),
        (40, "40 s"),
        (89, "89 s"),
        (130, "2 min"),
        (5300, "88 min"),
        (6000, "1 h 40 min"),
    ],
)
def test_times_are_said_as_people_say_them(seconds: float, words: str) -> None:
    assert spoken(seconds) == words


@pytest.mark.parametrize(
    ("counts", "line"),
    [
        ({}, "WTI train: 60 s so far"),
        ({"windows": (0, 16)}, "WTI train: 0 of 16 windows, 60 s so far"),
        ({"windows": (4, 16)}, "WTI train: 4 of 16 windows, about 3 min left"),
        ({"windows": (16, 16)}, "WTI train: 16 of 16 windows, 60 s so far"),
        (
            {"windows": (0, 16), "models": (30, 40)},
            "WTI train: 0 of 16 windows, 30 of 40 models, about 20 s left",
        ),
        (
            {"windows": (12, 16), "models": (40, 40)},
            "WTI train: 12 of 16 windows, 40 of 40 models, about 20 s left",
        ),
    ],
)
def test_a_stage_says_its_name_what_is_done_of_how_much_and_the_time_left(
    counts: dict[str, tuple[int, int]], line: str
) -> None:
    stage = Stage("WTI train", 1000.0)
    for unit, (done, total) in counts.items():
        stage.count(unit, total).done = done
    assert stage.line(1060.0) == line


def test_lines_tell_begin_and_end_and_no_more_than_one_every_few_seconds_between(
    tracker: Tracker, clock: FakeClock, said: list[str]
) -> None:
    for _ in tracker.follow("WTI forecast", "windows", range(6), 6):
        clock.now += 2
    assert said == [
        "WTI forecast begins: 6 windows",
        "WTI forecast: 3 of 6 windows, about 6 s left",
        "WTI forecast: 6 of 6 windows, 12 s so far",
        "WTI forecast ended after 12 s: 6 of 6 windows",
    ]


def test_a_command_is_silent_for_no_more_than_two_seconds(
    clock: FakeClock, said: list[str]
) -> None:
    tracker = Tracker(Lines(said.append, clock), clock)
    with tracker.stage("WTI train"):
        for _ in range(4):
            clock.now += BEAT_SECONDS
            tracker.beat()
    assert said[1:-1] == [f"WTI train: {each} s so far" for each in (2, 4)]


def test_one_long_item_is_not_silent(clock: FakeClock, said: list[str]) -> None:
    seen = Event()

    def write(line: str) -> None:
        said.append(line)
        seen.set()

    tracker = Tracker(Lines(write, clock, quiet=5), clock)
    with tracker.beating(0.001):
        for _ in tracker.follow("WTI train", "windows", ["2020-01-01"], 1):
            for _ in range(3):
                seen.clear()
                clock.now += 5
                assert seen.wait(60)
    assert said[1:4] == [f"WTI train: 0 of 1 windows, {each} s so far" for each in (5, 10, 15)]


def test_a_beat_tells_of_the_innermost_stage_and_of_none_when_none_is_open(
    tracker: Tracker, clock: FakeClock, said: list[str]
) -> None:
    with tracker.stage("forecast run"):
        with tracker.stage("WTI publish"):
            clock.now += 5
            tracker.beat()
        clock.now += 5
        tracker.beat()
    clock.now += 5
    tracker.beat()
    assert [line for line in said if "so far" in line] == [
        "WTI publish: 5 s so far",
        "forecast run: 10 s so far",
    ]


def test_a_beat_tells_what_is_done_between_stages(clock: FakeClock, said: list[str]) -> None:
    tracker = Tracker(Lines(said.append, clock, quiet=5), clock)
    with tracker.doing("nothing that anybody sees"):
        pass
    with tracker.stage("forecast run", "commodities", 2):
        for _ in range(2):
            with tracker.doing("planning WTI"):
                clock.now += 10
                tracker.beat()
        clock.now += 10
        tracker.beat()
    assert said[1:4] == [
        "forecast run: 0 of 2 commodities, planning WTI, 10 s so far",
        "forecast run: 0 of 2 commodities, planning WTI, 20 s so far",
        "forecast run: 0 of 2 commodities, 30 s so far",
    ]


def test_a_stage_opened_before_its_windows_are_known_to_anyone_stays_one(
    tracker: Tracker, said: list[str]
) -> None:
    with tracker.stage("WTI train", "windows", 3) as opened:
        for _ in tracker.follow("WTI train", "windows", range(3), 3):
            list(tracker.follow("WTI train", "models", range(2), 2))
        assert opened.counted() == "3 of 3 windows, 6 of 6 models"
    assert len(said) == 2


@pytest.mark.parametrize("name", ["WTI", "Gold [bold]spot[/bold]", "[/] or [red"])
def test_a_bar_has_its_name_and_its_total_from_the_beginning(name: str) -> None:
    output = StringIO()
    console = Console(file=output, force_terminal=True, width=120, color_system=None)
    with bars(console) as bar:
        progress = TerminalProgress(Bars(bar), Event())
        with progress.stage(f"{name} train", "windows", 16):
            bar.refresh()
            assert f"{name} train" in output.getvalue()
            assert "0 of 16 windows" in output.getvalue()
            for done, _ in enumerate(progress.follow(f"{name} train", "windows", "ab" * 8, 16)):
                assert [(task.completed, task.total) for task in bar.tasks] == [(done, 16)]
        assert bar.tasks == []
    assert f"{name} train ended after 0 s: 16 of 16 windows" in output.getvalue()


def test_what_is_no_terminal_gets_lines_at_once() -> None:
    output = StringIO()
    with watching(Console(file=output), "forecast run") as progress:
        assert output.getvalue().endswith(" forecast run begins\n")
        progress.say("waiting for [somebody]")
    assert [line[9:] for line in output.getvalue().splitlines()] == [
        "forecast run begins",
        "waiting for [somebody]",
        "forecast run ended after 0 s",
    ]


def test_a_stop_is_heeded_between_items_and_not_after_the_last() -> None:
    stopping = Event()
    progress = TerminalProgress(Lines(lambda line: None), stopping)
    for _ in progress.follow("WTI train", "windows", ["last"], 1):
        stopping.set()
    stopping.clear()
    items = progress.follow("WTI train", "windows", "abc", 3)
    assert next(items) == "a"
    stopping.set()
    with pytest.raises(Interrupted):
        next(items)
    assert progress.stages == {}


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (1, 3, 0, 2)])
def test_what_comes_early_is_seen_early_and_given_in_order(order: Sequence[int]) -> None:
    seen: list[int] = []

    def as_done() -> Iterator[Numbered]:
        for place in order:
            seen.append(place)
            yield place, [Done(place, 0.0)]

    given = in_order(as_done())
    assert next(given)[0].value == 0
    assert seen == list(order[: order.index(0) + 1])
    assert [done[0].value for done in given] == [1, 2, 3]


@dataclass(frozen=True, eq=False)
class Waiting(Task):
    """A task that is done when it is let go, or at once."""

    serves: tuple[Whole, ...]
    let_go: Event | None = None

    @property
    def dates(self) -> tuple[date, ...]:
        return ()

    @property
    def label(self) -> str:
        return "waiting"

    def outcomes(self) -> list[Done[Any]]:
        assert self.let_go is None or self.let_go.wait(60)
        return [Done(threading.get_ident(), 0.0)]


def test_training_moves_while_its_first_model_is_still_being_fitted() -> None:
    let_go = Event()
    counted: list[int] = []

    def watch(done: Iterator[Whole], total: int) -> Iterator[Whole]:
        for model in done:
            counted.append(int(model[0]))
            if len(counted) == total - 1:
                let_go.set()  # the first goes on only when all others were counted
            yield model

    first, *others = [((str(place), date(2020, 1, 1)),) for place in range(4)]
    tasks = [Waiting(first, let_go), *(Waiting(other) for other in others)]
    spread = Processes(Parallel(backend="threading", processes=2), watch)
    assert len(list(spread(tasks))) == 4
    assert sorted(counted[:-1]) == [1, 2, 3]
    assert counted[-1] == 0


@pytest.mark.parametrize(
    ("order", "counted"),
    [
        ((0, 1, 2), ["naive", "ensemble", "garch"]),
        ((2, 1, 0), ["garch", "naive", "ensemble"]),
        ((1, 0, 2), ["naive", "ensemble", "garch"]),
    ],
)
def test_a_model_is_counted_when_all_that_it_is_made_of_is_done(
    order: Sequence[int], counted: list[str]
) -> None:
    naive, garch, ensemble = [(name, date(2020, 1, 1)) for name in ("naive", "garch", "ensemble")]
    tasks = [Waiting((naive, ensemble)), Waiting((garch, ensemble)), Waiting((garch,))]
    totals: list[int] = []
    seen: list[str] = []

    def watch(done: Iterator[Whole], total: int) -> Iterator[Whole]:
        totals.append(total)
        for model in done:
            seen.append(model[0])
            yield model

    done = iter([(place, [Done(place, 0.0)]) for place in order])
    assert [place for place, _ in watched(done, tasks, watch)] == list(order)
    assert (totals, seen) == ([3], counted)


def test_a_stage_without_anything_to_count_is_told_in_the_log_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said: list[str] = []
    seen = Event()

    class Log(logging.Logger):
        def info(self, msg: object, *arguments: object, **rest: object) -> None:
            said.append(str(msg))
            if " so far" in said[-1]:
                seen.set()

    monkeypatch.setattr("forecast_assets.defs.progress.QUIET_SECONDS", 0.0)
    progress = LogProgress()
    for stage in ("publish", "Gold [x] publish", "publish"):
        seen.clear()
        with progress.during(Log("run"), stage):
            assert seen.wait(60)
        assert f"{stage} begins" in said
        assert said[-1].startswith(f"{stage} ended after ")
    assert progress.trackers == {}


def trained_with(graph: Graph, progress: Progress) -> ExecuteInProcessResult:
    """A run over all windows, as the console starts it."""
    return (
        build_definitions(graph.settings, progress)
        .resolve_job_def("train")
        .execute_in_process(
            instance=graph.instance,
            tags={RANGE_START: KEYS[0], RANGE_END: KEYS[-1]},
            run_config={"loggers": QUIET},
            raise_on_error=False,
        )
    )


@pytest.fixture
def graph(make_graph: MakeGraph) -> Graph:
    graph: Graph = make_graph(models=["naive", "random_walk"], training=MONTHLY)
    graph.run("load_prices", "Coffee")
    return graph


def test_the_log_of_a_run_says_where_each_stage_is(
    make_graph: MakeGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("forecast_assets.defs.progress.QUIET_SECONDS", 0.0)
    history = make_history(1000)
    graph = make_graph(history, models=["naive", {"random_walk": {"recalibrate": True}}])
    graph.run("load_prices", "Coffee")
    run = graph.run("train", "Coffee|2020-10-01", "Coffee|2021-04-01")
    events = graph.instance.all_logs(run.run_id)
    lines = [each.user_message for each in events if each.user_message.startswith("Coffee train")]
    assert {each.step_key for each in events if each.user_message in lines} == {"trained_models"}
    assert lines[0] == "Coffee train begins: 3 windows"
    for done in range(1, 7):
        assert any(f" of 3 windows, {done} of 6 models, " in line for line in lines)
    assert lines[-1].startswith("Coffee train ended after ")
    assert lines[-1].endswith(": 3 of 3 windows, 6 of 6 models")


def test_the_console_has_one_bar_of_windows_and_tasks(graph: Graph) -> None:
    said: list[str] = []
    assert trained_with(graph, TerminalProgress(Lines(said.append), Event())).success
    assert said[0] == "Coffee train begins: 8 windows"
    assert said[-1].endswith(": 8 of 8 windows, 16 of 16 models")


def test_members_of_an_ensemble_are_counted_once_and_so_is_the_ensemble(
    make_graph: MakeGraph,
) -> None:
    members = ["naive", "random_walk"]
    models = ["naive", {"ensemble": {"members": members}}, "random_walk"]
    graph = make_graph(make_history(700), models=models, training=MONTHLY)
    graph.run("load_prices", "Coffee")
    said: list[str] = []
    ran = trained_with(graph, TerminalProgress(Lines(said.append), Event()))
    assert ran.success
    assert said[-1].endswith(": 8 of 8 windows, 24 of 24 models")
    assert len(graph.store.models.find()) == 24


def test_a_stop_amid_training_keeps_what_was_committed_and_the_next_run_does_the_rest(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopping = Event()
    estimate = Naive.estimate

    def asks_to_stop(self: Naive, history: History, start: Any) -> FittedNaive:
        if history.newest >= date(2020, 4, 30):  # the first window of the second chain
            stopping.set()
        return estimate(self, history, start)

    monkeypatch.setattr(Naive, "estimate", asks_to_stop)
    quiet = Lines(lambda line: None)
    result = trained_with(graph, TerminalProgress(quiet, stopping))
    assert not result.success
    assert "interrupted: what was committed stays; run again for the rest" in str(
        result.failure_data_for_node("trained_models")
    )
    kept = graph.store.models.find()
    assert sorted({row.training_date for row in kept}) == MONTHS[:4]
    assert len(kept) == 4 * 2
    assert graph.store.failures.find("Coffee", "v1.0") == []
    monkeypatch.setattr(Naive, "estimate", estimate)
    assert trained_with(graph, TerminalProgress(quiet, Event())).success
    rows = graph.store.models.find()
    assert len(rows) == 8 * 2
    assert set(kept) <= set(rows)
