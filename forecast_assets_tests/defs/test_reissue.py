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
from forecast_assets_tests.caretaker import Caretaker, caretaker, draw_due, settled
from forecast_assets_tests.commands import begin, forecast
from forecast_assets_tests.graphs import Graph, MakeGraph, Run
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


def test_the_sensor_asks_for_one_run_and_then_for_nothing(keeper: Caretaker) -> None:
    keeper.drop("late.csv", only(corrected(COFFEE, 0.9)))
    done = [(request.job_name, went_well) for request, went_well in keeper.settle()]
    assert done == [(None, True), ("catch_up", True)]
    assert keeper.tick() == []
    assert "nothing due" in keeper.said()


@pytest.mark.parametrize("sessions_before", [3, 10])
def test_the_newest_forecast_is_drawn_again_once_wherever_the_correction_is(
    keeper: Caretaker, sessions_before: int
) -> None:
    before = paths(keeper)
    keeper.drop("late.csv", only(corrected(COFFEE, 0.9, sessions_before), sessions_before))
    done = [(request.job_name, went_well) for request, went_well in draw_due(keeper)]
    assert done == [(None, True), ("catch_up", True)]
    close = COFFEE.closes[-1]
    assert superseded(keeper) == [
        (name, NEWEST, 1, close, "revised history") for name in ("naive", "random_walk")
    ]
    assert paths(keeper) != before
    used = {x.cutoff_close for x in keeper.store.paths.issued("Coffee", "v1.0")[-1:]}
    assert used == {close}
    assert draw_due(keeper) == []


def test_closes_that_go_to_and_fro_are_followed_for_ever(keeper: Caretaker, tmp_path: Path) -> None:
    """Each change is new work, of which a first attempt is made although only one is allowed."""
    keeper = caretaker(tmp_path, automation={"attempts": 1, "retry_seconds": 0})
    first = paths(keeper)
    for place in range(3):
        close = COFFEE if place % 2 else corrected(COFFEE, 0.9)
        path = keeper.drop(f"{place}.csv", only(close))
        path.write_text(path.read_text() + "\n" * place)  # the same bytes would be the same file
        done = draw_due(keeper)
        assert [went_well for _, went_well in done] == [True, True]
        assert draw_due(keeper) == []
        assert (paths(keeper) == first) == bool(place % 2)
    old = COFFEE.closes[-1]
    assert superseded(keeper) == [
        (name, NEWEST, 1 + place, close, "revised history")
        for name in ("naive", "random_walk")
        for place, close in enumerate((old, old * 0.9, old))
    ]


def test_a_session_that_is_taken_back_leaves_a_record(keeper: Caretaker) -> None:
    store, settings = keeper.store, keeper.settings
    shorter = replace(
        COFFEE, dates=COFFEE.dates[:-1], closes=COFFEE.closes[:-1], features=np.empty((0, 0))
    )
    assert len(shorter) == len(COFFEE) - 1
    told = table(store, "market.price_revisions", where=[("date", "=", NEWEST)]).to_pylist()
    taken_back = {"revision": 2, "close": None, "ingested_at": now()}
    add(store, "market.price_revisions", [row | taken_back for row in told])
    draw_due(keeper)
    assert draw_due(keeper) == []
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


WHY = "made before a price or covariate that they know was revised"


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
    assert "revised" not in shown
    (newest,) = Reader(graph.settings.database_path).newest_published("Coffee")
    assert newest.closes.tolist() == [new]
    (part,) = briefing(graph.settings, graph.store, now()).commodities
    assert part.published is not None
    assert part.published.fan.close == new
    assert part.published.outlooks[-1].value_at_risk == value_at_risk(
        newest.prices[0, :, -1], new, 0.95
    )
    assert paths(graph) != first
    assert [row[2:4] for row in superseded(graph)] == [(1, old)]


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
    assert [notice.level for notice in told.notices if notice.text.startswith(said)] == ["stale"]
    fan = told.commodities[0].published
    assert fan is not None
    assert fan.fan.close == old
    ends = fan.fan.paths[:, -1]
    assert fan.outlooks[-1].value_at_risk == value_at_risk(ends, old, 0.95)
    assert 0.3 < fan.outlooks[-1].probability_above < 0.7


def test_a_correction_that_comes_with_the_next_session_leaves_a_record_that_is_told_as_stale(
    graph: Graph, beginnings: Beginnings
) -> None:
    begin(beginnings, graph.settings.folder, "run")
    longer = make_history(len(COFFEE) + 1)
    assert longer.closes[-2] == COFFEE.closes[-1]
    write_prices(source(graph), corrected(longer, 0.9, sessions_before=1))
    assert f"note: Coffee: 1 forecast from {NEWEST}: {WHY}; kept as said" in told_by("run")
    assert superseded(graph) == []
    held = {x.data_cutoff_date: x.cutoff_close for x in graph.store.paths.issued("Coffee", "v1.0")}
    assert held[NEWEST] == COFFEE.closes[-1]
    assert held[longer.newest] == longer.closes[-1]
    shown = told_by("show", "Coffee")
    assert f"note: Coffee: 1 forecast from {NEWEST}: {WHY}" in shown
    assert "the newest forecast of" not in shown  # it knows the correction


WINDOW = "Coffee|2020-01-01"
DRAWN = [Run("load_prices", "Coffee"), Run("train", WINDOW), Run("forecast", WINDOW)]


def test_a_covariate_that_is_revised_reissues_the_newest_forecast_of_those_that_use_it(
    make_graph: MakeGraph, tmp_path: Path
) -> None:
    history = with_features(COFFEE, ("rain",))
    using = {"sarimax": {"features": "weather", "p": 1, "q": 0}}
    graph = make_graph(
        history,
        after=DRAWN,
        models=["naive", using],
        horizon=3,
        feature_sets={"weather": ["rain"]},
    )
    changed = history.features.copy()
    changed[-5] *= 1.5
    write_covariate(
        tmp_path / "covariates" / "rain.csv", replace(history, features=changed), "rain"
    )
    graph.run("load_prices", "Coffee")
    counts, (note,) = drawn_by(graph)
    assert counts == dict.fromkeys(COUNTS, 1)
    assert f"the forecast of sarimax from {NEWEST} was drawn again: a price or covariate" in note
    assert [row[:2] for row in superseded(graph)] == [("sarimax", NEWEST)]
    assert drawn_by(graph) == (dict.fromkeys(COUNTS, 0), [])


COUNTS = "forecasts_drawn", "forecasts_redrawn", "forecasts_reissued"


def drawn_by(graph: Graph) -> tuple[dict[str, object], list[str]]:
    """The counts and the notes in the metadata of a run that forecasts."""
    (event,) = graph.run("forecast", WINDOW).get_asset_materialization_events()
    metadata = event.materialization.metadata
    notes = metadata.get("notes")
    assert notes is None or isinstance(notes, TableMetadataValue)
    return (
        {name: metadata[name].value for name in COUNTS},
        [str(record.data["note"]) for record in notes.records] if notes else [],
    )
