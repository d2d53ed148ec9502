"""What a trading day costs: ten commodities, six models, one new session for each in one file.

``python -m benchmarks.tick``: a real daemon, from the drop of the file to the report that holds
the new forecasts, with all waiting between. Its peer is ``forecast run`` on a copy of the same
tables: the same work, asked for by hand. About six minutes, most of them for the models before.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import yaml
from rich.console import Console

from forecast_assets.cli.serving import workspace
from forecast_assets.configuration.home import Places

ROOT = Path(__file__).parent.parent
COMMODITIES = [f"Commodity{place}" for place in range(10)]
MODELS = ["naive", "arima_auto", "ets", "garch", "reverting_volatility", "ensemble"]
SETTINGS = {
    "model_version": "bench",
    "training": {"cadence": "semiannually", "start": "2025-07-01"},
    "models": MODELS,
    "commodities": {name: {"unit": "USD", "source": {"type": "landing"}} for name in COMMODITIES},
}
PATIENCE = 900
"""Seconds until a report must be there."""


def closes() -> pd.DataFrame:
    """Ten drawn walks of ten years, a column each."""
    days = pd.bdate_range("2016-01-01", "2026-03-31", name="date")
    moves = 0.015 * np.random.default_rng(1).standard_normal((len(days), len(COMMODITIES)))
    return pd.DataFrame(80 * np.exp(moves.cumsum(axis=0)), days, COMMODITIES).round(4)


def site(folder: Path) -> dict[str, str]:
    """A configuration and an instance in a folder; the environment that points to them."""
    folder.mkdir(parents=True, exist_ok=True)
    places = Places(folder / "forecast.yaml", folder / "home", folder / "dagster")
    places.configuration.write_text(yaml.safe_dump(SETTINGS, sort_keys=False))
    places.prepare()
    return os.environ | places.environment


def drop(table: pd.DataFrame, folder: Path) -> float:
    """A whole file, at once, in the landing folder; when."""
    landing = folder / "home" / "landing"
    landing.mkdir(parents=True, exist_ok=True)
    table.to_csv(folder / "whole.csv")
    (folder / "whole.csv").replace(landing / f"to_{table.index[-1]:%Y%m%d}.csv")
    return time.time()


@contextmanager
def daemon(environment: Mapping[str, str], log: Path) -> Iterator[None]:
    """The Dagster daemon, until the block ends."""
    command = [sys.executable, "-m", "dagster._daemon", "run", "-w", str(workspace())]
    with log.open("w") as out:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=out, stderr=out)  # noqa: S603 - our own
        try:
            yield
        finally:
            process.terminate()
            process.wait(60)


def reported_after(moment: float, report: Path) -> float:
    """When the report was written that is newer than a moment.

    Raises:
        TimeoutError: None was written.
    """
    while time.time() < moment + PATIENCE:
        if report.exists() and report.stat().st_mtime > moment:
            return report.stat().st_mtime
        time.sleep(0.2)
    raise TimeoutError(f"no report within {PATIENCE} s")


def by_hand(environment: Mapping[str, str]) -> float:
    """Seconds that ``forecast run`` takes."""
    began = time.perf_counter()
    forecast = Path(sys.executable).with_name("forecast")
    subprocess.run([forecast, "run"], env=environment, check=True, capture_output=True)  # noqa: S603 - our own
    return time.perf_counter() - began


def main() -> None:
    """Bring ten commodities up to date, then time one more day, both ways."""
    table = closes()
    with TemporaryDirectory() as temporary:
        folder, copied = Path(temporary) / "daemon", Path(temporary) / "by_hand"
        environment = site(folder)
        drop(table[:-1], folder)
        by_hand(environment)
        shutil.copytree(folder / "home", copied / "home")
        with daemon(environment, folder / "daemon.log"):
            time.sleep(30)  # it has loaded the graph and looked around
            dropped = drop(table[-1:], folder)
            ticked = reported_after(dropped, folder / "home" / "report.html") - dropped
        mine = site(copied)
        drop(table[-1:], copied)
        peer = by_hand(mine)
    Console().print(
        f"{len(COMMODITIES)} commodities x {len(MODELS)} models, one new day:"
        f" {ticked:.1f} s from the drop to the report; forecast run by hand {peer:.1f} s;"
        f" ratio {ticked / peer:.2f}"
    )


if __name__ == "__main__":
    main()
