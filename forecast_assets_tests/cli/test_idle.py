"""``forecast run`` with nothing to do loads no Dagster, says what it said, and misses nothing."""

import os
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from dagster import DagsterInstance

import forecast_assets
from forecast_assets.automation.settled import Settled, days_of
from forecast_assets.cli.idle import found_idle, notes_if_settled
from forecast_assets.configuration.settings import Settings
from forecast_assets.defs import launching
from forecast_assets.defs.launching import Worker
from forecast_assets.defs.pulse import pulses_beside
from forecast_assets.market import source_files
from forecast_assets.market.source_files import source_state
from forecast_assets.timeline.history import History
from forecast_assets_tests.beginnings import Beginnings
from forecast_assets_tests.commands import begin, forecast
from forecast_assets_tests.graphs import Graph, MakeGraph
from forecast_assets_tests.histories import make_history, with_features
from forecast_assets_tests.holders import holding
from forecast_assets_tests.loading import command, loaded_by
from forecast_assets_tests.rows import change

pytestmark = pytest.mark.long

SESSIONS = 530
QUICK = {
    "models": ["naive"],
    "paths": 5,
    "horizon": 3,
    "training": {"cadence": "monthly", "start": "2020-01-01"},
}


@pytest.fixture
def graph(make_graph: MakeGraph, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Graph:
    """Prices and a covariate in files."""
    monkeypatch.setenv("FORECAST_CONFIG", str(tmp_path / "forecast.yaml"))
    history = with_features(make_history(SESSIONS), ("vix",))
    graph: Graph = make_graph(history, **QUICK)
    return graph


@pytest.fixture
def idle(graph: Graph, beginnings: Beginnings) -> Graph:
    """The same after a run, as if that had been in this place."""
    begin(beginnings, graph.settings.folder, "run")
    note(graph)
    return graph


def note(
    graph: Graph,
    *,
    sources: list[str] | None = None,
    token: str | None = None,
    said: Sequence[str] = (),
) -> Settled:
    """Note that nothing is left to do; the state of files and tables is that of now by default."""
    settled = Settled(graph.settings, graph.store)
    before = sources or source_state(graph.settings)
    settled.note(before, token or graph.store.token(), said, datetime.now(UTC))
    return settled


def names_of_runs() -> list[str]:
    with DagsterInstance.get() as instance:
        return sorted(run.job_name for run in instance.get_runs())


def without_times(output: str) -> list[str]:
    """The lines after those of the progress, without durations, and how much the tables grew."""
    lines = output.splitlines()
    end = next(place for place, line in enumerate(lines) if "forecast run ended" in line)
    return [re.split(", in |; | MB", line)[0] for line in lines[end + 1 :]]


def test_a_run_with_nothing_to_do_says_the_same_without_a_run_and_without_its_libraries(
    graph: Graph, beginnings: Beginnings
) -> None:
    begin(beginnings, graph.settings.folder, "run")
    looked = forecast("run")
    runs, page = names_of_runs(), graph.settings.report_path.stat().st_mtime_ns
    again = forecast("run")
    assert looked.exit_code == again.exit_code == 0
    assert "  Coffee: nothing was due" in again.output
    assert "note: Coffee: the newest price is of 2020-01-10, " in again.output
    assert without_times(again.output) == without_times(looked.output)
    assert names_of_runs() == runs
    assert graph.settings.report_path.stat().st_mtime_ns == page
    loaded = loaded_by(command("run"), check=True)
    assert not loaded & {"dagster", "matplotlib", "pandera", "arch", "statsmodels", "scipy.special"}


def rewritten(graph: Graph, name: str) -> None:
    file = graph.settings.folder / name
    file.write_text(file.read_text())


def configured(graph: Graph) -> None:
    file = graph.settings.folder / "forecast.yaml"
    file.write_text(file.read_text() + "checks: {median_bound: 0.3}\n")


def withdrawn(graph: Graph) -> None:
    assert (
        forecast("prices", "withdraw", "Coffee", "2020-01-10", "--reason", "a test").exit_code == 0
    )


def dropped(graph: Graph) -> None:
    landing = graph.settings.home / "landing"
    landing.mkdir(exist_ok=True)
    (landing / "Coffee.csv").write_text("date,close\n2020-01-14,50\n")


def gone(graph: Graph) -> None:
    graph.settings.report_path.unlink()


def corrupt(graph: Graph) -> None:
    change(graph.store, "forecast.trained_models", lambda row: {"fitted_model_json": "{}"})


def killed(graph: Graph) -> None:
    folder = pulses_beside(graph.settings.database_path).folder
    folder.mkdir(exist_ok=True)
    (folder / "c0ffee.lock").touch()


def bare(graph: Graph) -> None:
    (graph.settings.places.dagster / "dagster.yaml").write_text("")


def forgotten(graph: Graph) -> None:
    shutil.rmtree(graph.settings.places.dagster / "history")


CHANGES: list[Callable[[Graph], None]] = [
    lambda graph: rewritten(graph, "prices/Coffee.csv"),
    lambda graph: rewritten(graph, "covariates/vix.csv"),
    lambda graph: (graph.settings.folder / "covariates/vix.csv").unlink(),
    configured,
    withdrawn,
    dropped,
    gone,
    corrupt,
    killed,
    bare,
    forgotten,
]


@pytest.mark.parametrize("changed", CHANGES)
def test_whatever_has_changed_is_looked_at(idle: Graph, changed: Callable[[Graph], None]) -> None:
    assert found_idle() is not None
    changed(idle)
    assert found_idle() is None


def test_a_new_day_and_kept_tables_are_looked_at_and_a_damaged_note_is_none(idle: Graph) -> None:
    settings, today = idle.settings, datetime.now(UTC)
    assert notes_if_settled(settings, today) is not None
    assert notes_if_settled(settings, today + timedelta(days=1)) is None
    with holding(settings.database_path, "write"):
        assert notes_if_settled(settings, today) is None
    file = Settled(settings, idle.store).file
    file.write_bytes(b"\xff\n")
    assert notes_if_settled(settings, today) is None
    file.unlink()
    os.mkfifo(file)
    assert notes_if_settled(settings, today) is None


def test_options_ask_for_a_run(idle: Graph) -> None:
    before = names_of_runs()
    assert forecast("run", "--commodity", "Coffee").exit_code == 0
    assert len(names_of_runs()) > len(before)


def test_a_refused_row_is_told_each_time(graph: Graph) -> None:
    file = graph.settings.folder / "prices" / "Coffee.csv"
    whole = file.read_text()
    file.write_text(f"{whole}2020-01-14,what\n")
    for _ in range(2):
        done = forecast("run")
        assert done.exit_code == 1
        assert "found 'what'" in done.output
    assert found_idle() is None


def test_a_file_that_changes_while_it_is_read_is_not_settled(idle: Graph) -> None:
    before = source_state(idle.settings)
    rewritten(idle, "prices/Coffee.csv")
    assert not note(idle, sources=before).holds(datetime.now(UTC))
    assert note(idle).holds(datetime.now(UTC))


def test_what_another_program_makes_due_before_the_note_is_not_noted_as_done(idle: Graph) -> None:
    before = idle.store.token()
    withdrawn(idle)
    assert not note(idle, token=before).holds(datetime.now(UTC))
    told = forecast("run").output
    assert "nothing was due" not in told, told


def test_a_command_over_midnight_notes_nothing(
    idle: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    began = datetime.now(UTC) - timedelta(days=1)
    assert days_of(idle.settings, began) != days_of(idle.settings, datetime.now(UTC))
    Settled(idle.settings, idle.store).file.unlink()
    monkeypatch.setattr(launching.Worker, "settle", yesterday(launching.Worker.settle, began))
    assert forecast("run").exit_code == 0
    assert found_idle() is None


def yesterday(
    settle: Callable[[Worker, list[str] | None, datetime], None], began: datetime
) -> Callable[[Worker, list[str] | None, datetime], None]:
    """The same, of a command that began on the day before."""
    return lambda worker, sources, _: settle(worker, sources, began)


def test_what_was_said_once_is_not_settled(idle: Graph) -> None:
    Settled(idle.settings, idle.store).file.unlink()
    assert not note(idle, said=["run c0ffee is reported as failed"]).file.exists()


def test_files_that_cannot_be_looked_at_are_asked_for_by_a_run(
    idle: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(folder: Path, path: str) -> list[Path]:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(source_files, "files_at", closed)
    assert source_state(idle.settings) is None
    assert found_idle() is None


def test_another_release_and_a_copy_that_is_gone_are_looked_at(
    idle: Graph, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = idle.settings.folder / "forecast.yaml"
    file.write_text(file.read_text() + "database: {read_copy: true}\n")
    settings = Settings.load(file)
    settings.read_copy_path.touch()
    monkeypatch.setattr(forecast_assets, "__file__", str(tmp_path / "code" / "__init__.py"))
    page = tmp_path / "code" / "templates" / "report.html.jinja"
    page.parent.mkdir(parents=True)
    for changed in (page.touch, settings.read_copy_path.unlink):
        note(replace(idle, settings=settings))
        assert found_idle() is not None
        changed()
        assert found_idle() is None


def test_services_are_always_asked(idle: Graph) -> None:
    file = idle.settings.folder / "forecast.yaml"
    document = yaml.safe_load(file.read_text())
    document["commodities"]["Coffee"]["source"] = {"type": "yahoo", "symbol": "KC=F"}
    file.write_text(yaml.safe_dump(document))
    settings = Settings.load(file)
    assert source_state(settings) is None
    settled = Settled(settings, idle.store)
    settled.file.unlink()
    settled.note(None, idle.store.token(), [], datetime.now(UTC))
    assert not settled.file.exists()


def test_what_models_declined_is_said_and_is_nothing_to_do(
    make_graph: MakeGraph, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FORECAST_CONFIG", str(tmp_path / "forecast.yaml"))
    history = make_history(SESSIONS)
    closes = history.closes.copy()
    closes[500:510] = -1.0
    make_graph(
        History("Coffee", history.dates, closes), **{**QUICK, "models": ["naive", "arima_111"]}
    )
    first, again = forecast("run"), forecast("run")
    assert first.exit_code == 0, first.output
    assert "declined: Coffee|2020-01-01: Coffee: arima_111 works on logarithms" in first.output
    declined = [line for line in first.output.splitlines() if line.startswith("declined: ")]
    assert [line for line in again.output.splitlines() if line.startswith("declined: ")] == declined
    assert names_of_runs().count("load_prices") == 1
