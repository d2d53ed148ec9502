"""Two ways to do the same, timed in turns, and the table of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.table import Table

from benchmarks.paths import ORIGINS, PATHS, best
from benchmarks.peers.job import Job


@dataclass(frozen=True)
class Comparison:
    """Seconds of ours and of a peer for the same work; ``share``: of a window, where it is less."""

    what: str
    ours: str
    peer: str
    share: str
    seconds: float
    peers_seconds: float

    @property
    def ratio(self) -> float:
        """How many times as long the peer takes; below 1 it is faster."""
        return self.peers_seconds / self.seconds


def in_turns(
    ours: Callable[[], object], peer: Callable[[], object], repetitions: int
) -> tuple[float, float]:
    """Seconds of the fastest of some repetitions of each, ours after the peer's each time.

    What else the machine does slows both, and not the one that happens to be measured then.
    """
    seconds = [(best(peer, 1), best(ours, 1)) for _ in range(repetitions)]
    return min(mine for _, mine in seconds), min(other for other, _ in seconds)


def share_of(job: Job) -> str:
    """How much of a whole window a job is."""
    parts = [
        f"{count:,} of {all_:,} {what}"
        for count, all_, what in (
            (job.n_origins, ORIGINS, "origins"),
            (job.n_paths, PATHS, "paths"),
        )
        if count < all_
    ]
    return ", ".join(parts) or "all"


def table_of(found: Sequence[Comparison]) -> Table:
    """A row for each comparison."""
    headings = ("what", "ours", "peer", "share", "ours, s", "peer, s", "peer / ours")
    table = Table(title="the same work, as much of it on both sides")
    for place, heading in enumerate(headings):
        table.add_column(heading, justify="right" if place > 3 else "left")
    for one in found:
        numbers = (f"{one.seconds:.3f}", f"{one.peers_seconds:.3f}", f"{one.ratio:.3g}")
        table.add_row(one.what, one.ours, one.peer, one.share, *numbers)
    return table
