"""No error of one commodity ever stops another, whatever stage it is raised in."""

import shutil
from collections.abc import Callable, Iterator, Sequence
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
from forecast_assets_tests.beginnings import Beginnings, at_home
from forecast_assets_tests.caretaker import Caretaker, caretaker, landed, settled, utc
from forecast_assets_tests.commands import forecast
from forecast_assets_tests.graphs import Graph, MakeGraph
from forecast_assets_tests.histories import make_history, write_prices
from forecast_assets_tests.panel import panel

pytestmark = pytest.mark.long

BROKEN, SOUND, LAST = "Brent", "Coffee", "Tea"
SESSIONS = 530
"""522 before 2020-01-01: nine forecasts are due of each, the one of the next session among them."""


def speaks_of(value: Any, name: str) -> bool:
    """Whether an argument is about a commodity."""
    if isinstance(value, str):
        return value in (name, f"{name}.csv")
    if isinstance(value, Sequence):
        return any(speaks_of(each, name) for each in value[:1])
    if hasattr(value, "stem"):
        return bool(value.stem == name)
    inside = [getattr(value, each, None) for each in ("commodity", "name", "window", "path")]
    whose = str(getattr(value, "model_id", ""))
    return any(speaks_of(each, name) for each in inside if each is not None) or whose.startswith(
        f"{name}_"
    )


def break_down(
    monkeypatch: pytest.MonkeyPatch, place: str, name: str = BROKEN, said: str = "out of\n order"
) -> None:
    """Make a function raise what nobody expects, if it is asked about a commodity."""
    module, _, function = place.partition(":")
    *owners, function = function.split(".")
    owner: Any = import_module(f"forecast_assets.{module}")
    for each in owners:
        owner = getattr(owner, each)
    sound: Callable[..., Any] = getattr(owner, function)

    def broken(*args: Any, **rest: Any) -> Any:
        if any(speaks_of(each, name) for each in (*args, *rest.values())):
            raise ValueError(said)
        return sound(*args, **rest)

    monkeypatch.setattr(owner, function, broken)


STAGES = {
    "reading": ("Barley", "defs.assets.prices:read_source"),
    "landing": ("Barley", "market.reception:read_dropped"),
    "merging": ("Cocoa", "store.sql.landing_table:_land"),
    "history": ("Copper", "store.sql.price_table:DuckDBPriceTable.history"),
    "covariates": ("Cotton", "defs.assets.features:read_features"),
    "calendar": ("Gold", "timeline.window:Window.origins"),
    "training": ("Cocoa", "forecast.training:_planned"),
    "drawing": ("Cotton", "defs.assets.distributions:forecast_window"),
    "scoring": ("Lead", "defs.assets.scores:assess_window"),
    "scores": ("Cocoa", "store.sql.score_table:DuckDBScoreTable.records"),
    "publishing": ("Nickel", "defs.assets.published_distributions:publications"),
    "briefing": ("Cotton", "report.briefing:brief"),
    "page": ("Lead", "report.plots:newest_fan"),
    "price-plot": ("Nickel", "report.plots:price_plot"),
    "check": ("Nickel", "defs.checks:held_of"),
    "paths": ("Oats", "store.sql.path_table:DuckDBPathTable.issued"),
}
"""What breaks, and of which commodity: none of its errors keeps another of them from being met."""

UNSAID = ("check", "price-plot", "page")
"""Of these a check tells, or a note on what could not be drawn, and the run does not fail."""

TOLD = [stage for stage in STAGES if stage not in UNSAID]

ILL = {
    "Brent": "one price a month (31 days between sessions): forecasts are by session",
    "Gas": "no file at",
    "Sugar": "column close",
}
"""Commodities whose files are wrong as files of users are, and what is told of each."""

NAMES = (
    *("Barley", "Brent", "Cocoa", "Copper", SOUND, "Cotton", "Gas"),
    *("Gold", "Lead", "Nickel", "Oats", "Sugar", LAST),
)

DROPPED = ("Barley", "Cocoa", SOUND)
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

    def failed_of(self, name: str) -> list[str]:
        """Those of a commodity."""
        return [x for x in self.failed if x.startswith((f"{name}: ", f"{name}|", f"{name}.csv: "))]


def out_of_order(stage: str) -> str:
    """What is told of an error in a stage."""
    return f"ValueError: {stage} is out of order"


def spoil(prices: Path) -> None:
    """Have the files of some commodities as users have them sometimes."""
    months = np.datetime64("2000-01", "M") + np.arange(240)
    monthly = History("Brent", months.astype("datetime64[D]"), np.linspace(50, 70, 240))
    write_prices(prices / "Brent.csv", monthly)
    (prices / "Gas.csv").unlink()
    head, *rows = (prices / "Sugar.csv").read_text().splitlines()
    text = [head, *(f"{row.partition(',')[0]},on request" for row in rows)]
    (prices / "Sugar.csv").write_text("\n".join(text) + "\n")


@pytest.fixture(scope="module")
def morning(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Morning]:
    """Each stage breaks of some commodity, some have wrong files, and two are sound."""
    folder = tmp_path_factory.mktemp("morning")
    histories = [make_history(SESSIONS, seed, name) for seed, name in enumerate(NAMES)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FORECAST_CONFIG", str(folder / "forecast.yaml"))
        patch.setenv("FORECAST_HOME", str(folder / "home"))
        patch.setenv("DAGSTER_HOME", str(folder / "dagster"))
        settings = panel(
            folder,
            histories,
            models=["naive"],
            paths=5,
            landing={"settle_seconds": 0, "incomplete_seconds": 0},
        ).settings
        spoil(folder / "prices")
        for name in DROPPED:
            day = make_history(SESSIONS + 1, NAMES.index(name), name)
            write_prices(folder / "home" / "landing" / f"{name}.csv", day.since(day.newest))
        for stage, (name, place) in STAGES.items():
            break_down(patch, place, name, f"{stage} is\n out of order")
        yield Morning(folder, settings, forecast("run"), forecast("status"))


@pytest.mark.parametrize("stage", TOLD)
def test_an_unexpected_error_is_told_by_the_name_of_its_commodity(
    morning: Morning, stage: str
) -> None:
    name, _ = STAGES[stage]
    mine = [line for line in morning.failed if out_of_order(stage) in line]
    assert mine
    assert set(mine) <= set(morning.failed_of(name))


@pytest.mark.parametrize("name", ILL)
def test_a_wrong_file_is_told_once_by_the_name_of_its_commodity(
    morning: Morning, name: str
) -> None:
    (line,) = morning.failed_of(name)
    assert ILL[name] in line
    assert ("'on request'" in line) == (name == "Sugar")
    assert "ValueError" not in line


def test_the_run_fails_and_says_nothing_of_the_sound_commodities(morning: Morning) -> None:
    assert morning.run.exit_code == 1
    assert not [line for line in morning.failed if SOUND in line or LAST in line]
    stages = [stage for stage in STAGES if any(out_of_order(stage) in x for x in morning.failed)]
    assert stages == TOLD
    told = [
        line
        for name in NAMES
        for line in morning.failed_of(name)
        if name in ILL or any(out_of_order(x) in line for x in TOLD if STAGES[x][0] == name)
    ]
    assert sorted(told) == sorted(morning.failed)


def test_the_sound_commodities_are_landed_forecast_scored_ranked_and_published(
    morning: Morning, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORECAST_HOME", str(morning.folder / "home"))
    store = open_store(morning.settings)
    assert store.prices.history(SOUND).newest == date(2020, 1, 13)
    ranked = store.leaderboard.read().column("commodity").to_pylist()
    for name, issued in ((SOUND, 10), (LAST, 9)):
        assert len(store.paths.issued(name, "v1.0")) == issued
        assert len(store.scores.scored(name, "v1.0")) == issued - 1
        assert len(store.publications.find(name, "v1.0")) == issued
        assert name in ranked
    assert STAGES["scores"][0] not in ranked
    assert not any(store.paths.issued(name, "v1.0") for name in ILL)


def test_the_page_has_the_sound_commodities_and_names_the_broken_ones(morning: Morning) -> None:
    page = (morning.folder / "home" / "report.html").read_text()
    for name in (SOUND, LAST, *ILL):
        assert f"<h2>{name}</h2>" in page
    for stage in ("history", "paths", "scores", "publishing", "briefing"):
        assert f"{STAGES[stage][0]}: {out_of_order(stage)}" in page
    for stage in ("history", "paths", "briefing"):
        assert f"<h2>{STAGES[stage][0]}</h2>" not in page
    undrawn = STAGES["page"][0]
    assert f"{undrawn}: the newest forecast: not drawn: {out_of_order('page')}" in page
    assert f"<h2>{undrawn}</h2>" in page


def test_status_has_a_row_of_each_and_names_the_broken_ones(morning: Morning) -> None:
    for name in NAMES:
        assert f"│ {name} " in morning.status.output
    for stage in ("history", "paths", "calendar"):
        assert f"failed: {STAGES[stage][0]}: {out_of_order(stage)}" in morning.status.output
    for name in (SOUND, LAST):
        assert f"failed: {name}" not in morning.status.output


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


@pytest.fixture(scope="module")
def day_after(tmp_path_factory: pytest.TempPathFactory, beginnings: Beginnings) -> Path:
    """A folder as it is when the next session of both has landed."""
    folder = tmp_path_factory.mktemp("day_after")
    made = settled(beginnings, folder, BOTH, BROKEN, SOUND, models=["naive"])
    with at_home(folder):
        for name in (BROKEN, SOUND):
            day = make_history(SESSIONS + 1, commodity=name)
            made.drop(f"{name}.csv", day.since(day.newest))
        (request,) = made.land().run_requests or []
        assert made.execute(request).success
    return folder


@pytest.fixture
def next_day(day_after: Path, tmp_path: Path) -> Caretaker:
    """The next session of both has landed, and is not forecast from yet."""
    shutil.copytree(day_after, tmp_path, dirs_exist_ok=True)
    return caretaker(tmp_path, BROKEN, SOUND, models=["naive"])


PLANS = {
    "the history": "store.sql.price_table:DuckDBPriceTable.history",
    "covariates": "store.sql.feature_table:DuckDBFeatureTable.read",
    "the calendar": "timeline.window:Window.origins",
    "models": "store.sql.model_table:DuckDBModelTable.find",
    "scores": "store.sql.score_table:DuckDBScoreTable.scored",
}


@pytest.mark.parametrize("stage", PLANS)
def test_the_sensor_asks_for_the_runs_of_the_others_and_names_the_broken_one(
    next_day: Caretaker, stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_down(monkeypatch, PLANS[stage])
    (request,) = next_day.due().run_requests or []
    assert request.tags["dagster/asset_partition_range_start"] == f"{SOUND}|2020-01-01"
    assert request.tags["dagster/asset_partition_range_end"] == f"{SOUND}|2020-01-01"
    found = plan_of(next_day)
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


@pytest.mark.parametrize(
    "place", [PLANS["the history"], PLANS["covariates"], STAGES["training"][1]]
)
def test_a_run_of_several_commodities_fails_only_the_partitions_of_the_broken_one(
    keeper: Caretaker, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (request,) = keeper.due().run_requests or []
    assert request.tags["dagster/asset_partition_range_start"] == f"{BROKEN}|2020-01-01"
    break_down(monkeypatch, place)
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
    keeper: Caretaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_down(monkeypatch, PLANS["the history"])
    said = f"{BROKEN}: ValueError: out of order"
    broken = Observed(BROKEN, RED, said)
    ages = price_ages(keeper.settings, keeper.store, date(2026, 11, 24))
    assert [each.commodity for each in ages] == [BROKEN, SOUND]
    assert ages[0] == broken
    assert strange_prices(keeper.settings, keeper.store) == [broken]
    assert missing_sessions(keeper.settings, keeper.store) == [broken]
    assert held(keeper.settings, keeper.store)["newest_forecast"] == [
        {"commodity": BROKEN, "found": said},
        {"commodity": SOUND, "found": "there are no forecasts"},
    ]
    break_down(monkeypatch, STAGES["scores"][1])
    assert miscovered(keeper.settings, keeper.store) == [{"commodity": BROKEN, "found": said}]
