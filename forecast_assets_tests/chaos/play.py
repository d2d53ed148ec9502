"""One play: a scene is hit, looked at, played again to its end, and compared."""

import json
import random
import shutil
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from forecast_assets.cli.console import UNEXPECTED
from forecast_assets.store.opening import open_store
from forecast_assets_tests.chaos import invariants
from forecast_assets_tests.chaos.forks import CRASHED, FAILED, HUNG, SAID, STARVED, Ended, done
from forecast_assets_tests.chaos.hits import CLOCK, DISKS, ROBBERIES, Hit, Undisturbed
from forecast_assets_tests.chaos.invariants import Landed
from forecast_assets_tests.chaos.likeness import Likeness, files_of, likeness_of
from forecast_assets_tests.chaos.moments import WRITES, counted_in
from forecast_assets_tests.chaos.scenes import SCENES, Scene, settings_of
from forecast_assets_tests.chaos.small_disk import FULL, size_of

KNOWN = "undisturbed.json"

RETRAINED = {"forecast.trained_models"}
"""Tables that have another row in the end if a payload was lost: the model that was fitted anew."""

VERIFIED = 0.25
"""The share of plays whose tables are verified also if they are equal to those of before, or of the
end: sound ones, so they can only have wrong moments."""

BY_NAME = {scene.name: scene for scene in SCENES}


@dataclass(frozen=True)
class Played:
    """What became of a play: ``broken`` has a line for each invariant that does not hold."""

    number: int
    scene: str
    kind: str
    hit: str
    struck: bool
    seconds: float
    broken: Sequence[str] = ()


def chosen_scene(chance: random.Random) -> Scene:
    """A scene by chance."""
    return chance.choices(SCENES, [scene.weight for scene in SCENES])[0]


def prepare(root: Path, name: str) -> None:
    """Make the folder of a scene as it is before, and play it once without a disturbance."""
    scene = BY_NAME[name]
    before, after = root / scene.name / "before", root / scene.name / "after"
    if scene.after:
        shutil.copytree(root / scene.after / "after", before)
        (before / SAID).unlink()
    else:
        before.mkdir(parents=True)
    _require(done(before, lambda: scene.begin(before)), before)
    shutil.copytree(before, after)
    began = done(after, lambda: _looked_at(after))  # of older tables this makes tables of now
    _require(began, after)
    shutil.rmtree(after)
    shutil.copytree(before, after)
    played = done(after, lambda: counted_in(lambda: scene.act(after)))
    _require(played, after)
    code, counts = played.given

    def looked() -> tuple[Any, list[str], list[str]]:
        settings = settings_of(after)
        bad = invariants.broken_after(settings)
        return likeness_of(settings), files_of(after), bad

    seen = done(after, looked)
    _require(seen, after)
    like, files, bad = seen.given
    if bad:
        raise AssertionError(f"{scene.name}: broken without a disturbance: {bad}")
    grown = [size_of(after / x) - size_of(before / x) for x in ("home", "dagster")]
    known = Undisturbed(
        played.seconds, counts, (grown[0], grown[1]), code or 0, began.given, like, files
    )
    (root / scene.name / KNOWN).write_text(json.dumps(asdict(known)))


def in_stages(names: Sequence[str]) -> list[list[str]]:
    """Scenes and those that they come after, in stages: each comes after one of a stage before."""
    chains: dict[str, list[str]] = {}
    for name in names:
        chain = [name]
        while before := BY_NAME[chain[-1]].after:
            chain.append(before)
        for place, each in enumerate(chain):
            chains[each] = chain[place:]
    most = max(map(len, chains.values()))
    return [[x for x, chain in chains.items() if len(chain) == stage + 1] for stage in range(most)]


def known_of(root: Path, name: str) -> Undisturbed:
    """What is known of a scene that was played without a disturbance."""
    said = json.loads((root / name / KNOWN).read_text())
    for tables in ("began", "like"):
        said[tables] = {each: (rows, hashed) for each, (rows, hashed) in said[tables].items()}
    return Undisturbed(**said)


def _looked_at(folder: Path) -> Likeness:
    """What the tables of a folder hold, if there are any."""
    settings = settings_of(folder)
    return likeness_of(settings) if settings.database_path.exists() else {}


def _require(ended: Ended, folder: Path) -> None:
    if ended.code != 0:
        said = (folder / SAID).read_text()
        raise AssertionError(f"{folder}: ended with {ended.code}: {said[-3000:]}")


def play(root: Path, seed: int, only: str | None, number: int) -> Played:
    """Play a scene, and hit it; which and where follows from ``seed`` and ``number``.

    ``only``: the scene, if not any.
    """
    chance, began = random.Random(f"{seed}/{number}"), time.monotonic()  # noqa: S311 - no secret
    scene = BY_NAME[only] if only else chosen_scene(chance)
    before, folder = root / scene.name / "before", root / f"play-{number}"
    known = known_of(root, scene.name)
    hit = Hit.chosen(chance, scene, known)
    shutil.copytree(before, folder)
    landed = Landed.of(folder)
    said = (folder / SAID).read_text()
    struck = hit.strike(scene, folder, known, before)
    broken = badly_ended(hit, struck.ended, (folder / SAID).read_text()[len(said) :])
    after = done(folder, lambda: _afterwards(scene, folder, hit, known, landed, before))
    broken += after.given if after.code == 0 else [f"looking ended with {after.code}"]
    if not broken:
        shutil.rmtree(folder)
    seconds = time.monotonic() - began
    return Played(number, scene.name, hit.kind, str(hit), struck.hit, seconds, broken)


def badly_ended(hit: Hit, ended: Ended, said: str) -> list[str]:
    """What is broken of how a scene has ended, by its exit code and what it said in its terminal.

    A command catches its errors and returns 1; one that the project did not expect is told so.
    """
    starved = hit.kind in DISKS
    allowed = {STARVED} if starved else {FAILED} if hit.kind in ROBBERIES else set()
    if ended.code in {CRASHED, FAILED, STARVED} - allowed:
        return [f"it ended by an exception: {said[-600:]}"]
    if ended.code == HUNG:
        return [f"it hangs: {said[-600:]}"]
    if UNEXPECTED in said:
        return [f"it met an error that is not expected: {said[-600:]}"]
    if starved and ended.given and not any(word in said for word in FULL):
        return [f"it does not say that the disk is full: {said[-600:]}"]
    return []


def unreached(root: Path, names: Sequence[str]) -> list[str]:
    """The writes that came in none of these scenes."""
    came = {point for name in names for point in known_of(root, name).counts}
    return [name for name, _, _ in WRITES if f"before {name}" not in came]


def _afterwards(
    scene: Scene, folder: Path, hit: Hit, known: Undisturbed, landed: Landed, before: Path
) -> list[str]:
    """In a child: look at what is there, play the scene to its end, and look again."""
    broken: list[str] = []

    def step(name: str, look: Callable[[], list[str]]) -> None:
        try:
            broken.extend(f"{name}: {line}" for line in look())
        except BaseException as error:  # noqa: BLE001 - a broken invariant, told by its name
            traceback.print_exc()
            broken.append(f"{name}: {type(error).__name__}: {error}")

    settings = settings_of(folder)
    robbed = hit.kind in ROBBERIES
    lost = "" if robbed else invariants.LOST
    rare = robbed or hit.kind == CLOCK or hit.share < VERIFIED

    def verified() -> list[str]:
        if not rare and _looked_at(folder) in (known.began, known.like):
            return []
        return invariants.broken_after(settings, scene.due, lost)

    step("then", verified)
    if not robbed:
        step("then", lambda: Landed.of(folder).lost(landed))
    put_back(folder, before, landed)
    step("again", lambda: _again(scene, folder, known))
    if scene.runs:
        step("in the end", lambda: invariants.unfinished_runs(settings))
    like = known.like
    if rare:
        step("in the end", lambda: invariants.damaged(settings))
    if robbed:
        like = {name: each for name, each in like.items() if name not in RETRAINED}
    step("in the end", lambda: invariants.unlike(settings, like, known.files))
    step("in the end", lambda: Landed.of(folder).lost(landed))
    return broken


def put_back(folder: Path, before: Path, landed: Landed) -> None:
    """Drop files again that somebody has deleted from the landing folder."""
    gone = {line.rpartition(" ")[2] for line in Landed.of(folder).lost(landed)}
    for file in (before / "home" / "landing").glob("*.csv"):
        if any(Landed.hash_of(file).startswith(each) for each in gone):
            shutil.copy(file, folder / "home" / "landing" / file.name)


def _again(scene: Scene, folder: Path, known: Undisturbed) -> list[str]:
    said = folder / SAID
    before = len(said.read_text())
    code = scene.act(folder) or 0
    sys.stdout.flush()
    sys.stderr.flush()
    told = said.read_text()[before:]
    idle = scene.idle is not None and scene.idle in told
    if idle or scene.only_reads:
        with open_store(settings_of(folder)).connection(read_only=False):
            pass  # the next who writes cleans up
    well = idle or (code in (0, known.code) and UNEXPECTED not in told)
    return [] if well else [f"exit code {code}: see {said}"]
