"""How training shows where it is, and how it stops when it is asked to."""

from datetime import date
from io import StringIO
from threading import Event
from typing import Any

import pytest
from dagster import ExecuteInProcessResult
from rich.console import Console
from rich.progress import Progress as RichBar

from forecast_assets.definitions import build_definitions
from forecast_assets.history import History
from forecast_assets.models.naive import FittedNaive, Naive
from forecast_assets.progress import BarProgress
from forecast_assets.worker import RANGE_END, RANGE_START
from forecast_assets_tests.conftest import QUIET, Graph, MakeGraph, make_history

MONTHS = [date(2020, month, 1) for month in range(1, 9)]
"""Two chains of windows."""
KEYS = [f"Coffee|{day}" for day in MONTHS]
MONTHLY = {"cadence": "monthly", "start": date(2020, 1, 1)}


def trained_with(graph: Graph, progress: BarProgress) -> ExecuteInProcessResult:
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


def bar() -> RichBar:
    return RichBar(console=Console(file=StringIO()))


@pytest.fixture
def graph(make_graph: MakeGraph) -> Graph:
    graph: Graph = make_graph(models=["naive", "random_walk"], training=MONTHLY)
    graph.run("load_prices", "Coffee")
    return graph


def test_the_log_of_a_run_has_a_line_for_every_task(make_graph: MakeGraph) -> None:
    history = make_history(1000)
    graph = make_graph(history, models=["naive", {"random_walk": {"recalibrate": True}}])
    graph.run("load_prices", "Coffee")
    run = graph.run("train", "Coffee|2020-10-01", "Coffee|2021-04-01")
    lines = [event.user_message for event in graph.instance.all_logs(run.run_id)]
    assert [line for line in lines if line.startswith("models: ")] == [
        "models: Coffee|2020-10-01 naive done, 1 of 6",
        "models: Coffee|2020-10-01 random_walk done, 2 of 6",
        "models: Coffee|2021-01-01 naive done, 3 of 6",
        "models: Coffee|2021-01-01 random_walk done, 4 of 6",
        "models: Coffee|2021-01-01 random_walk, held out done, 5 of 6",
        "models: Coffee|2021-04-01 random_walk, held out done, 6 of 6",
    ]
    windows = [line for line in lines if line.startswith("trained_models: ")]
    assert windows[-1] == "trained_models: Coffee|2021-04-01 done, 3 of 3"


def test_the_console_shows_a_bar_of_models_beside_the_one_of_windows(graph: Graph) -> None:
    shown = bar()
    assert trained_with(graph, BarProgress(shown, Event())).success
    bars = {task.description: (task.completed, task.total) for task in shown.tasks}
    assert bars == {"models": (4, 4), "trained_models": (8, 8)}


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
    result = trained_with(graph, BarProgress(bar(), stopping))
    assert not result.success
    assert "interrupted: what was committed stays; run again for the rest" in str(
        result.failure_data_for_node("trained_models")
    )
    kept = graph.store.models.find()
    assert sorted({row.training_date for row in kept}) == MONTHS[:4]
    assert len(kept) == 4 * 2
    assert graph.store.failures.find("Coffee", "v1.0") == []
    stopping.clear()
    monkeypatch.setattr(Naive, "estimate", estimate)
    assert trained_with(graph, BarProgress(bar(), Event())).success
    rows = graph.store.models.find()
    assert len(rows) == 8 * 2
    assert set(kept) <= set(rows)
