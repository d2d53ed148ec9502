"""``forecast where``, and the line by which each command says where it works."""

from pathlib import Path

import pytest

from forecast_assets.configuration.settings import load_settings
from forecast_assets.store.opening import open_store
from forecast_assets.timeline.clock import now
from forecast_assets_tests.caretaker import caretaker
from forecast_assets_tests.commands import forecast


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration in a folder of its own, named by the environment; nothing else is."""
    caretaker(tmp_path / "own")
    monkeypatch.setenv("FORECAST_CONFIG", str(tmp_path / "own" / "forecast.yaml"))
    monkeypatch.delenv("FORECAST_HOME")
    monkeypatch.delenv("DAGSTER_HOME")
    return tmp_path / "own"


def test_where_says_each_place_and_its_rule(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORECAST_HOME", str(own / "tables"))
    said = forecast("where")
    assert said.exit_code == 0
    assert said.stdout.splitlines() == [
        f"configuration   {own}/forecast.yaml (FORECAST_CONFIG names it)",
        f"data            {own}/tables (FORECAST_HOME names it)",
        f"Dagster's home  {own}/.dagster (the default: .dagster beside the configuration)",
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "No such file or directory; FORECAST_CONFIG names the configuration file"),
        ("commodities: [", "not YAML"),
        ("a: 1\na: 2\n", "'a' stands twice"),
        ("", "found None, allowed: a mapping of keys"),
        ("[WTI]", "found ['WTI'], allowed: a mapping of keys"),
    ],
)
def test_where_answers_all_the_same_without_a_usable_configuration(
    own: Path, text: str | None, says: str
) -> None:
    if text is None:
        (own / "forecast.yaml").unlink()
    else:
        (own / "forecast.yaml").write_text(text)
    said = forecast("where")
    assert said.exit_code == 1
    assert f"data            {own}/data (the default: data beside the configuration)" in said.stdout
    assert f"error: {own}/forecast.yaml: " in said.stdout
    assert says in said.stdout


def test_where_tells_newer_tables_elsewhere(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (own / "data").mkdir()
    (own / "data" / "commodity.duckdb").touch()
    monkeypatch.setenv("FORECAST_HOME", str(own / "tables"))
    assert f"warning: {own}/data holds newer tables" in forecast("where").stdout


@pytest.mark.parametrize("arguments", [["status"], ["show", "Sugar"], ["run", "--commodity", "X"]])
def test_commands_say_where_they_work_in_one_line_beside_their_output(
    own: Path, arguments: list[str]
) -> None:
    said = forecast(*arguments)
    line = f"configuration {own}/forecast.yaml, data {own}/data, Dagster's home {own}/.dagster\n"
    assert said.stderr == line
    assert line not in said.stdout
    assert said.output.startswith(line)


def test_a_run_fills_an_empty_file_of_settings_and_says_so(own: Path) -> None:
    (own / ".dagster").mkdir()
    (own / ".dagster" / "dagster.yaml").touch()
    said = forecast("report")
    assert f"note: {own}/.dagster/dagster.yaml was empty and now has the shipped settings" in (
        said.stdout
    )
    assert "run_monitoring" in (own / ".dagster" / "dagster.yaml").read_text()


@pytest.mark.parametrize(
    "arguments", [["run"], ["report"], ["status"], ["prices"], ["landing"], ["show", "Coffee"]]
)
def test_a_data_folder_that_is_a_file_is_one_error_before_anything_runs(
    own: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    (own / "file").touch()
    monkeypatch.setenv("FORECAST_HOME", str(own / "file"))
    said = forecast(*arguments)
    assert said.exit_code == 1
    assert said.stdout == (
        f"error: data folder {own}/file: is a file; FORECAST_HOME names it: set FORECAST_HOME to a"
        " folder that can be made and written\n"
    )
    assert not (own / ".dagster").exists()
    assert f"error: data folder {own}/file: is a file" in forecast("where").stdout


@pytest.mark.parametrize("arguments", [["where"], ["status"], ["prices"], ["landing"]])
def test_commands_that_read_make_nothing(own: Path, arguments: list[str]) -> None:
    before = sorted(own.rglob("*"))
    assert forecast(*arguments).exit_code == 0
    assert sorted(own.rglob("*")) == before


def test_empty_tables_are_no_newer_tables(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    open_store(load_settings()).marks.leave("a run", now())
    monkeypatch.setenv("FORECAST_HOME", str(own / "tables"))
    assert "newer tables" not in forecast("where").stdout
    assert "newer tables" not in forecast("status").stderr


@pytest.mark.parametrize(
    ("arguments", "near"),
    [
        (["run", "--commodity", "Cofee"], "; did you mean Coffee?"),
        (["run", "--commodity", "Coffee", "--commodity", "COFFEE"], "; did you mean Coffee?"),
        (["status", "--commodity", "coffees"], "; did you mean Coffee?"),
        (["show", "Coffe"], "; did you mean Coffee?"),
        (["prices", "reject", "Uranium"], ""),
    ],
)
def test_an_unknown_commodity_is_refused_before_anything_is_made(
    own: Path, arguments: list[str], near: str
) -> None:
    before = sorted(own.rglob("*"))
    said = forecast(*arguments)
    assert said.exit_code == 1
    assert said.stdout.startswith("error: commodity: found ")
    assert said.stdout.endswith(f", allowed: Coffee{near}\n")
    assert sorted(own.rglob("*")) == before
