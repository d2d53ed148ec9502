"""A disk with little room: a file system of its own for a folder, or a limit of each file's size.

The former is a real full disk (ENOSPC), and needs the right to mount in a name space. Without that
right a process may write no file beyond a size: every write that would grow a file fails by EFBIG.
"""

import ctypes
import os
import resource
import shutil
import sqlite3
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

CLONE_NEWNS, CLONE_NEWUSER = 0x00020000, 0x10000000
MS_REC, MS_PRIVATE = 0x4000, 0x40000

PAGE_BYTES = 4096

FULL = ("No space left on device", "File too large", "database or disk is full")
"""What an error says of a full disk: that of the system, of a limit, and of SQLite."""


IO_ERROR = "disk I/O error"


def told_full(error: BaseException | None) -> bool:
    """Whether an error, or what it says is its cause, is that of a full disk.

    Where shared memory of SQLite finds no room, its own error says only ``IO_ERROR``; so does who
    calls Dagster by itself, and not the project.
    """
    if error is None:
        return False
    if isinstance(error, sqlite3.OperationalError) and str(error) == IO_ERROR:
        return True
    return any(each in str(error) for each in FULL) or told_full(error.__cause__)


@cache
def mountable() -> bool:
    """Whether a child of this process may have a file system of its own."""
    child = os.fork()
    if child == 0:
        try:
            _own_name_space()
            _mount(b"none", b"/mnt", b"tmpfs", 0, b"size=4096")
        except OSError:
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return status == 0


def size_of(folder: Path) -> int:
    """The bytes that the files of a folder take."""
    files = [file for file in folder.rglob("*") if file.is_file()]
    return sum(-(-file.stat().st_size // PAGE_BYTES) * PAGE_BYTES for file in files)


def largest_in(folder: Path) -> int:
    """The size of the largest file."""
    return max((x.stat().st_size for x in folder.rglob("*") if x.is_file()), default=0)


def with_room(place: Path, room: int, act: Callable[[], Any]) -> Any:
    """In a child: do something while a folder can grow by so many bytes, and keep what is there."""
    place.mkdir(parents=True, exist_ok=True)
    if not mountable():
        limit = largest_in(place) + room
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        return act()
    before, after = (place.with_name(f"{place.name}.{when}") for when in ("before", "after"))
    place.rename(before)
    place.mkdir()
    _own_name_space()
    _mount(b"none", str(place).encode(), b"tmpfs", 0, f"size={size_of(before) + room}".encode())
    shutil.copytree(before, place, dirs_exist_ok=True)
    try:
        return act()
    finally:
        shutil.copytree(place, after)


def settle(place: Path) -> None:
    """After that child has ended: have what its disk had."""
    before, after = (place.with_name(f"{place.name}.{when}") for when in ("before", "after"))
    if before.exists():
        shutil.rmtree(place)
        (after if after.exists() else before).rename(place)
        shutil.rmtree(before, ignore_errors=True)


def _own_name_space() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    user, group = os.geteuid(), os.getegid()
    if user and libc.unshare(CLONE_NEWUSER | CLONE_NEWNS):
        raise OSError(ctypes.get_errno(), "unshare")
    if user:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"0 {user} 1")
        Path("/proc/self/gid_map").write_text(f"0 {group} 1")
    elif libc.unshare(CLONE_NEWNS):
        raise OSError(ctypes.get_errno(), "unshare")
    _mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None)


def _mount(
    source: bytes, target: bytes, kind: bytes | None, flags: int, options: bytes | None
) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(source, target, kind, flags, options):
        raise OSError(ctypes.get_errno(), "mount")
