"""Lock files: what only one process may do at a time, and what others say while they wait."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from forecast_assets.store.patience import REPEAT_SECONDS, SILENT_SECONDS, Told

HELD = Path("/proc/locks")
"""The locks of all processes, where the system tells them."""

KIND, PID, PLACE = 1, 4, 5
"""The places of the kind, the process and the file (device and inode) in a line of a lock."""


@contextmanager
def one_at_a_time(path: Path, what: str, told: Told) -> Iterator[None]:
    """Hold a lock file during the block, as soon as no other process holds it.

    ``what``: what the lock is for, such as ``to land files``. ``told``: receives a line about a
    wait that is not brief, and one every few seconds after it; if it raises an error, the wait
    ends.
    """
    lock, began, pause = FileLock(path), time.monotonic(), SILENT_SECONDS
    while not _taken(lock, pause):
        waited, pause = time.monotonic() - began, REPEAT_SECONDS
        told(f"waiting for {holder_of(path)} {what} (waited {waited:.0f} s; {path.name})")
    try:
        yield
    finally:
        lock.release()


def holder_of(path: Path) -> str:
    """The program, with its PID, that holds a lock file, as far as this process can see it."""
    with suppress(OSError):
        found = path.stat()
        place = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}:{found.st_ino}"
        for line in HELD.read_text(encoding="ascii").splitlines():
            told = line.split()
            if told[KIND] == "FLOCK" and told[PLACE] == place:
                name = Path(f"/proc/{told[PID]}/comm").read_text("utf-8", "replace").strip()
                return f"{name} (PID {told[PID]})"
    return "another program"


def _taken(lock: FileLock, seconds: float) -> bool:
    """Whether a lock could be taken within so many seconds."""
    try:
        lock.acquire(timeout=seconds)
    except Timeout:
        return False
    return True
