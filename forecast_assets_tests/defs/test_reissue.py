"""Corrections of closes that forecasts were drawn from: what sensors and runs make of them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dagster import TableMetadataValue

from forecast_assets.forecast.risk import value_at_risk
from forecast_assets.report.briefing import briefing
from forecast_assets.store.reader import Reader
from forecast_assets.timeline.clock import now
from forecast_assets.timeline.history import History
from forecast_assets_tests.beginnings import Beginnings
from forecast_assets_tests.caretaker import Caretaker, settled
from forecast_assets_tests.commands import begin, forecast
from forecast_assets_tests.graphs import Graph, MakeGraph
from forecast_assets_tests.histories import (
    make_history,
    with_features,
    write_covariate,
    write_prices,
)
from forecast_assets_tests.rows import add, rows, table

pytestmark = pytest.mark.long

COFFEE = make_history(540)
"""To 2020-01-24: the first window has begun, and nothing is known after it."""

NEWEST = COFFEE.newest


def corrected(history: History, change: float, sessions_before: int = 0) -> History:
    """The same closes but one: that of so many sessions before the last, changed by a factor."""
    closes = history.closes.copy()
    closes[-1 - sessions_before] *= change
    return replace(history, closes=closes)


def only(history: History, sessions_before: int = 0) -> History:
    """One session of a history: so many before the last."""
    place = len(history) - 1 - sessions_before
    return History(
        history.commodity, history.dates[place : place + 1], history.closes[place : place + 1]
    )


def superseded(keeper: Caretaker | Graph) -> list[tuple[Any, ...]]:
    columns = ("model_name", "data_cutoff_date", "revision", "cutoff_close", "reason")
    return rows(keeper.store, "forecast.superseded_forecasts", *columns)


def paths(keeper: Caretaker | Graph, model: str = "naive") -> bytes:
    return keeper.store.paths.drawn("Coffee", model, "v1.0", [NEWEST]).tobytes()


@pytest.fixture
def keeper(tmp_path: Path, beginnings: Beginnings) -> Caretaker:
    return settled(beginnings, tmp_path, {"coffee.csv": [COFFEE]})


@pytest.mark.parametrize("sessions_before", [0, 3, 10])
def test_the_sensor_asks_for_one_run_and_then_for_nothing(
    keeper: Caretaker, sessions_before: int
) -> None:
    before = paths(keeper)
    keeper.drop("late.csv", only(corrected(COFFEE, 0.9, sessions_before), sessions_before))
    done = [(request.job_name, went_well) for request, went_well in keeper.settle()]
    assert done == [(None, True), ("catch_up", True)]
    close = COFFEE.closes[-1]
    assert superseded(keeper) == [
        (name, NEWEST, 1, close, "revised history") for name in ("naive", "random_walk")
    ]
    assert paths(keeper) != before
    used = {x.cutoff_close for x in keeper.store.paths.issued("Coffee", "v1.0")[-1:]}
    assert used == {close * 0.9 if sessions_before == 0 else close}
    assert keeper.tick() == []
    assert "nothing due" in keeper.said()


def test_closes_that_go_to_and_fro_are_followed_for_ever(keeper: Caretaker) -> None:
    first = paths(keeper)
    for place in range(5):
        close = COFFEE if place % 2 else corrected(COFFEE, 0.9)
        path = keeper.drop(f"{place}.csv", only(close))
        path.write_text(path.read_text() + "\n" * place)  # the same bytes would be the same file
        assert all(went_well for _, went_well in keeper.settle())
        assert (paths(keeper) == first) == bool(place % 2)
    assert [row[2] for row in superseded(keeper) if row[0] == "naive"] == [1, 2, 3, 4, 5]


def test_a_session_that_is_taken_back_leaves_a_record(keeper: Caretaker) -> None:
    store, settings = keeper.store, keeper.settings
    shorter = replace(
        COFFEE, dates=COFFEE.dates[:-1], closes=COFFEE.closes[:-1], features=np.empty((0, 0))
    )
    assert len(shorter) == len(COFFEE) - 1
    told = table(store, "market.price_revisions", where=[("date", "=", NEWEST)]).to_pylist()
    taken_back = {"revision": 2, "close": None, "ingested_at": now()}
    add(store, "market.price_revisions", [row | taken_back for row in told])
    keeper.settle()
    assert superseded(keeper) == [
        (name, NEWEST, 1, COFFEE.closes[-1], "session withdrawn")
        for name in ("naive", "random_walk")
    ]
    assert max(
        x.data_cutoff_date for x in store.paths.issued("Coffee", settings.model_version)
    ) == (shorter.newest)


@pytest.fixture
def graph(make_graph: MakeGraph, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Graph:
    monkeypatch.setenv("FORECAST_CONFIG", str(tmp_path / "forecast.yaml"))
    return make_graph(COFFEE, models=["naive"], horizon=3)


def told_by(*arguments: str) -> str:
    """What a command says that goes well, in one line."""
    done = forecast(*arguments)
    assert done.exit_code == 0, done.output
    return " ".join(done.output.split())


def source(graph: Graph) -> Path:
    return graph.settings.folder / "prices" / "Coffee.csv"


def test_a_run_draws_it_again_and_says_so_and_all_agree_on_the_close(
    graph: Graph, beginnings: Beginnings
) -> None:
    begin(beginnings, graph.settings.folder, "run")
    first, old = paths(graph), float(COFFEE.closes[-1])
    write_prices(source(graph), corrected(COFFEE, 1.004))
    new = float(graph_close(source(graph)))
    told = told_by("run")
    assert (
        f"note: Coffee: the forecast of naive from {NEWEST} was drawn again: its last close was"
        f" {old:.10g} and is {new:.10g} now"
    ) in told
    shown = told_by("show", "Coffee")
    assert f"Coffee, naive v1.0: {new:g} USc/lb on {NEWEST}" in shown
    assert "note:" not in shown
    (newest,) = Reader(graph.settings.database_path).newest_published("Coffee")
    assert newest.closes.tolist() == [new]
    (part,) = briefing(graph.settings, graph.store, now()).commodities
    assert part.published is not None
    assert part.published.fan.close == new
    assert part.published.outlooks[-1].value_at_risk == value_at_risk(
        newest.prices[0, :, -1], new, 0.95
    )
    write_prices(source(graph), COFFEE)
    told_by("run")
    assert paths(graph) == first
    assert [row[2:4] for row in superseded(graph)] == [(1, old), (2, new)]


def graph_close(path: Path) -> str:
    """The last close of a file as it is written there."""
    return path.read_text().strip().rpartition(",")[2]


def test_where_it_is_not_drawn_again_everything_says_so_and_uses_the_close_that_it_used(
    graph: Graph, beginnings: Beginnings
) -> None:
    begin(beginnings, graph.settings.folder, "run")
    old = float(COFFEE.closes[-1])
    write_prices(source(graph), corrected(COFFEE, 0.8))
    graph.run("load_prices", "Coffee")  # prices alone, as somebody may in the UI
    new = graph.store.prices.history("Coffee").closes[-1]
    said = (
        f"Coffee: the newest forecast of naive v1.0, from {NEWEST}, was drawn before the close of"
        f" {NEWEST} was revised (its last close was {old:.10g} and is {new:.10g} now)"
    )
    shown = told_by("show", "Coffee")
    assert f"note: {said}" in shown
    assert "; `forecast run` draws it again" in shown
    assert f"Coffee, naive v1.0: {old:g} USc/lb on {NEWEST}" in shown
    assert f"note: {said}" in told_by("status")
    assert f"note: {said}" in told_by("report")
    page = graph.settings.report_path.read_text()
    assert said in page
    assert "All is well" not in page
    told = briefing(graph.settings, graph.store, now())
    assert [notice.level for notice in told.notices if notice.text.startswith(said)] == ["warning"]
    fan = told.commodities[0].published
    assert fan is not None
    assert fan.fan.close == old
    ends = fan.fan.paths[:, -1]
    assert fan.outlooks[-1].value_at_risk == value_at_risk(ends, old, 0.95)
    assert 0.3 < fan.outlooks[-1].probability_above < 0.7


def test_a_correction_that_comes_with_the_next_session_leaves_a_record_and_is_no_news(
    graph: Graph,
) -> None:
    shorter = COFFEE.known_at(COFFEE.dates[-2].item())
    write_prices(source(graph), shorter)
    told_by("run")
    write_prices(source(graph), corrected(COFFEE, 0.9, sessions_before=1))
    assert "note:" not in told_by("run")
    assert superseded(graph) == []
    held = {x.data_cutoff_date: x.cutoff_close for x in graph.store.paths.issued("Coffee", "v1.0")}
    assert held[shorter.newest] == shorter.closes[-1]
    assert held[NEWEST] == COFFEE.closes[-1]
    assert "note:" not in told_by("show", "Coffee")


def test_a_covariate_that_is_revised_reissues_the_newest_forecast_of_those_that_use_it(
    make_graph: MakeGraph, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FORECAST_CONFIG", str(tmp_path / "forecast.yaml"))
    history = with_features(COFFEE, ("rain",))
    using = {"sarimax": {"features": "weather", "p": 1, "q": 0}}
    graph = make_graph(
        history, models=["naive", using], horizon=3, feature_sets={"weather": ["rain"]}
    )
    told_by("run")
    changed = history.features.copy()
    changed[-5] *= 1.5
    write_covariate(
        tmp_path / "covariates" / "rain.csv", replace(history, features=changed), "rain"
    )
    assert f"the forecast of sarimax from {NEWEST} was drawn again: a price or covariate" in (
        told_by("run")
    )
    assert [row[:2] for row in superseded(graph)] == [("sarimax", NEWEST)]
    assert "note:" not in told_by("run")


def test_the_count_is_in_the_metadata(graph: Graph) -> None:
    graph.run("load_prices", "Coffee")
    graph.run("train", "Coffee|2020-01-01")
    graph.run("forecast", "Coffee|2020-01-01")
    write_prices(source(graph), corrected(COFFEE, 0.9))
    graph.run("load_prices", "Coffee")
    (event,) = graph.run("forecast", "Coffee|2020-01-01").get_asset_materialization_events()
    metadata = event.materialization.metadata
    assert {
        name: metadata[name].value
        for name in ("forecasts_drawn", "forecasts_redrawn", "forecasts_reissued")
    } == dict.fromkeys(("forecasts_drawn", "forecasts_redrawn", "forecasts_reissued"), 1)
    notes = metadata["notes"]
    assert isinstance(notes, TableMetadataValue)
    assert ["drawn again" in str(record.data["note"]) for record in notes.records] == [True]
