"""Rows of CSV and Parquet files: read as text, checked value by value, refused by name.

A good row lands whatever stands beside it; a refused one is reported with its file, line, column,
value and the rule it broke.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from glob import escape, glob
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from forecast_assets.configuration import expanded
from forecast_assets.errors import SourceError
from forecast_assets.stamps import Stamps

MISSING = ("", ".", "-", "--", "na", "n/a", "#n/a", "<na>", "nd", "nan", "nat", "null", "none")
"""How files write a value that is not there; case does not matter."""
NOT_A_DATE = "not a date written YYYY-MM-DD"
UNREAD = "left empty, since no model reads it"
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
class Layout:
    """The columns of a file, in lower case.

    ``values`` are what a row says, ``labels`` only say whose it is: a row of labels alone is blank.
    """

    values: tuple[str, ...]
    required: tuple[str, ...]
    labels: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that is read."""
        return (*self.values, *self.labels)


def read_rows(
    name: str, layout: Layout, folder: Path, path: str, key: str, rejections: list[Rejection]
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
            tables.append(read_file(name, layout, file, rejections))
        except SourceError as error:
            rejections.append(Rejection(name, str(file), 1, "*", file.name, str(error)))
    if not tables:
        raise SourceError("; ".join(rejection.rule for rejection in rejections))
    return pd.concat(tables, ignore_index=True)


def read_file(name: str, layout: Layout, path: Path, rejections: list[Rejection]) -> pd.DataFrame:
    """One file as text: the columns of the layout, and ``file`` and ``line`` of each row.

    Raises SourceError for a file that cannot be read.
    """
    try:
        is_parquet = path.suffix.lower() in (".parquet", ".pq")
        table = _parquet(name, layout, path) if is_parquet else _csv(name, layout, path, rejections)
    except (OSError, ValueError, csv.Error) as error:
        raise SourceError(f"{name}: {path} cannot be read: {error}") from error
    lines = table.pop("line")
    known = table.reindex(columns=list(layout.columns), fill_value="")
    known = known.astype("string").fillna("").apply(lambda column: column.str.strip())
    blank = (known[list(layout.values)] == "").all(axis=1)
    return known.assign(file=str(path), line=lines)[~blank]


def _parquet(name: str, layout: Layout, path: Path) -> pd.DataFrame:
    header = pq.read_schema(path).names
    places = _places(name, layout, path, header)
    # Without pandas' metadata an index is a column like any other.
    table = pq.read_table(path, columns=[header[place] for place in places.values()])
    texts = table.rename_columns(list(places)).to_pandas(ignore_metadata=True)
    return texts.assign(line=range(1, len(texts) + 1))


def _csv(name: str, layout: Layout, path: Path, rejections: list[Rejection]) -> pd.DataFrame:
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.reader(file)
        header = next(reader, [])
        places = _places(name, layout, path, header)
        rows = []
        for fields in reader:
            if any(fields[len(header) :]):
                rule = f"the row has {len(fields)} fields, the header {len(header)}"
                line = reader.line_num
                rejections.append(Rejection(name, str(path), line, "*", ",".join(fields), rule))
            else:
                padded = [*fields, *[""] * (len(header) - len(fields))]
                rows.append([*(padded[place] for place in places.values()), reader.line_num])
    return pd.DataFrame(rows, columns=[*places, "line"])


def _places(name: str, layout: Layout, path: Path, header: list[str]) -> dict[str, int]:
    """Where each column that we know stands. Raises SourceError for one missing or twice."""
    names = [str(column).strip().lower() for column in header]
    known = [column for column in layout.columns if column in names]
    twice = [column for column in known if names.count(column) > 1]
    if twice:
        raise SourceError(f"{name}: {path} names the column {twice[0]} twice")
    missing = [column for column in layout.required if column not in known]
    if missing:
        hint = "; is it separated by commas?" if len(names) < 2 else ""
        raise SourceError(
            f"{name}: {path} lacks the column {' and '.join(missing)}; found: "
            f"{', '.join(names)}{hint}"
        )
    return {column: names.index(column) for column in known}


def is_missing(text: pd.Series) -> pd.Series:
    """Whether each text stands for a value that is not there."""
    return text.str.lower().isin(MISSING)


def written_days(
    name: str, rows: pd.DataFrame, stamps: Stamps, rejections: list[Rejection]
) -> pd.Series:
    """Local moment of each row, NaT where it cannot be read and is refused."""
    rejections += rejections_of(name, rows[stamps.local.isna()], "date", NOT_A_DATE)
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
