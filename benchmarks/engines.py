"""The engines beside each other: a backfill, a day, and what a reader asks; their times and bytes.

``python -m benchmarks.engines``: the same rows are stored by the embedded engine, as Delta Lake in
a folder, and as Delta Lake on SeaweedFS over loopback, for one commodity and for more. What is
measured is the engine alone: forecasts are made up. Seconds of the wall clock, the median of
several; ratios are to the embedded engine in the same run. Some minutes; needs the extra
``engines``.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from forecast_assets.forecast.points import in_order, points_of
from forecast_assets.forecast.records import Draw, WindowChange, Written
from forecast_assets.store.contract import Store
from forecast_assets.store.opening import open_tables
from forecast_assets.store.reader import Reader
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
            Place("Delta, S3", f"s3://{BUCKET}/lake"),
        ]
