"""The alarm ends what hangs, and lets be what does not."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Event

import pytest

from forecast_assets_tests.alarm import at_most


def hangs_at_a_pipe(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    (folder / "pipe").read_bytes()


def hangs_at_a_lock(_: Path) -> None:
    Event().wait()


def hangs_and_catches_errors(_: Path) -> None:
    while True:
        try:
            Event().wait()
        except Exception:  # noqa: BLE001, S112 - as a boundary of the project catches them
            continue


@pytest.mark.parametrize("hangs", [hangs_at_a_pipe, hangs_at_a_lock, hangs_and_catches_errors])
def test_what_hangs_fails(hangs: Callable[[Path], None], tmp_path: Path) -> None:
    with pytest.raises(pytest.fail.Exception, match=r"not within 0\.05 seconds"), at_most(0.05):
        hangs(tmp_path)


def test_after_the_block_there_is_no_alarm() -> None:
    before = signal.getsignal(signal.SIGALRM)
    with at_most(60):
        pass
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
    assert signal.getsignal(signal.SIGALRM) is before


STUCK = """
from itertools import repeat
from forecast_assets_tests import alarm
alarm.GRACE_SECONDS = 0.05
with alarm.at_most(0.05):
    sum(repeat(0))
"""


def test_what_cannot_be_interrupted_ends_its_process_and_is_shown() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", STUCK], capture_output=True, text=True, check=False, timeout=60
    )
    assert ended.returncode == 1
    assert "Timeout (0:00:00" in ended.stderr
