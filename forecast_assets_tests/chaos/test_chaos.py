"""The crash harness finds what is broken: a write in two halves, a lost file, a run for ever."""

import errno
import os
import random
import signal
import sys
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import typer
from dagster import DagsterRun, DagsterRunStatus

from forecast_assets.cli.console import UNEXPECTED
from forecast_assets.defs.launching import instance
from forecast_assets.errors import ForecastAssetsError
from forecast_assets_tests import desk as desks
from forecast_assets_tests.chaos import __main__ as chaos
from forecast_assets_tests.chaos import hits, invariants, play
from forecast_assets_tests.chaos.forks import (
    CRASHED,
    FAILED,
    HUNG,
    SAID,
    STARVED,
    Child,
    Ended,
    done,
)
from forecast_assets_tests.chaos.hits import AT, CLOCK, DISK, TIME, Hit, Undisturbed
from forecast_assets_tests.chaos.invariants import Landed
from forecast_assets_tests.chaos.likeness import files_of, likeness_of
from forecast_assets_tests.chaos.moments import Point
from forecast_assets_tests.chaos.play import Played
from forecast_assets_tests.chaos.scenes import SCENES, Scene, drop, settings_of
from forecast_assets_tests.desk import Desk
from forecast_assets_tests.histories import make_history
from forecast_assets_tests.rows import change, keep, put, table

PATHS = "forecast.distributions"

LARGE = 1 << 20

HISTORY = make_history(525)
"""To 2020-01-06."""


def made(folder: Path) -> Desk:
    """One model's forecasts of a few days."""
    desk = desks.desk(folder, "Coffee", models=["naive"], paths=5)
    desk.told(HISTORY)
    desk.work(publishes=False)
    return desk


def in_two_halves(folder: Path) -> None:
    """A broken product: it replaces paths by deleting them and then inserting them."""
    store = Desk(settings_of(folder)).store
    whole = table(store, PATHS)
    keep(store, PATHS, lambda row: row["path_id"] == 0)
    put(store, PATHS, whole)


def hit_at(monkeypatch: pytest.MonkeyPatch, point: Point) -> None:
    chosen = Hit(AT, 0.0, point, 0.0)
    monkeypatch.setattr(Hit, "chosen", classmethod(lambda cls, *_: chosen))


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    def begin(folder: Path) -> None:
        made(folder)

    broken = Scene("two halves", begin, in_two_halves)
    monkeypatch.setitem(play.BY_NAME, broken.name, broken)
    play.prepare(tmp_path, broken.name)
    return broken


def test_a_kill_between_two_halves_of_a_write_is_told(
    tmp_path: Path, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    hit_at(monkeypatch, ("before the commit", 1))
    played = play.play(tmp_path, 1, scene.name, 1)
    assert played.struck
    assert any("then: " in line and PATHS in line for line in played.broken)
    assert any("in the end: forecast.distributions: " in line for line in played.broken)


def test_what_is_lost_changed_left_over_or_unfinished_is_told(tmp_path: Path) -> None:
    desk = made(tmp_path)
    drop(tmp_path, "a.csv", HISTORY)
    like, files, landed = likeness_of(desk.settings), files_of(tmp_path), Landed.of(tmp_path)
    assert invariants.broken_after(desk.settings) == []
    assert invariants.unlike(desk.settings, like, files) == []
    assert Landed.of(tmp_path).lost(landed) == []
    change(desk.store, "forecast.forecasts", lambda row: {"n_paths": 4})
    (tmp_path / "home" / "left.new").touch()
    (tmp_path / "home" / "landing" / "a.csv").write_text("other")
    said = invariants.unlike(desk.settings, like, files)
    assert said[0].startswith("forecast.forecasts: ")
    assert said[1:] == ["left over: left.new"]
    assert len(Landed.of(tmp_path).lost(landed)) == 1
    assert invariants.broken_after(desk.settings)
    desk.settings.places.prepare()
    with instance(desk.settings.places) as dagster:
        dagster.add_run(DagsterRun("land", "c0ffee", status=DagsterRunStatus.STARTED))
    assert invariants.unfinished_runs(desk.settings) == ["run c0ffee is STARTED for ever"]


def chance(seed: str) -> random.Random:
    return random.Random(seed)  # noqa: S311 - no secret


def starving(folder: Path) -> None:
    """A broken product: it takes a full disk for something else."""
    try:
        Path(folder / "home" / "large").write_bytes(bytes(LARGE))
    except OSError as error:
        told = "the disk is full" if (folder / "tells").exists() else "somebody keeps it"
        cause = error if (folder / "tells").exists() else None
        raise ForecastAssetsError(told) from cause


@pytest.mark.parametrize("tells", [True, False])
def test_on_a_full_disk_only_an_error_that_says_so_may_end_the_work(
    tmp_path: Path, tells: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def begin(folder: Path) -> None:
        made(folder)
        if tells:
            (folder / "tells").touch()

    scene = Scene("starving", begin, starving)
    monkeypatch.setitem(play.BY_NAME, scene.name, scene)
    play.prepare(tmp_path, scene.name)
    chosen = Hit(DISK, 0.5, ("", 0), 0.0)
    monkeypatch.setattr(Hit, "chosen", classmethod(lambda cls, *_: chosen))
    broken = play.play(tmp_path, 1, scene.name, 1).broken
    assert [line for line in broken if "ended by an exception" in line] == broken
    assert bool(broken) is not tells


@pytest.mark.parametrize(
    ("kills", "seconds", "fewer", "said", "code"),
    [
        (5, 9.0, False, "5 of 5 kills, ", None),
        (5, 0.0, False, "1 of 5 kills, 1 other hits", 1),
        (5, 0.0, True, "1 of 5 kills, 1 other hits", None),
        (11, 0.0, True, "1 of 11 kills, 1 other hits", 1),
    ],
)
def test_it_says_how_many_kills_and_other_hits_it_did_in_its_time(
    kills: int,
    seconds: float,
    fewer: bool,
    said: str,
    code: int | None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    @contextmanager
    def ready(*_: object) -> Iterator[Executor]:
        with ThreadPoolExecutor(2) as pool:
            yield pool

    def played(what: chaos.What) -> Played:
        kind = AT if what[3] % 2 else DISK
        return Played(what[3], "scene", kind, "hit", struck=True, seconds=0.0)

    monkeypatch.setattr(chaos, "_ready", ready)
    monkeypatch.setattr(chaos, "_play", played)
    ended: list[int] = []
    try:
        chaos.main(kills=kills, processes=2, scene="scene", seconds=seconds, fewer=fewer)
    except typer.Exit as error:
        ended.append(error.exit_code)
    assert said in capsys.readouterr().out
    assert ended == [code] * (code is not None)


@pytest.fixture
def quiet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    """A scene in which a disk never becomes full and no write comes."""

    def begin(folder: Path) -> None:
        made(folder)

    scene = Scene("quiet", begin, lambda folder: None)
    monkeypatch.setitem(play.BY_NAME, scene.name, scene)
    play.prepare(tmp_path, scene.name)
    return scene


@pytest.mark.parametrize("kind", [DISK, CLOCK])
def test_a_disk_with_room_to_spare_and_a_clock_that_nobody_reads_are_no_hits(
    tmp_path: Path, quiet: Scene, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    chosen = Hit(kind, 1.0, ("before the commit", 9), 0.0)
    monkeypatch.setattr(Hit, "chosen", classmethod(lambda cls, *_: chosen))
    played = play.play(tmp_path, 1, quiet.name, 1)
    assert not played.struck
    assert played.broken == []


def test_a_scene_that_hangs_is_told(
    tmp_path: Path, quiet: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    hangs = replace(quiet, act=lambda folder: signal.pause())
    monkeypatch.setitem(play.BY_NAME, quiet.name, hangs)
    monkeypatch.setattr(hits, "Child", partial(Child, limit=1.0))
    monkeypatch.setattr(play, "done", partial(done, limit=1.0))
    chosen = Hit(DISK, 1.0, ("", 0), 0.0)
    monkeypatch.setattr(Hit, "chosen", classmethod(lambda cls, *_: chosen))
    first, then = play.play(tmp_path, 1, quiet.name, 1).broken
    assert first.startswith("it hangs: ")
    assert then == f"looking ended with {HUNG}"


TOLD = f"error: {UNEXPECTED}: KeyError: 'x'"


@pytest.mark.parametrize(
    ("kind", "code", "given", "said", "broken"),
    [
        (AT, None, None, "", ""),
        (DISK, 0, 0, "", ""),
        (DISK, 0, 1, "error: home: No space left on device", ""),
        (DISK, 0, 1, "error: another program has it open", "does not say that the disk is full"),
        (DISK, STARVED, None, "", ""),
        (AT, STARVED, None, "", "ended by an exception"),
        (AT, FAILED, None, "", "ended by an exception"),
        ("an artifact is deleted", FAILED, None, "", ""),
        ("an artifact is deleted", CRASHED, None, "", "ended by an exception"),
        (AT, 0, 1, TOLD, "not expected"),
        (DISK, 0, 1, f"{TOLD}: No space left on device", "not expected"),
        (AT, HUNG, None, "", "it hangs"),
    ],
)
def test_what_a_command_says_of_its_end_is_looked_at(
    kind: str, code: int | None, given: int | None, said: str, broken: str
) -> None:
    lines = play.badly_ended(Hit(kind, 0.0, ("", 0), 0.0), Ended(code, 0.0, given), said)
    assert [broken in line for line in lines] == [True] * bool(broken)


def test_a_write_that_no_scene_comes_to_is_told(tmp_path: Path, scene: Scene) -> None:
    never = play.unreached(tmp_path, [scene.name])
    assert "the commit" not in never
    assert "a file is put away" in never


def test_the_upgrade_of_tables_is_a_moment_at_which_a_process_is_killed(tmp_path: Path) -> None:
    play.prepare(tmp_path, "upgrade")
    counts = play.known_of(tmp_path, "upgrade").counts
    assert counts["before tables are upgraded"] == counts["before the older file is copied"] == 1


def test_a_hit_follows_from_the_seed_alone() -> None:
    known = Undisturbed(1.0, {"before the commit": 3, "after the commit": 3}, (9, 9), 0, {}, {}, [])
    for scene in SCENES:
        first, again = (Hit.chosen(chance("5/7"), scene, known) for _ in range(2))
        assert first == again
        name, number = first.point
        assert number < known.counts[name]
    kinds = {Hit.chosen(chance(str(x)), SCENES[1], known).kind for x in range(300)}
    assert kinds >= {TIME, AT, *SCENES[1].robs}


@pytest.fixture
def child(tmp_path: Path) -> Iterator[Child]:
    made = Child(tmp_path, lambda child: child.reach(waits=True))
    yield made
    made.kill()


def test_a_child_ends_although_there_is_no_room_for_what_it_says(tmp_path: Path) -> None:
    def fail() -> None:
        sys.stderr = open("/dev/full", "w")  # noqa: PTH123, SIM115 - for the life of the child
        sys.stderr.write("lost")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    assert done(tmp_path, fail).code == STARVED
    assert "OSError: [Errno 28] No space left on device" in (tmp_path / SAID).read_text()


def test_a_child_is_killed_at_its_point_or_goes_on_from_it(tmp_path: Path, child: Child) -> None:
    assert child.reached(60)
    assert child.lives
    child.kill()
    assert child.ended().killed
    other = Child(tmp_path, lambda child: child.reach(waits=True))
    assert other.reached(60)
    other.go_on()
    assert replace(other.ended(), seconds=0.0).code == 0
    assert done(tmp_path, lambda: 1 / 0).code == CRASHED
    assert done(tmp_path, signal.pause, limit=0.1).code == HUNG
