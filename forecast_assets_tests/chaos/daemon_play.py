"""A play with a real daemon: it, or the process of a run, is killed while files land."""

import os
import random
import shutil
import signal
import time
from contextlib import suppress
from pathlib import Path

import yaml

from forecast_assets_tests.chaos import invariants
from forecast_assets_tests.chaos.forks import SAID, done
from forecast_assets_tests.chaos.invariants import Landed
from forecast_assets_tests.chaos.play import Played, known_of
from forecast_assets_tests.chaos.scenes import settings_of
from forecast_assets_tests.daemons import INSTANCE, end_group, kill_group, within
from forecast_assets_tests.site import MOMENTS, PATIENCE_SECONDS, Site

SCENE = "sensors"
"""The scene without a daemon in which the same is done."""

DEATHS = [(victim, moment) for victim in ("run", "daemon") for moment in sorted(MOMENTS)]
"""Who is killed after which moment has come; one after the other."""

KILLED = "{} of a daemon killed"
"""The kinds of hits, by the victim."""

AUTOMATION = {"interval_seconds": 1, "attempts": 20, "retry_seconds": 0.1, "silence_seconds": 60}

LATER_SECONDS = 1.0
"""A victim is killed up to so much after its moment has come."""


def play_daemon(root: Path, seed: int, number: int) -> Played:
    """Kill a daemon or one of its runs; which and when follows from ``seed`` and ``number``."""
    chance, began = random.Random(f"{seed}/daemon/{number}"), time.monotonic()  # noqa: S311 - no secret
    victim, moment = DEATHS[(seed + number) % len(DEATHS)]
    delay = chance.random() * LATER_SECONDS
    folder = root / f"daemon-{number}"
    shutil.copytree(root / SCENE / "before", folder)
    document = yaml.safe_load((folder / "forecast.yaml").read_text())
    (folder / "forecast.yaml").write_text(yaml.safe_dump(document | {"automation": AUTOMATION}))
    known = known_of(root, SCENE)

    def act() -> tuple[bool, list[str]]:
        landed = Landed.of(folder)
        failed = kill_one(Site(folder), victim, moment, delay)
        settings = settings_of(folder)
        broken = [
            *invariants.unfinished_runs(settings),
            *invariants.damaged(settings),
            *invariants.unlike(settings, known.like, known.files),
            *Landed.of(folder).lost(landed),
        ]
        return failed > 0, broken

    ended = done(folder, act, 2 * PATIENCE_SECONDS)
    struck, broken = ended.given or (False, [f"ended with {ended.code}: see {folder / SAID}"])
    if not broken:
        shutil.rmtree(folder)
    hit = f"{victim} killed {delay:.1f} s after {moment}"
    seconds = time.monotonic() - began
    return Played(number, "daemon", KILLED.format(victim), hit, struck, seconds, broken)


def kill_one(site: Site, victim: str, moment: str, delay: float) -> int:
    """Let a daemon work, kill it or a run, and wait until all is done; how many runs failed."""
    (site.folder / "dagster").mkdir(exist_ok=True)
    (site.folder / "dagster" / "dagster.yaml").write_text(yaml.safe_dump(INSTANCE))
    site.settings.places.prepare()
    site.instance.get_runs(limit=1)
    daemon = site.start()
    try:
        process = within(PATIENCE_SECONDS, moment, MOMENTS[moment](site), pause=0.02)
        time.sleep(delay)
        if victim == "run":
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        else:
            kill_group(daemon)
            daemon = site.start()
        site.quiet()
    finally:
        end_group(daemon)
    return [status for _, status in site.runs()].count("FAILURE")
