"""One row a day: zones, several rows a day, weekends, files that overlap, and what is ahead."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecast_assets.configuration.commodities import Commodity, FileSource
from forecast_assets.errors import SourceError
from forecast_assets.market.meaning import Meaning
from forecast_assets.market.observations import Observations
from forecast_assets.market.sources import read_source

TODAY = date(2026, 11, 25)

Read = Callable[..., Observations]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Write files by name, and read them as the source of Gas, with keys of its source."""

    def read_files(
        files: dict[str, str] | str,
        *,
        calendar: str = "from_data",
        today: date = TODAY,
        **keys: Any,
    ) -> Observations:
        for name, text in ({"gas.csv": files} if isinstance(files, str) else files).items():
            (tmp_path / name).write_text(text)
        source = FileSource.model_validate({"type": "file", "path": "*.csv"} | keys)
        commodity = Commodity(unit="EUR/MWh", source=source, calendar=calendar)
        return read_source("Gas", source, tmp_path, today, Meaning.of("Gas", commodity))

    return read_files


def table(stamps: list[Any], closes: list[float] | None = None, written: str = "%Y-%m-%d") -> str:
    values = closes or [50 + 0.5 * (place % 7) for place in range(len(stamps))]
    rows = [f"{stamp:{written}},{value}" for stamp, value in zip(stamps, values, strict=True)]
    return "\n".join(["date,close", *rows, ""])


def in_utc(days: pd.DatetimeIndex, zone: str) -> list[str]:
    """The moments of the days' midnights in a zone, as UTC writes them."""
    return [f"{day:%Y-%m-%d %H:%M:%S}+00:00" for day in days.tz_localize(zone).tz_convert("UTC")]


def days_of(observations: Observations) -> list[str]:
    return [f"{day:%Y-%m-%d}" for day in observations.prices["date"]]


def texts(days: pd.DatetimeIndex) -> list[str]:
    return [f"{day:%Y-%m-%d}" for day in days]


YEAR = pd.bdate_range("2025-10-01", "2026-10-30")
HALF_A_YEAR = pd.date_range("2026-01-01", "2026-06-30")
ZONES = ["Europe/Berlin", "Europe/London", "Asia/Tokyo", "Asia/Singapore", "Asia/Kolkata"]


@pytest.mark.parametrize("zone", ZONES)
def test_midnight_of_a_zone_in_utc_is_the_zones_day_all_the_year(read: Read, zone: str) -> None:
    observations = read(table(in_utc(YEAR, zone), written=""), timezone=zone)
    assert days_of(observations) == texts(YEAR)
    assert (observations.rejections, observations.notes) == ([], [])


@pytest.mark.parametrize("zone", ZONES)
def test_without_a_zone_such_a_series_is_refused_in_one_line_with_the_key(
    read: Read, zone: str
) -> None:
    with pytest.raises(SourceError) as caught:
        read(table(in_utc(YEAR, zone), written=""))
    said = str(caught.value)
    assert "days are Sundays whose Fridays are missing" in said
    assert "set commodities.Gas.source.timezone" in said
    assert "\n" not in said


@pytest.mark.parametrize(
    ("calendar", "zone"), [("XLON", "Europe/London"), ("XETR", "Europe/Berlin")]
)
def test_a_calendar_knows_the_zone_of_its_exchange(read: Read, calendar: str, zone: str) -> None:
    observations = read(table(in_utc(YEAR, zone), written=""), calendar=calendar)
    assert days_of(observations) == texts(YEAR)


def test_a_zone_that_is_wrong_is_named_where_sundays_show_it(read: Read) -> None:
    berlin = table(in_utc(YEAR, "Europe/Berlin"), written="")
    with pytest.raises(SourceError, match="the zone America/New_York"):
        read(berlin, timezone="America/New_York")
    with pytest.raises(SourceError, match="the zone America/New_York"):
        read(berlin, calendar="XNYS")


@pytest.mark.parametrize(
    ("zone", "wrong"),
    [("Europe/Berlin", "UTC"), ("Asia/Tokyo", "America/New_York"), ("Asia/Kolkata", "Etc/GMT+3")],
)
def test_advice_on_a_zone_that_is_set_is_to_set_another(read: Read, zone: str, wrong: str) -> None:
    text = table(in_utc(YEAR, zone), written="")
    with pytest.raises(SourceError) as caught:
        read(text, timezone=wrong)
    said = str(caught.value)
    assert f"(the zone {wrong}): set commodities.Gas.source.timezone to another zone;" in said
    assert days_of(read(text, timezone=zone)) == texts(YEAR)


def test_sundays_of_a_series_at_odd_times_say_nothing_of_zones(read: Read) -> None:
    for seed, span in ((1, 1826), (2, 1461), (3, 1200)):
        drawn = np.random.default_rng(seed).choice(span, 500, replace=False)
        days = pd.DatetimeIndex(np.datetime64("2021-06-01") + np.sort(drawn))
        assert days_of(read(table(list(days)))) == texts(days)


def test_seven_days_a_week_in_utc_need_a_zone_since_no_sunday_tells(read: Read) -> None:
    days = pd.date_range("2026-01-01", "2026-10-30")
    power = table(in_utc(days, "Europe/Berlin"), written="")
    for calendar in ("from_data", "24/7"):
        with pytest.raises(SourceError, match=r"22:00, 23:00 in UTC may be of the next day"):
            read(power, calendar=calendar)
    assert days_of(read(power, timezone="Europe/Berlin")) == texts(days)


def test_a_single_stamp_in_utc_is_not_guessed(read: Read) -> None:
    with pytest.raises(SourceError, match=r"set commodities.Gas.source.timezone"):
        read("date,close\n2026-11-23T23:00:00Z,50\n")
    for zone, day in (("Europe/Berlin", "2026-11-24"), ("America/New_York", "2026-11-23")):
        assert days_of(read("date,close\n2026-11-23T23:00:00Z,50\n", timezone=zone)) == [day]


@pytest.mark.parametrize(
    "written",
    ["{} 00:00:00+00:00", "{}T00:00:00Z", "{} 00:00:00-04:00", "{} 17:30+01:00", "{}T20:00:00.000Z",
     "{} 16:30", "{}"],
)  # fmt: skip
@pytest.mark.parametrize("calendar", ["from_data", "XNYS"])
def test_days_that_are_written_as_such_stay(read: Read, written: str, calendar: str) -> None:
    text = table([written.format(day) for day in texts(YEAR)], written="")
    assert days_of(read(text, calendar=calendar)) == texts(YEAR)


def test_days_that_are_a_day_early_without_a_zone_are_refused_unless_they_are_meant(
    read: Read,
) -> None:
    early = YEAR - timedelta(days=1)
    with pytest.raises(SourceError, match=r"set commodities.Gas.source.weekends: keep"):
        read(table(list(early)))
    assert days_of(read(table(list(early)), weekends="keep")) == texts(early)
    assert days_of(read(table(list(early)), calendar="XSAU")) == texts(early)


@pytest.mark.parametrize(
    "days",
    [
        HALF_A_YEAR,
        HALF_A_YEAR.delete([8, 36, 99]),
        HALF_A_YEAR[HALF_A_YEAR.day_of_week != 5],
        pd.date_range("2025-01-05", "2026-06-30", freq="W-SUN"),
        pd.date_range("2026-06-07", "2026-06-11"),
        pd.bdate_range("2026-01-01", "2026-06-30"),
    ],
    ids=["seven days", "seven with gaps", "Sunday bars", "weekly", "one week", "five days"],
)  # fmt: skip
def test_series_that_have_sundays_of_their_own_are_taken(read: Read, days: Any) -> None:
    assert days_of(read(table(list(days)))) == texts(days)


HOURS = [9, 12, 15]


def hourly(days: pd.DatetimeIndex, hours: list[int]) -> list[datetime]:
    return [day + timedelta(hours=hour) for day in days for hour in hours]


@pytest.mark.parametrize(
    ("hours", "times"),
    [
        ([9, 12, 15], "09:00, 12:00, 15:00"),
        (list(range(24)), r"00:00, 01:00, 02:00 \.\.\. 23:00 \(24 times of day\)"),
        ([10, 16], "10:00, 16:00"),
    ],
)
def test_an_intraday_file_is_refused_whole_in_one_line(
    read: Read, hours: list[int], times: str
) -> None:
    days = pd.bdate_range("2026-06-01", "2026-11-20")
    stamps = hourly(days, hours)[: -len(hours) + 1]  # the last day has one row, and is no history
    with pytest.raises(SourceError) as caught:
        read(table(stamps, written="%Y-%m-%d %H:%M"))
    assert "\n" not in str(caught.value)
    caught.match(rf"several rows a day, at {times}: keep one a day, or set commodities.Gas.source")
    caught.match("aggregate: last")


def test_an_intraday_file_beside_a_daily_one_is_refused_alone(read: Read) -> None:
    days = pd.bdate_range("2026-06-01", "2026-08-31")
    later = pd.bdate_range("2026-09-01", "2026-10-30")
    ticks = table(hourly(later, [9, 17]), written="%Y-%m-%dT%H:%M:%SZ")
    observations = read({"a.csv": table(list(days)), "ticks.csv": ticks})
    assert days_of(observations) == texts(days)
    (refused,) = observations.rejections
    assert (Path(refused.file).name, refused.count) == ("ticks.csv", 2 * len(later))
    assert refused.lines == f"lines 2 to {2 * len(later) + 1}"


def test_a_daily_file_with_one_running_bar_more_loses_only_that_day(read: Read) -> None:
    stamps = [f"{day} 00:00" for day in texts(YEAR)]
    text = table(stamps, written="") + f"{texts(YEAR)[-1]} 14:05,99\n"
    observations = read(text)
    assert days_of(observations) == texts(YEAR)[:-1]
    assert {each.column for each in observations.rejections} == {"close"}


def test_the_last_row_of_a_day_has_its_close_and_the_day_its_extremes(read: Read) -> None:
    rows = [
        "date,open,high,low,close,volume",
        "2026-11-20 15:00,12,14,11,13,3",
        "2026-11-20 09:00,10,11,9,10.5,1",
        "2026-11-20 12:00,10.5,12,10,12,",
        "2026-11-23 09:00,13,13,12,12,5",
        "2026-11-23 15:00,,,,12.5,",
    ]
    observations = read("\n".join(rows), aggregate="last")
    assert observations.prices.to_numpy()[:, 1:].tolist() == [
        [10.0, 14.0, 9.0, 13.0, 4.0],
        [13.0, 13.0, 12.0, 12.5, 5.0],
    ]
    assert days_of(observations) == ["2026-11-20", "2026-11-23"]
    assert (observations.rejections, observations.notes) == ([], [])


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Asia/Tokyo"])
def test_hours_in_utc_are_aggregated_by_the_day_of_the_zone(read: Read, zone: str) -> None:
    moments = pd.date_range("2026-03-20", "2026-04-05", freq="h", tz=zone, inclusive="left")
    local = [f"{moment:%Y-%m-%d}" for moment in moments]
    closes = [float(place) for place in range(len(moments))]
    expected = dict(zip(local, closes, strict=True))
    text = table([f"{x:%Y-%m-%dT%H:%M:%SZ}" for x in moments.tz_convert("UTC")], closes, "")
    observations = read(text, timezone=zone, aggregate="last")
    found = dict(zip(days_of(observations), observations.prices["close"], strict=True))
    assert found == expected


def test_hours_of_files_that_meet_in_the_middle_of_a_day_are_one_day(read: Read) -> None:
    moments = pd.date_range("2026-10-30 23:00", "2026-11-02 22:00", freq="h")
    first, second = list(moments[:30]), list(moments[30:])
    written = "%Y-%m-%dT%H:%M:%SZ"
    files = {"10.csv": table(first, written=written), "11.csv": table(second, written=written)}
    observations = read(files, timezone="Europe/Berlin", aggregate="last")
    assert days_of(observations) == ["2026-10-31", "2026-11-01", "2026-11-02"]


def test_a_last_moment_with_two_closes_leaves_the_day_out(read: Read) -> None:
    text = "date,close\n2026-11-20 09:00,1\n2026-11-20 15:00,2\n2026-11-20 15:00,3\n"
    observations = read(text + "2026-11-23 09:00,1\n2026-11-23 15:00,4\n", aggregate="last")
    assert days_of(observations) == ["2026-11-23"]
    assert [each.line for each in observations.rejections] == [3, 4]


def test_today_is_aggregated_when_it_is_over(read: Read) -> None:
    days = pd.bdate_range("2026-11-02", "2026-11-25")
    stamps = hourly(days, HOURS)
    running = read(table(stamps[:-1], written="%Y-%m-%d %H:%M"), aggregate="last")
    assert days_of(running) == texts(days)[:-1]
    assert running.notes == ["2026-11-25 is left out until it is over: its last row is of 12:00"]
    over = read(table(stamps, written="%Y-%m-%d %H:%M"), aggregate="last")
    assert days_of(over) == texts(days)
    assert over.notes == []


def filled(days: pd.DatetimeIndex) -> str:
    """A price of each weekday, carried over the weekend."""
    closes = [60 + 0.25 * int(day.toordinal() - max(0, day.weekday() - 4)) for day in days]
    return table(list(days), closes)


@pytest.mark.parametrize(("start", "repeats"), [("2026-06-01", 50), ("2026-10-05", 14)])
def test_weekends_that_repeat_fridays_close_are_named_and_kept(
    read: Read, start: str, repeats: int
) -> None:
    days = pd.date_range(start, "2026-11-24")
    observations = read(filled(days))
    assert days_of(observations) == texts(days)
    (note,) = observations.notes
    assert note.startswith(f"{repeats} closes of Saturdays and Sundays repeat the one before")
    assert "set commodities.Gas.source.weekends: drop" in note
    assert read(filled(days), weekends="keep").notes == []


def test_weekends_are_dropped_where_the_source_says_so(read: Read) -> None:
    days = pd.date_range("2026-06-01", "2026-11-24")
    observations = read(filled(days), weekends="drop")
    assert days_of(observations) == texts(days[days.day_of_week < 5])
    assert (observations.rejections, observations.notes) == ([], [])


def test_weekends_with_prices_of_their_own_are_no_news(read: Read) -> None:
    days = pd.date_range("2026-06-01", "2026-11-24")
    closes = [60 + 0.37 * (place % 13) for place in range(len(days))]
    assert read(table(list(days), closes)).notes == []


Z26 = "date,close\n2026-11-18,70.0\n2026-11-19,70.2\n2026-11-20,70.5\n"
F27 = "date,close\n2026-11-18,71.0\n2026-11-19,71.1\n2026-11-20,71.4\n2026-11-23,72.0\n"
G27 = "date,close\n2026-11-20,73.0\n2026-11-23,73.1\n2026-11-24,73.2\n"


@pytest.mark.parametrize(
    "files",
    [
        {"NGZ26.csv": Z26, "NGF27.csv": F27},
        {"NGZ26.csv": Z26, "NGF27.csv": F27, "NGG27.csv": G27},
        {"old/../b.csv": F27.replace("71.4", "70.5"), "a.csv": Z26},
    ],
)
def test_files_that_differ_where_they_overlap_are_refused_in_one_line(
    read: Read, tmp_path: Path, files: dict[str, str]
) -> None:
    (tmp_path / "old").mkdir()
    with pytest.raises(SourceError) as caught:
        read(files)
    assert "\n" not in str(caught.value)
    caught.match(r"are the files contracts\?\): set commodities.Gas.source.prefer: newest")


def closes_of(observations: Observations) -> list[float]:
    closes: list[float] = observations.prices["close"].tolist()
    return closes


def test_the_newest_file_is_the_one_that_reaches_furthest_whatever_its_time(read: Read) -> None:
    files = {"NGZ26.csv": Z26, "NGF27.csv": F27, "NGG27.csv": G27}
    observations = read(files, prefer="newest")
    assert closes_of(observations) == [71.0, 71.1, 73.0, 73.1, 73.2]
    assert observations.rejections == []


def test_of_two_that_reach_as_far_the_last_name_counts(read: Read) -> None:
    other = F27.replace("71", "81")
    files = {"dump_2026-11-23.csv": F27, "dump_2026-11-24.csv": other}
    assert closes_of(read(files, prefer="newest")) == [81.0, 81.1, 81.4, 72.0]


def test_a_pattern_says_which_files_count(read: Read) -> None:
    files = {"NGZ26.csv": Z26, "NGF27.csv": F27}
    assert closes_of(read(files, prefer="NGZ*")) == [70.0, 70.2, 70.5, 72.0]
    assert closes_of(read(files, prefer="*F27.csv")) == [71.0, 71.1, 71.4, 72.0]
    with pytest.raises(SourceError, match=r"no file is called NGH\*; found NGF27.csv, NGZ26.csv"):
        read(files, prefer="NGH*")


def test_files_that_agree_where_they_overlap_are_one_series(read: Read) -> None:
    observations = read({"a.csv": Z26, "b.csv": Z26 + "2026-11-23,70.7\n"})
    assert closes_of(observations) == [70.0, 70.2, 70.5, 70.7]
    assert observations.rejections == []


def test_one_restated_date_leaves_out_only_that_date(read: Read) -> None:
    observations = read({"a.csv": Z26, "b.csv": Z26.replace("70.5", "70.6") + "2026-11-23,7\n"})
    assert closes_of(observations) == [70.0, 70.2, 7.0]
    (refused,) = observations.rejections
    assert "a.csv, b.csv say different closes of 2026-11-20: set" in refused.rule
    newest = read({"a.csv": Z26, "b.csv": Z26.replace("70.5", "70.6")}, prefer="b*")
    assert closes_of(newest) == [70.0, 70.2, 70.6]


@pytest.mark.parametrize(("known", "taken"), [(0, 1), (1, 2), (2, 3), (7, 4)])
def test_a_price_is_taken_as_far_ahead_as_the_source_knows(
    read: Read, known: int, taken: int
) -> None:
    days = ["2026-11-25", "2026-11-26", "2026-11-27", "2026-11-30"]
    observations = read(table(days, written=""), known_ahead=known)
    assert days_of(observations) == days[:taken]
    assert observations.rejections == []
    if taken < len(days):
        (note,) = observations.notes
        assert "later than today, 2026-11-25: left out until its day has come" in note
        assert "set commodities.Gas.source.known_ahead: 5" in note


def test_the_far_future_is_refused_whatever_is_known_ahead(read: Read) -> None:
    text = table(["2026-11-25", "2026-12-03", "2026-12-26"], written="")
    for known, refused in ((0, 2), (3, 2), (8, 1), (31, 0)):
        observations = read(text, known_ahead=known)
        assert len(observations.rejections) == refused
        assert {each.rule for each in observations.rejections} <= {"later than today, 2026-11-25"}
