"""The engines beside each other: a backfill, a day, and what a reader asks; their times and bytes.

``python -m benchmarks.engines``: the same rows are stored by the embedded engine, as Delta Lake in
a folder, and as Delta Lake on SeaweedFS over loopback, for one commodity and for more. What is
measured is the engine alone: forecasts are made up. Seconds of the wall clock, the median of
several; ratios are to the embedded engine in the same run. Some minutes; needs the extra
``engines``.
"""

import argparse
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import pyarrow as pa
from rich.console import Console
from rich.table import Table

from forecast_assets.forecast.points import in_order, points_of
from forecast_assets.forecast.records import Draw, WindowChange, Written
from forecast_assets.store.contract import Store
from forecast_assets.store.opening import open_tables
from forecast_assets.store.reader import Reader
from forecast_assets.store.tables import tables
from forecast_assets_tests.records import model
from forecast_assets_tests.seaweed import BUCKET, seaweed

HORIZON, PATHS, MODELS = 14, 2000, 2

AT = datetime(2024, 1, 2)  # noqa: DTZ001 - the tables keep UTC without a zone

REPETITIONS = 5

VERSION = "v1.0"


@dataclass(frozen=True)
class Place:
    """Where an engine keeps its tables. ``address``: a file, or a URL."""

    engine: str
    address: str

    def opened(self) -> Store:
        """The tables."""
        return open_tables(self.address, HORIZON, "1GB", 120.0)

    def reader(self) -> Reader:
        """The reader of other programs."""
        return Reader(self.address if "://" in self.address else Path(self.address))


def draws(commodity: str, days: Sequence[date], training: date) -> list[Draw]:
    """Made-up forecasts by some models: walks of 2,000 paths."""
    found = []
    for number in range(MODELS):
        seed = [training.toordinal(), days[0].toordinal(), number]
        steps = np.random.default_rng(seed).standard_normal((len(days), PATHS, HORIZON)) * 0.02
        paths = (70 * np.exp(np.cumsum(steps, axis=2))).astype(np.float32)
        row = replace(
            model(f"model_{number}"),
            commodity=commodity,
            training_date=training,
            training_end_date=training - timedelta(days=1),
            created_at=AT,
            model_id=f"{commodity}_model_{number}_{training}_{VERSION}",
        )
        starts = [day + timedelta(days=1) for day in days]
        closes = [70.0] * len(days)
        points = points_of(in_order(paths))
        found.append(Draw(row, list(days), starts, ["print"] * len(days), closes, paths, points))
    return found


def sessions(windows: int) -> list[list[date]]:
    """The cutoffs of half-yearly windows, some 130 each."""
    days = pd.bdate_range("2015-01-01", periods=130 * windows)
    return [[day.date() for day in days[130 * k : 130 * (k + 1)]] for k in range(windows)]


def commodities(count: int) -> list[str]:
    """The names of some commodities."""
    return [f"Commodity_{number:02d}" for number in range(count)]


def store_window(store: Store, commodity: str, days: Sequence[date], training: date) -> None:
    """Write forecasts of a window, and its models."""
    drawn = draws(commodity, days, training)
    written = Written(commodity, VERSION, training, AT, "bench")
    store.models.append(written, [each.model for each in drawn], [])
    store.paths.apply(written, WindowChange(drawn))


@contextmanager
def places(folder: Path) -> Iterator[list[Place]]:
    """The engines, each with tables of its own in an empty folder."""
    (folder / "s3").mkdir()
    with seaweed(folder / "s3") as server:
        os.environ.update(server.environment)
        yield [
            Place("DuckDB", str(folder / "commodity.duckdb")),
            Place("Delta, folder", (folder / "lake").as_uri()),
            Place("Delta, S3", f"s3://{BUCKET}/{folder.name}"),
        ]


def ranking(names: Sequence[str]) -> pa.Table:
    """A made-up leaderboard of all models of some commodities."""
    columns = [
        column
        for column in tables(HORIZON)["commodity.forecast.leaderboard"].columns
        if column.name not in ("created_at", "created_by")
    ]
    named = {
        f"{name} {number}": {
            "commodity": name,
            "model_name": f"model_{number}",
            "place": number + 1,
        }
        for name in names
        for number in range(MODELS)
    }
    made_up = {pa.float64(): 0.5, pa.string(): VERSION, pa.date32(): date(2024, 1, 1)}
    rows = [
        {column.name: row.get(column.name, made_up.get(column.type, 1)) for column in columns}
        for row in named.values()
    ]
    return pa.Table.from_pylist(rows, schema=pa.schema([(x.name, x.type) for x in columns]))


@dataclass(frozen=True)
class Figures:
    """What one engine took: seconds of the wall clock, and bytes."""

    backfill: float
    day: float
    one_forecast: float
    history: float
    leaderboard: float
    size: int


def seconds(act: Callable[[], object], times: int = REPETITIONS) -> float:
    """The median time of some repetitions."""
    found = []
    for _ in range(times):
        began = time.perf_counter()
        act()
        found.append(time.perf_counter() - began)
    return median(found)


def measured(place: Place, names: Sequence[str], windows: int) -> Figures:
    """Store windows of some commodities, then a day, and read."""
    store, days = place.opened(), sessions(windows + 1)
    last = names[-1]

    def backfill() -> None:
        for name in names:
            for some in days[:-1]:
                store_window(store, name, some, some[0])

    daily = iter(days[-1])
    one_more = days[-1][0]

    def day() -> None:
        cutoff = next(daily)
        written = Written(last, VERSION, one_more, AT, "bench")
        store.paths.apply(written, WindowChange(draws(last, [cutoff], one_more)))

    store.leaderboard.replace(ranking(names), AT, "bench")
    reader = place.reader()
    filled = seconds(backfill, 1)
    daily_seconds = seconds(day)
    cutoff = days[0][60] + timedelta(days=1)
    return Figures(
        filled,
        daily_seconds,
        seconds(lambda: reader.paths(last, "model_0", VERSION, cutoff, cutoff)),
        seconds(lambda: reader.point_forecasts(last, "model_0", VERSION)),
        seconds(reader.leaderboard),
        store.size(),
    )


def main() -> None:
    """Measure, and print a table with ratios to the embedded engine."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--commodities", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--windows", type=int, default=2)
    asked = parser.parse_args()
    console = Console(width=120)
    for count in asked.commodities:
        with TemporaryDirectory() as folder, places(Path(folder)) as engines:
            found = {
                each.engine: measured(each, commodities(count), asked.windows) for each in engines
            }
        show(console, count, found)


def show(console: Console, count: int, found: dict[str, Figures]) -> None:
    """Print the figures of so many commodities."""
    first = next(iter(found.values()))
    table = Table(title=f"{count} commodities, {MODELS} models")
    for heading in ("", *found):
        table.add_column(heading, justify="right")
    for name, unit in (
        ("backfill", "s"),
        ("day", "s"),
        ("one_forecast", "s"),
        ("history", "s"),
        ("leaderboard", "s"),
        ("size", "MB"),
    ):
        scale = 1e-6 if unit == "MB" else 1.0
        cells = [
            f"{scale * getattr(each, name):.3f} ({getattr(each, name) / getattr(first, name):.2f})"
            for each in found.values()
        ]
        table.add_row(f"{name.replace('_', ' ')}, {unit}", *cells)
    console.print(table)


if __name__ == "__main__":
    main()
