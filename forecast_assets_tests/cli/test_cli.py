"""The console script, in process and on real files."""

import signal
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from dagster import DagsterInstance, DagsterRunStatus

from forecast_assets.defs.progress import STOPPING
from forecast_assets.errors import CannotFit
from forecast_assets.models.naive import Naive
from forecast_assets.timeline.history import History
from forecast_assets_tests.beginnings import Beginnings
from forecast_assets_tests.caretaker import caretaker
from forecast_assets_tests.commands import begin, forecast
from forecast_assets_tests.graphs import ROOT, Graph, MakeGraph
from forecast_assets_tests.histories import make_history, write_prices
from forecast_assets_tests.rows import change

pytestmark = pytest.mark.long

WEEKS = 6
"""Mondays from 2020-08-03 to 2020-09-07."""

SESSIONS = 590
"""522 before 2020-01-01, the newest of 2020-04-03."""

FORECASTS = 69
"""Of each model, in four windows."""


@pytest.fixture
def graph(make_graph: MakeGraph, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Graph:
    graph: Graph = make_graph(
        make_history(SESSIONS),
        models=["naive", "random_walk"],
        training={"cadence": "monthly", "start": date(2020, 1, 1)},
        paths=5,
        horizon=3,
    )
    monkeypatch.setenv("FORECAST_CONFIG", str(tmp_path / "forecast.yaml"))
    return graph


@pytest.fixture
def complete(graph: Graph, beginnings: Beginnings) -> Graph:
    """The same after a run of all."""
    begin(beginnings, graph.settings.folder, "run")
    return graph


def test_run_materializes_what_is_missing_and_records_it_and_a_second_run_has_nothing_to_do(
    complete: Graph,
) -> None:
    assert len(complete.store.paths.issued("Coffee", "v1.0")) == 2 * FORECASTS
    with DagsterInstance.get() as instance:
        runs = instance.get_runs()
        assert sorted(run.job_name for run in runs) == [
            "catch_up",
            "load_prices",
            "publish",
        ]
        assert {run.status for run in runs} == {DagsterRunStatus.SUCCESS}
    again = forecast("run")
    assert again.exit_code == 0
    assert "4 of 4" in again.output
    assert "This run: nothing was due, in " in again.output
    assert "  Coffee: nothing was due; " in again.output
    assert " trained" not in again.output.split("This run: ")[1]
    with DagsterInstance.get() as instance:  # in a copy of the folder, all was read again
        names = [run.job_name for run in instance.get_runs()]
        assert [names.count(name) for name in ("load_prices", "catch_up", "publish")] == [2, 1, 2]


def test_a_version_lives_beside_the_configurations_in_the_windows_that_from_and_to_touch(
    complete: Graph,
) -> None:
    before = set(complete.store.models.find())
    options = ("--from", "2020-02-29", "--to", "2020-03-01", "--model-version", "backfill_2024")
    assert forecast("run", *options).exit_code == 0
    models = complete.store.models.find()
    assert {row for row in models if row.model_version == "v1.0"} == before
    assert {(row.model_version, str(row.training_date)) for row in set(models) - before} == {
        ("backfill_2024", "2020-02-01"),
        ("backfill_2024", "2020-03-01"),
    }


def test_what_a_model_declines_is_said_and_is_no_failure(
    make_graph: MakeGraph, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FORECAST_CONFIG", str(tmp_path / "forecast.yaml"))
    training = {"cadence": "quarterly", "start": date(2020, 4, 1)}
    history = make_history(660)
    closes = history.closes.copy()
    closes[600] = -36.98  # in the first window, an origin
    closes[640:646] = -1.0  # with it 7 of the 652 before the second: more than 1 %
    make_graph(
        History("Coffee", history.dates, closes),
        models=["naive", "arima_111"],
        training=training,
        paths=5,
        horizon=3,
    )
    result = forecast("run")
    assert result.exit_code == 0
    assert "declined: Coffee|2020-04-01: arima_111:" in result.output
    assert "declined: Coffee|2020-07-01: Coffee: arima_111 works on logarithms" in result.output
    assert forecast("status").output.count("declined: ") == 2


def test_a_corrupted_model_is_trained_again(complete: Graph) -> None:
    which = ("naive", date(2020, 4, 1))
    change(
        complete.store,
        "forecast.trained_models",
        lambda row: (
            {"fitted_model_json": "{}"}
            if (row["model_name"], row["training_date"]) == which
            else {}
        ),
    )
    assert forecast("run").exit_code == 0
    (row,) = complete.store.models.find("Coffee", "naive", date(2020, 4, 1))
    assert row.fitted_model_json != "{}"
    assert len(complete.store.paths.issued("Coffee", "v1.0")) == 2 * FORECASTS


def test_half_a_file_is_a_failure_that_takes_nothing_back(complete: Graph) -> None:
    write_prices(complete.settings.folder / "prices" / "Coffee.csv", make_history(540))
    result = forecast("run")
    assert result.exit_code == 1
    said = (
        "failed: Coffee: its source lacks the newest 50 sessions, 2020-01-27 to 2020-04-03, which"
    )
    assert said in result.output
    assert len(complete.store.paths.issued("Coffee", "v1.0")) == 2 * FORECASTS


def test_a_missing_file_a_refused_row_and_a_broken_model_fail_nothing_beside_them(
    make_graph: MakeGraph, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def breaks(self: Naive, history: History, start: object) -> None:
        raise CannotFit(f"{history.commodity}: naive did not converge")

    commodities = {
        name: {"unit": "USc/lb", "source": {"type": "file", "path": f"prices/{name}.csv"}}
        for name in ("Sugar", "Coffee")
    }
    models = ["naive", "random_walk"]
    graph = make_graph(commodities=commodities, models=models, paths=5, horizon=3)
    monkeypatch.setenv("FORECAST_CONFIG", str(tmp_path / "forecast.yaml"))
    with (graph.settings.folder / "prices" / "Coffee.csv").open("a") as file:
        file.write("2020-09-07,x\n")
    monkeypatch.setattr(Naive, "estimate", breaks)
    nothing = forecast("status")
    assert nothing.exit_code == 0
    assert nothing.output.count("none") >= len(commodities)
    result = forecast("run", "--to", "2020-01-01")
    assert result.exit_code == 1
    failed = {x.strip() for x in result.output.splitlines() if x.startswith("failed: ")}
    broken = "failed: Coffee|2020-01-01: Coffee: naive did not converge"
    assert broken in failed
    refused, missing = sorted(failed - {broken})
    assert "Coffee.csv, line 702, column close: found 'x': not a finite number" in refused
    assert "failed: Sugar: no file at" in missing
    assert len(graph.store.prices.history("Coffee")) == 700
    assert len(graph.store.paths.issued("Coffee", "v1.0")) == 65
    said = forecast("status").output
    for words in ("Coffee", "on 2020-09-04", "2020-03-31", "1 of 3", "65"):
        assert words in said
    assert said.count("failed: ") == 1


def test_what_does_no_harm_is_a_note_and_takes_nothing_from_a_run(complete: Graph) -> None:
    path = complete.settings.folder / "prices" / "Coffee.csv"
    header, *rows = path.read_text().splitlines()
    del rows[300]
    lines = [f"{header},volume", *(f"{row},lots" for row in rows), "Source: ICE"]
    path.write_text("\n".join([*lines, ""]))
    result = forecast("run", "--to", "2020-01-01")
    assert result.exit_code == 0, result.output
    said = [line for line in result.output.splitlines() if "Coffee.csv, " in line]
    assert [line.partition("Coffee.csv, ")[2].partition(":")[0] for line in said] == [
        f"line {len(rows) + 2}, column date",
        f"lines 2 to {len(rows) + 1}, column volume",
    ]
    assert all(line.startswith("note: ") for line in said)
    assert len(complete.store.prices.history("Coffee")) == len(rows) == SESSIONS - 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["run", "--commodity", "Tea"], "commodity: found 'Tea', allowed: Coffee"),
        (["run", "--from", "2021-01-01", "--to", "2020-01-01"], "--from 2021-01-01 is later than"),
        (["run", "--train-on", "2020-01-15"], "--train-on 2020-01-15 needs a --model-version"),
        (["run", "--model-version", "a|b"], "model_version: found 'a|b', allowed: 1 to 64"),
        (["status", "--commodity", "Tea"], "commodity: found 'Tea', allowed: Coffee"),
    ],
)
def test_a_wrong_name_is_one_line_and_exit_code_one(
    graph: Graph, arguments: list[str], says: str
) -> None:
    result = forecast(*arguments)
    assert result.exit_code == 1
    assert says in result.output
    assert "begins" not in result.output


@pytest.mark.parametrize("command", ["run", "report"])
def test_a_history_that_cannot_be_used_is_told_before_anything_begins(
    command: str, graph: Graph, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "file"))
    result = forecast(command)
    assert result.exit_code == 1
    assert "Not a directory; DAGSTER_HOME names it" in result.output
    assert "begins" not in result.output


def test_a_report_alone_counts_no_commodities(graph: Graph) -> None:
    result = forecast("report")
    assert "forecast report ended" in result.output
    assert "commodities" not in result.output


def test_no_configuration_is_one_line_and_exit_code_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORECAST_CONFIG", "nowhere.yaml")
    result = forecast("run")
    assert result.exit_code == 1
    assert "nowhere.yaml: No such file or directory; FORECAST_CONFIG names" in result.output


def test_a_signal_stops_between_partitions_and_the_next_run_does_the_rest(
    make_graph: MakeGraph, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    training = {"cadence": "weekly", "start": date(2020, 8, 1)}
    graph: Graph = make_graph(models=["naive"], training=training, paths=5, horizon=3)
    monkeypatch.setenv("FORECAST_CONFIG", str(tmp_path / "forecast.yaml"))
    with subprocess.Popen(
        [sys.executable, "-m", "forecast_assets.cli", "run"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert any("Coffee train begins" in line for line in process.stdout)
        process.send_signal(signal.SIGTERM)  # a shell may hide SIGINT from what it starts
        output = process.stdout.read()
    assert process.returncode == 130
    assert len(graph.store.prices.history("Coffee")) > 0
    assert len(graph.store.models.find()) < WEEKS
    assert output.count(STOPPING) == 1
    assert "interrupted: what was committed stays; run again for the rest" in output
    assert forecast("run").exit_code == 0
    assert len({row.training_date for row in graph.store.models.find()}) == WEEKS
    assert len(graph.store.paths.issued("Coffee", "v1.0")) == 26  # weekdays of them, and the next


def test_a_run_merges_what_was_dropped_before_anything_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper = caretaker(tmp_path, paths=5, models=["naive"])
    monkeypatch.setenv("FORECAST_CONFIG", str(tmp_path / "forecast.yaml"))
    keeper.drop("coffee.csv", make_history(530))
    (keeper.landing / "notes.md").write_text("not prices\n")
    done = forecast("run")
    assert done.exit_code == 1
    said = " ".join(done.output.split())
    assert "failed: notes.md: found a file '.md', allowed: .csv, .tsv, .txt, .xlsx" in said
    assert "; it is now" in said
    assert len(keeper.cutoffs("Coffee")) == 9  # 2019-12-31 to 2020-01-10
    assert sorted(x.name for x in (keeper.landing / "accepted").iterdir()) == [
        "coffee.csv",
        "coffee.csv.txt",
    ]
