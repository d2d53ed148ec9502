"""Tables after a backfill, a revised price, and what followed from it; and all that they hold."""

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from dagster import DagsterInstance

from forecast_assets.configuration.settings import Settings
from forecast_assets.store.contract import Store
from forecast_assets.store.tables import tables
from forecast_assets_tests import graphs
from forecast_assets_tests.beginnings import Beginnings, at_home
from forecast_assets_tests.commands import WRITTEN, copy
from forecast_assets_tests.graphs import Graph, catch_up
from forecast_assets_tests.histories import make_history, write_prices
from forecast_assets_tests.rows import rows

MODELS = ["naive", "random_walk"]
FIRST, LAST = "Coffee|2020-04-01", "Coffee|2020-07-01"


def worked(graph: Graph) -> Graph:
    """A graph whose tables have a backfill, a revised price, and what followed from it."""
    history = make_history()
    prices = graph.settings.folder / "prices" / "Coffee.csv"
    write_prices(prices, history)
    graphs.load(graph)
    stages = ("trained_models", "distributions", "scores")
    catch_up(graph, stages, FIRST, LAST)
    closes = history.closes.copy()
    closes[-80] *= 1.001
    write_prices(prices, replace(history, closes=closes))
    graphs.load(graph)
    graph.run("forecast", FIRST, LAST, {"recompute": True})
    graph.run("score", FIRST, LAST)
    graph.definitions.resolve_job_def("publish").execute_in_process(instance=graph.instance)
    return graph


def backfilled(beginnings: Beginnings, graph: Graph) -> Graph:
    """The same; what is in the folder of the graph is worked on once for all tests."""
    folder = graph.settings.folder

    def begin(place: Path) -> None:
        for name in WRITTEN:
            copy(folder / name, place / name)
        with at_home(place):
            settings = Settings.load(place / "forecast.yaml")
            worked(Graph(settings, DagsterInstance.ephemeral(str(place / "instance"))))

    beginnings.copy(f"backfilled {(folder / 'forecast.yaml').read_text()}", begin, folder)
    return graph


def held(store: Store, without: Collection[str] = ()) -> dict[str, list[object]]:
    """All rows of all tables and views, ``without`` some columns."""
    found = {}
    for table in tables(14).values():
        columns = [each.name for each in table.columns if each.name not in without]
        found[table.name] = rows(store, table.name.removeprefix("commodity."), *columns)
    return found
