"""Broken places: every command over them says what is wrong in a line, and ends with 1."""

import errno
import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from forecast_assets.cli.console import UNEXPECTED
from forecast_assets.configuration import home
from forecast_assets.configuration.settings import load_settings
from forecast_assets.store.opening import open_store
from forecast_assets.timeline.clock import now
from forecast_assets_tests.commands import forecast
from forecast_assets_tests.hostile.cases import LONGEST_SECONDS, VALID, cases, require


def put(what: dict[str, Any], path: Path) -> None:
    """What a case has at a path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    match what:
        case {"hex": digits}:
            path.write_bytes(bytes.fromhex(digits))
        case {"text": text}:
            path.write_text(text)
        case {"link": target}:
            path.symlink_to(path.parent / target)
        case {"folder": _}:
            path.mkdir()
        case {"pipe": _}:
            os.mkfifo(path)
        case {"ours": statements}:
            open_store(load_settings()).marks.leave("a run", now())
            execute(duckdb.connect(path), statements)
        case {"duckdb": statements}:
            execute(duckdb.connect(path), statements)
        case {"sqlite": statements}:
            execute(sqlite3.connect(path), statements)
    if "cut" in what:
        os.truncate(path, what["cut"])


def execute(connection: Any, statements: list[str]) -> None:
    with closing(connection):
        for statement in statements:
            connection.execute(statement)


def fill(monkeypatch: pytest.MonkeyPatch, full: Path) -> None:
    """Have no room for a file in a folder."""

    def require_room(folder: Path) -> None:
        if folder == full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))

    monkeypatch.setattr(home, "_require_room", require_room)


@pytest.mark.parametrize("case", cases("environment"))
def test_each_command_over_a_broken_place_says_so_and_ends_with_1(
    case: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "forecast.yaml").write_text(yaml.safe_dump(VALID))
    monkeypatch.setenv("FORECAST_CONFIG", str(tmp_path / "forecast.yaml"))
    for name, what in case.get("put", {}).items():
        put(what, tmp_path / name)
    for variable, value in case.get("variables", {}).items():
        written = value.replace("{5000 letters}", "x" * 5000).replace("{folder}", str(tmp_path))
        monkeypatch.setenv(variable, written)
    if "full" in case:
        fill(monkeypatch, tmp_path / case["full"])
    for command in case["commands"]:
        began = time.monotonic()
        done = forecast(*command)
        assert done.exit_code == 1, (command, done.output)
        assert time.monotonic() - began < LONGEST_SECONDS
        require(done.stdout, case["message"])
        assert UNEXPECTED not in done.output
        assert done.output.replace("\n", "").isprintable()
