"""The units of systemd in ``deploy``: systemd takes them, and what they start does its work."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from forecast_assets.store.reader import Reader
from forecast_assets_tests import units
from forecast_assets_tests.graphs import ROOT, MakeGraph, load

pytestmark = pytest.mark.engine

FOLDERS = ["one_machine", "several_machines"]

LONGEST_SECONDS = 300


def test_systemd_takes_the_units(tmp_path: Path) -> None:
    for name in FOLDERS:
        folder = tmp_path / name
        folder.mkdir()
        for unit in sorted((units.DEPLOY / name).glob("forecast*.*")):
            if unit.suffix in (".service", ".timer"):
                instance = "1" if "@" in unit.name else ""
                (folder / unit.name).write_text(units.placed(unit, folder, instance))
        found = sorted(folder.iterdir())
        assert len(found) >= 3
        asked = ["systemd-analyze", "verify", *map(str, found)]
        said = subprocess.run(asked, capture_output=True, text=True, timeout=LONGEST_SECONDS)
        assert (said.returncode, said.stderr) == (0, "")


def test_the_backup_is_a_whole_copy_and_replaces_the_one_before(
    make_graph: MakeGraph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = make_graph()
    load(graph)
    kept, data = tmp_path / "backups", graph.settings.home
    kept.mkdir()
    (data / "artifacts").mkdir()
    (data / "artifacts" / "large.json").write_text("{}")
    unit = units.DEPLOY / "one_machine" / "forecast-backup.service"
    text = units.placed(unit, graph.settings.folder)
    text = text.replace("/var/lib/forecast/data", str(data)).replace(
        "/var/backups/forecast", str(kept)
    )
    monkeypatch.setenv("FORECAST_CONFIG", str(graph.settings.folder / "forecast.yaml"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    for _ in range(2):
        for command in units.said(text, "ExecStart"):
            program, *arguments = command.split()
            assert shutil.which(program), program
            subprocess.run(
                [program, *arguments], check=True, env=os.environ, timeout=LONGEST_SECONDS
            )
    assert sorted(each.name for each in kept.glob("[!.]*")) == ["artifacts", "commodity.duckdb"]
    assert (kept / "artifacts" / "large.json").read_text() == "{}"
    history = Reader(kept / "commodity.duckdb").prices("Coffee")
    assert history.fingerprint == graph.store.prices.history("Coffee").fingerprint
