"""The whole backfill of a commodity, against the least that it could cost.

``python -m benchmarks.backfill``: ``forecast run`` on the embedded sample of WTI, in a process of
its own, from a folder without tables to the written report. Its peers, on the same machine right
after it: the fits alone, on all cores; numpy drawing as many normals; and one connection that
inserts the same rows into a table. It prints what each stage took, and how busy each core was.

``--program`` names another release's ``forecast``. Nothing else should run on the machine.
"""

import argparse
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from tempfile import TemporaryDirectory

import duckdb
import numpy as np
import pyarrow as pa
import yaml
from dagster import DagsterInstance
from rich.console import Console
from rich.table import Table

from benchmarks.paths import best
from forecast_assets.configuration.commodities import SampleSource
from forecast_assets.configuration.home import Places
from forecast_assets.configuration.settings import Settings
from forecast_assets.forecast.parallel import Processes
from forecast_assets.forecast.training import WindowToTrain, train
from forecast_assets.market.sources import read_source
from forecast_assets.timeline.history import History
from forecast_assets.timeline.sessions import FROM_DATA

SETTINGS = {
    "model_version": "v1.0",
    "horizon": 14,
    "paths": 2000,
    "training": {"cadence": "semiannually", "start": "2012-01-01", "min_observations": 500},
    "models": ["naive", "arima_auto", "ets", "garch", "reverting_volatility", "ensemble"],
    "commodities": {"WTI": {"unit": "USD/bbl", "source": {"type": "sample", "name": "wti"}}},
}


@dataclass
class Busy:
    """How busy each core was, as the system counts it, from moment to moment."""

    moments: list[float] = field(default_factory=list)
    idle: list[list[float]] = field(default_factory=list)

    def look(self) -> None:
        """Note the seconds that each core has been idle."""
        lines = Path("/proc/stat").read_text().splitlines()
        cores = [line.split() for line in lines if line[:3] == "cpu" and line[3].isdigit()]
        self.moments.append(time.time())
        self.idle.append(
            [(int(each[4]) + int(each[5])) / os.sysconf("SC_CLK_TCK") for each in cores]
        )

    def share(self, first: float, last: float) -> list[float]:
        """The share of a time in which each core was busy."""
        idle = np.array(self.idle)
        at = [[np.interp(x, self.moments, core) for core in idle.T] for x in (first, last)]
        return [1 - (end - begin) / (last - first) for begin, end in zip(*at, strict=True)]


@contextmanager
def watched() -> Iterator[Busy]:
    """Look at the cores five times a second until the block ends."""
    busy, over = Busy(), threading.Event()

    def watch() -> None:
        while not over.wait(0.2):
            busy.look()

    busy.look()
    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield busy
    finally:
        over.set()
        watcher.join()
        busy.look()


@dataclass(frozen=True)
class Stage:
    """A part of the backfill: when it began and ended, in seconds since 1970."""

    name: str
    begin: float
    end: float


def stages(home: Path) -> list[Stage]:
    """The steps of all runs in a Dagster home, in their order."""
    with DagsterInstance.from_config(str(home)) as instance:
        found = [
            Stage(step.step_key, step.start_time, step.end_time)
            for run in instance.get_runs()
            for step in instance.get_run_step_stats(run.run_id)
            if step.start_time and step.end_time
        ]
    return sorted(found, key=lambda each: each.begin)


def backfill(program: Sequence[str], folder: Path) -> tuple[Stage, Busy]:
    """The main job in a process of its own; prints what it prints if it fails."""
    places = Places(folder / "forecast.yaml", folder / "home", folder / "dagster")
    places.configuration.write_text(yaml.safe_dump(SETTINGS, sort_keys=False))
    environment = os.environ | places.environment
    with watched() as busy:
        begin = time.time()
        ran = subprocess.run(  # noqa: S603 - the project's own program
            [*program, "run"], env=environment, cwd=folder, capture_output=True, text=True
        )
        whole = Stage("the whole backfill", begin, time.time())
    if ran.returncode:
        raise RuntimeError(ran.stdout + ran.stderr)
    return whole, busy


def fits(folder: Path) -> float:
    """Seconds of the fits alone, on all cores."""
    settings = Settings.load(folder / "forecast.yaml")
    source = settings.commodity("WTI").source
    assert isinstance(source, SampleSource)  # noqa: S101 - SETTINGS says so
    prices = read_source("WTI", source, folder, datetime.now(UTC).date()).prices
    history = History("WTI", prices["date"].to_numpy("datetime64[D]"), prices["close"].to_numpy())
    windows = [each for each in settings.windows.of("WTI") if each.origins(history, FROM_DATA)]
    requests = [WindowToTrain(window, history) for window in windows]
    return best(lambda: list(train(settings, requests, Processes(settings.parallel))), 1)


def normals(n_paths: int) -> float:
    """Seconds in which numpy draws the moves of so many paths, a window at a time."""
    shocks = np.empty((125, 14, 2000), dtype=np.float32)
    random = np.random.default_rng(0)

    def drawn() -> None:
        for _ in range(round(n_paths / (125 * 2000))):
            random.standard_normal(dtype=np.float32, out=shocks)

    return best(drawn, 1)


def inserted(folder: Path) -> tuple[int, float]:
    """The number of rows of paths, and in how many seconds one connection inserts them."""
    seconds, rows = 0.0, 0
    (file,) = (folder / "home").glob("*.duckdb")
    with duckdb.connect(file, read_only=True) as tables, duckdb.connect(folder / "bare") as bare:
        dates = tables.sql("SELECT DISTINCT training_date FROM forecast.distributions").fetchall()
        bare.register("paths", tables.sql("FROM forecast.distributions LIMIT 0").to_arrow_table())
        bare.execute("CREATE TABLE kept AS FROM paths")
        for date in sorted(dates):
            window: pa.Table = tables.execute(
                "FROM forecast.distributions WHERE training_date = ?", date
            ).to_arrow_table()
            rows += len(window)
            bare.register("paths", window)
            seconds += best(lambda: bare.execute("INSERT INTO kept SELECT * FROM paths"), 1)
        seconds += best(bare.close, 1)
    return rows, seconds


def main() -> None:
    """Run the backfill and its peers, and print both."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--program", default=f"{Path(sys.executable).with_name('forecast')}")
    asked = parser.parse_args()
    with TemporaryDirectory() as name:
        folder = Path(name)
        whole, busy = backfill([asked.program], folder)
        usage = getrusage(RUSAGE_CHILDREN)
        parts = stages(folder / "dagster")
        rows, insert = inserted(folder)
        fit, draw = fits(folder), normals(rows)
    console = Console(width=100)
    table = Table("stage", "seconds", "from", *(f"core {x}" for x in range(len(busy.idle[0]))))
    for each in [*parts, whole]:
        shares = busy.share(each.begin, each.end)
        row = [f"{each.end - each.begin:.1f}", f"{each.begin - whole.begin:.1f}"]
        table.add_row(each.name, *row, *(f"{share:.0%}" for share in shares))
    console.print(table)
    took = whole.end - whole.begin
    console.print(
        f"{rows:,} rows of paths; CPU {usage.ru_utime + usage.ru_stime:.0f} s; largest process"
        f" {usage.ru_maxrss / 1024:.0f} MB\n"
        f"fits alone {fit:.1f} s, normals {draw:.1f} s, bare insert {insert:.1f} s\n"
        f"the backfill takes {took:.1f} s: {took / (fit + draw + insert):.2f} times all three, and"
        f" {(took - fit) / (draw + insert):.2f} times normals and insert beside the fits"
    )


if __name__ == "__main__":
    main()
