"""Directories: folders whose entries are reached by their names, on a disk or any file system.

On a disk nothing is followed out of a directory: what is a link, or anything else but a regular
file, is told and never opened, and an operation holds the directory itself open, so that nobody can
put a link in its place in between. On other file systems the same holds for what they tell to be a
link, and a file is known again by what they say of it: its size, its times and its tag.
"""

import fcntl
import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from upath import UPath

from forecast_assets.errors import FileChanged
from forecast_assets.market.files.regular import FILE, FOLDER, LINK, bounded, kind_of, opened

LONGEST_NAME = 255
"""How many bytes a name may have where a file system does not say."""

OTHER = "something else"
"""What other file systems call neither a file nor a folder."""


@dataclass(frozen=True)
class Entry:
    """What a directory has under a name.

    ``kind``: a file, a folder, a link and so on. ``size``: in bytes. ``modified``: in seconds since
    1970; None if the file system has no time. Who gives a file a time ahead does not make it newer
    than its last change. ``identity``: differs for another file of the same
    name, or after a change; empty if the file system cannot tell.
    """

    name: str
    size: int
    modified: float | None
    kind: str = FILE
    identity: tuple[object, ...] = ()

    @classmethod
    def of(cls, name: str, found: os.stat_result) -> "Entry":
        """The entry of a name on a disk."""
        identity = found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
        modified = min(found.st_mtime, found.st_ctime) or None
        return cls(name, found.st_size, modified, kind_of(found.st_mode), identity)

    def require_same(self, now: "Entry") -> None:
        """Raise FileChanged if the name stands for something else by now."""
        if self.identity and now.identity != self.identity:
            raise FileChanged(
                "was changed or replaced since it was looked at: it stays, and lands with the next"
                " run"
            )


class Directory(Protocol):
    """A folder whose entries are reached by their names. All methods may raise OSError."""

    @property
    def path(self) -> Path | UPath:
        """The path of the directory."""

    def exists(self) -> bool:
        """Whether the directory exists."""

    def make(self) -> None:
        """Make the directory if it does not exist. Raises OSError for a link or a file."""

    def entries(self) -> list[Entry]:
        """What is in the directory."""

    def names(self) -> set[str]:
        """The names of all that is in the directory."""

    def find(self, name: str) -> Entry | None:
        """What the directory has under a name, or None."""

    def read(self, entry: Entry, most: int) -> bytes:
        """All bytes of a file, at most so many.

        Raises UnclearFormat for a larger file, or for what is no file, and FileChanged.
        """

    def begin(self, entry: Entry, size: int) -> bytes:
        """The first bytes of a file. Raises UnclearFormat for what is no file."""

    def end(self, entry: Entry, size: int) -> bytes:
        """The last bytes of a file. Raises UnclearFormat for what is no file."""

    def write(self, name: str, text: str) -> None:
        """Write a small file in place of any of this name."""

    def move(self, entry: Entry, to: "Directory", name: str) -> None:
        """Move a file to another directory of the same kind. Raises FileChanged."""

    def remove(self, name: str) -> None:
        """Remove a file if it exists."""

    def is_written(self, name: str) -> bool:
        """Whether a program has the file open for writing; False if the system cannot tell."""

    @property
    def longest(self) -> int:
        """How many bytes a name may have."""


@dataclass(frozen=True)
class LocalDirectory:
    """A directory on a disk. ``parent``: the directory in which it must be, and not a link."""

    path: Path
    parent: "LocalDirectory | None" = None

    @contextmanager
    def open(self) -> Iterator[int]:
        """A descriptor of the directory."""
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
        if self.parent is None:
            descriptor = os.open(self.path, flags)
        else:
            with self.parent.open() as above:
                descriptor = os.open(self.path.name, flags | os.O_NOFOLLOW, dir_fd=above)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def exists(self) -> bool:
        """Whether the directory exists."""
        return os.path.lexists(self.path)

    def make(self) -> None:
        """Make the directory if it does not exist. Raises OSError for a link or a file."""
        if self.parent is None:
            self.path.mkdir(parents=True, exist_ok=True)
        else:
            with self.parent.open() as above, suppress(FileExistsError):
                os.mkdir(self.path.name, dir_fd=above)
        with self.open():
            pass

    def entries(self) -> list[Entry]:
        """What is in the directory."""
        found = []
        with self.open() as folder, os.scandir(folder) as listed:
            for each in listed:
                with suppress(FileNotFoundError):  # gone since it was listed
                    found.append(Entry.of(each.name, each.stat(follow_symlinks=False)))
        return found

    def names(self) -> set[str]:
        """The names of all that is in the directory."""
        with self.open() as folder:
            return set(os.listdir(folder))  # noqa: PTH208 - Path knows no descriptor

    def find(self, name: str) -> Entry | None:
        """What the directory has under a name, or None."""
        with self.open() as folder, suppress(FileNotFoundError):
            return Entry.of(name, os.stat(name, dir_fd=folder, follow_symlinks=False))
        return None

    def read(self, entry: Entry, most: int) -> bytes:
        """All bytes of a file, at most so many."""
        with self.open() as folder, opened(entry.name, folder=folder, follow=False) as file:
            found = Entry.of(entry.name, os.fstat(file.fileno()))
            entry.require_same(found)
            return bounded(file, found.size, most)

    def begin(self, entry: Entry, size: int) -> bytes:
        """The first bytes of a file."""
        with self.open() as folder, opened(entry.name, folder=folder, follow=False) as file:
            return file.read(size)

    def end(self, entry: Entry, size: int) -> bytes:
        """The last bytes of a file."""
        with self.open() as folder, opened(entry.name, folder=folder, follow=False) as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - size))
            return file.read(size)

    def write(self, name: str, text: str) -> None:
        """Write a small file in place of any of this name."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with self.open() as folder:
            with suppress(FileNotFoundError):
                os.unlink(name, dir_fd=folder)
            descriptor = os.open(name, flags, 0o666, dir_fd=folder)
            with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
                file.write(text)

    def move(self, entry: Entry, to: Directory, name: str) -> None:
        """Move a file to another directory on the disk."""
        assert isinstance(to, LocalDirectory)  # noqa: S101 - of the same landing folder
        with self.open() as folder, to.open() as other:
            found = os.stat(entry.name, dir_fd=folder, follow_symlinks=False)
            entry.require_same(Entry.of(entry.name, found))
            os.rename(entry.name, name, src_dir_fd=folder, dst_dir_fd=other)

    def remove(self, name: str) -> None:
        """Remove a file if it exists."""
        with self.open() as folder, suppress(FileNotFoundError):
            os.unlink(name, dir_fd=folder)

    def is_written(self, name: str) -> bool:
        """Whether a program has the file open for writing; False if the system cannot tell.

        Linux can: it refuses a read lease for such a file, see fcntl(2), F_SETLEASE. Who opens the
        file for writing while the lease is held makes the system send a signal. The usual one would
        end this process, so it is one that nobody needs to handle.
        """
        if not hasattr(fcntl, "F_SETLEASE"):
            return False
        with self.open() as folder, opened(name, folder=folder, follow=False) as file:
            try:
                fcntl.fcntl(file, fcntl.F_SETSIG, signal.SIGURG)
                fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)
                fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_UNLCK)
            except BlockingIOError:
                return True
            except OSError:
                return False  # another user's file, or no leases there: only its age counts
        return False

    @property
    def longest(self) -> int:
        """How many bytes a name may have."""
        with self.open() as folder:
            found = os.fpathconf(folder, "PC_NAME_MAX")
        return found if found > 0 else LONGEST_NAME


@dataclass(frozen=True)
class RemoteDirectory:
    """A directory on a file system of fsspec.

    Most have files alone. Of links those are known that the file system tells in a listing, as the
    local one does behind another, and SFTP. Whether it has them at all, no file system says.
    """

    path: UPath

    def exists(self) -> bool:
        """Whether the directory exists."""
        return bool(self.path.exists())

    def make(self) -> None:
        """Make the directory if it does not exist."""
        self.path.mkdir(parents=True, exist_ok=True)

    def entries(self) -> list[Entry]:
        """The files in the directory; prefixes with other files below them are left alone."""
        found = (self._entry(name, told) for name, told in self._listed().items())
        return [entry for entry in found if entry is not None]

    def _listed(self) -> dict[str, Mapping[str, Any]]:
        """What the file system tells of all that is in the directory, by name."""
        self.path.fs.invalidate_cache(self.path.path)
        listed = self.path.fs.ls(self.path.path, detail=True)
        return {each["name"].rstrip("/").rpartition("/")[2]: each for each in listed}

    def _entry(self, name: str, told: Mapping[str, Any]) -> Entry | None:
        kind = _kind_of(told)
        if kind == FOLDER:
            return None
        return self.find(name) if kind == FILE else Entry(name, 0, None, kind)

    def names(self) -> set[str]:
        """The names of all that is in the directory."""
        return set(self._listed())

    def find(self, name: str) -> Entry | None:
        """What the directory has under a name, or None."""
        path = self.path / name
        path.fs.invalidate_cache(path.path)
        try:
            found: Any = path.stat()  # its type does not say that it has as_info
        except FileNotFoundError:
            return None
        told = found.as_info()
        made, tag = getattr(found, "st_birthtime", None), told.get("ETag", told.get("etag"))
        size, modified, kind = int(found.st_size), found.st_mtime or None, _kind_of(told)
        identity = (size, modified, made, tag) if kind == FILE else ()
        return Entry(name, size, modified, kind, identity)

    def _same(self, entry: Entry) -> Entry:
        """What the directory has now under the name of an entry. Raises FileChanged."""
        found = self.find(entry.name)
        if found is None:
            raise FileNotFoundError(entry.name)
        entry.require_same(found)
        return found

    def read(self, entry: Entry, most: int) -> bytes:
        """All bytes of a file, at most so many."""
        size = self._same(entry).size
        with (self.path / entry.name).open("rb") as file:
            content = bounded(file, size, most)
        self._same(entry)
        return content

    def begin(self, entry: Entry, size: int) -> bytes:
        """The first bytes of a file."""
        with (self.path / entry.name).open("rb") as file:
            return bytes(file.read(size))

    def end(self, entry: Entry, size: int) -> bytes:
        """The last bytes of a file."""
        with (self.path / entry.name).open("rb") as file:
            file.seek(max(0, entry.size - size))
            return bytes(file.read(size))

    def write(self, name: str, text: str) -> None:
        """Write a small file in place of any of this name."""
        (self.path / name).write_text(text, encoding="utf-8", errors="backslashreplace")

    def move(self, entry: Entry, to: Directory, name: str) -> None:
        """Move a file to another directory on the same file system."""
        assert isinstance(to, RemoteDirectory)  # noqa: S101 - of the same landing folder
        self._same(entry)
        (self.path / entry.name).rename(to.path / name)

    def remove(self, name: str) -> None:
        """Remove a file if it exists."""
        (self.path / name).unlink(missing_ok=True)

    def is_written(self, name: str) -> bool:
        """False, since such file systems do not tell."""
        return False

    @property
    def longest(self) -> int:
        """How many bytes a name may have."""
        return LONGEST_NAME


def _kind_of(told: Mapping[str, Any]) -> str:
    """What a file system of fsspec tells that something is."""
    if told.get("islink") or told.get("type") == "link":
        return LINK
    return {"file": FILE, "directory": FOLDER}.get(str(told.get("type")), OTHER)
