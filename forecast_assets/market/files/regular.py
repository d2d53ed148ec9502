"""Regular files: opened once, without waiting, and read from that handle up to a bound.

A FIFO would make a reader wait for ever, and a device such as /dev/zero never ends. What the path
names may also change between two looks at it, so it is judged once more after it was opened.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from forecast_assets.errors import UnclearFormat

FILE = "a file"
FOLDER = "a folder"
LINK = "a link"
"""The kinds of entries of a folder that have a meaning of their own."""

PART_BYTES = 1 << 24
"""Of a file at most so much is read at once: memory is for what it has, not what it may have."""

MORE_BYTES = 1 << 16
"""So much is asked for beyond the size that a file had when it was opened, since it may grow."""


def kind_of(mode: int) -> str:
    """What a mode of ``os.stat`` says that something is, for error texts."""
    if stat.S_ISREG(mode):
        return FILE
    if stat.S_ISDIR(mode):
        return FOLDER
    if stat.S_ISLNK(mode):
        return LINK
    if stat.S_ISFIFO(mode):
        return "a FIFO"
    return "a socket" if stat.S_ISSOCK(mode) else "a device"


@contextmanager
def opened(
    path: str | Path, *, folder: int | None = None, follow: bool = True
) -> Iterator[BinaryIO]:
    """Open a regular file to read its bytes.

    ``folder``: the descriptor of the folder where a relative path starts. ``follow``: whether the
    path may be a link. Raises OSError, and UnclearFormat for what is no regular file; that is not
    opened at all, unless it takes the file's place at this very moment.
    """
    _require_regular(os.stat(path, dir_fd=folder, follow_symlinks=follow))
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
    with os.fdopen(os.open(path, flags, dir_fd=folder), "rb") as file:
        _require_regular(os.fstat(file.fileno()))
        yield file


def _require_regular(found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise UnclearFormat(f"is {kind_of(found.st_mode)}, and no file that can be read")


def bytes_of(path: Path, most: int) -> bytes:
    """All bytes of a regular file. Raises OSError, and UnclearFormat if it has more than ``most``.

    A file that is too large is not read.
    """
    with opened(path) as file:
        return bounded(file, os.fstat(file.fileno()).st_size, most)


def bounded(file: BinaryIO, size: int, most: int) -> bytes:
    """All bytes of an open file of this size. Raises UnclearFormat if it has more than ``most``.

    A file may grow while it is read; then the bound holds for what is read.
    """
    if size > most:
        raise UnclearFormat(too_large(size, most))
    parts: list[bytes] = []
    found = 0
    while part := file.read(min(PART_BYTES, max(size - found, 0) + MORE_BYTES)):
        parts.append(part)
        found += len(part)
        if found > most:
            raise UnclearFormat(too_large(found, most))
    return b"".join(parts)


def too_large(size: int, most: int) -> str:
    """The reason to refuse a file of so many bytes."""
    return (
        f"has {size:,} bytes, allowed: {most:,}: cut it by years, or set landing.max_bytes to more"
    )
