"""Rows of files: read as text, checked value by value, refused by name.

A good row lands whatever stands beside it; a refused one is reported with its file, line, column,
value and the rule it broke.
"""

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from glob import escape, glob
from pathlib import Path

import pandas as pd

from forecast_assets.configuration.file_format import PLAIN, FileFormat
from forecast_assets.configuration.home import expanded
from forecast_assets.errors import SourceError, UnclearFormat
from forecast_assets.market.files.layout import Layout
from forecast_assets.market.files.months import LANGUAGES, WORD
from forecast_assets.market.files.table_file import TableFile, open_table
from forecast_assets.market.files.written_numbers import MISSING
from forecast_assets.market.stamps import Stamps

NOT_A_DATE = "not a date written YYYY-MM-DD"
NO_MONTH = (
    f"{NOT_A_DATE}, nor by the name of a month in {LANGUAGES}: export the file with numbers for"
    " months, best as YYYY-MM-DD"
)
ADJUSTED = "an adjusted close, which changes in the past at each adjustment"
UNREAD = "left empty, since no model reads it"
NAMES_A_MONTH = rf"\D*\d{{1,4}}\W*{WORD}\W+\d{{1,4}}.*|\W*{WORD}\W+\d{{1,2}}\W+\d{{2,4}}.*"
"""What is like a day with a month by its name."""

NEAR_DAYS = 7
"""A row dated so many days after today is early; a later one is a mistake."""


@dataclass(frozen=True)
class Rejection:
    """A value that was refused, and why; or several of a kind, the first of them shown.

    ``count`` values, in ``lines`` where they are several. ``harmless``: no price is lost by it, so
    that it is told as a note and fails nothing.
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
        """One line that says where to look and what is wrong."""
        return f"{self.commodity}: {self.told}"

    @property
    def told(self) -> str:
        """The same without the commodity."""
        first = "found" if self.count == 1 else "first found"
        where = f"{self.file}, {self.lines or f'line {self.line}'}, column {self.column}"
        return f"{where}: {first} {self.value!r}: {self.rule}"


@dataclass(frozen=True)
class Said:
    """What is said of files: how they are written, and what they call the commodity.

    ``key``: the key of the configuration that would say more, with a place for its last part; ""
    where there is none.
    """

    form: FileFormat = PLAIN
    called: tuple[str, ...] = ()
    key: str = ""


def read_rows(
    name: str,
    layout: Layout,
    folder: Path,
    path: str,
    key: str,
    rejections: list[Rejection],
    said: Said | None = None,
) -> pd.DataFrame:
    """The rows of every file that ``path``, a file or a glob, names under ``folder``.

    All columns of the layout as text, "" where absent, and ``file`` and ``line`` of each row. A
    file that cannot be read is a rejection while another can; SourceError where none can. ``key``
    is where the configuration says ``path``.
    """
    pattern = str(Path(escape(str(folder))) / expanded(path))
    files = [file for file in map(Path, sorted(glob(pattern, recursive=True))) if file.is_file()]  # noqa: PTH207 - may be absolute
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
    """One file as text: the columns of the layout, and ``file`` and ``line`` of each row.

    Days are ISO and numbers plain where they were understood. Raises SourceError for a file that
    cannot be read, or that may be read in several ways.
    """
    with told(f"{name}: {path}", said.key):
        return rows_of(name, layout, path, open_table(path, said.form), rejections, said.called)


@contextmanager
def told(whose: str, key: str) -> Iterator[None]:
    """Turn what a file is refused for into a SourceError that begins with ``whose`` it is.

    It ends with the key to set, where ``key`` has a place for it.
    """
    try:
        yield
    except UnclearFormat as error:
        keys = " and ".join(key.format(each) for each in error.key.split(" and ") if each)
        hint = f": set {keys}" if keys and key else ""
        raise SourceError(f"{whose} {error.reason}{hint}") from error
    except (OSError, ValueError, csv.Error) as error:
        raise SourceError(f"{whose} cannot be read: {error}") from error


def rows_of(
    name: str,
    layout: Layout,
    path: Path,
    file: TableFile,
    rejections: list[Rejection],
    called: Sequence[str] = (),
) -> pd.DataFrame:
    """The rows of a file that is open, as ``read_file`` has them. Raises UnclearFormat."""
    found = file.read(layout, called)
    for row in found.too_long:
        rule = f"the row has {len(row.fields)} fields, the header {row.width}"
        rejections.append(Rejection(name, str(path), row.line, "*", ",".join(row.fields), rule))
    if found.adjusted:
        line = max(file.header.lines, default=1)
        note = Rejection(name, str(path), line, "close", found.adjusted, ADJUSTED, harmless=True)
        rejections.append(note)
    lines = found.texts["line"]
    known = found.texts.reindex(columns=list(layout.columns), fill_value="")
    if found.named and "commodity" in layout.labels and "commodity" not in found.texts:
        known = known.assign(commodity=found.named)
    known = known.astype("string").fillna("").apply(lambda column: column.str.strip())
    blank = (known[list(layout.values)] == "").all(axis=1)
    return known.assign(file=str(path), line=lines)[~blank]


def is_missing(text: pd.Series) -> pd.Series:
    """Whether each text stands for a value that is not there."""
    return text.str.lower().isin(MISSING)


def written_days(
    name: str, rows: pd.DataFrame, stamps: Stamps, rejections: list[Rejection]
) -> pd.Series:
    """Local moment of each row, NaT where it cannot be read and is refused."""
    refused = rows[stamps.local.isna()]
    named = refused["date"].str.fullmatch(NAMES_A_MONTH).astype(bool)
    rejections += rejections_of(name, refused[named], "date", NO_MONTH)
    rejections += rejections_of(name, refused[~named], "date", NOT_A_DATE)
    return stamps.local


@dataclass(frozen=True)
class Ahead:
    """Today, how many days after it have prices, and the key that says so, if there is one."""

    today: date
    days: int = 0
    key: str | None = None


def days_until(
    name: str, rows: pd.DataFrame, moments: pd.Series, ahead: Ahead, rejections: list[Rejection]
) -> pd.Series:
    """The moments that may be known by now, NaT for others: refused, or left out if near."""
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
    """Value of each row as float64, NaN where it is absent or refused.

    A refusal in a column that is not ``needed`` does no harm.
    """
    text = rows[column]
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
    """Which of the kept rows share their keys, such as a date, with another value."""
    different = values[kept].groupby([key[kept] for key in keys]).transform("nunique") > 1
    rule = f"its date stands more than once with different {noun}s: keep one, the date is left out"
    column = str(values.name)
    rejections += rejections_of(name, rows.loc[different[different].index], column, rule)
    return different.reindex(rows.index, fill_value=False)


def rejections_of(
    name: str, rows: pd.DataFrame, column: str, rule: str, *, harmless: bool = False
) -> Iterator[Rejection]:
    """A refusal of what each row has in a column."""
    for file, line, value in zip(rows["file"], rows["line"], rows[column], strict=True):
        yield Rejection(name, str(file), int(line), column, str(value), rule, harmless=harmless)
