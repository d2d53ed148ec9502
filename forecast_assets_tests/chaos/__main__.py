"""``python -m forecast_assets_tests.chaos --seed S --kills N``: nothing is lost, whatever is hit.

Each hit is chosen by the seed and its number: a scene, a kind of hit, and its point. Most of them
are kills, and between them disks become full, files are deleted and clocks are set back. A line
tells of each one in which an invariant did not hold, with what plays it again. The exit code is
then 1, as it is if fewer than N kills were done when the time was over.
"""

import multiprocessing
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, ProcessPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from forecast_assets.record.verification import verify
from forecast_assets.store.opening import open_store
from forecast_assets_tests import quick
from forecast_assets_tests.chaos.daemon_play import DEATHS, KILLED, SCENE, play_daemon
from forecast_assets_tests.chaos.forks import preload
from forecast_assets_tests.chaos.hits import KILLS
from forecast_assets_tests.chaos.play import (
    BY_NAME,
    Played,
    in_stages,
    play,
    prepare,
    unreached,
)
from forecast_assets_tests.chaos.scenes import another_day, command, settings_of

KINDS_OF_KILLS = {*KILLS, *(KILLED.format(victim) for victim, _ in DEATHS)}

DAEMON, KILLS_A_DAEMON = "daemon", 120
"""A real daemon, or a run of it, is killed once for so many kills; that takes half a minute."""

SECONDS_A_KILL = 3.2
"""The time for all kills is so long for each; two plays at once, on two cores, take less."""

AHEAD = 3
"""How many plays are made for each kill that is wanted, at most: some hits are no kills, and some
come after the end of a play."""

LEAST_SHARE = 0.1
"""With ``--fewer``, so much of what was asked for is done at least."""


def main(
    seed: Annotated[int, typer.Option(help="What the kills are chosen by.")] = 14,
    kills: Annotated[int, typer.Option(help="How many.")] = 100,
    scene: Annotated[str | None, typer.Option(help="Only this scene.")] = None,
    number: Annotated[int | None, typer.Option(help="Only the kill of this number.")] = None,
    seconds: Annotated[
        float | None, typer.Option(help="No kill begins after this time; if not 3.2 s a kill.")
    ] = None,
    fewer: Annotated[
        bool,
        typer.Option("--fewer", help="Do as many as there is time for; a tenth is no failure."),
    ] = False,
    processes: Annotated[int, typer.Option(help="So many at once.")] = os.cpu_count() or 1,
) -> None:
    """Kill runs, run them again, and compare."""
    console, began = Console(width=150), time.monotonic()
    root = Path(tempfile.mkdtemp(prefix="chaos-", dir=quick.in_memory()))
    wanted = kills if number is None else 1
    limit = SECONDS_A_KILL * wanted if seconds is None else seconds
    played: list[Played] = []
    with _ready(root, scene, processes) as pool:
        ready = time.monotonic()
        console.print(f"the scenes are ready after {ready - began:.0f} s")

        def more() -> bool:
            return kills_in(played) < wanted and time.monotonic() - ready < limit

        plays = _plays(root, seed, wanted, scene, number)
        for each in _played(pool, processes, plays, more):
            played.append(each)
            _tell(console, seed, scene, played)
    show(console, played, time.monotonic() - began)
    killed, others = kills_in(played), hit_in(played) - kills_in(played)
    if number is None:
        console.print(
            f"{killed} of {kills} kills, {others} other hits; none begins after {limit:.0f} s"
        )
    if any(each.broken for each in played):
        console.print(f"what is broken is kept in {root}")
        raise typer.Exit(1)
    shutil.rmtree(root, ignore_errors=True)
    if number is None and killed < kills * (LEAST_SHARE if fewer else 1):
        hint = "" if fewer else ", or say --fewer"
        console.print(f"fewer than were asked for: give more --seconds{hint}", style="red")
        raise typer.Exit(1)


@contextmanager
def _ready(root: Path, scene: str | None, processes: int) -> Iterator[Executor]:
    """Prepare one scene, or all; processes that have all libraries loaded."""
    chosen = [SCENE if scene == DAEMON else scene] if scene else list(BY_NAME)
    with ExitStack() as stack:
        for quickened in (quick.blank_pictures, quick.kept_engines, quick.no_mirrors):
            stack.enter_context(quickened())
        learn(root)
        context = multiprocessing.get_context("fork")
        pool = stack.enter_context(ProcessPoolExecutor(processes, context))
        for stage in in_stages(chosen):
            list(pool.map(partial(prepare, root), stage))
        if scene is None and (never := unreached(root, chosen)):
            raise AssertionError(f"no scene comes to these writes: {', '.join(never)}")
        yield pool


What = tuple[Path, int, str | None, int]
"""A play: the folder of all, the seed, the scene if it is given, and the number."""


def _plays(
    root: Path, seed: int, kills: int, scene: str | None, number: int | None
) -> Iterator[What]:
    """The plays in order; one with a real daemon before each so many others."""
    if number is not None:
        yield root, seed, scene, number
        return
    for each in range(AHEAD * kills):
        if scene is None and each % KILLS_A_DAEMON == 0:
            yield root, seed, DAEMON, each // KILLS_A_DAEMON + 1
        yield root, seed, scene, each + 1


def _played(
    pool: Executor, processes: int, plays: Iterator[What], more: Callable[[], bool]
) -> Iterator[Played]:
    """Play as many at once as there are processes, as long as ``more`` are to begin."""
    begun = {pool.submit(_play, each) for each in islice(plays, processes)}
    while begun:
        ended, begun = wait(begun, return_when=FIRST_COMPLETED)
        for each in ended:
            yield each.result()
        if more():
            begun |= {pool.submit(_play, each) for each in islice(plays, len(ended))}


def _play(what: What) -> Played:
    root, seed, scene, number = what
    return play_daemon(root, seed, number) if scene == DAEMON else play(*what)


def learn(root: Path) -> None:
    """Have all libraries in this process that scenes use."""
    folder = root / "libraries"
    folder.mkdir()

    def act() -> None:
        another_day(folder)
        command("run")
        verify(settings_of(folder), open_store(settings_of(folder)))

    preload(folder, act)


def hit_in(played: list[Played]) -> int:
    """How many plays were hit before their end."""
    return sum(each.struck for each in played)


def kills_in(played: list[Played]) -> int:
    """How many of those hits were kills."""
    return sum(each.struck and each.kind in KINDS_OF_KILLS for each in played)


def _tell(console: Console, seed: int, scene: str | None, played: list[Played]) -> None:
    last = played[-1]
    if last.broken:
        only = f" --scene '{last.scene}'" if scene or last.scene == DAEMON else ""
        console.print(
            f"BROKEN: {last.scene}, {last.hit}: --seed {seed} --number {last.number}{only}",
            markup=False,
            style="red",
        )
        for line in last.broken[:6]:
            console.print(f"  {line}", markup=False, highlight=False)
    if len(played) % 10 == 0:
        struck = hit_in(played)
        console.print(f"{struck} hit, {len(played) - struck} ended before it", highlight=False)


def show(console: Console, played: list[Played], seconds: float) -> None:
    """Print how often each kind of hit came, and what became of it."""
    table = Table("kind of hit", "hit", "ended before", "broken", "seconds each")
    for kind in sorted({each.kind for each in played}):
        _row(table, kind, [each for each in played if each.kind == kind])
    table.add_section()
    for name in sorted({each.scene for each in played}):
        _row(table, name, [each for each in played if each.scene == name])
    table.add_section()
    _row(table, "all", played)
    console.print(table)
    console.print(f"{seconds:.0f} s, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


def _row(table: Table, name: str, mine: list[Played]) -> None:
    struck = hit_in(mine)
    broken = sum(bool(each.broken) for each in mine)
    each = sum(x.seconds for x in mine) / max(len(mine), 1)
    table.add_row(name, *map(str, (struck, len(mine) - struck, broken)), f"{each:.1f}")


if __name__ == "__main__":
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(main)
    app()
