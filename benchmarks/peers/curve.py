"""How the time grows: seconds of several ways against one size of the work."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.ticker import StrMethodFormatter

from benchmarks.paths import best
from benchmarks.peers.job import Job
from benchmarks.peers.way import Way

REPETITIONS = 2

Work = Callable[[int], object]
"""Does work of a size."""


@dataclass(frozen=True)
class Curve:
    """Seconds of each way, by its name, for each size. ``axis``: what the size is, and of what."""

    name: str
    axis: str
    sizes: Sequence[int]
    seconds: dict[str, list[float]]


def measured(name: str, axis: str, sizes: Sequence[int], works: Mapping[str, Work]) -> Curve:
    """Do the work of each size in each way, in turns; the best of two counts."""
    seconds = defaultdict(list)
    for size in sizes:
        turns = [
            {way: best(partial(work, size), 1) for way, work in works.items()}
            for _ in range(REPETITIONS)
        ]
        for way in works:
            seconds[way].append(min(turn[way] for turn in turns))
    return Curve(name, axis, sizes, seconds)


def growing(job: Job) -> dict[str, tuple[str, Sequence[int], Callable[[int], Sequence[Job]]]]:
    """What grows: by name its axis, its sizes, and the jobs of a size."""
    each = f"{job.n_origins} origins each"
    return {
        "windows": (f"windows of {each}", (1, 2, 4), lambda size: list(job.windows(size))),
        "paths": (
            f"paths from each of {job.n_origins} origins",
            (500, 1000, 2000),
            lambda size: [replace(job, n_paths=size)],
        ),
        "horizon": (
            f"sessions ahead, {each}",
            (7, 14, 28),
            lambda size: [replace(job, horizon=size)],
        ),
        "commodities": (
            f"commodities, a window of {each}",
            (1, 2, 4),
            lambda size: list(job.commodities(size)),
        ),
    }


def curves(job: Job, ways: Sequence[Way], folder: Path) -> Iterator[Curve]:
    """Fit, draw and keep, with more of each of the sizes."""
    for name, (axis, sizes, jobs_of) in growing(job).items():

        def whole(size: int, way: Way, jobs_of: Callable[[int], Sequence[Job]] = jobs_of) -> None:
            file = folder / f"{time.monotonic_ns()}.duckdb"
            for each in jobs_of(size):
                way.whole(each, file)

        works: dict[str, Work] = {
            way.name: lambda size, way=way, whole=whole: whole(size, way)  # type: ignore[misc]
            for way in ways
        }
        yield measured(name, axis, sizes, works)


def plot(curve: Curve, folder: Path) -> Path:
    """One picture of a curve, as a PNG in a folder."""
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    for way, seconds in curve.seconds.items():
        axes.plot(curve.sizes, seconds, marker="o", label=way)
    axes.set_xticks(curve.sizes)
    axes.set_yscale("log")
    for each in (axes.yaxis.set_major_formatter, axes.yaxis.set_minor_formatter):
        each(StrMethodFormatter("{x:g}"))
    axes.set_xlabel(curve.axis)
    axes.set_ylabel("time, seconds")
    axes.grid(alpha=0.3)
    axes.legend()
    path = folder / f"{curve.name}.png"
    figure.savefig(path, dpi=120)
    return path
