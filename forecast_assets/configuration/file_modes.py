"""Who may use the files that are made here: never everybody for writing, and no more than before.

A file gets the permissions that the umask of the process leaves. A file that takes the place of
another, or is a copy of it, gets at most the permissions of the other.
"""

import os
from collections.abc import Callable
from pathlib import Path
from stat import S_IMODE, S_IWOTH

NEW_FILE = 0o666
"""The permissions of a new file, of which the umask takes some away."""


def keep_others_from_writing() -> None:
    """Let no file of this process and its children be written by every user of the machine."""
    os.umask(os.umask(S_IWOTH) | S_IWOTH)


def as_closed_as(path: Path) -> Callable[[str, int], int]:
    """An opener, as ``open`` takes it: new files are at most as open as a file, if that exists."""

    def opener(name: str, flags: int) -> int:
        mode = S_IMODE(path.stat().st_mode) if path.exists() else NEW_FILE
        return os.open(name, flags, mode)

    return opener
