from datetime import date

import pytest

from forecast_assets.due import Ledger, due_windows, lacks_forecasts, lacks_models, stretches
from forecast_assets.partitions import Partitions, Window
from forecast_assets_tests.conftest import Graph, MakeGraph, make_history


@pytest.fixture
def graph(make_graph: MakeGraph) -> Graph:
    graph: Graph = make_graph(models=["naive", "random_walk"])
    graph.run("load_prices", "Coffee")
    return graph


def windows(graph: Graph) -> list[Window]:
    return Partitions(graph.settings).windows_of("Coffee")


def ledger(graph: Graph) -> Ledger:
    return Ledger(
        graph.store.prices.history("Coffee"),
        graph.store.models.find("Coffee", model_version="v1.0"),
        graph.store.paths.issued("Coffee", "v1.0"),
    )


def test_windows_are_due_from_enough_history_to_the_newest_price(graph: Graph) -> None:
    due = due_windows(graph.settings, windows(graph), make_history())
    assert [window.training_date for window in due] == [
        date(2020, 1, 1),
        date(2020, 4, 1),
        date(2020, 7, 1),
    ]
    assert due_windows(graph.settings, windows(graph), make_history(499)) == []


def test_a_window_lacks_what_was_never_made(graph: Graph) -> None:
    window = windows(graph)[0]
    assert lacks_models(graph.settings, window, ledger(graph))
    graph.run("train", window.key)
    assert not lacks_models(graph.settings, window, ledger(graph))
    assert lacks_forecasts(graph.settings, window, ledger(graph), recompute=False)
    graph.run("forecast", window.key)
    assert not lacks_forecasts(graph.settings, window, ledger(graph), recompute=False)
    assert not lacks_forecasts(graph.settings, window, ledger(graph), recompute=True)


def test_a_new_model_in_the_roster_is_lacking(graph: Graph, make_graph: MakeGraph) -> None:
    window = windows(graph)[0]
    graph.run("train", window.key)
    larger = make_graph(models=["naive", "random_walk", "garch"])
    assert lacks_models(larger.settings, window, ledger(graph))


def test_stretches_are_unbroken_runs(graph: Graph) -> None:
    all_windows = windows(graph)
    chosen = [all_windows[place] for place in (0, 1, 3, 5, 6)]
    bounds = [
        (all_windows.index(first), all_windows.index(last))
        for first, last in stretches(chosen, all_windows)
    ]
    assert bounds == [(0, 1), (3, 3), (5, 6)]
    assert stretches([], all_windows) == []
