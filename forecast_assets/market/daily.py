"""One row a day: converting moments to days, and combining or refusing several rows of a day."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from fnmatch import fnmatch
from pathlib import Path

import numpy as np
import pandas as pd

from forecast_assets.errors import SourceError
from forecast_assets.market.meaning import Meaning
from forecast_assets.market.refusals import lines_of
from forecast_assets.market.rows import Rejection, conflicting
from forecast_assets.market.stamps import (
    Stamps,
    a_day_early,
    several_a_day,
    shows_monday_to_friday,
    times_of,
)
from forecast_assets.timeline.sessions import at_odd_times

NEWEST = "newest"
"""The value of ``prefer`` by which the file with the latest date is preferred."""

REPEATS, REPEATED_SHARE = 4, 0.5
"""Weekend closes count as filled in if so many, and this share of them, repeat the close before."""


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of one commodity while they are converted to days.

    ``places``: ``file``, ``line`` and the texts of each row. Functions append refused rows to
    ``rejections``, and what a reader should know to ``notes``.
    """

    name: str
    places: pd.DataFrame
    meaning: Meaning
    rejections: list[Rejection]
    notes: list[str]

    def where(self, kept: pd.Series) -> "Rows":
        """Some of the rows; what is refused of them, and their notes, are added to these."""
        return replace(self, places=self.places[kept])

    def refuse(self, refused: pd.Series, column: str, rule: str) -> None:
        """Refuse these rows, with one rejection for all rows of a file."""
        for file, rows in self.places[refused].groupby("file", sort=True):
            first = rows.loc[rows["line"].idxmin()]
            self.rejections.append(
                Rejection(
                    commodity=self.name,
                    file=str(file),
                    line=int(first["line"]),
                    column=column,
                    value=str(first[column]),
                    rule=rule,
                    lines=lines_of(rows["line"].astype(int)),
                    count=len(rows),
                )
            )

    def in_one_line(self, refused: pd.Series, column: str, rule: str) -> None:
        """Refuse rows of several files with one rejection, which names the other files."""
        rows = self.places[refused]
        files = sorted(set(rows["file"]))
        others = "" if len(files) == 1 else f" ({_listed(files[1:])} alike)"
        same = refused & (self.places["file"] == files[0])
        self.refuse(same, column, rule + others)


def _listed(files: list[str]) -> str:
    names = [Path(file).name for file in files]
    return (
        ", ".join(names) if len(names) <= 3 else f"{', '.join(names[:2])} and {len(names) - 2} more"
    )


def moments_of(rows: Rows, stamps: Stamps, priced: pd.Series) -> pd.Series:
    """The moment of each row on the clock of its exchange; NaT for rows that are refused.

    ``priced``: whether a row has a close. Rows without one do not count when it is decided whether
    a file has several rows a day and on which weekdays the commodity trades.
    """
    meaning = rows.meaning
    files = rows.places["file"]
    intraday = _files_where(several_a_day, stamps.local.where(priced), files)
    if not meaning.aggregate:
        _refuse_intraday(rows, stamps.local.where(priced), intraday)
    labels = meaning.timezone is None
    local = stamps.of_zone(meaning.zone, labels=False).local.where(
        intraday, stamps.of_zone(meaning.zone, labels=labels).local
    )
    local = local if meaning.aggregate else local.mask(intraday)
    days = local.dt.normalize().where(priced)
    wrong = _days_are_wrong(meaning, stamps, days)
    if wrong is None:
        return local
    rows.in_one_line(days.notna(), "date", wrong)
    return local.mask(local.notna())


def _files_where(
    holds: Callable[[pd.Series], bool], values: pd.Series, files: pd.Series
) -> pd.Series:
    """Whether ``holds`` is true of the values of a row's file, for each row."""
    found = {file: holds(mine) for file, mine in values.groupby(files)}
    return files.map(found).astype(bool)


def _refuse_intraday(rows: Rows, local: pd.Series, intraday: pd.Series) -> None:
    files = rows.places["file"]
    for file in sorted(set(files[intraday])):
        mine = local.where(files == file)
        rule = (
            f"several rows a day, at {times_of(mine)}: keep one a day, or"
            f" {rows.meaning.hint('aggregate: last')}; none of them is taken"
        )
        rows.refuse(mine.notna(), "date", rule)


def _days_are_wrong(meaning: Meaning, stamps: Stamps, days: pd.Series) -> str | None:
    """Why these days cannot be the days of sessions, or None if they can."""
    zone = f"the zone {meaning.zone}" if meaning.zone else "no zone is set"
    expected = meaning.sundays or meaning.weekends == "keep"
    if a_day_early(days) and not expected and _at_odd_times(days) is None:
        sundays = int((days.drop_duplicates().dt.day_of_week == 6).sum())
        found = f"{sundays} of {days.nunique()} days are Sundays whose Fridays are missing"
        if stamps.utc.notna().any():
            return (
                f"{found}, as where midnight of another zone is written ({zone}):"
                f" {_zone_hint(meaning)}; none of them is taken"
            )
        return (
            f"{found}, as where days are a day early: mend them, or"
            f" {meaning.hint('weekends: keep')} if it trades on Sundays; none of them is taken"
        )
    doubt = stamps.in_doubt() & days.notna()
    if meaning.zone is None and doubt.any() and not shows_monday_to_friday(days[doubt]):
        return (
            f"{times_of(stamps.local[doubt])} in UTC may be of the next day where it trades, and"
            f" nothing says where: {meaning.hint('timezone')}; none of them is taken"
        )
    return None


def _at_odd_times(days: pd.Series) -> str | None:
    """Why these days show no trading week, or None; without one, Sundays do not show a zone."""
    return at_odd_times(np.unique(days.dropna().to_numpy().astype("datetime64[D]")))


def _zone_hint(meaning: Meaning) -> str:
    """A hint for users to set the zone, or to set another one."""
    hint = meaning.hint("timezone")
    return f"{hint} to another zone" if meaning.timezone and meaning.key else hint


def aggregated(
    rows: Rows, prices: pd.DataFrame, moments: pd.Series, utc: pd.Series, today: date
) -> pd.DataFrame:
    """Combine the rows of each day into one, with the index of the day's last row.

    ``prices``: the columns of the contract, with a date and a close. ``moments``: on the clock of
    the exchange. ``utc``: the same in UTC, NaT where no zone is written. The close is that of the
    last row, open that of the first, high the highest, low the lowest, volume the sum. A day with
    two different closes at its last moment is refused. Today is left out until it is over.
    """
    table = prices.assign(moment=moments, instant=utc.fillna(moments)).sort_values(
        ["date", "instant"], kind="stable"
    )
    last = table["instant"] == table.groupby("date")["instant"].transform("max")
    ends = table[last]
    everywhere = pd.Series(True, index=ends.index)
    wrong = conflicting(
        rows.name,
        rows.places.loc[ends.index],
        everywhere,
        [ends["date"]],
        ends["close"],
        "close",
        rows.rejections,
    )
    table = table[~table["date"].isin(ends["date"][wrong])].drop_duplicates("instant")
    table = table[~table["date"].isin(_unfinished(rows, table, today))]
    by_day = table.reset_index(names="place").groupby("date", as_index=False)
    made = by_day.agg(
        open=("open", "first"),
        high=("high", "max"),
        low=("low", "min"),
        close=("close", "last"),
        volume=("volume", lambda volumes: volumes.sum(min_count=1)),
        place=("place", "last"),
    )
    return made.set_index("place")[list(prices.columns)].astype({"volume": "float64"})


def _unfinished(rows: Rows, table: pd.DataFrame, today: date) -> list[pd.Timestamp]:
    """Today, if its last row is earlier in the day than the last rows of half of all days."""
    now = pd.Timestamp(today)
    ends = table.groupby("date")["moment"].max()
    spent = ends - ends.index.to_series()
    if now not in ends.index or spent[now] >= spent.median():
        return []
    rows.notes.append(
        f"{today} is left out until it is over: its last row is of {times_of(ends[[now]])}"
    )
    return [now]


def preferred(rows: Rows, prices: pd.DataFrame, kept: pd.Series) -> pd.Series:
    """Which of the kept rows count: if several files have a date, only those of the preferred file.

    The preferred file is the one whose name fits the pattern ``prefer``. ``newest`` prefers the
    file with the latest date, and among several the one whose name sorts last. Raises SourceError
    if no file's name fits the pattern.
    """
    prefer, files = rows.meaning.prefer, rows.places["file"]
    if prefer is None:
        return kept
    if prefer == NEWEST:
        newest = prices["date"][kept].groupby(files[kept]).max()
        order = sorted(newest.index, key=lambda file: (newest[file], str(file)))
    else:
        order = sorted(set(files), key=lambda file: fnmatch(Path(str(file)).name, prefer))
        if not fnmatch(Path(str(order[-1])).name, prefer):
            raise SourceError(
                f"{rows.name}: no file is called {prefer}; found"
                f" {_listed(sorted(map(str, order)))}: set {rows.meaning.key}.prefer"
            )
    rank = files.map({file: _rank(file, order, prefer) for file in order})
    best = rank[kept].groupby(prices["date"][kept]).transform("max")
    return kept & (rank == best.reindex(rank.index))


def _rank(file: object, order: list[str], prefer: str) -> int:
    return (
        order.index(str(file)) if prefer == NEWEST else int(fnmatch(Path(str(file)).name, prefer))
    )


def disagreeing(rows: Rows, prices: pd.DataFrame, kept: pd.Series) -> pd.Series:
    """Which of the kept rows have a date for which another file has a different close.

    If files differ on most of the dates that they share, they probably hold different contracts.
    Then all rows are refused, since a series that jumps between contracts would be wrong.
    """
    none = pd.Series(False, index=kept.index)
    table = pd.DataFrame({"date": prices["date"], "close": prices["close"]})[kept]
    table["file"] = rows.places["file"]
    by_day = table.groupby("date")
    files, closes = by_day["file"].nunique(), by_day["close"].nunique()
    alone = table.groupby(["date", "file"])["close"].nunique().groupby("date").max()
    shared, differ = files > 1, (files > 1) & (closes > 1) & (alone == 1)
    if not differ.any():
        return none
    dates = differ[differ].index
    several = len(dates) > 1 and 2 * len(dates) > int(shared.sum())
    of_dates = kept & prices["date"].isin(dates)
    names = _listed(sorted(set(rows.places["file"][of_dates])))
    span = (
        f"{dates[0]:%Y-%m-%d}"
        if len(dates) == 1
        else (f"{len(dates)} dates from {dates[0]:%Y-%m-%d} to {dates[-1]:%Y-%m-%d}")
    )
    contracts = " (are the files contracts?)" if several else ""
    left = "until then none of the rows is taken" if several else "they are left out"
    rule = (
        f"{names} say different closes of {span}{contracts}:"
        f" {rows.meaning.hint('prefer: newest')}, or a pattern of file names; {left}"
    )
    refused = kept if several else of_dates
    first = rows.places["file"] == min(rows.places["file"][refused])
    rows.refuse(refused & first, "close", rule)
    return refused


def on_weekdays(rows: Rows, prices: pd.DataFrame) -> pd.DataFrame:
    """The prices without weekends if the source says so; a note if weekends look filled in."""
    weekend = prices["date"].dt.day_of_week >= 5
    if rows.meaning.weekends == "drop":
        return prices[~weekend].reset_index(drop=True)
    ordered = prices.sort_values("date")
    repeats = int((weekend & (ordered["close"].diff() == 0)).sum())
    filled = repeats >= max(REPEATS, REPEATED_SHARE * int(weekend.sum()))
    if filled and rows.meaning.weekends is None:
        rows.notes.append(
            f"{repeats} closes of Saturdays and Sundays repeat the one before: they are kept, and"
            f" shrink volatility; {rows.meaning.hint('weekends: drop')}, or keep if they are meant"
        )
    return prices
