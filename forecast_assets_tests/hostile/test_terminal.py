"""Text from outside in a terminal and in notes: every line is shown, and nothing is obeyed."""

import io
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.console import Console
from rich.table import Table

from forecast_assets.boundary import told_of
from forecast_assets.cli.console import cell, write
from forecast_assets.market.reception import note
from forecast_assets_tests.commands import forecast
from forecast_assets_tests.hostile.cases import cases, document, require


def given(case: dict[str, Any]) -> str:
    """The text of a case; one with half a pair is no YAML."""
    if "surrogate" in case:
        return str(case["surrogate"]).replace("%", "\udcff")
    return str(case.get("given", case.get("file")))


@pytest.mark.parametrize("case", cases("terminal"))
def test_a_text_from_outside_is_one_line_that_is_shown_and_not_obeyed(case: dict[str, Any]) -> None:
    screen, text = io.StringIO(), given(case)
    console = Console(file=screen, force_terminal=True, width=200, color_system=None)
    write(console, text)
    table = Table(box=None)
    table.add_column("x", overflow="fold")
    table.add_row(cell(text.replace("\n", "\\n")))
    console.print(table)
    console_lines = screen.getvalue().splitlines()
    assert len(console_lines) == 3
    noted = note(text, "nothing was merged", [], []).splitlines()
    assert len(noted) == 2
    for line in (console_lines[0], console_lines[2], told_of("landing", ValueError(text))):
        assert line.isprintable()
    for line in (console_lines[0], noted[0]):
        require(line, case["message"])
        assert case.get("hidden", "HIDDEN") not in line


@pytest.mark.parametrize("case", [x for x in cases("terminal") if "file" in x.values[0]])
def test_a_file_that_waits_is_listed_in_a_line_of_its_own(
    case: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "forecast.yaml").write_text(yaml.safe_dump(document({})))
    monkeypatch.setenv("FORECAST_CONFIG", str(tmp_path / "forecast.yaml"))
    held = tmp_path / "home" / "landing" / "held"
    held.mkdir(parents=True)
    (held / case["file"]).touch()
    (held / f"{case['file']}.txt").write_text("x:\nwaits: WTI: a close is far away\n")
    said = forecast("landing")
    require(said.stdout, ["WTI: ", *case["message"]])
    assert len(said.stdout.splitlines()) == 1
    assert said.output.replace("\n", "").isprintable()


def test_markup_in_a_unit_is_shown_by_status(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "forecast.yaml").write_text(
        yaml.safe_dump(document({"commodities.WTI.unit": "[/]"}))
    )
    monkeypatch.setenv("FORECAST_CONFIG", str(tmp_path / "forecast.yaml"))
    assert forecast("status").exit_code == 0
