"""Files below a folder of this machine, where strangers may have put other things than files.

A link is followed as long as it stays below the folder. What is no regular file is never opened: a
pipe would never answer, and a device never end.
"""

import errno
import os
import re
import stat
import uuid
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any

from forecast_assets.errors import PayloadCorrupted

MARK = re.compile(r"\.[0-9a-f]{32}\.part")
"""What is at the end of a file's name while it is being written."""


def without_mark(said: str) -> str:
    """What is said of a file that is being written, by its own name: it is the same each time."""
    return MARK.sub("", said)


def _beside(name: str) -> str:
    """A name for the same file while it is being written, which no other process has."""
    return f"{name}.{uuid.uuid4().hex}.part"


def read(root: Path, address: str, size: int) -> bytes | None:
    """At most one byte more than ``size`` of a file; None if there is none.

    Raises PayloadCorrupted for what is no regular file below the root, and OSError.
    """
    try:
        place = _real(root, address, strict=True)
        if not stat.S_ISREG(place.stat().st_mode):
            raise PayloadCorrupted(f"the artifact {address} is no regular file")
        handle = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise PayloadCorrupted(f"the artifact {address} is a link to itself") from error
        raise
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):  # it was replaced in this moment
            raise PayloadCorrupted(f"the artifact {address} is no regular file")
        return file.read(size + 1)


def write(root: Path, address: str, payload: bytes) -> None:
    """Put a file at its address as a whole. Raises OSError, and PayloadCorrupted for a link out."""
    folder, name = PurePosixPath(address).parent, PurePosixPath(address).name
    place = _real(root, str(folder), strict=False) / name
    if place.is_dir() and not place.is_symlink():
        raise IsADirectoryError(f"{place} is a folder: move it away")
    put(place, payload)


def put(place: Any, payload: bytes) -> None:
    """Write a file beside its place and move it there, so that it is never incomplete.

    ``place``: a path of any file system, whose folders are made. If this fails, nothing is
    left. What killed processes have left of the file is deleted.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    first = place.parent / _beside(place.name)
    try:
        first.write_bytes(payload)
        _move(first, place)
    except BaseException:
        with suppress(Exception):  # told is why the file could not be written
            first.unlink(missing_ok=True)
        raise
    for left in place.parent.glob(f"{place.stem}.*.part"):
        left.unlink(missing_ok=True)


def keep(folder: Path) -> None:
    """Write the names of a folder's files through to the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _move(first: Any, place: Any) -> None:
    """Move a file that is written whole; another process may have put the same bytes there."""
    try:
        first.rename(place)
    except FileNotFoundError:
        if not place.exists():  # nobody has: its folder was removed in this moment
            raise


def _real(root: Path, address: str, *, strict: bool) -> Path:
    """The place of an address without links. Raises PayloadCorrupted if it is outside the root."""
    folder = Path(os.path.realpath(root))
    place = Path(os.path.realpath(folder / address, strict=strict))
    if not place.is_relative_to(folder):
        raise PayloadCorrupted(f"the artifact {address} leads out of the folder of artifacts")
    return place
