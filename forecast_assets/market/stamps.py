"""Stamps: the day, time and zone that a row is written with, and the day of a session they mean.

A stamp without a zone keeps its written day. One with a zone is a moment, whose day depends on
where one stands: midnight of Berlin is 22:00 or 23:00 of the day before in UTC.
"""

from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

PATTERN = (
    r"(?P<day>\d{4}-\d{2}-\d{2})"
    r"(?:[T ]\s*(?P<time>\d{2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?)?"
    r"\s*(?P<zone>Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)?)?"
)
"""A day, and maybe a time and a zone: 2024-01-02, 2024-01-02 23:00:00+00:00, 2024-01-02T23:00Z."""

INTRADAY_SHARE = 0.1
"""Above this share of days with rows at several times, rows are not one a day."""

NOON = 12
"""From this hour of UTC on, midnight of a zone to the east may be meant."""

LEAST_DAYS = 10
"""Fewer days than two weeks of sessions say nothing of the weekdays that trade."""

FRIDAYS, SUNDAYS = 0.1, 0.02
"""Shares of days that show Monday to Friday: at least so many Fridays, at most so many Sundays."""

EARLY_WEEKS, EARLY_SHARE = 2, 0.1
"""So many weeks, and this share of them, from Sunday to Thursday are days that are a day early."""

LEAST_A_WEEK = 3
"""A week with fewer rows is left out of that count: the series may be weekly."""

FIRST_SUNDAY = 3
"""Days from 1970-01-01 to a Sunday."""


@dataclass(frozen=True, eq=False)
class Stamps:
    """The stamps of rows, by the index of the rows.

    ``local``: datetime64[us], the moment by the clock that is written or was converted to; NaT
    where it cannot be read. ``utc``: the same moment in UTC, NaT where no zone is written.
    """

    local: pd.Series
    utc: pd.Series

    @property
    def days(self) -> pd.Series:
        """The day of each, as datetime64."""
        return self.local.dt.normalize()

    def of_zone(self, zone: ZoneInfo | None, *, labels: bool = True) -> "Stamps":
        """The stamps by the clock of a zone; ones without a zone stay, and all do for None.

        ``labels``: a stamp at midnight of its own written zone names a day and stays, too.
        """
        if zone is None:
            return self
        there = self.utc.dt.tz_localize("UTC").dt.tz_convert(zone).dt.tz_localize(None)
        kept = self.utc.isna() | (labels & (self.local == self.days))
        return replace(self, local=self.local.where(kept, there))

    def in_doubt(self) -> pd.Series:
        """Whether each is in the second half of a day of UTC: the next day may be meant."""
        return (self.utc == self.local) & (self.local.dt.hour >= NOON)


def read_stamps(text: pd.Series) -> Stamps:
    """The stamps that are written as ``PATTERN`` says."""
    parts = text.str.upper().str.extract(f"^{PATTERN}$")
    day = pd.to_datetime(parts["day"], format="%Y-%m-%d", errors="coerce").astype("datetime64[us]")
    time = parts["time"].str.replace(",", ".")
    short = time.str.len() == len("00:00")
    spent = pd.to_timedelta((time + ":00").where(short, time), errors="coerce")
    within = time.isna() | (spent < pd.Timedelta(days=1))
    local = (day + spent.fillna(pd.Timedelta(0)).astype("timedelta64[us]")).where(within)
    return Stamps(local, local - offsets(parts["zone"]))


def offsets(zones: pd.Series) -> pd.Series:
    """How far each written zone is ahead of UTC: timedelta64, NaT for none."""
    digits = zones.replace({"Z": "+00", "UTC": "+00", "GMT": "+00"}).str.replace(":", "")
    hours = pd.to_numeric(digits.str.slice(1, 3), errors="coerce")
    minutes = pd.to_numeric(digits.str.slice(3, 5), errors="coerce").fillna(0)
    sign = digits.str.startswith("-").map({True: -1, False: 1})
    return pd.to_timedelta(sign.astype("float64") * (60 * hours + minutes), unit="min").astype(
        "timedelta64[us]"
    )


def several_a_day(local: pd.Series) -> bool:
    """Whether moments are several a day, rather than one a day with a few more."""
    times = local.dropna().drop_duplicates().dt.normalize().value_counts()
    return bool((times > 1).sum() > INTRADAY_SHARE * len(times))


def times_of(local: pd.Series) -> str:
    """The times of day of some moments, as an error lists them."""
    times = sorted(set(local.dropna().dt.strftime("%H:%M")))
    if len(times) <= 4:
        return ", ".join(times)
    return f"{', '.join(times[:3])} ... {times[-1]} ({len(times)} times of day)"


def shows_monday_to_friday(days: pd.Series) -> bool:
    """Whether days are of a week from Monday to Friday, beyond doubt."""
    weekday = days.dropna().drop_duplicates().dt.day_of_week
    if len(weekday) < LEAST_DAYS:
        return False
    return bool((weekday == 4).mean() >= FRIDAYS and (weekday >= 5).mean() <= SUNDAYS)


def a_day_early(days: pd.Series) -> bool:
    """Whether days are Sundays to Thursdays, all of them or those of a season.

    Some weeks have a Sunday and other days, and neither Friday nor Saturday although there are
    later rows. Series of all seven days, or with Sundays of their own, have few such weeks.
    """
    numbers = days.dropna().drop_duplicates().astype("datetime64[s]").to_numpy()
    since_sunday = numbers.astype("datetime64[D]").astype(np.int64) - FIRST_SUNDAY
    if len(since_sunday) == 0:
        return False
    table = pd.DataFrame({"week": since_sunday // 7, "day": since_sunday % 7})
    weeks = table.groupby("week")["day"].agg(
        rows="size", sunday=lambda day: (day == 0).any(), later=lambda day: (day >= 5).any()
    )
    over = weeks.index * 7 + 5 < since_sunday.max()
    judged = weeks[over & (weeks["rows"] >= LEAST_A_WEEK)]
    early = int((judged["sunday"] & ~judged["later"]).sum())
    return early >= EARLY_WEEKS and early > EARLY_SHARE * len(judged)
