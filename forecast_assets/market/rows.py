"""Rows of files: they are read as text, and each value is checked.

A bad row does not affect the good ones. It is refused and reported with its file, line, column and
value, and with the rule that it breaks.
"""

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from forecast_assets.configuration.file_format import PLAIN, FileFormat
from forecast_assets.configuration.file_limits import LIMITS, FileLimits
from forecast_assets.errors import SourceError, UnclearFormat
from forecast_assets.market.files.layout import Layout
from forecast_assets.market.files.months import LANGUAGES, WORD
from forecast_assets.market.files.regular import bytes_of
from forecast_assets.market.files.table_file import TableFile, open_table
from forecast_assets.market.files.written_numbers import MISSING
from forecast_assets.market.source_files import files_at
from forecast_assets.market.stamps import Stamps
from forecast_assets.outside import plain, shortened

NOT_A_DATE = "not a date written YYYY-MM-DD"
NO_MONTH = (
    f"{NOT_A_DATE}, nor by the name of a month in {LANGUAGES}: export the file with numbers for"
    " months, best as YYYY-MM-DD"
)
ADJUSTED = "an adjusted close, which changes in the past at each adjustment"
UNREAD = "left empty, since no model reads it"
NAMES_A_MONTH = rf"\D*\d{{1,4}}\W*{WORD}\W+\d{{1,4}}.*|\W*{WORD}\W+\d{{1,2}}\W+\d{{2,4}}.*"
"""A pattern for texts that look like a day whose month is written as a name."""

LONGEST_TOLD = 100
"""So many characters of a refused value, or of a column's name, are told."""

UNPERMITTED = "this user may not read it: change the permissions of the file, or of its folder"

NEAR_DAYS = 7
"""A row dated at most this many days after today is left out as early; a later one is refused."""


@dataclass(frozen=True)
class Rejection:
    """A value that was refused and the rule that it breaks, or several values of a kind.

    Of several values the first is shown. ``count``: how many values they are. ``lines``: a text
    with the lines of several. ``harmless``: True if no price is lost; then it becomes a note and
    fails nothing.
    """

    commodity: str
    file: str
    line: int
    column: str
    value: str
    rule: str
    lines: str = ""
    count: int = 1
    harmless: bool = False

    def __str__(self) -> str:
        """One line that says where the value is and what is wrong with it."""
        return f"{plain(shortened(self.commodity, LONGEST_TOLD))}: {self.told}"

    @property
    def told(self) -> str:
        """The same line without the commodity's name."""
        first = "found" if self.count == 1 else "first found"
        column = shortened(self.column, LONGEST_TOLD)
        where = f"{self.file}, {self.lines or f'line {self.line}'}, column {column}"
        value = shortened(self.value, LONGEST_TOLD)
        return plain(f"{where}: {first} {value!r}: {self.rule}")


@dataclass(frozen=True)
class Said:
    """What the configuration says about files.

    ``form``: how they are written. ``called``: the names of the commodity in them. ``key``: a
    format string for error texts that gives the full name of a key of the configuration; "" if
    there are no keys. ``limits``: how large they may be.
    """

    form: FileFormat = PLAIN
    called: tuple[str, ...] = ()
    key: str = ""
    limits: FileLimits = LIMITS


def read_rows(
    name: str,
    layout: Layout,
    folder: Path,
    path: str,
    key: str,
    rejections: list[Rejection],
    said: Said | None = None,
) -> pd.DataFrame:
    """Read the rows of all files that ``path``, a file name or a glob, names under ``folder``.

    The result has all columns of the layout as text, "" where absent, and ``file`` and ``line`` of
    each row. A file that cannot be read becomes a rejection; raises SourceError if no file can be
    read. ``key``: the key of the configuration that has ``path``.
    """
    files = files_at(folder, path)
    if not files:
        raise SourceError(f"{name}: no file at {folder / path}; {key} names it")
    tables = []
    for file in files:
        try:
            tables.append(read_file(name, layout, file, rejections, said or Said()))
        except SourceError as error:
            rejections.append(Rejection(name, str(file), 1, "*", file.name, str(error)))
    if not tables:
        raise SourceError("; ".join(rejection.rule for rejection in rejections))
    return pd.concat(tables, ignore_index=True)


def read_file(
    name: str, layout: Layout, path: Path, rejections: list[Rejection], said: Said
) -> pd.DataFrame:
    """Read one file as text: the columns of the layout, and ``file`` and ``line`` of each row.

    Days and numbers that were understood are rewritten as ISO days and plain numbers. Raises
    SourceError for a file that cannot be read, or that could be read in several ways.
    """
    with told(f"{name}: {path}", said.key):
        file = open_file(path, said)
        return rows_of(name, layout, str(path), file, rejections, said.called)


def open_file(path: Path, said: Said) -> TableFile:
    """Open the table of a file. Raises OSError and UnclearFormat."""
    content = bytes_of(path, said.limits.max_bytes)
    return open_table(path.name, content, said.form, said.limits)


@contextmanager
def told(whose: str, key: str) -> Iterator[None]:
    """Turn errors of reading a file into a SourceError whose text begins with ``whose``.

    The text ends with the key to set, if ``key`` is not empty and a key would help.
    """
    try:
        yield
    except UnclearFormat as error:
        keys = " and ".join(key.format(each) for each in error.key.split(" and ") if each)
        hint = f": set {keys}" if keys and key else ""
        raise SourceError(f"{whose} {error.reason}{hint}") from error
    except PermissionError as error:
        raise SourceError(f"{whose} cannot be read: {UNPERMITTED}") from error
    except (OSError, ValueError, ArithmeticError, csv.Error) as error:
        raise SourceError(f"{whose} cannot be read: {error}") from error


def rows_of(
    name: str,
    layout: Layout,
    path: str,
    file: TableFile,
    rejections: list[Rejection],
    called: Sequence[str] = (),
) -> pd.DataFrame:
    """The rows of an open file, in the form of ``read_file``. Raises UnclearFormat.

    ``path``: what refusals call the file.
    """
    found = file.read(layout, called)
    for row in found.too_long:
        rule = f"the row has {len(row.fields)} fields, the header {row.width}"
        fields = shortened(",".join(row.fields[:LONGEST_TOLD]), LONGEST_TOLD)
        rejections.append(Rejection(name, path, row.line, "*", fields, rule))
    if found.adjusted:
        line = max(file.header.lines, default=1)
        note = Rejection(name, path, line, "close", found.adjusted, ADJUSTED, harmless=True)
        rejections.append(note)
    lines = found.texts["line"]
    known = found.texts.reindex(columns=list(layout.columns), fill_value="")
    if found.named and "commodity" in layout.labels and "commodity" not in found.texts:
        known = known.assign(commodity=found.named)
    known = known.astype("string").fillna("").apply(lambda column: column.str.strip())
    blank = (known[list(layout.values)] == "").all(axis=1)
    return known.assign(file=path, line=lines)[~blank]


def is_missing(text: pd.Series) -> pd.Series:
    """Whether each text stands for a missing value."""
    return text.str.lower().isin(MISSING)


def written_days(
    name: str, rows: pd.DataFrame, stamps: Stamps, rejections: list[Rejection]
) -> pd.Series:
    """The local moment of each row; rows whose moment cannot be read are refused and have NaT."""
    refused = rows[stamps.local.isna()]
    named = refused["date"].str.fullmatch(NAMES_A_MONTH).astype(bool)
    rejections += rejections_of(name, refused[named], "date", NO_MONTH)
    rejections += rejections_of(name, refused[~named], "date", NOT_A_DATE)
    return stamps.local


@dataclass(frozen=True)
class Ahead:
    """How far dates may lie in the future.

    ``today``: the present day. ``days``: how many days after it may have prices. ``key``: the place
    of the source in the configuration, whose key ``known_ahead`` says so; None without one.
    """

    today: date
    days: int = 0
    key: str | None = None


def days_until(
    name: str, rows: pd.DataFrame, moments: pd.Series, ahead: Ahead, rejections: list[Rejection]
) -> pd.Series:
    """The moments, with NaT for those in the future; rows far in the future are refused."""
    last = pd.Timestamp(ahead.today) + pd.Timedelta(days=ahead.days)
    near = last + pd.Timedelta(days=max(0, NEAR_DAYS - ahead.days))
    days = moments.dt.normalize()
    future, far = days > last, days > near
    distance = (days[future & ~far].max() - pd.Timestamp(ahead.today)).days if future.any() else 0
    hint = f"; or set {ahead.key}.known_ahead: {distance}" if ahead.key else ""
    today = f"later than today, {ahead.today}"
    soon = f"{today}: left out until its day has come{hint}"
    rejections += rejections_of(name, rows[far], "date", today)
    rejections += rejections_of(name, rows[future & ~far], "date", soon, harmless=True)
    return moments.mask(future)


def numbers(
    name: str,
    rows: pd.DataFrame,
    column: str,
    rejections: list[Rejection],
    *,
    needed: bool = True,
) -> pd.Series:
    """The value of each row as float64, NaN where it is absent or refused.

    ``needed``: False for a column in which a refused value does no harm.
    """
    text = rows[column]
    if (text == "").all():
        return pd.Series(np.nan, index=rows.index, name=column)
    values = pd.to_numeric(text, errors="coerce").astype("Float64").astype("float64")
    finite = values.abs() < float("inf")
    refused = ~finite & ~is_missing(text)
    rule = "not a finite number" if needed else f"not a finite number: {UNREAD}"
    rejections += rejections_of(name, rows[refused], column, rule, harmless=not needed)
    return values.where(finite)


def conflicting(
    name: str,
    rows: pd.DataFrame,
    kept: pd.Series,
    keys: Sequence[pd.Series],
    values: pd.Series,
    noun: str,
    rejections: list[Rejection],
) -> pd.Series:
    """Which of the kept rows have the same keys, such as a date, as a row with another value."""
    different = values[kept].groupby([key[kept] for key in keys]).transform("nunique") > 1
    rule = f"its date stands more than once with different {noun}s: keep one, the date is left out"
    column = str(values.name)
    rejections += rejections_of(name, rows.loc[different[different].index], column, rule)
    return different.reindex(rows.index, fill_value=False)


def rejections_of(
    name: str, rows: pd.DataFrame, column: str, rule: str, *, harmless: bool = False
) -> Iterator[Rejection]:
    """A rejection for each row, which shows its value in a column."""
    for file, line, value in zip(rows["file"], rows["line"], rows[column], strict=True):
        yield Rejection(name, str(file), int(line), column, str(value), rule, harmless=harmless)
