"""No error of one commodity ever stops another, whatever stage it is raised in."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dagster import build_schedule_context
from typer.testing import Result

from forecast_assets.automation.freshness import (
    RED,
    Observed,
    missing_sessions,
    price_ages,
    strange_prices,
)
from forecast_assets.automation.plan import Plan, plan
from forecast_assets.configuration.settings import Settings
from forecast_assets.defs.checks import held, miscovered
from forecast_assets.defs.run_history import RunHistory
from forecast_assets.defs.schedules import fetch_prices
from forecast_assets.store.opening import open_store
from forecast_assets.timeline.history import History
from forecast_assets_tests.beginnings import Beginnings
from forecast_assets_tests.caretaker import Caretaker, landed, settled, utc
from forecast_assets_tests.commands import forecast
from forecast_assets_tests.graphs import Graph, MakeGraph
from forecast_assets_tests.histories import make_history, write_prices
from forecast_assets_tests.panel import panel

pytestmark = pytest.mark.long

BROKEN, SOUND = "Brent", "Coffee"
SESSIONS = 530
"""522 before 2020-01-01: nine forecasts are due of each, the one of the next session among them."""


def speaks_of(value: Any, name: str) -> bool:
    """Whether an argument is about a commodity."""
    if isinstance(value, str):
        return value == name
    if isinstance(value, list | tuple):
        return any(speaks_of(each, name) for each in value[:1])
    if hasattr(value, "stem"):
        return bool(value.stem == name)
    inside = [getattr(value, each, None) for each in ("commodity", "name", "window", "path")]
    whose = str(getattr(value, "model_id", ""))
    return any(speaks_of(each, name) for each in inside if each is not None) or whose.startswith(
        f"{name}_"
    )


def break_down(monkeypatch: pytest.MonkeyPatch, place: str, name: str = BROKEN) -> None:
    """Make a function raise what nobody expects, if it is asked about a commodity."""
    module, _, function = place.partition(":")
    *owners, function = function.split(".")
    owner: Any = import_module(f"forecast_assets.{module}")
    for each in owners:
        owner = getattr(owner, each)
    sound: Callable[..., Any] = getattr(owner, function)

    def broken(*args: Any, **rest: Any) -> Any:
        if any(speaks_of(each, name) for each in (*args, *rest.values())):
            raise ValueError("out of\n order")
        return sound(*args, **rest)

    monkeypatch.setattr(owner, function, broken)


STAGES = {
    "reading": "defs.assets.prices:read_source",
    "landing": "market.reception:read_arrival",
    "merging": "store.duckdb.landing_table:_land",
    "history": "store.duckdb.price_table:DuckDBPriceTable.history",
    "covariates": "defs.assets.features:read_features",
    "calendar": "timeline.window:Window.origins",
    "training": "forecast.training:_planned",
    "drawing": "defs.assets.distributions:forecast_window",
    "scoring": "defs.assets.scores:assess_window",
    "scores": "store.duckdb.score_table:DuckDBScoreTable.records",
    "publishing": "defs.assets.published_distributions:publications",
    "briefing": "report.briefing:brief",
    "page": "report.plots:newest_fan",
    "price-plot": "report.plots:price_plot",
    "check": "defs.checks:held_of",
    "paths": "store.duckdb.path_table:DuckDBPathTable.issued",
}
"""What breaks, each for a commodity of the same name."""

UNSAID = ("check", "price-plot")
"""Of these a check tells, or the metadata that lacks a plot, and not the run."""

FILES = {
    "monthly": "one price a month (31 days between sessions): forecasts are by session",
    "lost": "no file at",
    "words": "column close: first found 'on request': not a finite number",
}
"""Commodities whose files are broken, and what a run says of each."""

DROPPED = ("landing", "merging", SOUND)
"""Commodities with a file in the landing folder."""


@dataclass(frozen=True)
class Morning:
    """A run with everything broken of some commodity or other, and the status after it."""

    folder: Path
    settings: Settings
    run: Result
    status: Result

    @property
    def failed(self) -> list[str]:
        """The lines that say what failed."""
        lines = self.run.output.splitlines()
        return [line.removeprefix("failed: ") for line in lines if line.startswith("failed: ")]


@pytest.fixture(scope="module")
def morning(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Morning]:
    """One commodity for each stage, which breaks there, and a sound one in the midst of them."""
    folder = tmp_path_factory.mktemp("morning")
    names = [*list(STAGES)[:8], SOUND, *list(STAGES)[8:], *FILES]
    histories = {name: make_history(SESSIONS, commodity=name) for name in names}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FORECAST_CONFIG", str(folder / "forecast.yaml"))
        patch.setenv("FORECAST_HOME", str(folder / "home"))
        patch.setenv("DAGSTER_HOME", str(folder / "dagster"))
        settings = panel(
            folder,
            list(histories.values()),
            models=["naive"],
            paths=5,
            landing={"settle_seconds": 0, "incomplete_seconds": 0},
        ).settings
        for name in DROPPED:
            day = make_history(SESSIONS + 1, commodity=name)
            write_prices(folder / "home" / "landing" / f"{name}.csv", day.since(day.newest))
        break_files(folder / "prices")
        for name, place in STAGES.items():
            break_down(patch, place, name)
        yield Morning(folder, settings, forecast("run"), forecast("status"))


def break_files(folder: Path) -> None:
    """Have files as they are in ``FILES``."""
    months = (np.datetime64("2000-01", "M") + np.arange(240)).astype("datetime64[D]")
    write_prices(folder / "monthly.csv", History("monthly", months, np.linspace(50, 70, 240)))
    (folder / "lost.csv").unlink()
    words = folder / "words.csv"
    header, *lines = words.read_text().splitlines()
    text = [header, *(f"{line.partition(',')[0]},on request" for line in lines)]
    words.write_text("\n".join(text) + "\n")


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_cannot_be_used_is_told_in_its_own_words(morning: Morning, name: str) -> None:
    (line,) = [line for line in morning.failed if line.startswith(f"{name}: ")]
    assert FILES[name] in line


@pytest.mark.parametrize("stage", [name for name in STAGES if name not in UNSAID])
def test_an_unexpected_error_is_told_by_the_name_of_its_commodity(
    morning: Morning, stage: str
) -> None:
    mine = [line for line in morning.failed if line.startswith((f"{stage}: ", f"{stage}|"))]
    mine += [line for line in morning.failed if line.startswith(f"{stage}.csv: ")]
    assert mine
    assert all("ValueError: out of order" in line for line in mine)


def test_the_run_fails_and_says_nothing_of_the_sound_commodity(morning: Morning) -> None:
    assert morning.run.exit_code == 1
    assert not [line for line in morning.failed if SOUND in line]
    assert {line.split(":")[0].split("|")[0].removesuffix(".csv") for line in morning.failed} == {
        name for name in (*STAGES, *FILES) if name not in UNSAID
    }


def test_the_sound_commodity_is_landed_forecast_scored_ranked_and_published(
    morning: Morning, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORECAST_HOME", str(morning.folder / "home"))
    store = open_store(morning.settings)
    assert store.prices.history(SOUND).newest == date(2020, 1, 13)
    issued = store.paths.issued(SOUND, "v1.0")
    assert len(issued) == 10
    assert len(store.scores.scored(SOUND, "v1.0")) == 9
    assert len(store.publications.find(SOUND, "v1.0")) == 10
    assert {name: len(store.paths.issued(name, "v1.0")) for name in (*UNSAID, *FILES)} == {
        **dict.fromkeys(UNSAID, 9),
        **dict.fromkeys(FILES, 0),
    }
    ranked = store.leaderboard.read().column("commodity").to_pylist()
    assert SOUND in ranked
    assert "scores" not in ranked


def test_the_page_has_the_sound_commodity_and_names_the_broken_ones(morning: Morning) -> None:
    page = (morning.folder / "home" / "report.html").read_text()
    for name in (SOUND, *FILES):
        assert f"<h2>{name}</h2>" in page
    for stage in ("history", "paths", "scores", "publishing", "briefing", "page"):
        assert f"{stage}: ValueError: out of order" in page
    for stage in ("history", "paths", "briefing", "page"):
        assert f"<h2>{stage}</h2>" not in page


def test_status_has_a_row_of_each_and_names_the_broken_ones(morning: Morning) -> None:
    for name in (SOUND, *STAGES, *FILES):
        assert f"│ {name} " in morning.status.output
    for stage in ("history", "paths", "calendar"):
        assert f"failed: {stage}: ValueError: out of order" in morning.status.output
    assert f"failed: {SOUND}" not in morning.status.output


@pytest.fixture
def graph(make_graph: MakeGraph, tmp_path: Path) -> Graph:
    """Two commodities with a file each."""
    commodities = {}
    for name in (BROKEN, SOUND):
        write_prices(tmp_path / "prices" / f"{name}.csv", make_history(SESSIONS, commodity=name))
        source = {"type": "file", "path": f"prices/{name}.csv"}
        commodities[name] = {"unit": "USD", "source": source}
    made: Graph = make_graph(commodities=commodities, models=["naive"], paths=5, horizon=3)
    return made


BOTH = {"both.csv": [make_history(SESSIONS, commodity=name) for name in (BROKEN, SOUND)]}


@pytest.fixture
def keeper(tmp_path: Path, beginnings: Beginnings) -> Caretaker:
    """Both commodities have landed, and nothing is forecast yet."""
    return landed(beginnings, tmp_path, BOTH, BROKEN, SOUND, models=["naive"])


@pytest.fixture
def at_rest(tmp_path: Path, beginnings: Beginnings) -> Caretaker:
    """Both commodities have landed and are forecast."""
    return settled(beginnings, tmp_path, BOTH, BROKEN, SOUND, models=["naive"])


PLANS = {
    "the history": "store.duckdb.price_table:DuckDBPriceTable.history",
    "covariates": "store.duckdb.feature_table:DuckDBFeatureTable.read",
    "the calendar": "timeline.window:Window.origins",
    "models": "store.duckdb.model_table:DuckDBModelTable.find",
    "scores": "store.duckdb.score_table:DuckDBScoreTable.scored",
}


@pytest.mark.parametrize("stage", PLANS)
def test_the_sensor_asks_for_the_runs_of_the_others_and_names_the_broken_one(
    at_rest: Caretaker, stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (BROKEN, SOUND):
        day = make_history(SESSIONS + 1, commodity=name)
        at_rest.drop(f"{name}.csv", day.since(day.newest))
    (request,) = at_rest.land().run_requests or []
    at_rest.execute(request)
    break_down(monkeypatch, PLANS[stage])
    (request,) = at_rest.due().run_requests or []
    assert request.tags["dagster/asset_partition_range_start"] == f"{SOUND}|2020-01-01"
    assert request.tags["dagster/asset_partition_range_end"] == f"{SOUND}|2020-01-01"
    found = plan_of(at_rest)
    assert found.failures == [f"{BROKEN}: ValueError: out of order"]
    assert found.reasons[0] == found.failures[0]
    assert not found.settled


def plan_of(keeper: Caretaker) -> Plan:
    policy, marks = keeper.settings.automation, keeper.store.marks
    attempts = RunHistory.of(keeper.instance, "due_work").attempts(policy, marks)
    return plan(keeper.settings, keeper.store, attempts, utc("2020-01-15"))


def test_where_nothing_else_is_due_the_sensor_says_what_is_broken(
    at_rest: Caretaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_rest.cursors.clear()
    with monkeypatch.context() as patch:
        break_down(patch, PLANS["the history"])
        assert at_rest.said().startswith(
            f"{BROKEN}: ValueError: out of order; {SOUND}: nothing due"
        )
    assert at_rest.said().startswith(f"{BROKEN}, {SOUND}: nothing due")


@pytest.mark.parametrize("stage", ["the history", "covariates", "training"])
def test_a_run_of_several_commodities_fails_only_the_partitions_of_the_broken_one(
    keeper: Caretaker, stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (request,) = keeper.due().run_requests or []
    assert request.tags["dagster/asset_partition_range_start"] == f"{BROKEN}|2020-01-01"
    break_down(monkeypatch, (STAGES | PLANS)[stage])
    assert not keeper.execute(request).success
    trained = {(row.commodity, row.training_date) for row in keeper.store.models.find()}
    assert trained == {(SOUND, date(2020, 1, 1))}
    for request in keeper.due().run_requests or []:
        keeper.execute(request)
    assert len(keeper.cutoffs(SOUND)) == 9


def test_show_names_the_broken_commodity(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORECAST_CONFIG", str(graph.settings.folder / "forecast.yaml"))
    break_down(monkeypatch, "store.reader:Reader.prices")
    done = forecast("show", BROKEN)
    assert done.exit_code == 1
    assert f"error: {BROKEN}: ValueError: out of order" in done.output


def test_prices_are_fetched_of_the_others(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    break_down(monkeypatch, PLANS["the history"])
    look = fetch_prices(graph.settings)
    context = build_schedule_context(scheduled_execution_time=utc("2026-11-24 18:00"))
    asked = look.evaluate_tick(context).run_requests or []
    assert [each.tags["dagster/asset_partition_range_start"] for each in asked] == [SOUND]
    assert [each.tags["dagster/asset_partition_range_end"] for each in asked] == [SOUND]


def test_checks_count_a_commodity_that_cannot_be_looked_at_as_failed(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (BROKEN, SOUND):
        graph.run("load_prices", name)
    break_down(monkeypatch, PLANS["the history"])
    said = f"{BROKEN}: ValueError: out of order"
    broken = Observed(BROKEN, RED, said)
    ages = price_ages(graph.settings, graph.store, date(2026, 11, 24))
    assert [each.commodity for each in ages] == [BROKEN, SOUND]
    assert ages[0] == broken
    assert strange_prices(graph.settings, graph.store) == [broken]
    assert missing_sessions(graph.settings, graph.store) == [broken]
    assert held(graph.settings, graph.store)["newest_forecast"] == [
        {"commodity": BROKEN, "found": said},
        {"commodity": SOUND, "found": "there are no forecasts"},
    ]
    break_down(monkeypatch, STAGES["scores"])
    assert miscovered(graph.settings, graph.store) == [{"commodity": BROKEN, "found": said}]
