"""A code version that is bumped by hand: what the UI calls unsynced, and what is made again."""

from dataclasses import replace

import pytest
from dagster import AssetKey

from forecast_assets.defs.build import build_definitions
from forecast_assets.defs.code_versions import CODE_VERSIONS
from forecast_assets.defs.past import CODE_VERSION, last_materialization, other_code
from forecast_assets.defs.run_history import DUE
from forecast_assets_tests.events import materializations, value
from forecast_assets_tests.graphs import QUIET, Graph, MakeGraph
from forecast_assets_tests.histories import make_history
from forecast_assets_tests.unsynced import unsynced

FIRST, LAST = "Coffee|2020-01-01", "Coffee|2020-04-01"
WINDOWS = {FIRST, LAST}
STAGES = {"train": "trained_models", "forecast": "distributions", "score": "scores"}
MADE = {"train": "models_fitted", "forecast": "forecasts_redrawn", "score": "forecasts_scored"}
"""What a run says that it made."""


@pytest.fixture
def graph(make_graph: MakeGraph) -> Graph:
    """The prices of Coffee, over two windows."""
    made = make_graph(make_history(600), models=["naive", "random_walk"])
    made.run("load_prices", "Coffee")
    return made


def test_what_older_code_made_is_unsynced_and_made_again_by_whoever_materializes_it(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But neither by a run of the plan nor by one of another version, and nothing follows it."""
    for job in STAGES:
        graph.run(job, FIRST, LAST)
    assert unsynced(graph.settings, graph.instance) == {}
    for job, asset in STAGES.items():
        graph = with_code(graph, asset, "2", monkeypatch)
        assert unsynced(graph.settings, graph.instance) == {asset: WINDOWS}
        if job == "forecast":
            require_the_plan_leaves_it(graph)
        made = materializations(graph.run(job, FIRST, LAST))
        assert {key for key, each in made.items() if value(each, MADE[job])} == WINDOWS
        assert unsynced(graph.settings, graph.instance) == {}

        # It holds the same, so that nothing follows from it, and it is not made once more.
        again = materializations(graph.run(job, FIRST, LAST))
        assert {value(each, MADE[job]) for each in again.values()} == {0}

    # Prices that are read again are of the new code.
    graph = with_code(graph, "prices", "2", monkeypatch)
    assert unsynced(graph.settings, graph.instance) == {"prices": {"Coffee"}}
    graph.run("load_prices", "Coffee")
    assert unsynced(graph.settings, graph.instance) == {}

    # A run of another version leaves what other code made.
    graph = with_code(graph, "trained_models", "3", monkeypatch)
    experiment = {"model_version": "march", "models": ["naive"]}
    for fitted in (1, 0):
        graph.run("train", FIRST, LAST, experiment)
        assert unsynced(graph.settings, graph.instance)["trained_models"] == WINDOWS
        logged = last_materialization(graph.instance, AssetKey("trained_models"), FIRST)
        assert logged is not None
        assert logged.metadata["models_fitted"].value == fitted


def with_code(graph: Graph, asset: str, version: str, monkeypatch: pytest.MonkeyPatch) -> Graph:
    """The graph of a release with another code version of an asset."""
    monkeypatch.setitem(CODE_VERSIONS, asset, version)
    return replace(graph)


def require_the_plan_leaves_it(graph: Graph) -> None:
    """A run of the plan rewrites nothing because of other code."""
    job = build_definitions(graph.settings).resolve_job_def("forecast")
    done = job.execute_in_process(
        instance=graph.instance,
        tags={DUE: "{}"},
        partition_key=LAST,
        run_config={"loggers": QUIET},
    )
    (made,) = materializations(done).values()
    assert value(made, "forecasts_redrawn") == 0
    assert unsynced(graph.settings, graph.instance) == {"distributions": WINDOWS}


def test_what_a_release_without_code_versions_made_is_not_made_again(graph: Graph) -> None:
    asset = AssetKey("prices")
    logged = last_materialization(graph.instance, asset, "Coffee")
    assert logged is not None
    assert other_code(graph.instance, asset, "Coffee") is None
    for version, other in (("0", "0"), ("0b6d5a9e-4a54-4d3a", None), ("1", None)):
        told = logged._replace(tags={**(logged.tags or {}), CODE_VERSION: version})
        graph.instance.report_runless_asset_event(told)
        assert other_code(graph.instance, asset, "Coffee") == other
    assert other_code(graph.instance, asset, "Cocoa") is None
