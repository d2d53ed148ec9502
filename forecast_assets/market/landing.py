"""The landing folder: files that people and programs drop, told apart, read, and put away.

A file is read from a copy of its bytes, so that what is merged is what its hash says. One that is
still being written is left alone; every other one leaves the folder, to ``accepted`` if a row of
it was usable and to ``rejected`` otherwise, with a note beside it that says what became of it.
Nothing is deleted and nothing is written over.
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
"""Endings of files that may hold prices."""

WORKBOOK_END = 22
"""Bytes with which a workbook ends, as any zip archive without a comment."""

KEY = "{} of a rule of landing.formats"
"""What says how a dropped file is written."""

UNFINISHED = (".tmp", ".part", ".partial", ".crdownload", ".filepart", ".swp", "~")
"""Endings that programs give to files which they have not finished; others begin with a dot."""

NOTE = ".txt"

HELD = "held"
"""The folder of files that wait for somebody's word."""

WAITS = "waits: "
"""How a line of a held file's note begins that says what of it waits."""


@dataclass(frozen=True)
class Arrival:
    """A file in the landing folder. ``modified``: seconds since 1970, None where nobody knows."""

    path: UPath
    size: int
    modified: float | None

    @property
    def signature(self) -> str:
        """Other bytes have another one, but for a rewrite of equal length at the same moment."""
        return f"{self.size}:{self.modified}"


@dataclass(frozen=True)
class Waiting:
    """What is in the landing folder: files that are whole, and files that are being written."""

    whole: list[Arrival]
    unfinished: list[Arrival]


@dataclass(frozen=True)
class Held:
    """A file that waits for a word, and why, a line for each commodity that it would revise."""

    arrival: Arrival
    waits: list[str]

    @classmethod
    def read(cls, path: UPath) -> "Held":
        """A file of the folder ``held``, with what the note beside it says."""
        note = note_of(path)
        said = note.read_text(encoding="utf-8").splitlines() if note.exists() else []
        waits = [line.removeprefix(WAITS) for line in said if line.startswith(WAITS)]
        return cls(Arrival(path, int(path.stat().st_size), None), waits)

    @property
    def lines(self) -> list[str]:
        """What waits and what to say, a line a commodity."""
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
    """The folder of a configuration: a local one, or anything that fsspec reaches."""

    settings: Settings

    @cached_property
    def path(self) -> UPath:
        """Where files are dropped."""
        return UPath(self.settings.landing_url)

    def make(self) -> None:
        """Make the folders, so that there is a place to drop into."""
        for name in ("accepted", "held", "rejected"):
            (self.path / name).mkdir(parents=True, exist_ok=True)

    def waiting(self, now: float) -> Waiting:
        """The files that are there ``now``, in seconds since 1970; the oldest first."""
        arrivals = sorted(self._arrivals(), key=lambda x: (x.modified or 0.0, x.path.name))
        whole = [arrival for arrival in arrivals if self._is_whole(arrival, now)]
        return Waiting(whole, [arrival for arrival in arrivals if arrival not in whole])

    def put_away(self, arrival: Arrival, folder: str, note: str) -> UPath:
        """Move a file to ``folder`` under a name that is free, with its note beside it.

        The note comes first: a file there is never without one.
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
        """The files that wait for a word, by name."""
        folder = self.path / HELD
        paths = sorted(folder.iterdir(), key=lambda path: path.name) if folder.exists() else []
        return [Held.read(path) for path in paths if is_dropped(path)]

    def settle(self, held: Held, folder: str, note: str) -> UPath:
        """Move a file that waited to ``folder``, with a note that says what became of it."""
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
                continue  # renamed in between: the next look sees it
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
    """Where the note of a file is that was put away."""
    return place.with_name(place.name + NOTE)


def is_dropped(place: UPath) -> bool:
    """Whether there is a file that was put away itself: one that is not just another's note."""
    return bool(place.exists() and note_of(place).exists())


def is_open_for_writing(path: UPath) -> bool:
    """Whether a program has a local file open to write it, where the system can tell: on Linux.

    A read lease is refused for such a file: fcntl(2), F_SETLEASE.
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
        return False  # someone else's file, or a file system without leases: its age decides
    finally:
        os.close(descriptor)
    return False


def has_its_end(arrival: Arrival) -> bool:
    """Whether a file ends as a whole one does: with a newline, or as its format ends."""
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
