"""Stamps: the day, time and zone that are written in a row, and the session that they mean.

A stamp without a zone means the day that is written. A stamp with a zone is a moment, and its day
depends on the place: midnight in Berlin is 22:00 or 23:00 of the day before in UTC.
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
"""A day, optionally a time and a zone: 2024-01-02, 2024-01-02 23:00:00+00:00, 2024-01-02T23:00Z."""

LONGEST = 100
"""A text with more characters is no stamp; the pattern would take minutes for some of them."""

INTRADAY_SHARE = 0.1
"""A file is intraday if more than this share of its days have rows at several times."""

NOON = 12
"""From this hour in UTC on, a moment may be midnight of the next day in a zone to the east."""

LEAST_DAYS = 10
"""With fewer days, which is two weeks of sessions, it cannot be told which weekdays trade."""

FRIDAYS, SUNDAYS = 0.1, 0.02
"""Days show a week from Monday to Friday with at least this share of Fridays, and at most this
share of weekends."""

EARLY_WEEKS, EARLY_SHARE = 2, 0.1
"""Days are a day early if so many weeks, and this share of all, run from Sunday to Thursday."""

LEAST_A_WEEK = 3
"""Weeks with fewer rows are not counted there, since the series may be weekly."""

FIRST_SUNDAY = 3
"""How many days after 1970-01-01 the first Sunday was."""


@dataclass(frozen=True, eq=False)
class Stamps:
    """The stamps of rows, by the index of the rows.

    ``local``: datetime64[us], the moment as it is written, or on the clock that it was converted
    to; NaT if it cannot be read. ``utc``: the same moment in UTC; NaT if no zone is written.
    """

    local: pd.Series
    utc: pd.Series

    @property
    def days(self) -> pd.Series:
        """The day of each stamp, as datetime64."""
        return self.local.dt.normalize()

    def of_zone(self, zone: ZoneInfo | None, *, labels: bool = True) -> "Stamps":
        """The stamps on the clock of a zone; None changes nothing.

        A stamp without a zone stays as it is. ``labels``: whether a stamp at midnight of its own
        written zone stays as well, since it probably names a day and not a moment.
        """
        if zone is None:
            return self
        there = self.utc.dt.tz_localize("UTC").dt.tz_convert(zone).dt.tz_localize(None)
        kept = self.utc.isna() | (labels & (self.local == self.days))
        return replace(self, local=self.local.where(kept, there))

    def in_doubt(self) -> pd.Series:
        """Whether each stamp is in UTC and after noon, so that it may mean the next day."""
        return (self.utc == self.local) & (self.local.dt.hour >= NOON)


def read_stamps(text: pd.Series) -> Stamps:
    """Read stamps that are written as ``PATTERN`` says."""
    parts = text.str.slice(0, LONGEST).str.upper().str.extract(f"^{PATTERN}$")
    parts = parts.where(text.str.len() <= LONGEST)
    day = pd.to_datetime(parts["day"], format="%Y-%m-%d", errors="coerce").astype("datetime64[us]")
    time = parts["time"].str.replace(",", ".")
    short = time.str.len() == len("00:00")
    spent = pd.to_timedelta((time + ":00").where(short, time), errors="coerce")
    within = time.isna() | (spent < pd.Timedelta(days=1))
    local = (day + spent.fillna(pd.Timedelta(0)).astype("timedelta64[us]")).where(within)
    return Stamps(local, local - offsets(parts["zone"]))


def offsets(zones: pd.Series) -> pd.Series:
    """How far each written zone is ahead of UTC, as timedelta64; NaT if there is none."""
    digits = zones.replace({"Z": "+00", "UTC": "+00", "GMT": "+00"}).str.replace(":", "")
    hours = pd.to_numeric(digits.str.slice(1, 3), errors="coerce")
    minutes = pd.to_numeric(digits.str.slice(3, 5), errors="coerce").fillna(0)
    sign = digits.str.startswith("-").map({True: -1, False: 1})
    return pd.to_timedelta(sign.astype("float64") * (60 * hours + minutes), unit="min").astype(
        "timedelta64[us]"
    )


def several_a_day(local: pd.Series) -> bool:
    """Whether there are several moments on many days, and not only on a few."""
    times = local.dropna().drop_duplicates().dt.normalize().value_counts()
    return bool((times > 1).sum() > INTRADAY_SHARE * len(times))


def times_of(local: pd.Series) -> str:
    """The times of day of some moments, as a text for errors."""
    times = sorted(set(local.dropna().dt.strftime("%H:%M")))
    if len(times) <= 4:
        return ", ".join(times)
    return f"{', '.join(times[:3])} ... {times[-1]} ({len(times)} times of day)"


def shows_monday_to_friday(days: pd.Series) -> bool:
    """Whether days clearly belong to a trading week from Monday to Friday."""
    weekday = days.dropna().drop_duplicates().dt.day_of_week
    if len(weekday) < LEAST_DAYS:
        return False
    return bool((weekday == 4).mean() >= FRIDAYS and (weekday >= 5).mean() <= SUNDAYS)


def a_day_early(days: pd.Series) -> bool:
    """Whether days run from Sunday to Thursday, in all weeks or in those of a season.

    Weeks are counted that have a Sunday and other days but neither Friday nor Saturday, and that
    later rows follow. Series with all seven days, or with real Sundays, have few such weeks.
    """
    numbers = days.dropna().drop_duplicates().astype("datetime64[s]").to_numpy()
    since_sunday = numbers.astype("datetime64[D]").astype(np.int64) - FIRST_SUNDAY
    if len(since_sunday) == 0:
        return False
    day = since_sunday % 7
    table = pd.DataFrame({"rows": 1, "sunday": day == 0, "later": day >= 5})
    weeks = table.groupby(since_sunday // 7).agg({"rows": "sum", "sunday": "any", "later": "any"})
    over = weeks.index * 7 + 5 < since_sunday.max()
    judged = weeks[over & (weeks["rows"] >= LEAST_A_WEEK)]
    early = int((judged["sunday"] & ~judged["later"]).sum())
    return early >= EARLY_WEEKS and early > EARLY_SHARE * len(judged)
