"""What a tick saves, and what it costs: a window of WTI with its tick of a cent, and without.

``python -m benchmarks.rounding``: the models that need no other, fitted on the embedded WTI before
2015, draw half a year of forecasts. For each: the sizes of a DuckDB file as the store writes it and
of Parquet, the CRPS of the same paths in ticks and as they were drawn, and how long rounding takes.
A ratio is that with the tick over that without.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from benchmarks.paths import AT, HORIZON, PATHS, REPETITIONS, model_row
from benchmarks.quality import crps, later
from forecast_assets.configuration.commodities import SampleSource
from forecast_assets.forecast.points import in_order, points_of
from forecast_assets.forecast.records import Draw, WindowChange, Written
from forecast_assets.market.sources import read_sample
from forecast_assets.models.roster import ROSTER
from forecast_assets.models.simulation import seed_of
from forecast_assets.models.tick import in_ticks
from forecast_assets.store.opening import open_tables
from forecast_assets.timeline.history import History

TICK = 0.01
MODELS = ("naive", "arima_111", "ets", "garch")
FIRST, END = date(2015, 1, 1), date(2015, 7, 1)


@dataclass(frozen=True, eq=False)
class Measured:
    """One model: each pair is with the tick and without.

    ``duckdb`` and ``parquet``: bytes. ``crps``: its mean over forecasts and sessions, in USD.
    ``seconds``: of the processor, to draw a window and round it, and to draw it.
    """

    model: str
    duckdb: tuple[int, int]
    parquet: tuple[int, int]
    crps: tuple[float, float]
    seconds: tuple[float, float]


def wti() -> History:
    """The embedded closes."""
    rows = read_sample("WTI", SampleSource(type="sample", name="wti")).prices
    return History("WTI", rows["date"].to_numpy(), rows["close"].to_numpy())


def sizes(cutoffs: list[date], paths: NDArray[np.float32], folder: Path) -> tuple[int, int]:
    """Bytes of a new DuckDB file with these forecasts, and of its paths as Parquet."""
    starts = [*cutoffs[1:], END]
    written = Written("WTI", "v1.0", FIRST, AT, "bench")
    points, count = points_of(in_order(paths)), len(cutoffs)
    draw = Draw(model_row(), cutoffs, starts, ["x"] * count, [50.0] * count, paths, points)
    place = folder / f"{time.monotonic_ns()}.duckdb"
    store = open_tables(str(place), HORIZON, "512MB", 10.0)
    store.paths.apply(written, WindowChange([draw]))
    with duckdb.connect(place) as connection:
        connection.execute("CHECKPOINT")
        connection.table("forecast.distributions").write_parquet(str(place.with_suffix(".parquet")))
    return place.stat().st_size, place.with_suffix(".parquet").stat().st_size


def spent(work: Callable[[], object]) -> float:
    """Seconds of the processor in the least of some repetitions."""
    seconds = []
    for _ in range(REPETITIONS):
        began = time.process_time()
        work()
        seconds.append(time.process_time() - began)
    return min(seconds)


def measured(history: History, folder: Path) -> Iterator[Measured]:
    """Each of the models, one after the other."""
    at = np.flatnonzero(
        (history.dates >= np.datetime64(FIRST)) & (history.dates < np.datetime64(END))
    )
    cutoffs: list[date] = history.dates[at - 1].tolist()
    outcomes, _ = later(history, at - 1, HORIZON)
    for name in MODELS:
        model = ROSTER[name]().fit(history.known_before(FIRST))
        seeds = [seed_of("rounding", name, str(day)) for day in cutoffs]

        def draw(model=model, seeds=seeds) -> NDArray[np.float32]:  # type: ignore[no-untyped-def]
            paths: NDArray[np.float32] = model.simulate(
                history, cutoffs, horizon=HORIZON, n_paths=PATHS, seeds=seeds
            )
            return paths

        fine = draw()
        coarse = in_ticks(fine.copy(), TICK)
        (in_duckdb, in_parquet), (duckdb_fine, parquet_fine) = (
            sizes(cutoffs, paths, folder) for paths in (coarse, fine)
        )
        yield Measured(
            name,
            (in_duckdb, duckdb_fine),
            (in_parquet, parquet_fine),
            (float(crps(coarse, outcomes).mean()), float(crps(fine, outcomes).mean())),
            (spent(lambda draw=draw: in_ticks(draw(), TICK)), spent(draw)),  # type: ignore[misc]
        )


def main() -> None:
    """Print a row for each model."""
    shown = Table(title=f"WTI, {FIRST} to {END}, tick {TICK}: with / without = ratio")
    for heading in ("model", "DuckDB, MB", "Parquet, MB", "CRPS, USD", "to draw, CPU s"):
        shown.add_column(heading, justify="left" if heading == "model" else "right")
    with TemporaryDirectory() as folder:
        for one in measured(wti(), Path(folder)):
            pairs = [
                *((x / 1e6, y / 1e6) for x, y in (one.duckdb, one.parquet)),
                one.crps,
                one.seconds,
            ]
            places = (1, 1, 5, 3)
            cells = [
                f"{x:.{n}f} / {y:.{n}f} = {x / y:.{max(n, 2)}f}"
                for n, (x, y) in zip(places, pairs, strict=True)
            ]
            shown.add_row(one.model, *cells)
    Console(width=120).print(shown)


if __name__ == "__main__":
    main()
