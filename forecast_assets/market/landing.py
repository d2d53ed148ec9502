"""The landing folder: people and programs drop files there, and runs read them and put them away.

The bytes of a file are read once, so that its hash belongs to exactly the rows that are merged. A
file that is still being written is left alone. Every other file is moved: to ``accepted`` if a row
of it was merged, to ``held`` if a revision in it waits for a user, otherwise to ``rejected``. A
note beside it says what was done with it. No file is deleted or overwritten.
"""

import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath
from shlex import quote

from upath import UPath

from forecast_assets.configuration.settings import Settings
from forecast_assets.market.files.content import PARQUET, PARQUET_SUFFIXES

SUFFIXES = (".csv", ".tsv", ".txt", ".xlsx", ".xlsm", *PARQUET_SUFFIXES)
"""Suffixes of files that may hold prices."""

WORKBOOK_END = 22
"""The bytes of the end record of a workbook, which is a zip archive without a comment."""

KEY = "{} of a rule of landing.formats"
"""The key of the configuration that says how a dropped file is written, for error texts."""

UNFINISHED = (".tmp", ".part", ".partial", ".crdownload", ".filepart", ".swp", "~")
"""Suffixes that programs give to files while they write them; others use a leading dot."""

NOTE = ".txt"

HELD = "held"
"""The folder of files that wait until a user accepts or rejects them."""

WAITS = "waits: "
"""The prefix of those lines in a held file's note that say what waits."""


@dataclass(frozen=True)
class Arrival:
    """A file in the landing folder.

    ``size``: in bytes. ``modified``: in seconds since 1970; None if the file system has no time.
    """

    path: UPath
    size: int
    modified: float | None

    @property
    def signature(self) -> str:
        """A text that changes when the file is rewritten, from its size and time of change."""
        return f"{self.size}:{self.modified}"


@dataclass(frozen=True)
class Waiting:
    """The files in the landing folder: those that are complete, and those still being written."""

    whole: list[Arrival]
    unfinished: list[Arrival]


@dataclass(frozen=True)
class Held:
    """A file that waits until a user accepts or rejects it.

    ``waits``: why it waits, a line for each commodity that it would revise.
    """

    arrival: Arrival
    waits: list[str]

    @classmethod
    def read(cls, path: UPath) -> "Held":
        """Read a file's entry in the folder ``held`` from the note beside it."""
        note = note_of(path)
        said = note.read_text(encoding="utf-8").splitlines() if note.exists() else []
        waits = [line.removeprefix(WAITS) for line in said if line.startswith(WAITS)]
        return cls(Arrival(path, int(path.stat().st_size), None), waits)

    @property
    def lines(self) -> list[str]:
        """Lines for users, one for each commodity: what waits, and the commands to decide on it."""
        name = self.arrival.path.name
        hint = (
            f"`forecast landing accept {quote(name)}` merges it,"
            f" `forecast landing reject {quote(name)}` puts it away"
        )
        told = [line.partition(": ") for line in self.waits] or [("landing", "", "")]
        return [
            f"{whose}: {name} waits in landing/{HELD}{f': {why}' if why else ''}: {hint}"
            for whose, _, why in told
        ]


@dataclass(frozen=True)
class LandingFolder:
    """The landing folder of a configuration, on a local disk or any file system of fsspec."""

    settings: Settings

    @cached_property
    def path(self) -> UPath:
        """The path of the folder."""
        return UPath(self.settings.landing_url)

    def make(self) -> None:
        """Make the folder and those for files that were put away, if they do not exist."""
        for name in ("accepted", "held", "rejected"):
            (self.path / name).mkdir(parents=True, exist_ok=True)

    def waiting(self, now: float) -> Waiting:
        """The files in the folder, the oldest first; ``now``: in seconds since 1970."""
        arrivals = sorted(self._arrivals(), key=lambda x: (x.modified or 0.0, x.path.name))
        whole = [arrival for arrival in arrivals if self._is_whole(arrival, now)]
        return Waiting(whole, [arrival for arrival in arrivals if arrival not in whole])

    def put_away(self, arrival: Arrival, folder: str, note: str) -> UPath:
        """Move a file to ``folder``, under a name that is free, with a note beside it.

        The note is written before the move, so that a file there always has one.
        """
        name = PurePosixPath(arrival.path.name)
        place, number = self.path / folder / name.name, 1
        while place.exists() or is_dropped(note_of(place)):
            number += 1
            place = place.with_name(f"{name.stem}.{number}{name.suffix}")
        note_of(place).write_text(note, encoding="utf-8")
        arrival.path.rename(place)
        return place

    def held(self) -> list[Held]:
        """The files that wait until a user accepts or rejects them, in order of their names."""
        folder = self.path / HELD
        paths = sorted(folder.iterdir(), key=lambda path: path.name) if folder.exists() else []
        return [Held.read(path) for path in paths if is_dropped(path)]

    def settle(self, held: Held, folder: str, note: str) -> UPath:
        """Move a file that waited to ``folder``, with a note that says what was decided."""
        place = self.put_away(held.arrival, folder, note)
        note_of(held.arrival.path).unlink(missing_ok=True)
        return place

    def _arrivals(self) -> Iterator[Arrival]:
        if not self.path.exists():
            return
        for path in self.path.iterdir():
            hidden = path.name.startswith((".", "_"))
            if hidden or path.name.lower().endswith(UNFINISHED) or not path.is_file():
                continue
            try:
                found = path.stat()
            except FileNotFoundError:
                continue  # renamed since it was listed; the next look finds it
            yield Arrival(path, int(found.st_size), found.st_mtime or None)

    def _is_whole(self, arrival: Arrival, now: float) -> bool:
        if is_open_for_writing(arrival.path):
            return False
        landing = self.settings.landing
        age = now - arrival.modified if arrival.modified else float("inf")
        if age < min(landing.settle_seconds, landing.incomplete_seconds):
            return False
        due = landing.settle_seconds if has_its_end(arrival) else landing.incomplete_seconds
        return age >= due


def note_of(place: UPath) -> UPath:
    """The path of the note beside a file that was put away."""
    return place.with_name(place.name + NOTE)


def is_dropped(place: UPath) -> bool:
    """Whether this is a stored file rather than another file's note."""
    return bool(place.exists() and note_of(place).exists())


def is_open_for_writing(path: UPath) -> bool:
    """Whether a program has a local file open for writing; False if the system cannot tell.

    Linux can: it refuses a read lease for such a file, see fcntl(2), F_SETLEASE.
    """
    if path.protocol not in ("", "file", "local") or not hasattr(fcntl, "F_SETLEASE"):
        return False
    try:
        descriptor = os.open(path.path, os.O_RDONLY)
    except FileNotFoundError:
        return True
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except BlockingIOError:
        return True
    except OSError:
        return False  # another user's file, or a file system without leases: only its age counts
    finally:
        os.close(descriptor)
    return False


def has_its_end(arrival: Arrival) -> bool:
    """Whether a file ends as a complete one does: with a newline, or with its format's end."""
    if arrival.size == 0:
        return False
    with arrival.path.open("rb") as file:
        file.seek(max(0, arrival.size - WORKBOOK_END))
        end = file.read()
    match arrival.path.suffix.lower():
        case ".parquet" | ".pq":
            return end.endswith(PARQUET)
        case ".xlsx" | ".xlsm":
            return end.startswith(b"PK\x05\x06")
        case _:
            return end.endswith((b"\n", b"\n\x00"))
