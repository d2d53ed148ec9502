"""Lock files: one process at a time, and who waits says for whom."""

import os
import re
from pathlib import Path

import pytest
from filelock import FileLock, Timeout

from forecast_assets.errors import Interrupted
from forecast_assets.store.lock_file import one_at_a_time
from forecast_assets_tests.alarm import at_most

LONGEST = 60.0
"""Seconds after which who has said nothing never will."""


def test_nothing_is_said_where_nobody_holds_the_lock(tmp_path: Path) -> None:
    lines: list[str] = []
    with one_at_a_time(tmp_path / "lock", "to land files", lines.append):
        assert not is_free(tmp_path / "lock")
    assert lines == []
    assert is_free(tmp_path / "lock")


def test_who_waits_says_for_whom_and_goes_on_when_the_lock_is_free(tmp_path: Path) -> None:
    lines: list[str] = []
    other = FileLock(tmp_path / "lock")
    other.acquire()

    def told(line: str) -> None:
        lines.append(line)
        other.release()

    with at_most(LONGEST), one_at_a_time(tmp_path / "lock", "to land files", told):
        assert not is_free(tmp_path / "lock")
    (line,) = lines
    assert line.startswith("waiting for ")
    assert re.search(r" to land files \(waited \d+ s; lock\)$", line)
    on_overlay = "another program" in line  # such a file system has other numbers in /proc/locks
    assert on_overlay or f"(PID {os.getpid()}) to land" in line


def test_who_is_told_may_end_the_wait(tmp_path: Path) -> None:
    def told(line: str) -> None:
        raise Interrupted(line)

    with (
        at_most(LONGEST),
        FileLock(tmp_path / "lock"),
        pytest.raises(Interrupted, match="waiting for "),
        one_at_a_time(tmp_path / "lock", "to land files", told),
    ):
        pass


def is_free(path: Path) -> bool:
    try:
        with FileLock(path).acquire(timeout=0):
            return True
    except Timeout:
        return False
