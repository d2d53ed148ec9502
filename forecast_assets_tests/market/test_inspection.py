"""What ``forecast inspect`` says of a file, and the section that it prints: pasted, it reads it."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from forecast_assets.cli import app
from forecast_assets.configuration.commodities import FileSource
from forecast_assets.market.inspection import Inspection, inspect_file, name_of
from forecast_assets.market.sources import read_files
from forecast_assets_tests.vendors import VENDORS

TODAY = date(2026, 11, 25)


def inspected(folder: Path, text: str, keys: dict[str, Any] | None = None) -> Inspection:
    path = folder / "Gold [1].csv"
    path.write_bytes(text.encode())
    return inspect_file(path, keys or {}, "Gold", folder, TODAY)


@pytest.mark.parametrize("vendor", list(VENDORS))
def test_the_section_pasted_reads_the_file_alike(tmp_path: Path, vendor: str) -> None:
    found = inspected(tmp_path, VENDORS[vendor])
    assert found.refusal == ""
    section = yaml.safe_load(found.section)["commodities"]["Gold"]
    source = FileSource.model_validate(section["source"])
    prices = read_files("Gold", source, tmp_path, TODAY).prices
    plain = FileSource(type="file", path="*.csv")
    assert prices.equals(read_files("Gold", plain, tmp_path, TODAY).prices)
    assert dict(found.facts)["prices"] == "2, 2026-11-23 to 2026-11-24"


def test_the_section_says_what_was_recognised_and_no_more(tmp_path: Path) -> None:
    text = "Datum;Schluss;Notiz\n23.11.2026;4.090,50;a\n24.11.2026;4.102,75;b\n"
    found = inspected(tmp_path, text)
    assert yaml.safe_load(found.section) == {
        "commodities": {
            "Gold": {
                "unit": "USD",
                "source": {
                    "type": "file",
                    "path": "Gold [[]1].csv",
                    "columns": {"date": "Datum", "close": "Schluss"},
                    "date_format": "%d.%m.%Y",
                    "delimiter": ";",
                    "decimal": ",",
                    "thousands": ".",
                },
            }
        }
    }
    assert found.strange == ["columns that are not read: notiz"]
    assert found.ends["close"].tolist() == ["4090.50", "4102.75"]
    own = yaml.safe_load(inspected(tmp_path, "date,close\n2026-11-23,1.5\n").section)
    assert own["commodities"]["Gold"]["source"] == {"type": "file", "path": "Gold [[]1].csv"}


def test_a_doubt_shows_the_first_lines_and_what_was_understood_so_far(tmp_path: Path) -> None:
    text = "Day;Price\n3/4/2026;1,5\n4/4/2026;1,6\n"
    found = inspected(tmp_path, text)
    assert "set commodities.Gold.source.date_format" in found.refusal
    assert found.section == ""
    assert dict(found.facts)["delimiter"] == ";"
    assert found.strange[:2] == ["line 1: Day;Price", "line 2: 3/4/2026;1,5"]
    settled = inspected(tmp_path, text, {"date_format": "%d/%m/%Y"})
    assert dict(settled.facts)["prices"] == "2, 2026-04-03 to 2026-04-04"
    assert "date_format: '%d/%m/%Y'" in settled.section


@pytest.mark.parametrize("start", [b"\x89PNG\r\n\x1a\n", b"PK\x03\x04", b"\x00\x01\x02\x03"])
def test_nothing_is_shown_of_a_file_that_is_no_text(tmp_path: Path, start: bytes) -> None:
    path = tmp_path / "gold.csv"
    path.write_bytes(start + bytes(range(256)) * 20)
    found = inspect_file(path, {}, "Gold", tmp_path, TODAY)
    assert (found.strange, found.section) == ([], "")
    assert found.refusal.startswith("gold.csv is ")
    assert "encoding" not in found.refusal


def test_the_command_prints_the_section_and_exits_with_one_for_a_doubt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FORECAST_CONFIG", str(tmp_path / "forecast.yaml"))
    runner = CliRunner()
    (tmp_path / "a\x1b[31m.csv").write_text(VENDORS["excel in German"])
    shown = runner.invoke(app, ["inspect", "a\x1b[31m.csv", "--commodity", "Gold"])
    assert shown.exit_code == 0
    assert "\x1b" not in shown.output
    assert "    source:\n      type: file\n" in shown.output
    (tmp_path / "b.csv").write_text("Day,Price\n3/4/2026,1.5\n")
    refused = runner.invoke(app, ["inspect", "b.csv"])
    assert refused.exit_code == 1
    assert "set commodities.b.source.date_format" in refused.output
    settled = runner.invoke(app, ["inspect", "b.csv", "--set", "date_format=%d/%m/%Y"])
    assert settled.exit_code == 0
    for arguments, said in (
        (["inspect", "none.csv"], "there is no such file"),
        (["inspect", "b.csv", "--set", "decimal"], "allowed: KEY=VALUE"),
        (["inspect", "b.csv", "--set", "colour=red"], "colour"),
        (["inspect", "b.csv", "--format", "mine"], "format: Input should be 'investing'"),
    ):
        told = runner.invoke(app, arguments)
        assert (told.exit_code, said in told.output) == (1, True)


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ("22-sty-2026,1.5", "export the file with numbers for months"),
        ("2026-11-20,soon", "not a finite number"),
        ("2026-02-30,1.5", "not a date written YYYY-MM-DD"),
    ],
)
def test_rows_that_a_run_would_refuse_are_an_error_beside_the_section(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bad: str, says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FORECAST_CONFIG", str(tmp_path / "forecast.yaml"))
    good = "date,close\n2026-11-23,1.5\n2026-11-24,1.6\n"
    (tmp_path / "some.csv").write_text(f"{good}{bad}\n")
    (tmp_path / "most.csv").write_text(good + f"{bad}\n" * 5)
    some = CliRunner().invoke(app, ["inspect", "some.csv"])
    assert some.exit_code == 1
    assert "some.csv, line 4, column " in some.output
    assert says in some.output
    assert "A run takes the other rows, and fails until these are mended." in some.output
    assert "    source:\n      type: file\n" in some.output
    most = CliRunner().invoke(app, ["inspect", "most.csv"])
    assert most.exit_code == 1
    assert "most.csv, lines 4 to 8, column " in most.output
    assert "refused: most: 5 rows cannot be read, 2 can" in most.output
    assert "source:" not in most.output


@pytest.mark.parametrize(
    ("step", "says"), [(7, "one price a week"), (30, "one price a month"), (91, "a quarter")]
)
def test_a_series_that_a_run_would_refuse_has_no_section(
    tmp_path: Path, step: int, says: str
) -> None:
    days = [date(2020, 1, 6) + timedelta(step * place) for place in range(24)]
    text = "\n".join(["date,close", *(f"{day},{60 + day.month}" for day in days)])
    found = inspected(tmp_path, text)
    assert says in found.refusal
    assert found.section == ""


@pytest.mark.parametrize("close", ["(90.77)", "-90.77", "0"])
def test_closes_at_or_below_zero_are_strange(tmp_path: Path, close: str) -> None:
    days = [f"2026-11-{day}" for day in (16, 17, 18, 19, 20, 23)]
    rows = [f"{day},{close if day.endswith('19') else 90.5}" for day in days]
    found = inspected(tmp_path, "\n".join(["Date,Price", *rows]))
    value = 0.0 if close == "0" else -90.77
    assert (found.refusal, found.refused) == ("", [])
    assert any(
        note.startswith("strange closes: ") and f"2026-11-19: {value:g} after 90.5" in note
        for note in found.strange
    )


def test_a_name_is_made_of_a_files() -> None:
    assert name_of(Path("CL=F daily.csv")) == "CL_F_daily"
    assert name_of(Path("_gold_.csv")) == "gold"
    assert name_of(Path("日.csv")) == "NAME"
