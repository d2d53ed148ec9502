"""A whole system as a bank would run it, with secrets in its configuration and enemies outside.

It is a folder with a configuration, its data and a Dagster home, on which the project's own
commands run as processes of their own, each watched by the hook.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from forecast_assets_tests.daemons import end_group
from forecast_assets_tests.histories import make_history, write_prices
from forecast_assets_tests.security.watched import environment
from forecast_assets_tests.web import Server

COMMAND_SECONDS = 900

SECRETS = {
    "password of the webhook": "orchid-61f0",
    "path of the webhook": "thistle-9b7c",
    "query of the webhook": "larch-3d2e",
    "password of the artifacts": "maple-77aa",
    "query of the artifacts": "cedar-5c1d",
    "password of the landing folder": "willow-08fe",
}
"""What must be found nowhere but in the configuration. None says of itself that it is a secret."""

CLOSED = "127.0.0.1:9"
"""An address of this machine at which nobody listens."""


@dataclass
class Estate:
    """The folder, the servers that its configuration names, and what the commands said."""

    folder: Path
    webhook: Server
    outside: Server
    said: list[str] = field(default_factory=list)
    failed: dict[str, tuple[int, str]] = field(default_factory=dict)
    """What was wrong, and the exit code and output of a command that met it."""

    @property
    def watched(self) -> Path:
        """Where the hook writes."""
        return self.folder / "watched"

    @property
    def home(self) -> Path:
        """The data folder."""
        return self.folder / "data"

    @property
    def dagster(self) -> Path:
        """Dagster's home."""
        return self.folder / ".dagster"

    @property
    def environment(self) -> dict[str, str]:
        """The environment of its processes."""
        own = {"FORECAST_CONFIG": str(self.folder / "forecast.yaml"), "FORECAST_HOME": ""}
        watched = environment(self.watched)
        return os.environ | own | {"DAGSTER_HOME": "", "MPLCONFIGDIR": ""} | watched

    def configure(self, **keys: Any) -> None:
        """Write the configuration; ``keys`` are added to it."""
        host = self.webhook.url.removeprefix("http://")
        password, path, query = list(SECRETS.values())[:3]
        unit = "<img src=x onerror=window.ran=1>"
        coffee = {"type": "file", "path": "prices/Coffee.csv"}
        tea = {"type": "file", "path": "prices/<script>window.ran=1<*script>.csv"}
        document = {
            "model_version": "v1.0",
            "horizon": 3,
            "paths": 10,
            "training": {"cadence": "quarterly", "start": date(2020, 1, 1)},
            "models": ["naive", "ets", "boosted_quantiles"],
            "commodities": {
                "Coffee": {"unit": unit, "source": coffee},
                "Sugar": {"unit": "USc/lb", "source": {"type": "landing"}},
                "Tea": {"unit": unit, "source": tea},
            },
            "landing": {"settle_seconds": 0, "incomplete_seconds": 0},
            "automation": {"interval_seconds": 1, "attempts": 1},
            "parallel": {"processes": 2},
            "alerts": {"webhook": f"http://desk:{password}@{host}/{path}?key={query}"},
        }
        (self.folder / "forecast.yaml").write_text(yaml.safe_dump(document | keys))

    def fill(self) -> None:
        """Write the prices."""
        write_prices(self.folder / "prices" / "Coffee.csv", make_history(540))

    def drop(self, name: str) -> None:
        """Put a file of Sugar into the landing folder."""
        landing = self.home / "landing"
        landing.mkdir(parents=True, exist_ok=True)
        write_prices(landing / ".new", make_history(540, 2, "Sugar"))
        head, *rows = (landing / ".new").read_text().splitlines()
        said = [f"{head},commodity", *(f"{row},Sugar" for row in rows), ""]
        (landing / ".new").write_text("\n".join(said))
        (landing / ".new").chmod(0o644)  # as a careful deliverer's
        (landing / ".new").rename(landing / name)

    def command(self, *arguments: str) -> int:
        """Run a command of the console script; what it prints is kept."""
        done = subprocess.run(
            [sys.executable, "-m", "forecast_assets.cli", *arguments],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=COMMAND_SECONDS,
            umask=0,
            check=False,
        )
        self.said.append(f"$ forecast {' '.join(arguments)}\n{done.stdout}")
        return done.returncode

    @contextmanager
    def ui(self, port: int) -> Iterator[subprocess.Popen[str]]:
        """``forecast ui``, ready; it ends with the block, and what it printed is kept."""
        log = self.folder / "ui.log"
        with log.open("w") as output:
            process = subprocess.Popen(
                [sys.executable, "-u", "-m", "forecast_assets.cli", "ui", "--port", str(port)],
                cwd=self.folder,
                env=self.environment,
                stdout=output,
                stderr=output,
                text=True,
                start_new_session=True,
                umask=0,
            )
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(COMMAND_SECONDS)
            finally:
                end_group(process)  # type: ignore[arg-type]
                self.said.append(log.read_text())
