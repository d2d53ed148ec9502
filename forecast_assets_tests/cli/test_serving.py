"""``forecast ui`` as a user starts it: from another folder, over what ``forecast run`` wrote."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path

import pytest
import yaml

from forecast_assets.cli import serving
from forecast_assets.cli.serving import (
    UNGUARDED,
    Address,
    end,
    only_one,
    stopped_by_signals,
    workspace,
)
from forecast_assets.configuration.home import Places
from forecast_assets.errors import ConfigurationError
from forecast_assets_tests.commands import forecast
from forecast_assets_tests.daemons import kill_group, within
from forecast_assets_tests.graphs import ROOT
from forecast_assets_tests.histories import make_history, write_prices
from forecast_assets_tests.web import asked, free_port

pytestmark = pytest.mark.long

READY_SECONDS, END_SECONDS = 600.0, 300.0

STATES = """
query States {
  assetNodes { assetKey { path } partitionStats { numMaterialized numFailed } }
}
"""

LOCATIONS = """
query Locations {
  workspaceOrError { ... on Workspace { locationEntries { name loadStatus
    locationOrLoadError { __typename } } } }
}
"""

TELEMETRY = "query Telemetry { shouldShowNux }"


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a configuration and prices; commands run in another one, with decoys in it."""
    folder = tmp_path / "own"
    write_prices(folder / "prices" / "Coffee.csv", make_history(530))
    document = {
        "model_version": "v1.0",
        "horizon": 3,
        "paths": 5,
        "training": {"cadence": "quarterly", "start": date(2020, 1, 1)},
        "models": ["naive"],
        "commodities": {
            "Coffee": {"unit": "USc/lb", "source": {"type": "file", "path": "prices/Coffee.csv"}}
        },
        "parallel": {"processes": 1},
    }
    (folder / "forecast.yaml").write_text(yaml.safe_dump(document))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / ".env").write_text("FORECAST_CONFIG=/nowhere.yaml\nDAGSTER_HOME=/nowhere\n")
    (elsewhere / "dagster.yaml").write_text("telemetry: {enabled: true}\n")
    monkeypatch.chdir(elsewhere)
    monkeypatch.setenv("FORECAST_CONFIG", "../own/forecast.yaml")
    monkeypatch.delenv("FORECAST_HOME")
    monkeypatch.delenv("DAGSTER_HOME")
    return folder


@contextmanager
def started(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """The console script, its output in a pipe; nothing of it is left after the block."""
    with subprocess.Popen(
        [sys.executable, "-u", "-m", "forecast_assets.cli", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait(END_SECONDS)


def children_of(home: Path) -> list[int]:
    """Processes that work in a Dagster home, as Linux tells it."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (process / "cwd").readlink() == home:
                found.append(int(process.name))
    return found


def read_until(process: subprocess.Popen[str], words: str) -> str:
    """What a program says up to a line that begins with some words."""
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if line.startswith(words):
            return said
    raise AssertionError(f"it ended without {words!r}: {said}")


def test_the_ui_shows_what_a_run_made_and_ends_with_all_it_started(own: Path) -> None:
    run = forecast("run")
    assert run.exit_code == 0, run.output
    port = free_port()
    with started("ui", "--port", str(port)) as ui:
        said = read_until(ui, "Ready: ")
        assert f"Ready: http://localhost:{port}" in said
        assert f"configuration {own}/forecast.yaml, data {own}/data" in said
        assert "SupersessionWarning" not in said
        states = within(READY_SECONDS, "the graph", lambda: asked(port, STATES)["assetNodes"])
        made = {
            state["assetKey"]["path"][0]: state["partitionStats"]["numMaterialized"]
            for state in states
            if state["partitionStats"]
        }
        assert made == {
            "prices": 1,
            "features": 1,
            "trained_models": 1,
            "distributions": 1,
            "scores": 1,
        }
        (location,) = asked(port, LOCATIONS)["workspaceOrError"]["locationEntries"]
        assert location["name"] == "forecast_assets"
        assert location["locationOrLoadError"]["__typename"] == "RepositoryLocation"
        assert asked(port, TELEMETRY)["shouldShowNux"] is False
        staying = children_of(own / ".dagster")
        assert len(staying) >= 3
        assert b"MALLOC_ARENA_MAX=1" in Path(f"/proc/{staying[0]}/environ").read_bytes()
        second = forecast("ui", "--port", str(free_port()))
        assert second.exit_code == 1
        assert "a `forecast ui` over this home is running already" in second.output
        ui.send_signal(signal.SIGINT)
        output, _ = ui.communicate(timeout=END_SECONDS)
        assert ui.returncode == 0, output
    assert children_of(own / ".dagster") == []


def test_a_ui_whose_programs_die_says_so_and_leaves_none(own: Path) -> None:
    with started("ui", "--port", str(free_port())) as ui:
        read_until(ui, "Starting Dagster")
        (leader, *_) = within(READY_SECONDS, "dagster dev", lambda: children_of(own / ".dagster"))
        os.kill(os.getpgid(leader), signal.SIGKILL)
        output, _ = ui.communicate(timeout=END_SECONDS)
    assert ui.returncode == 1
    assert "Dagster's programs ended by themselves, with -9" in output
    assert children_of(own / ".dagster") == []


def test_a_port_that_is_taken_is_told_before_anything_is_started(own: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"127.0.0.1:{port}: .*--port or --host"):
            Address("127.0.0.1", port).require_free()
    Address("127.0.0.1", port).require_free()


@pytest.mark.parametrize("host", ["256.1.1.1", "nowhere.invalid", "203.0.113.7"])
def test_an_address_of_no_machine_is_told(host: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot listen on"):
        Address(host, 3000).require_free()


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://localhost:3000"),
        ("0.0.0.0", "http://localhost:3000"),  # noqa: S104 - a name only
        ("forecasts.example", "http://forecasts.example:3000"),
        ("::1", "http://[::1]:3000"),
    ],
)
def test_an_address_has_the_url_that_a_browser_opens(host: str, url: str) -> None:
    assert Address(host, 3000).url == url


@pytest.mark.parametrize(
    ("host", "is_local"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),  # noqa: S104 - a name only
        ("::", False),
        ("10.1.2.3", False),
        ("forecasts.example", False),
    ],
)
def test_an_address_that_others_reach_is_warned_of(host: str, is_local: bool) -> None:
    assert Address(host, 3000).is_local == is_local
    assert Address(host, 3000).warnings == ([] if is_local else [UNGUARDED])


@pytest.mark.parametrize(("host", "warned"), [("0.0.0.0", 1), ("127.0.0.1", 0)])  # noqa: S104 - a name only
def test_who_starts_the_ui_reads_that_others_reach_it(
    own: Path, monkeypatch: pytest.MonkeyPatch, host: str, warned: int
) -> None:
    @contextmanager
    def programs(*_: object) -> Iterator[None]:
        yield

    monkeypatch.setattr(serving, "programs", programs)
    monkeypatch.setattr(serving, "watch", lambda *_, **__: None)
    done = forecast("ui", "--host", host, "--port", str(free_port()))
    assert done.exit_code == 0
    assert done.output.count(UNGUARDED) == warned


def test_one_ui_holds_a_home_until_it_ends(own: Path) -> None:
    places = Places.here()
    places.prepare()
    first = only_one(places)
    with first, pytest.raises(ConfigurationError, match="running already"), only_one(places):
        raise AssertionError
    with only_one(places):
        assert Places.here() == places


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_each_signal_that_ends_a_program_interrupts_and_is_given_back(number: int) -> None:
    ours = signal.signal(number, signal.default_int_handler)  # one that nohup ignores would stay
    try:
        with stopped_by_signals(), pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
        assert signal.getsignal(number) is signal.default_int_handler
    finally:
        signal.signal(number, ours)


def test_a_program_that_does_not_listen_is_killed_with_what_it_started(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("forecast_assets.cli.serving.STOP_SECONDS", 0.5)
    deaf = (
        "import signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        f"open({str(tmp_path / 'child')!r}, 'w').write(str(child.pid))\n"
        "time.sleep(600)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", deaf], start_new_session=True)
    try:
        within(READY_SECONDS, "the child", lambda: (tmp_path / "child").exists())
        end(process)
        assert process.returncode == -signal.SIGKILL
    finally:
        kill_group(process)


def test_the_shipped_workspace_names_the_graph_from_any_folder() -> None:
    assert (ROOT / "workspace.yaml").read_text() == workspace().read_text()
    (entry,) = yaml.safe_load(workspace().read_text())["load_from"]
    assert entry == {
        "python_module": {
            "module_name": "forecast_assets.definitions",
            "location_name": "forecast_assets",
        }
    }
