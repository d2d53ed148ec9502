"""The landing folder: people and programs drop files there, and runs read them and put them away.

The bytes of a file are read once, so that its hash belongs to exactly the rows that are merged. A
file that is still being written is left alone. Every other file is moved: to ``accepted`` if a row
of it was merged, to ``held`` if a revision in it waits for a user, otherwise to ``rejected``. A
note beside it says what was done with it. No file is deleted or overwritten. Whatever is no file
(a link, a folder, a FIFO, a socket, a device) is moved to ``rejected`` unread.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import count, takewhile
from pathlib import Path, PurePosixPath
from shlex import quote

from upath import UPath

from forecast_assets.configuration.settings import Settings
from forecast_assets.errors import ForecastAssetsError, LandingError, UnclearFormat
from forecast_assets.market.directory import Directory, Entry, LocalDirectory, RemoteDirectory
from forecast_assets.market.file_names import numbered
from forecast_assets.market.files.content import PARQUET, PARQUET_SUFFIXES
from forecast_assets.market.files.regular import FILE, FOLDER
from forecast_assets.outside import masked, plain, visible

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

DRAWERS = ("accepted", HELD, "rejected")
"""The folders of files that were put away."""

LANDING = "to put away files of the landing folder"
"""What only one process does at a time, for who waits for it."""

WAITS = "waits: "
"""The prefix of those lines in a held file's note that say what waits."""

REFUSED, LEFT_OUT = "refused: ", "left out, without harm:"
"""How the lines of a note begin below which it quotes its file."""

LONGEST_NOTE = 1_000_000
"""So many bytes of a held file's note are read; what waits is in its first lines."""


@dataclass(frozen=True)
class Arrival:
    """What somebody put into the landing folder, which need not be a file."""

    entry: Entry

    @cached_property
    def name(self) -> str:
        """The file's name in one printable line, by which it is told and put away."""
        return visible(self.entry.name)

    @property
    def signature(self) -> str:
        """A text that changes when the file is rewritten, from its size and time of change."""
        return f"{self.entry.size}:{self.entry.modified}"


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

    @property
    def lines(self) -> list[str]:
        """Lines for users, one for each commodity: what waits, and the commands to decide on it."""
        name = self.arrival.name
        said = f"-- {quote(name)}" if name.startswith("-") else quote(name)
        hint = (
            f"`forecast landing accept {said}` merges it,"
            f" `forecast landing reject {said}` puts it away"
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

    @cached_property
    def directory(self) -> Directory:
        """The folder itself."""
        if self.path.protocol in ("", "file", "local"):
            return LocalDirectory(Path(self.path.path))
        return RemoteDirectory(self.path)

    def drawer(self, name: str) -> Directory:
        """The folder ``accepted``, ``held`` or ``rejected``, which must not be a link."""
        if isinstance(self.directory, LocalDirectory):
            return LocalDirectory(self.directory.path / name, self.directory)
        return RemoteDirectory(self.path / name)

    def make(self) -> None:
        """Make the folder and its drawers if they do not exist.

        Raises LandingError, which names the one that cannot be made or is no folder.
        """
        with usable(f"landing: {self.path}"):
            self.directory.make()
        for name in DRAWERS:
            with usable(f"landing: {self.path / name}"):
                self.drawer(name).make()

    def waiting(self, now: float) -> Waiting:
        """What is in the folder, the oldest first; ``now``: in seconds since 1970.

        Raises LandingError if the folder cannot be read.
        """
        with usable(f"landing: {self.path}"):
            arrivals = sorted(
                self._arrivals(), key=lambda x: (x.entry.modified or 0.0, x.entry.name)
            )
        waiting = Waiting([], [])
        for arrival in arrivals:
            is_whole = self._is_whole(arrival.entry, now)
            (waiting.whole if is_whole else waiting.unfinished).append(arrival)
        return waiting

    def read(self, arrival: Arrival, drawer: str = "") -> bytes:
        """The bytes of a file in the folder, or in one of its drawers.

        Raises OSError, UnclearFormat if it is too large or no file, and FileChanged.
        """
        folder = self.drawer(drawer) if drawer else self.directory
        return folder.read(arrival.entry, self.settings.landing.max_bytes)

    def put_away(self, arrival: Arrival, drawer: str, note: str, *, of: str = "") -> str:
        """Move a file to ``drawer``, under a name that is free, with a note beside it.

        ``of``: the drawer that it comes from. The note is written before the move, so that a file
        there always has one. Returns its new path, without secrets of the folder's. Raises
        LandingError if the file cannot be moved; then it stays.
        """
        source, to = (self.drawer(of) if of else self.directory), self.drawer(drawer)
        with usable(arrival.name):
            found = source.find(arrival.entry.name)
            if found is None:
                raise LandingError("is gone: somebody else has moved or deleted it")
            arrival.entry.require_same(found)
            name = _free(to, arrival.name)
            to.write(name + NOTE, note)
            source.move(arrival.entry, to, name)
        return f"{masked(str(to.path))}/{name}"

    def held(self) -> list[Held]:
        """The files that wait until a user accepts or rejects them, in order of their names."""
        folder = self.drawer(HELD)
        with usable(f"landing: {self.path / HELD}"):
            if not folder.exists():
                return []
            entries = {each.name: each for each in folder.entries() if each.kind == FILE}
        stored = [entry for name, entry in sorted(entries.items()) if name + NOTE in entries]
        return [Held(Arrival(x), _waits(folder, entries[x.name + NOTE])) for x in stored]

    def settle(self, held: Held, drawer: str, note: str) -> None:
        """Move a file that waited to ``drawer``, with a note that says what was decided."""
        self.put_away(held.arrival, drawer, note, of=HELD)
        with usable(held.arrival.name):
            self.drawer(HELD).remove(held.arrival.entry.name + NOTE)

    def _arrivals(self) -> Iterator[Arrival]:
        for entry in self.directory.entries() if self.directory.exists() else ():
            hidden = entry.name.startswith((".", "_")) or entry.name.lower().endswith(UNFINISHED)
            if not hidden and entry.name not in DRAWERS:
                yield Arrival(entry)

    def _is_whole(self, entry: Entry, now: float) -> bool:
        landing = self.settings.landing
        age = now - entry.modified if entry.modified else float("inf")
        if age < -landing.incomplete_seconds:
            age = float("inf")  # the time of a clock that is wrong, which would never come
        if age < min(landing.settle_seconds, landing.incomplete_seconds):
            return False
        if entry.kind == FILE and _is_written(self.directory, entry):
            return False
        ends = entry.kind != FOLDER and (entry.kind != FILE or has_its_end(self.directory, entry))
        return age >= (landing.settle_seconds if ends else landing.incomplete_seconds)


@contextmanager
def usable(name: str) -> Iterator[None]:
    """Turn errors of the file system into a LandingError whose text begins with ``name``."""
    try:
        yield
    except LandingError as error:
        raise type(error)(f"{name}: {error}") from error
    except OSError as error:
        why = error.strerror or str(error)
        raise LandingError(
            f"{name}: {why}: the landing folder, and accepted, held and rejected in it, must be"
            " folders and no links, with room, in which this user may read, write and rename"
        ) from error


def _waits(folder: Directory, note: Entry) -> list[str]:
    """The lines of a note that say what waits; none if the note cannot be read.

    Its first line is the file's name. Only what stands between it and what is quoted of the file is
    said by a reception.
    """
    try:
        said = folder.begin(note, LONGEST_NOTE).decode(errors="replace").splitlines()
    except (OSError, ForecastAssetsError):
        return []
    own = takewhile(lambda line: not line.startswith((REFUSED, LEFT_OUT)), said[1:])
    return [plain(line.removeprefix(WAITS)) for line in own if line.startswith(WAITS)]


def _free(folder: Directory, name: str) -> str:
    """A name like this one that is free in a folder, and short enough to have a note beside it."""
    longest = folder.longest - len(NOTE)
    place = numbered(name, 1, longest)
    if _is_free(folder, place):
        return place
    taken = folder.names()
    places = (numbered(name, number, longest) for number in count(2))
    return next(each for each in places if each not in taken and _is_free(folder, each))


def _is_free(folder: Directory, place: str) -> bool:
    """Whether a folder has neither a file of this name nor a file in the place of its note.

    A note without its file is of a run that was killed; it is replaced.
    """
    note = folder.find(place + NOTE)
    stored = note is not None and (note.kind != FILE or folder.find(note.name + NOTE))
    return not stored and folder.find(place) is None


def _is_written(folder: Directory, entry: Entry) -> bool:
    """Whether a program has a file open for writing, or has moved it since it was listed."""
    try:
        return folder.is_written(entry.name)
    except FileNotFoundError:
        return True
    except (OSError, UnclearFormat):
        return False  # it cannot be opened, which its reception tells


def has_its_end(folder: Directory, entry: Entry) -> bool:
    """Whether a file ends as a complete one does: with a newline, or with its format's end."""
    try:
        end = folder.end(entry, WORKBOOK_END)
    except (OSError, UnclearFormat):
        return False
    match PurePosixPath(entry.name).suffix.lower():
        case ".parquet" | ".pq":
            return end.endswith(PARQUET)
        case ".xlsx" | ".xlsm":
            return end.startswith(b"PK\x05\x06")
        case _:
            return end.endswith((b"\n", b"\n\x00"))
