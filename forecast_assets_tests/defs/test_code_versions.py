"""A code version that is bumped by hand: what the UI calls unsynced, and what is made again."""

import pytest
from dagster import AssetKey

from forecast_assets.defs.build import build_definitions
from forecast_assets.defs.code_versions import CODE_VERSIONS
from forecast_assets.defs.past import CODE_VERSION, last_materialization, other_code
from forecast_assets.defs.run_history import DUE
from forecast_assets_tests.events import materializations, value
from forecast_assets_tests.graphs import QUIET, Graph, MakeGraph
from forecast_assets_tests.unsynced import unsynced

FIRST, LAST = "Coffee|2020-01-01", "Coffee|2020-07-01"
WINDOWS = {"Coffee|2020-01-01", "Coffee|2020-04-01", "Coffee|2020-07-01"}
STAGES = {"train": "trained_models", "forecast": "distributions", "score": "scores"}
MADE = {"train": "models_fitted", "forecast": "forecasts_redrawn", "score": "forecasts_scored"}
"""What a run says that it made."""


@pytest.fixture
def graph(make_graph: MakeGraph) -> Graph:
    """Three windows of Coffee, trained, forecast and scored."""
    made = make_graph(models=["naive", "random_walk"])
    made.run("load_prices", "Coffee")
    for job in STAGES:
        made.run(job, FIRST, LAST)
    return made


def test_what_older_code_made_is_unsynced_and_made_again_by_whoever_materializes_it(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert unsynced(graph.settings, graph.instance) == {}
    for job, asset in STAGES.items():
        monkeypatch.setitem(CODE_VERSIONS, asset, "2")
        assert unsynced(graph.settings, graph.instance) == {asset: WINDOWS}
        made = materializations(graph.run(job, FIRST, LAST))
        assert {key for key, each in made.items() if value(each, MADE[job])} == WINDOWS
        assert unsynced(graph.settings, graph.instance) == {}

        # It holds the same, so that nothing follows from it, and it is not made once more.
        again = materializations(graph.run(job, FIRST, LAST))
        assert {value(each, MADE[job]) for each in again.values()} == {0}


def test_a_run_of_the_plan_rewrites_nothing_because_of_other_code(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CODE_VERSIONS, "distributions", "2")
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
    graph.run("forecast", FIRST, LAST)
    assert unsynced(graph.settings, graph.instance) == {}


def test_a_run_of_another_version_leaves_what_other_code_made(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CODE_VERSIONS, "trained_models", "2")
    experiment = {"model_version": "march", "models": ["naive"]}
    for fitted in (1, 0):
        graph.run("train", FIRST, LAST, experiment)
        assert unsynced(graph.settings, graph.instance)["trained_models"] == WINDOWS
        logged = last_materialization(graph.instance, AssetKey("trained_models"), FIRST)
        assert logged is not None
        assert logged.metadata["models_fitted"].value == fitted


def test_prices_that_are_read_again_are_of_the_new_code(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CODE_VERSIONS, "prices", "2")
    assert unsynced(graph.settings, graph.instance) == {"prices": {"Coffee"}}
    graph.run("load_prices", "Coffee")
    assert unsynced(graph.settings, graph.instance) == {}


def test_what_a_release_without_code_versions_made_is_not_made_again(graph: Graph) -> None:
    asset = AssetKey("distributions")
    logged = last_materialization(graph.instance, asset, FIRST)
    assert logged is not None
    assert other_code(graph.instance, asset, FIRST) is None
    for version, other in (("0", "0"), ("0b6d5a9e-4a54-4d3a", None), ("1", None)):
        told = logged._replace(tags={**(logged.tags or {}), CODE_VERSION: version})
        graph.instance.report_runless_asset_event(told)
        assert other_code(graph.instance, asset, FIRST) == other
    assert other_code(graph.instance, asset, "Coffee|2029-01-01") is None
