"""Dagster's own programs on an instance of a test's own, each with a code server."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forecast_assets.configuration.settings import Settings
from forecast_assets_tests.graphs import ROOT

STOP_SECONDS = 60

INSTANCE = {
    "telemetry": {"enabled": False},
    "run_coordinator": {
        "module": "dagster.core.run_coordinator",
        "class": "QueuedRunCoordinator",
        "config": {"dequeue_interval_seconds": 1},
    },
}


@dataclass(frozen=True)
class Home:
    """A folder with a configuration, its tables, and a Dagster instance."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        return {
            "DAGSTER_HOME": str(self.folder / "dagster"),
            "FORECAST_CONFIG": str(self.folder / "forecast.yaml"),
            "FORECAST_HOME": str(self.folder / "home"),
        }

    @property
    def settings(self) -> Settings:
        return Settings.load(self.folder / "forecast.yaml")


def within(seconds: float, what: str, ask: Callable[[], Any], pause: float = 0.5) -> Any:
    """The first answer that is not empty; TimeoutError when there is none in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if answer := ask():
            return answer
        time.sleep(pause)
    raise TimeoutError(f"{what}: not within {seconds:g} s")


@contextmanager
def program(
    folder: Path, environment: Mapping[str, str], module: str, *arguments: str
) -> Iterator[subprocess.Popen[bytes]]:
    """A program on an instance, its log in ``folder``; it ends with all its children."""
    process = start(folder, environment, module, *arguments)
    try:
        yield process
    finally:
        end_group(process)


def start(
    folder: Path, environment: Mapping[str, str], module: str, *arguments: str
) -> subprocess.Popen[bytes]:
    """Start a program in a process group of its own, with a code server as ``preloaded`` has it."""
    command = [sys.executable, "-m", "forecast_assets_tests.preloaded", module, *arguments]
    with (folder / f"{module}.log").open("ab") as log:
        return subprocess.Popen(
            command,
            env=os.environ | dict(environment) | {"PYTHONPATH": str(ROOT)},
            cwd=folder,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def end_group(process: subprocess.Popen[bytes]) -> None:
    """End a program and its code servers and runs: politely, then for certain."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(STOP_SECONDS)


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill a program and its code servers and runs, in the middle of whatever they do."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(STOP_SECONDS)
