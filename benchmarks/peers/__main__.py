"""The project against the libraries that a user would pick instead, on the embedded WTI.

``make peers``, or ``python -m benchmarks.peers --plots FOLDER`` where statsforecast is installed.
A window is 125 origins x 2,000 paths x 14 sessions. The slowest peers draw from the first origins
only, and so do we beside them: about five minutes. ``--whole`` has all draw from all 125: about
ten. Both sides have one thread for their algebra: its matrices are small, and on a busy machine
its threads would wait for each other.
"""

import argparse
from collections.abc import Iterator
from functools import partial
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from threadpoolctl import threadpool_limits

from benchmarks.paths import ORIGINS
from benchmarks.peers import keeping
from benchmarks.peers.comparison import Comparison, in_turns, share_of, table_of
from benchmarks.peers.cores import cores
from benchmarks.peers.curve import curves, plot
from benchmarks.peers.econometrics import ArchGjr, OnePathEach, StatsmodelsArima, StatsmodelsEts
from benchmarks.peers.job import Job, window_of_wti
from benchmarks.peers.nixtla import NixtlaArima, NixtlaEts, Refitting
from benchmarks.peers.own import Own
from benchmarks.peers.way import Way

PAIRS: tuple[tuple[str, Way, int], ...] = (
    ("arima_111", StatsmodelsArima(), ORIGINS),
    ("arima_auto", NixtlaArima(), 5),
    ("ets", StatsmodelsEts(), ORIGINS),
    ("ets", NixtlaEts(), 25),
    ("garch", ArchGjr(), ORIGINS),
)
"""Our model, its peer, and the number of origins that the peer draws from in the time there is."""

SHARES: tuple[tuple[str, Way, int, int | None], ...] = (
    ("arima_111", OnePathEach(), 1, 200),
    ("ets", Refitting(), 2, None),
)
"""What nobody should wait for: our model, the peer, its origins, and its paths from each."""


def fits_and_draws(job: Job, *, whole: bool) -> Iterator[Comparison]:
    """Fitting and drawing, each with its peer."""
    for name, peer, n_origins in PAIRS:
        own = Own(name)
        mine, other = own.fit(job), peer.fit(job)
        part = job if whole else job.part(n_origins)
        yield Comparison(
            "fit",
            name,
            peer.name,
            share_of(job),
            *in_turns(partial(own.fit, job), partial(peer.fit, job), 2),
        )
        yield Comparison(
            "draw",
            name,
            peer.name,
            share_of(part),
            *in_turns(
                partial(own.draw, part, mine), partial(peer.draw, part, other), 1 if whole else 2
            ),
        )
    for name, peer, n_origins, n_paths in SHARES:
        own, part = Own(name), job.part(n_origins, n_paths)
        mine, other = own.fit(job), peer.fit(job)
        yield Comparison(
            "draw",
            name,
            peer.name,
            share_of(part),
            *in_turns(partial(own.draw, part, mine), partial(peer.draw, part, other), 1),
        )


def kept(job: Job, folder: Path) -> Iterator[Comparison]:
    """Keeping the same paths in a new file, each time another."""
    own = Own("ets")
    files = (folder / f"kept{number}" for number in count())
    for what, keep, n_origins in (
        ("a frame into DuckDB", keeping.from_frame, job.n_origins),
        ("pandas to_sql into SQLite", keeping.by_pandas, job.n_origins),
        ("an INSERT for each path", keeping.row_by_row, 1),
    ):
        part = job.part(n_origins)
        paths = own.draw(part, own.fit(job))
        turns = in_turns(
            lambda: own.keep(part, paths, next(files)),  # noqa: B023 - called at once
            lambda: keep(part, paths, next(files)),  # noqa: B023
            2,
        )
        yield Comparison("store", "the store", what, share_of(part), *turns)


def wholes(job: Job, folder: Path, *, whole: bool) -> Iterator[Comparison]:
    """Fitting, drawing and keeping one window of one model."""
    files = (folder / f"whole{number}" for number in count())
    for name, peer, n_origins in PAIRS:
        own, part = Own(name), job if whole else job.part(n_origins)
        turns = in_turns(
            lambda: own.whole(part, next(files)),  # noqa: B023 - called at once
            lambda: peer.whole(part, next(files)),  # noqa: B023
            1,
        )
        yield Comparison("fit, draw and store", name, peer.name, share_of(part), *turns)


def main() -> None:
    """Measure, print the table, and plot."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--plots", type=Path, help="a folder for pictures of how the time grows")
    parser.add_argument("--whole", action="store_true", help="all draw from all origins, once")
    asked = parser.parse_args()
    console, job = Console(width=150), window_of_wti()
    found: list[Comparison] = []
    with TemporaryDirectory() as name, console.status("measuring"), threadpool_limits(1):
        folder = Path(name)
        found += fits_and_draws(job, whole=asked.whole)
        found += kept(job, folder)
        found += wholes(job, folder, whole=asked.whole)
        console.print(table_of(found))
        if asked.plots:
            asked.plots.mkdir(parents=True, exist_ok=True)
            ways = (Own("ets"), StatsmodelsEts(), NixtlaEts("AAN", damped=True))
            for each in (*curves(job.part(25, 500), ways, folder), cores(job)):
                console.print(f"{plot(each, asked.plots)}: {each.axis}")


if __name__ == "__main__":
    main()
