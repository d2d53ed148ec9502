"""Versions of a window, beside each other."""

from datetime import date

import pytest

from forecast_assets_tests.graphs import Graph, MakeGraph

FIRST, END = date(2020, 7, 1), date(2020, 10, 1)
KEY = "Coffee|2020-07-01"


@pytest.fixture
def graph(make_graph: MakeGraph) -> Graph:
    graph: Graph = make_graph(models=["naive", "random_walk"])
    graph.run("load_prices", "Coffee")
    graph.run("train", KEY)
    graph.run("forecast", KEY)
    graph.run("score", KEY)
    graph.run("train", KEY, config={"model_version": "march", "training_date": "2020-08-03"})
    graph.run("train", KEY, config={"model_version": "other", "models": ["naive"]})
    return graph


def test_every_version_of_a_window_is_counted(graph: Graph) -> None:
    found = {each.model_version: each for each in graph.store.versions.held("Coffee", FIRST, END)}
    assert {name: each.models for name, each in found.items()} == {
        "march": 2,
        "other": 1,
        "v1.0": 2,
    }
    used = found["v1.0"]
    assert (used.forecasts, used.paths, used.newest_forecast) == (98, 98 * 20, date(2020, 9, 7))
    assert used.forecasts_scored == 96  # the newest of each model has no outcome yet
    assert (found["march"].forecasts, found["march"].newest_forecast) == (0, None)
    assert graph.store.versions.held("Coffee", date(2020, 4, 1), FIRST) == []
    assert graph.store.versions.held("Sugar", FIRST, END) == []
