"""Reading a dropped file, and finding out which commodities its prices belong to."""

import hashlib
import re
from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from pathlib import PurePosixPath

import pandas as pd

from forecast_assets.configuration.commodities import FileSource
from forecast_assets.configuration.names import SEPARATORS, as_in_files
from forecast_assets.configuration.settings import Settings
from forecast_assets.errors import SourceError
from forecast_assets.market.files.layout import Layout
from forecast_assets.market.files.table_file import TableFile, open_table
from forecast_assets.market.landing import KEY, SUFFIXES
from forecast_assets.market.meaning import Meaning
from forecast_assets.market.observations import Observations
from forecast_assets.market.refusals import grouped, harmful, is_harmless, without_text
from forecast_assets.market.rows import LONGEST_TOLD, Rejection, rows_of, told
from forecast_assets.market.sources import LAYOUT, NO_NAME, observed
from forecast_assets.outside import shortened

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
"""What may follow a commodity's name in a file name: dates, times, numbers, marks of copies such as
"(1)", and a suffix that a program has added a second time."""


@dataclass(frozen=True, eq=False)
class Dropped:
    """The content of a file: prices by commodity, refused rows, and notes on what was left out."""

    file: str
    sha256: str
    observations: list[Observations]
    rejections: list[Rejection]
    notes: list[str]


@dataclass(frozen=True)
class Names:
    """The names that files may use for the commodities of a configuration, in any case."""

    settings: Settings

    @cached_property
    def known(self) -> dict[str, str]:
        """The commodity by each of its names without case: its own name and its symbol.

        The symbol of a file source is what its own files say, and several may say the same. So it
        is none of these names where another commodity is called so too.
        """
        commodities = self.settings.commodities.items()
        own = [(called, name) for name, x in commodities for called in (name, *x.landing_symbols)]
        taken = {as_in_files(called): name for called, name in own}
        lent = [
            (x.source.symbol, name)
            for name, x in commodities
            if isinstance(x.source, FileSource)
            and x.source.symbol
            and taken.get(as_in_files(x.source.symbol), name) == name
        ]
        times = Counter(as_in_files(symbol) for symbol, _ in lent)
        alone = [(symbol, name) for symbol, name in lent if times[as_in_files(symbol)] == 1]
        return {called.casefold(): name for called, name in (*alone, *own)}

    def find(self, text: str) -> str | None:
        """The commodity that a text names, or None."""
        return text if text in self.settings.commodities else self.known.get(text.casefold())

    def of_file(self, stem: str) -> str | None:
        """The commodity that a file's name stands for, or None.

        Dates, numbers and marks of copies may follow the commodity's name. The longest name
        counts: ``sugar_5`` stands for Sugar_5 if that is a commodity, otherwise for Sugar.
        """
        begun = {
            known: name
            for known, name in self.known.items()
            if (rest := _after(stem, known)) is not None and MARKS.fullmatch(rest)
        }
        return self.find(stem) or (begun[max(begun, key=len)] if begun else None)

    def begun_by(self, stem: str) -> list[str]:
        """The commodities whose names begin a file's name and are followed by anything else."""
        return sorted({name for known, name in self.known.items() if _after(stem, known)})

    def __str__(self) -> str:
        """The list of commodities for an error text."""
        return ", ".join(self.settings.commodities)


def _after(stem: str, known: str) -> str | None:
    """What follows a commodity's name in a file name; None if it does not begin the file name."""
    words = (re.escape(word) for word in re.split(SEPARATORS, known))
    begun = re.match(SEPARATORS.join(words) + r"(?![^\W_])", stem, re.IGNORECASE)
    return stem[begun.end() :] if begun else None


def read_dropped(name: str, content: bytes, settings: Settings, now: datetime) -> Dropped:
    """Read all that a file holds.

    ``name``: the file's name. ``now``: the present, in UTC without a zone. Raises SourceError if
    the file cannot be read.
    """
    rejections: list[Rejection] = []
    notes: list[str] = []
    long = _long_rows(name, content, Names(settings), rejections, notes)
    observations = [_observed(whose, rows, settings, now) for whose, rows in long if len(rows)]
    told = [*rejections, *(each for seen in observations for each in seen.rejections)]
    notes += [str(each) for each in grouped(filter(is_harmless, rejections), singly=1)]
    notes += [f"{seen.commodity}: {note}" for seen in observations for note in seen.notes]
    usable = [each for each in observations if not each.says_nothing]
    return Dropped(name, hashlib.sha256(content).hexdigest(), usable, harmful(told), notes)


def _observed(
    commodity: str, rows: pd.DataFrame, settings: Settings, now: datetime
) -> Observations:
    """The observations in a file's rows of one commodity.

    In a wide file the column of closes has the commodity's name; refusals are reported by it.
    """
    bounds = settings.bounds_of(commodity)
    meaning = replace(Meaning.of(commodity, settings.commodity(commodity), bounds), prefer=None)
    file = rows["file"].iloc[0]
    seen = observed(
        commodity,
        f"landing:{file}",
        rows,
        meaning.today(now),
        meaning,
        [],
        complete=False,
        withdrawals=True,
    )
    column = rows["column"].iloc[0]
    refused = [
        replace(each, column=column) if each.column == "close" else each for each in seen.rejections
    ]
    return replace(seen, rejections=refused)


def _long_rows(
    name: str, content: bytes, names: Names, rejections: list[Rejection], notes: list[str]
) -> list[tuple[str, pd.DataFrame]]:
    """The rows of a file as text, by commodity.

    Each row has its ``file``, its ``line`` and the ``column`` of its close. Raises SourceError for
    a file of another kind, or if it cannot be told which commodities the rows belong to.
    """
    suffix = PurePosixPath(name).suffix
    if suffix.lower() not in SUFFIXES:
        allowed = ", ".join(SUFFIXES)
        found = f"found a file {suffix!r}" if suffix else "the file's name has no suffix"
        raise SourceError(f"{name}: {found}, allowed: {allowed}")
    landing = names.settings.landing
    with told(f"{name}:", KEY):
        file = open_table(name, content, landing.format_of(name), landing)
        header = file.names
        wide = "date" in header and any(names.find(column) for column in header)
        if "close" in header or (file.only_price is not None and not wide):
            return _of_long(name, names, file, rejections)
        if wide:
            return _of_wide(name, names, file, rejections, notes)
    raise SourceError(
        f"{name}: found the columns {str(file.header) or '(none): the file is empty'};"
        f" allowed: date and close, or date and one column a commodity ({names}); or say which"
        " column is which by columns of a rule of landing.formats"
    )


def _of_long(
    name: str, names: Names, file: TableFile, rejections: list[Rejection]
) -> list[tuple[str, pd.DataFrame]]:
    stem = PurePosixPath(name).stem
    of_file = names.of_file(stem)
    if "commodity" not in file.names and of_file is None:
        raise SourceError(f"{name}: whose prices are these? {_how_to_say(stem, names)}")
    whose = of_file or name
    read = rows_of(whose, LAYOUT, name, file, rejections)
    rows = without_text(whose, read, rejections).assign(column="close")
    silent = rows["commodity"] == ""
    called = rows["commodity"].where(~silent | (not silent.all()), of_file or "")
    found = called.map(lambda text: names.find(text) or "").astype("string")
    strange = rows.assign(commodity=called)[found == ""]
    for line, text in zip(strange["line"], strange["commodity"], strict=True):
        rule = f"not a commodity of the configuration: {names}" if text else NO_NAME
        rejections.append(
            Rejection(name if text else whose, name, int(line), "commodity", text, rule)
        )
    return [(each, rows[found == each]) for each in sorted(set(found) - {""})]


def _how_to_say(stem: str, names: Names) -> str:
    """A text for users: why a file's name names no commodity, and how the file may name one."""
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
    name: str,
    names: Names,
    file: TableFile,
    rejections: list[Rejection],
    notes: list[str],
) -> list[tuple[str, pd.DataFrame]]:
    columns = [column for column in dict.fromkeys(file.names) if column not in ("", "date")]
    known = {column: whose for column in columns if (whose := names.find(column))}
    layout = Layout(values=("date", *known), required=("date",))
    rows = rows_of(name, layout, name, file, rejections)
    if others := [column for column in columns if column not in known]:
        listed = ", ".join(shortened(each, LONGEST_TOLD) for each in others[:5])
        more = f" and {len(others) - 5} more" if others[5:] else ""
        notes.append(
            f"{name}: left out the columns of no commodity of the configuration: {listed}{more}"
        )
    if "" in file.names[:-1]:
        notes.append(f"{name}: left out the columns without a name")
    found: list[tuple[str, pd.DataFrame]] = []
    absent = dict.fromkeys(("open", "high", "low", "volume"), "")
    for column, commodity in known.items():
        close = rows[["date", "file", "line"]].assign(close=rows[column], column=column, **absent)
        found.append((commodity, without_text(commodity, close, rejections)))
    return found
