"""The landing folder: files that people and programs drop, told apart, read, and put away.

A file is read from a copy of its bytes, so that what is merged is what its hash says. One that is
still being written is left alone; every other one leaves the folder, to ``accepted`` if a row of
it was usable and to ``rejected`` otherwise, with a note beside it that says what became of it.
Nothing is deleted and nothing is written over.
"""

import fcntl
import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path, PurePosixPath
from shlex import quote

import pandas as pd
from upath import UPath

from forecast_assets.configuration import FileSource, LandingSource, Settings
from forecast_assets.content import PARQUET, PARQUET_SUFFIXES
from forecast_assets.errors import SourceError
from forecast_assets.layout import Layout
from forecast_assets.meaning import Meaning
from forecast_assets.refusals import grouped, harmful, is_harmless, without_text
from forecast_assets.rows import Rejection, rows_of, told
from forecast_assets.sources import LAYOUT, NO_NAME, Observations, observed
from forecast_assets.table_file import TableFile, open_table

SUFFIXES = (".csv", ".tsv", ".txt", ".xlsx", ".xlsm", *PARQUET_SUFFIXES)
"""Endings of files that may hold prices."""

WORKBOOK_END = 22
"""Bytes with which a workbook ends, as any zip archive without a comment."""

KEY = "{} of a rule of landing.formats"
"""What says how a dropped file is written."""

UNFINISHED = (".tmp", ".part", ".partial", ".crdownload", ".filepart", ".swp", "~")
"""Endings that programs give to files which they have not finished; others begin with a dot."""

NOTE = ".txt"

MONTH = (
    "january|february|march|april|may|june|july|august|september|october|november|december"
    "|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec"
)
MARK = (
    rf"(\d+([tz]\d*)?z?|v\d+|(\d{{4}})?(q[1-4]|w\d\d)|\d{{0,4}}({MONTH})\d{{0,4}}"
    r"|copy|kopie|copie|copia|\d+(st|nd|rd|th)"
    rf"|{'|'.join(suffix[1:] for suffix in SUFFIXES)})"
)
MARKS = re.compile(rf"([ ._()-]+{MARK}(?![^\W_]))*[ ._()-]*", re.IGNORECASE)
"""What may follow a commodity's name in a file's: dates and times, numbers, marks of copies, and
the suffix that a program has put there a second time."""

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


@dataclass(frozen=True, eq=False)
class Dropped:
    """What a file held: prices by commodity, what was refused of it, and what was left out."""

    file: str
    sha256: str
    observations: list[Observations]
    rejections: list[Rejection]
    notes: list[str]


@dataclass(frozen=True)
class Names:
    """What files may call the commodities of a configuration; case does not matter."""

    settings: Settings

    @cached_property
    def known(self) -> dict[str, str]:
        """Commodity by what it is called, in lower case."""
        names = {}
        for name, commodity in self.settings.commodities.items():
            if isinstance(commodity.source, LandingSource | FileSource) and commodity.source.symbol:
                names[commodity.source.symbol.lower()] = name
        return names | {name.lower(): name for name in self.settings.commodities}

    def find(self, text: str) -> str | None:
        """The commodity that a text names."""
        return text if text in self.settings.commodities else self.known.get(text.lower())

    def of_file(self, stem: str) -> str | None:
        """The commodity that a file's name is, alone or before dates, numbers and copy marks.

        Of several the longest: ``sugar_5`` is of Sugar_5 if there is one. Separators are alike,
        and None stands for a name that two commodities have then.
        """
        begun = {
            known: name
            for known, name in self.known.items()
            if (rest := _after(stem, known)) is not None and MARKS.fullmatch(rest)
        }
        longest = {name for known, name in begun.items() if len(known) == max(map(len, begun))}
        exact = self.find(stem)
        return exact or (longest.pop() if len(longest) == 1 else None)

    def begun_by(self, stem: str) -> list[str]:
        """The commodities whose names a file's name begins with, whatever follows."""
        return sorted({name for known, name in self.known.items() if _after(stem, known)})

    def __str__(self) -> str:
        """The commodities, as an error lists them."""
        return ", ".join(self.settings.commodities)


def _after(stem: str, known: str) -> str | None:
    """What follows a commodity's name in a file's, None where it does not begin with that."""
    words = (re.escape(word) for word in re.split(r"[ ._-]+", known))
    begun = re.match("[ ._-]+".join(words) + r"(?![^\W_])", stem, re.IGNORECASE)
    return stem[begun.end() :] if begun else None


def read_arrival(arrival: Arrival, settings: Settings, now: datetime) -> Dropped:
    """Everything that a file holds ``now``, in UTC without a zone.

    Raises SourceError where it holds nothing readable.
    """
    content, name = arrival.path.read_bytes(), arrival.path.name
    rejections: list[Rejection] = []
    notes: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / name
        copy.write_bytes(content)
        try:
            long = _long_rows(copy, Names(settings), rejections, notes)
        except SourceError as error:
            raise SourceError(str(error).replace(str(copy), name)) from error
        observations = [
            _observed(commodity, rows.assign(file=name), settings, now)
            for commodity, rows in long
            if len(rows)
        ]
    of_file = [replace(each, file=name) for each in rejections]
    told = [*of_file, *(each for seen in observations for each in seen.rejections)]
    notes += [str(each) for each in grouped(filter(is_harmless, of_file), singly=1)]
    notes += [f"{seen.commodity}: {note}" for seen in observations for note in seen.notes]
    usable = [each for each in observations if not each.prices.empty]
    return Dropped(name, hashlib.sha256(content).hexdigest(), usable, harmful(told), notes)


def _observed(
    commodity: str, rows: pd.DataFrame, settings: Settings, now: datetime
) -> Observations:
    """What rows of a file say of a commodity; a wide file's close has a column of its own name."""
    meaning = replace(Meaning.of(commodity, settings.commodity(commodity)), prefer=None)
    file = rows["file"].iloc[0]
    seen = observed(
        commodity, f"landing:{file}", rows, meaning.today(now), meaning, [], complete=False
    )
    column = rows["column"].iloc[0]
    refused = [
        replace(each, column=column) if each.column == "close" else each for each in seen.rejections
    ]
    return replace(seen, rejections=refused)


def _long_rows(
    path: Path, names: Names, rejections: list[Rejection], notes: list[str]
) -> list[tuple[str, pd.DataFrame]]:
    """Rows of text by commodity, each with its ``file``, ``line`` and the ``column`` of its close.

    Raises SourceError for a file of another kind, or of commodities that nobody can tell.
    """
    if path.suffix.lower() not in SUFFIXES:
        allowed = ", ".join(SUFFIXES)
        found = f"found a file {path.suffix!r}" if path.suffix else "the file's name has no suffix"
        raise SourceError(f"{path.name}: {found}, allowed: {allowed}")
    with told(f"{path.name}:", KEY):
        file = open_table(path, names.settings.landing.format_of(path.name))
        header = file.names
        wide = "date" in header and any(names.find(column) for column in header)
        if "close" in header or (file.only_price is not None and not wide):
            return _of_long(path, names, file, rejections)
        if wide:
            return _of_wide(path, names, file, rejections, notes)
    raise SourceError(
        f"{path.name}: found the columns {', '.join(header) or '(none): the file is empty'};"
        f" allowed: date and close, or date and one column a commodity ({names}); or say which"
        " column is which by columns of a rule of landing.formats"
    )


def _of_long(
    path: Path, names: Names, file: TableFile, rejections: list[Rejection]
) -> list[tuple[str, pd.DataFrame]]:
    of_file = names.of_file(path.stem)
    if "commodity" not in file.names and of_file is None:
        raise SourceError(f"{path.name}: whose prices are these? {_how_to_say(path.stem, names)}")
    whose = of_file or path.name
    read = rows_of(whose, LAYOUT, path, file, rejections)
    rows = without_text(whose, read, rejections).assign(column="close")
    silent = rows["commodity"] == ""
    called = rows["commodity"].where(~silent | (not silent.all()), of_file or "")
    found = called.map(lambda text: names.find(text) or "").astype("string")
    strange = rows.assign(commodity=called)[found == ""]
    for line, text in zip(strange["line"], strange["commodity"], strict=True):
        rule = f"not a commodity of the configuration: {names}" if text else NO_NAME
        rejections.append(Rejection(text or whose, str(path), int(line), "commodity", text, rule))
    return [(name, rows[found == name]) for name in sorted(set(found) - {""})]


def _how_to_say(stem: str, names: Names) -> str:
    """How a file may say whose prices it holds, and why its name does not."""
    begun = names.begun_by(stem)
    more = (
        f"Its name begins with {' and '.join(begun)} and goes on with more than dates, numbers and"
        " copy marks. "
        if begun
        else ""
    )
    return (
        f"{more}Give it a column commodity, or a name that is one of these, or one of these before"
        f" a date: {names}; or set commodities.NAME.source.symbol to what files call it"
    )


def _of_wide(
    path: Path,
    names: Names,
    file: TableFile,
    rejections: list[Rejection],
    notes: list[str],
) -> list[tuple[str, pd.DataFrame]]:
    columns = [column for column in dict.fromkeys(file.names) if column not in ("", "date")]
    layout = Layout(values=("date", *columns), required=("date",))
    rows = rows_of(path.name, layout, path, file, rejections)
    known = [column for column in columns if names.find(column)]
    if others := [column for column in columns if column not in known]:
        listed = ", ".join(others[:5]) + (f" and {len(others) - 5} more" if others[5:] else "")
        notes.append(
            f"{path.name}: left out the columns of no commodity of the configuration: {listed}"
        )
    if "" in file.names[:-1]:
        notes.append(f"{path.name}: left out the columns without a name")
    found: list[tuple[str, pd.DataFrame]] = []
    absent = dict.fromkeys(("open", "high", "low", "volume"), "")
    for column in known:
        close = rows[["date", "file", "line"]].assign(close=rows[column], column=column, **absent)
        name = names.known.get(column, column)
        found.append((name, without_text(name, close, rejections)))
    return found
