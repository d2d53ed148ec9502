"""Asset checks through real runs: before a commit, and of what the tables hold."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import numpy as np
import pytest
from dagster import (
    AssetCheckEvaluation,
    AssetCheckSeverity,
    DagsterEventType,
    ExecuteInProcessResult,
    TableMetadataValue,
)

from forecast_assets.configuration.settings import Settings
from forecast_assets.defs.assets import distributions
from forecast_assets.defs.checks import HELD, check_results, held, miscovered
from forecast_assets.errors import CannotForecast, ChecksFailed
from forecast_assets.evaluation.findings import BLOCKING, WARNING, Finding, require_sound
from forecast_assets.forecast.forecasting import forecast_window
from forecast_assets.models.naive import FittedNaive
from forecast_assets.models.random_walk import FittedRandomWalk
from forecast_assets.timeline.history import History
from forecast_assets.timeline.window import Window
from forecast_assets_tests.graphs import Graph, MakeGraph, Run, catch_up, load
from forecast_assets_tests.histories import make_history, write_prices
from forecast_assets_tests.panel import CAUGHT_UP, panel

FIRST, MIDDLE, LAST = "Coffee|2020-01-01", "Coffee|2020-04-01", "Coffee|2020-07-01"
CHECKS = [*BLOCKING, *WARNING]


@pytest.fixture
def graph(make_graph: MakeGraph) -> Graph:
    after = [Run("load_prices", "Coffee"), Run("train", FIRST, LAST)]
    made: Graph = make_graph(after=after, models=["naive", "random_walk"], horizon=7, paths=200)
    return made


def evaluations(result: ExecuteInProcessResult) -> dict[str, AssetCheckEvaluation]:
    """By check, as the events of the run in this process have them."""
    wanted = DagsterEventType.ASSET_CHECK_EVALUATION
    events = [event for event in result.all_events if event.event_type == wanted]
    found = [event.asset_check_evaluation_data for event in events]
    assert len({each.check_name for each in found}) == len(found)
    return {each.check_name: each for each in found}


def logged(graph: Graph, run_id: str) -> dict[str, AssetCheckEvaluation]:
    """By check, as the instance has them, which is what the UI shows."""
    entries = graph.instance.all_logs(run_id, of_type=DagsterEventType.ASSET_CHECK_EVALUATION)
    events = [entry.dagster_event for entry in entries]
    found = [event.asset_check_evaluation_data for event in events if event is not None]
    assert len({each.check_name for each in found}) == len(found)
    return {each.check_name: each for each in found}


def told(evaluation: AssetCheckEvaluation) -> dict[str, str]:
    """What failed, by partition or commodity."""
    failed = evaluation.metadata["failed"]
    if not isinstance(failed, TableMetadataValue):
        return {}
    rows = [record.data for record in failed.records]
    return {str(row.get("partition") or row["commodity"]): str(row["found"]) for row in rows}


def states(found: Mapping[str, AssetCheckEvaluation]) -> dict[str, bool]:
    return {name: each.passed for name, each in found.items() if name in CHECKS}


def draws_badly(monkeypatch: pytest.MonkeyPatch, change: str, of: type = FittedNaive) -> None:
    """Make a model's draws unsound in the window of 2020-04-01 only."""
    simulate = of.simulate  # type: ignore[attr-defined]

    def spoiled(self: object, history: History, origins: list[date], **rest: object) -> np.ndarray:
        paths: np.ndarray = simulate(self, history, origins, **rest)
        if not (origins and date(2020, 3, 31) <= origins[0] < date(2020, 6, 30)):
            return paths
        if change == "breaks":
            raise CannotForecast("out of order")
        return paths[:, 1:] if change == "path_count" else paths * np.float32(2)

    monkeypatch.setattr(of, "simulate", spoiled)


def has_a_defect(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the project's own code fail in the window of 2020-04-01 only."""

    def broken(settings: Settings, window: Window, *given: Any, **rest: Any) -> Any:
        if window.training_date == date(2020, 4, 1):
            raise KeyError("a defect")
        return forecast_window(settings, window, *given, **rest)

    monkeypatch.setattr(distributions, "forecast_window", broken)


def held_windows(graph: Graph) -> dict[date, int]:
    counted: dict[date, int] = {}
    for row in graph.store.paths.issued("Coffee", "v1.0"):
        counted[row.training_date] = counted.get(row.training_date, 0) + 1
    return counted


def test_a_sound_range_passes_every_check_once_over_all_its_partitions_and_is_whole(
    graph: Graph,
) -> None:
    result = graph.run("forecast", FIRST, LAST)
    found = evaluations(result)
    assert sorted(found) == sorted([*CHECKS, *HELD, "forecast_freshness"])
    assert [name for name, each in found.items() if not each.passed] == ["forecast_freshness"]
    assert logged(graph, result.run_id).keys() == found.keys()
    for name in CHECKS:
        assert found[name].metadata["partitions_checked"].value == 3
        assert told(found[name]) == {}
        assert found[name].blocking is (name in BLOCKING)
    assert held(graph.settings, graph.store) == {
        "newest_forecast": [],
        "no_gaps": [],
        "no_stale_forecasts": [],
    }


def test_a_blocking_check_keeps_its_own_partition_from_landing_and_is_seen_to_fail(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    draws_badly(monkeypatch, "path_count")
    result = graph.run("forecast", FIRST, LAST, raise_on_error=False)
    assert not result.success
    assert held_windows(graph) == {date(2020, 1, 1): 130, date(2020, 7, 1): 98}
    landed = [event.partition for event in result.get_asset_materialization_events()]
    assert landed == [FIRST, LAST]
    expected = dict.fromkeys(CHECKS, True) | {"path_count": False}
    for found in (evaluations(result), logged(graph, result.run_id)):
        assert states(found) == expected
        assert told(found["path_count"]) == {MIDDLE: "naive"}
        assert found["path_count"].severity == AssetCheckSeverity.ERROR
        assert found["path_count"].blocking
        assert found["path_count"].metadata["partitions_checked"].value == 3
    data = result.failure_data_for_node("distributions")
    assert data is not None
    assert data.error is not None
    assert f"{MIDDLE}: nothing was committed: path_count: naive" in str(data.error)


def test_what_a_blocking_check_kept_out_lands_when_it_is_sound(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        draws_badly(patch, "path_count")
        graph.run("forecast", MIDDLE, raise_on_error=False)
    assert held_windows(graph) == {}
    result = graph.run("forecast", MIDDLE)
    assert held_windows(graph) == {date(2020, 4, 1): 130}
    assert states(evaluations(result)) == dict.fromkeys(CHECKS, True)


def test_a_blocked_partition_keeps_what_it_held(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph.run("forecast", MIDDLE)
    before = graph.store.paths.read("Coffee", [date(2020, 4, 1)])
    closes = make_history().closes.copy()
    closes[600:605] *= 1.01  # inside the window of 2020-04-01
    write_prices(
        graph.settings.folder / "prices" / "Coffee.csv",
        History("Coffee", make_history().dates, closes),
    )
    load(graph)
    draws_badly(monkeypatch, "path_count")
    again = graph.run("forecast", MIDDLE, config={"recompute": True}, raise_on_error=False)
    assert not again.success
    assert graph.store.paths.read("Coffee", [date(2020, 4, 1)]).equals(before)


def test_a_warning_blocks_nothing(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    draws_badly(monkeypatch, "doubled")
    result = graph.run("forecast", FIRST, LAST)
    assert result.success
    assert held_windows(graph)[date(2020, 4, 1)] == 130
    found = evaluations(result)
    assert states(found) == dict.fromkeys(CHECKS, True) | {"median_near_close": False}
    warning = found["median_near_close"]
    assert warning.severity == AssetCheckSeverity.WARN
    assert not warning.blocking
    assert told(warning) == {MIDDLE: "naive: 65 forecasts, the first from 2020-03-31"}


def test_a_model_that_breaks_is_a_failed_check_and_the_others_forecasts_land(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    draws_badly(monkeypatch, "breaks", FittedRandomWalk)
    result = graph.run("forecast", FIRST, LAST, raise_on_error=False)
    assert not result.success
    assert held_windows(graph)[date(2020, 4, 1)] == 65
    for found in (evaluations(result), logged(graph, result.run_id)):
        assert states(found) == dict.fromkeys(CHECKS, True) | {"models_failed": False}
        assert found["models_failed"].severity == AssetCheckSeverity.WARN
        (reason,) = told(found["models_failed"]).values()
        assert reason.startswith(f"{MIDDLE}: random_walk broke down: CannotForecast: out of order")


def test_a_run_that_fails_for_another_reason_still_says_what_it_checked(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    has_a_defect(monkeypatch)
    result = graph.run("forecast", FIRST, LAST, raise_on_error=False)
    assert not result.success
    assert sorted(held_windows(graph)) == [date(2020, 1, 1), date(2020, 7, 1)]
    for found in (evaluations(result), logged(graph, result.run_id)):
        assert states(found) == dict.fromkeys(CHECKS, True)
        assert {found[name].metadata["partitions_checked"].value for name in CHECKS} == {2}


def test_a_run_that_checked_nothing_before_it_failed_says_nothing_of_checks(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    has_a_defect(monkeypatch)
    result = graph.run("forecast", MIDDLE, raise_on_error=False)
    assert not result.success
    assert evaluations(result) == logged(graph, result.run_id) == {}


def test_what_is_found_is_put_together_by_check() -> None:
    findings = {
        "A|1": [Finding("no_null", False, "naive"), Finding("spread_grows", True, "ok")],
        "A|2": [Finding("no_null", True, "ok"), Finding("spread_grows", False, "ets")],
        "A|3": [],
    }
    results = {result.check_name: result for result in check_results(findings)}
    assert list(results) == CHECKS
    assert {name for name, result in results.items() if not result.passed} == {
        "no_null",
        "spread_grows",
    }
    assert results["no_null"].metadata["partitions_checked"].value == 2
    assert results["path_count"].metadata["partitions_checked"].value == 0
    with pytest.raises(ChecksFailed, match=r"nothing was committed: no_null: naive$"):
        require_sound(findings["A|1"])
    require_sound(findings["A|2"])


# Of what the tables hold.


def test_a_price_without_a_forecast_after_it_and_a_gap_are_told(make_graph: MakeGraph) -> None:
    graph = make_graph(make_history(680), models=["naive"], horizon=3)
    load(graph)
    graph.run("train", FIRST, LAST)
    graph.run("forecast", FIRST)
    first = graph.run("forecast", LAST)
    found = evaluations(first)
    assert (found["newest_forecast"].passed, found["no_gaps"].passed) == (True, False)
    assert found["no_gaps"].severity == AssetCheckSeverity.WARN
    assert told(found["no_gaps"]) == {
        "Coffee": "65 sessions have no forecast, the first 2020-03-31"
    }
    write_prices(graph.settings.folder / "prices" / "Coffee.csv", make_history(683))
    load(graph)
    again = evaluations(graph.run("forecast", MIDDLE))
    assert (again["newest_forecast"].passed, again["no_gaps"].passed) == (False, True)
    assert again["newest_forecast"].severity == AssetCheckSeverity.WARN
    newest = make_history(683).newest
    told_now = f"the newest price is of {newest}, the newest forecast knows 2020-08-07"
    assert told(again["newest_forecast"]) == {"Coffee": told_now}
    assert evaluations(graph.run("forecast", LAST))["newest_forecast"].passed


def test_without_prices_or_forecasts_the_newest_is_missing(make_graph: MakeGraph) -> None:
    graph = make_graph(models=["naive"])
    rows = [{"commodity": "Coffee", "found": "there are no prices"}]
    assert held(graph.settings, graph.store) == {
        "newest_forecast": rows,
        "no_gaps": [],
        "no_stale_forecasts": [],
    }
    load(graph)
    rows = [{"commodity": "Coffee", "found": "there are no forecasts"}]
    assert held(graph.settings, graph.store) == {
        "newest_forecast": rows,
        "no_gaps": [],
        "no_stale_forecasts": [],
    }
    assert miscovered(graph.settings, graph.store) == []


def test_intervals_that_hold_too_few_outcomes_warn_and_fail_no_run(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulate = FittedNaive.simulate

    def narrow(
        self: FittedNaive, history: History, origins: list[date], **rest: object
    ) -> np.ndarray:
        paths: np.ndarray = simulate(self, history, origins, **rest)  # type: ignore[arg-type]
        middle = np.median(paths, axis=1, keepdims=True)
        squeezed: np.ndarray = (middle + (paths - middle) / 4).astype(np.float32)
        return squeezed

    monkeypatch.setattr(FittedNaive, "simulate", narrow)
    made = panel(
        tmp_path_factory.mktemp("narrow"),
        [make_history()],
        models=["naive", "random_walk"],
        horizon=2,
        calibration={"coverage_80": 0.15, "coverage_95": 0.15},
    )
    with made.at_home() as graph:
        load(graph)
        result = catch_up(graph, CAUGHT_UP, FIRST, LAST)
    assert result.success
    found = evaluations(result)["coverage"]
    assert (found.passed, found.severity) == (False, AssetCheckSeverity.WARN)
    records = made.frame(
        "SELECT avg(covered_80) AS narrower, avg(covered_95) AS wider"
        " FROM commodity.forecast.path_scores WHERE horizon = 2 AND model_name = 'naive'"
    )
    shares = f"80 %: {records.narrower[0]:.1%}, 95 %: {records.wider[0]:.1%}"
    assert told(found) == {"Coffee": f"naive is too narrow: {shares}"}
