"""What is stale or old is told everywhere: the same forecasts, counts and dates in each place."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from dagster import (
    AssetCheckKey,
    AssetKey,
    AssetMaterialization,
    DagsterInstance,
    TableMetadataValue,
)

from forecast_assets.automation.doubts import doubts, looked_through
from forecast_assets.defs.checks import held
from forecast_assets.defs.verdicts import FAILED
from forecast_assets.report.briefing import briefing
from forecast_assets.store.reader import Reader
from forecast_assets.timeline.clock import now
from forecast_assets_tests.beginnings import Beginnings
from forecast_assets_tests.commands import begin, forecast
from forecast_assets_tests.graphs import Graph, MakeGraph, Run
from forecast_assets_tests.histories import make_history, with_features, write_prices
from forecast_assets_tests.rows import rows

pytestmark = pytest.mark.long

COFFEE = make_history(540)
"""To 2020-01-24: the newest forecast has no outcome yet, and the others have one."""

BACK = 5
KEPT: list[date] = COFFEE.dates[-1 - BACK : -1].tolist()
"""The cutoffs of the records that know the session so many before the last."""

NEWEST = COFFEE.newest

WINDOW = "Coffee|2020-01-01"
DRAWN = [Run("load_prices", "Coffee"), Run("train", WINDOW), Run("forecast", WINDOW)]


@pytest.fixture
def graph(
    make_graph: MakeGraph,
    beginnings: Beginnings,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Graph:
    """Coffee, forecast by one command."""
    monkeypatch.setenv("FORECAST_CONFIG", str(tmp_path / "forecast.yaml"))
    made: Graph = make_graph(COFFEE, models=["naive"], horizon=3)
    begin(beginnings, made.settings.folder, "run")
    return made


def revise(graph: Graph, sessions_before: int) -> None:
    """Have another close of one session in the source, which its scrutiny lets pass."""
    closes = COFFEE.closes.copy()
    closes[-1 - sessions_before] *= 1.004
    write_prices(graph.settings.folder / "prices" / "Coffee.csv", replace(COFFEE, closes=closes))


def told_by(*arguments: str) -> str:
    """What a command says that goes well, in one line."""
    done = forecast(*arguments)
    assert done.exit_code == 0, done.output
    return " ".join(done.output.split())


def newest_partition() -> tuple[AssetMaterialization, dict[str, object]]:
    """The newest partition of forecasts, and the check of stale ones, as the UI shows them."""
    with DagsterInstance.get() as instance:
        event = instance.get_latest_materialization_event(AssetKey("distributions"))
        key = AssetCheckKey(AssetKey("distributions"), "no_stale_forecasts")
        (record,) = instance.event_log_storage.get_asset_check_execution_history(key, limit=1)
    assert event is not None
    assert event.asset_materialization is not None
    assert record.event is not None
    assert record.event.dagster_event is not None
    evaluation = record.event.dagster_event.asset_check_evaluation_data
    wrong = evaluation.metadata[FAILED]
    found = wrong.records if isinstance(wrong, TableMetadataValue) else []
    return event.asset_materialization, {
        "passed": evaluation.passed,
        "severity": evaluation.severity.value,
        "found": [row.data["found"] for row in found],
    }


def test_a_revised_price_and_an_old_one_are_told_with_the_same_counts_and_dates_everywhere(
    graph: Graph,
) -> None:
    before = rows(graph.store, "forecast.forecasts", where=[("data_cutoff_date", "in", KEPT)])
    revise(graph, BACK)
    first, last = KEPT[0], KEPT[-1]
    said = (
        f"{BACK} forecasts from {first} to {last}: made before a price or covariate that they know"
        " was revised; kept as said, `forecast run --recompute` draws again"
    )
    (old,) = doubts_of_rule(graph, "old")
    assert old.startswith(f"the newest price is of {NEWEST}, ")
    for place in (("run",), ("run",), ("status",), ("show", "Coffee")):
        told = told_by(*place)
        for line in (said, old):
            assert told.count(f"note: Coffee: {line}") == 1, (place, line)
    page = graph.settings.report_path.read_text()
    for rule, line in (("stale", said), ("old", old)):
        assert f'<li class="{rule}"><b>{rule}</b>Coffee: {line}</li>' in page
    (part,) = briefing(graph.settings, graph.store, now()).commodities
    assert part.since is not None
    causes = {each.kind: each.found for each in part.since.causes}
    revised: date = COFFEE.dates[-1 - BACK].item()
    assert (
        causes["data revised"]
        == f"the close of {revised} was revised after the forecast from {last}"
    )
    assert causes["drawn again"].startswith(
        f"the forecast from {NEWEST}, since it was first issued"
    )
    assert f"<b>data revised</b>: {causes['data revised']}" in page
    partition, check = newest_partition()
    assert partition.metadata["forecasts_stale"].value == BACK
    assert partition.metadata["stale"].value == f"{BACK} forecasts from {first} to {last}"
    assert partition.metadata["old"].value == old
    assert check == {"passed": False, "severity": "WARN", "found": [said]}
    view = Reader(graph.settings.database_path).revised_forecasts("Coffee")
    assert [x.date() for x in view.data_cutoff_date] == KEPT
    assert view.last_revised.unique().tolist() == [view.first_revised[0]]
    kept = rows(graph.store, "forecast.forecasts", where=[("data_cutoff_date", "in", KEPT)])
    assert kept == before  # each is a record of what was said
    assert rows(graph.store, "forecast.superseded_forecasts", "data_cutoff_date", "reason") == [
        (NEWEST, "revised history")
    ]


def test_the_newest_close_that_is_revised_is_in_the_record_with_both_of_its_forecasts(
    graph: Graph,
) -> None:
    (issued,) = rows(graph.store, "forecast.forecasts", where=[("data_cutoff_date", "=", NEWEST)])
    revise(graph, 0)
    graph.run("load_prices", "Coffee")
    due = (
        f"1 forecast from {NEWEST}: made before a price or covariate that they know was revised;"
        " `forecast run` draws again"
    )
    (first, second) = doubts_of_rule(graph, "stale")
    assert first == due
    assert second.startswith(f"the newest forecast of naive v1.0, from {NEWEST}, was drawn before")
    assert [x["found"] for x in held(graph.settings, graph.store)["no_stale_forecasts"]] == [due]
    assert f"note: Coffee: {due}" in told_by("status")
    assert "was drawn again: its last close was" in told_by("run")
    assert doubts_of_rule(graph, "stale") == []
    partition, check = newest_partition()
    assert partition.metadata["forecasts_stale"].value == 0
    assert "stale" not in partition.metadata
    assert partition.metadata["forecasts_reissued"].value == 1
    assert check == {"passed": True, "severity": "WARN", "found": []}
    (again,) = rows(graph.store, "forecast.forecasts", where=[("data_cutoff_date", "=", NEWEST)])
    (replaced,) = rows(graph.store, "forecast.superseded_forecasts", "cutoff_close", "reason")
    assert replaced == (COFFEE.closes[-1], "revised history")
    assert again != issued


def doubts_of_rule(graph: Graph, rule: str) -> list[str]:
    """What is found by one of the two rules."""
    found = doubts(graph.settings, graph.store, "Coffee", now())
    return [each.found for each in found if each.rule == rule]


def test_an_edited_feature_set_makes_nothing_stale_while_the_version_keeps_the_old_one(
    make_graph: MakeGraph,
) -> None:
    history = with_features(COFFEE)
    using = ["naive", {"sarimax": {"features": "weather", "p": 1, "q": 0}}]
    keys = {"models": using, "horizon": 3}
    graph = make_graph(history, after=DRAWN, feature_sets={"weather": ["rain"]}, **keys)
    assert looked_through(graph.settings, graph.store, "Coffee")[1] == []
    edited = make_graph(history, feature_sets={"weather": ["rain", "vix"]}, **keys)
    assert looked_through(edited.settings, edited.store, "Coffee")[1] == []
