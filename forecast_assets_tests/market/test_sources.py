"""Sources: every good row lands, every refused one is reported where it stands."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import arch.data.wti
import exchange_calendars
import numpy as np
import pandas as pd
import pytest

from forecast_assets.configuration.commodities import FileSource, SampleSource
from forecast_assets.errors import SourceError
from forecast_assets.market.meaning import Meaning
from forecast_assets.market.observations import Observations
from forecast_assets.market.price_contract import COLUMNS
from forecast_assets.market.rows import UNREAD
from forecast_assets.market.sources import read_files, read_source, wti

TODAY = date(2024, 6, 3)
GOOD = "date,close\n2024-01-02,1.5\n2024-01-03,2.5\n"
CONFLICT = "its date stands more than once with different closes: keep one, the date is left out"
NOT_A_DATE = "not a date written YYYY-MM-DD"
NOT_A_NUMBER = "not a finite number"


Read = Callable[..., Observations]


def sample(name: str) -> Observations:
    source = SampleSource.model_validate({"type": "sample", "name": name})
    return read_source(name.upper(), source, Path(), TODAY)


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Write files of text, bytes or tables, and read them as the source of Coffee."""

    def read_contents(
        *contents: str | bytes | pd.DataFrame, path: str = "*", symbol: str | None = None
    ) -> Observations:
        for letter, content in zip("abcdef", contents, strict=False):
            if isinstance(content, pd.DataFrame):
                content.to_parquet(tmp_path / f"{letter}.parquet")
            else:
                encoded = content if isinstance(content, bytes) else content.encode()
                (tmp_path / f"{letter}.csv").write_bytes(encoded)
        source = FileSource(type="file", path=path, symbol=symbol)
        return read_source("Coffee", source, tmp_path, TODAY)

    return read_contents


def closes_of(observations: Observations) -> dict[str, float]:
    prices = observations.prices
    days = prices["date"].dt.strftime("%Y-%m-%d")
    return dict(zip(days, prices["close"].tolist(), strict=True))


def refusals(observations: Observations) -> list[tuple[str, int, str, str, str]]:
    return [
        (Path(each.file).name, each.line, each.column, each.value, each.rule)
        for each in observations.rejections
    ]


def test_wti_is_every_traded_day_and_the_rest_is_counted() -> None:
    found = sample("wti")
    assert closes_of(found)["1986-01-02"] == 25.56
    assert len(found.prices) == 8321
    assert found.without_close == 290  # 8611 weekdays from 1986-01-02 to 2019-01-03, less 8321
    assert np.busday_count("1986-01-02", "2019-01-04") == 8321 + 290
    assert (found.commodity, found.origin, found.rejections) == ("WTI", "sample:wti", [])


def test_wti_is_as_the_package_that_has_it_reads_it() -> None:
    pd.testing.assert_series_equal(wti(), arch.data.wti.load()["DCOILWTICO"])


def test_gold_starts_where_it_is_daily_and_has_no_london_holiday() -> None:
    gold = sample("gold")
    days = pd.DatetimeIndex(gold.prices["date"])
    exchange = exchange_calendars.get_calendar("XLON", start=days[0], end=days[-1])
    assert (str(days[0].date()), str(days[-1].date())) == ("1978-12-29", "2020-03-13")
    assert len(days) == 10338
    assert days.difference(exchange.sessions).empty
    assert exchange.sessions.difference(exchange.early_closes).difference(days).empty
    assert closes_of(gold)["1978-12-29"] == 226.0


@pytest.mark.parametrize("name", ["wti", "gold"])
def test_a_sample_holds_every_column_no_gap_no_weekend_and_each_day_once(name: str) -> None:
    prices = sample(name).prices
    assert tuple(prices.columns) == COLUMNS
    assert prices["close"].notna().all()
    assert (prices["close"] > 0).all()
    assert (prices["date"].dt.day_of_week < 5).all()
    assert prices["date"].is_monotonic_increasing
    assert prices["date"].is_unique


FULL_CSV = """\
date,open,high,low,close,volume
2024-01-03,2,3,1,2.5,
2024-01-02,1,2,0.5,1.5,100
"""
FULL_TABLE = pd.DataFrame(
    {
        "date": pd.to_datetime(["2024-01-03", "2024-01-02"]),
        "open": [2.0, 1.0],
        "high": [3.0, 2.0],
        "low": [1.0, 0.5],
        "close": [2.5, 1.5],
        "volume": pd.array([None, 100], dtype="Int64"),
    }
)


@pytest.mark.parametrize("content", [FULL_CSV, FULL_TABLE], ids=["csv", "parquet"])
def test_both_formats_give_every_column_as_numbers_by_date(
    read: Read, content: str | pd.DataFrame
) -> None:
    observations = read(content)
    expected = pd.DataFrame(
        {
            "date": pd.to_datetime(["2024-01-02", "2024-01-03"]),
            "open": [1.0, 2.0],
            "high": [2.0, 3.0],
            "low": [0.5, 1.0],
            "close": [1.5, 2.5],
            "volume": [100.0, np.nan],
        }
    )
    pd.testing.assert_frame_equal(observations.prices, expected.astype({"date": "<M8[s]"}))
    assert (observations.rejections, observations.origin) == ([], "file:*")


@pytest.mark.parametrize(
    "table",
    [
        pd.DataFrame({"date": [date(2024, 1, 2), date(2024, 1, 3)], "close": [1.5, 2.5]}),
        pd.DataFrame({"Date": ["2024-01-02", "2024-01-03"], "Close": ["1.5", "2.5"]}),
        pd.DataFrame({"date": ["2024-01-02", "2024-01-03"], "close": np.array([1.5, 2.5], "f4")}),
        pd.DataFrame({"date": ["2024-01-02", "2024-01-03"], "close": [1.5, 2.5]}, index=[7, 7]),
    ],
    ids=["dates", "text", "float32", "index"],
)
def test_parquet_may_hold_its_values_in_any_type(read: Read, table: pd.DataFrame) -> None:
    observations = read(table)
    assert closes_of(observations) == {"2024-01-02": 1.5, "2024-01-03": 2.5}
    assert observations.rejections == []


def test_parquet_keeps_every_digit_of_a_close(read: Read) -> None:
    table = pd.DataFrame({"date": ["2024-01-02", "2024-01-03"], "close": [0.1 + 0.2, 1 / 3]})
    assert list(closes_of(read(table)).values()) == [0.1 + 0.2, 1 / 3]


@pytest.mark.parametrize(
    "text",
    [
        GOOD.upper(),
        GOOD.replace("date,close", " Date , CLOSE "),
        "\ufeff" + GOOD,
        GOOD.replace("\n", "\r\n"),
        GOOD.replace("\n", "\n\n"),
        GOOD.replace("close\n", "close\n,\n"),
        GOOD.rstrip("\n"),
        GOOD.replace("1.5", " 1.5 ").replace("2024-01-03", " 2024-01-03 "),
        GOOD.replace("2024-01-02", "2024-01-02 00:00:00"),
        GOOD.replace("2024-01-02", "2024-01-02T00:00:00Z"),
        'close,"date",note\n1.5,2024-01-02,"a, b"\n"2.5","2024-01-03"\n',
    ],
    ids=[
        "upper", "header spaces", "BOM", "CRLF", "blank lines", "blank row", "no newline at end",
        "spaces", "midnight", "UTC", "quotes, other columns and a short row",
    ],
)  # fmt: skip
def test_ways_to_write_the_same_rows(read: Read, text: str) -> None:
    observations = read(text)
    assert closes_of(observations) == {"2024-01-02": 1.5, "2024-01-03": 2.5}
    assert (observations.rejections, observations.without_close) == ([], 0)


@pytest.mark.parametrize("text", ["", ".", "-", "NA", "n/a", "NaN", "null", "None", "  "])
def test_a_missing_close_is_dropped_and_counted_not_refused(read: Read, text: str) -> None:
    observations = read(GOOD + f"2024-01-04,{text}\n2024-01-05,{text}\n")
    assert list(closes_of(observations)) == ["2024-01-02", "2024-01-03"]
    assert (observations.without_close, observations.rejections) == (2, [])


def test_a_missing_close_in_parquet_is_dropped_and_counted(read: Read) -> None:
    days = ["2024-01-02", "2024-01-03", "2024-01-04"]
    observations = read(pd.DataFrame({"date": days, "close": [1.5, np.nan, 3.5]}))
    assert closes_of(observations) == {"2024-01-02": 1.5, "2024-01-04": 3.5}
    assert (observations.without_close, observations.rejections) == (1, [])


def test_a_row_refused_for_its_date_is_not_counted_as_a_holiday_too(read: Read) -> None:
    observations = read(GOOD + "2024-01-32,\n")
    assert observations.without_close == 0
    assert [column for _, _, column, *_ in refusals(observations)] == ["date"]


def test_a_close_may_be_zero_negative_or_written_with_an_exponent(read: Read) -> None:
    observations = read("date,close\n2024-01-02,0\n2024-01-03,-37.63\n2024-01-04,1.5e1\n")
    assert list(closes_of(observations).values()) == [0.0, -37.63, 15.0]


@pytest.mark.parametrize(
    ("row", "column", "value", "rule"),
    [
        ("2024-01-04,x", "close", "x", NOT_A_NUMBER),
        ("2024-01-04,inf", "close", "inf", NOT_A_NUMBER),
        ("2024-01-04,-Infinity", "close", "-Infinity", NOT_A_NUMBER),
        ("2024-01-04,1e999", "close", "1e999", NOT_A_NUMBER),
        ("2024-01-04,$5", "close", "$5", NOT_A_NUMBER),
        ("2024-01-04,50%", "close", "50%", NOT_A_NUMBER),
        ("2024-01-04,1_000", "close", "1_000", NOT_A_NUMBER),
        ('2024-01-04,"1,23.5"', "close", "1,23.5", NOT_A_NUMBER),
        ('2024-01-04,"12,345"', "close", "12,345", NOT_A_NUMBER),
        ("04/01/2024,5", "date", "04/01/2024", NOT_A_DATE),
        ("2024-02-30,5", "date", "2024-02-30", NOT_A_DATE),
        ("45295,5", "date", "45295", NOT_A_DATE),
        ("soon,5", "date", "soon", NOT_A_DATE),
        (",5", "date", "", NOT_A_DATE),
        ("2024-06-11,5", "date", "2024-06-11", "later than today, 2024-06-03"),
        ("9999-12-31,5", "date", "9999-12-31", "later than today, 2024-06-03"),
        ("2024-01-04,1,234.5", "*", "2024-01-04,1,234.5", "the row has 3 fields, the header 2"),
    ],
)
def test_a_refused_row_is_told_where_it_stands_and_the_others_land(
    read: Read, tmp_path: Path, row: str, column: str, value: str, rule: str
) -> None:
    observations = read(f"date,close\n2024-01-02,1.5\n{row}\n2024-01-03,2.5\n")
    assert closes_of(observations) == {"2024-01-02": 1.5, "2024-01-03": 2.5}
    [rejection] = observations.rejections
    assert rejection.commodity == "Coffee"
    assert refusals(observations) == [("a.csv", 3, column, value, rule)]
    assert str(rejection) == (
        f"Coffee: {tmp_path / 'a.csv'}, line 3, column {column}: found {value!r}: {rule}"
    )


def test_a_refused_value_beside_the_close_leaves_the_close(read: Read) -> None:
    text = "date,open,close,volume\n2024-01-02,x,1.5,7\n2024-01-03,2,2.5,inf\n"
    observations = read(text)
    assert closes_of(observations) == {"2024-01-02": 1.5, "2024-01-03": 2.5}
    assert observations.prices["open"].isna().tolist() == [True, False]
    assert observations.rejections == []
    assert [note.partition("a.csv, ")[2] for note in observations.notes] == [
        f"line 2, column open: found 'x': {NOT_A_NUMBER}: {UNREAD}",
        f"line 3, column volume: found 'inf': {NOT_A_NUMBER}: {UNREAD}",
    ]


def test_a_row_wrong_twice_is_told_twice(read: Read) -> None:
    told = refusals(read(GOOD + "45295,x\n"))
    assert told == [
        ("a.csv", 4, "date", "45295", NOT_A_DATE),
        ("a.csv", 4, "close", "x", NOT_A_NUMBER),
    ]


def test_lines_count_blank_ones_and_the_header(read: Read) -> None:
    assert [line for _, line, *_ in refusals(read("date,close\n\n2024-01-02,1\n\n\nsoon,2\n"))] == [
        6
    ]


def test_refused_rows_of_parquet_are_counted_from_one(read: Read) -> None:
    days = [
        pd.Timestamp("2024-01-02"),
        pd.NaT,
        pd.Timestamp("2024-06-24"),
        pd.Timestamp("2024-01-05"),
    ]
    observations = read(pd.DataFrame({"date": days, "close": [1.5, 2.5, 3.5, np.inf]}))
    assert closes_of(observations) == {"2024-01-02": 1.5}
    assert [(line, column) for _, line, column, *_ in refusals(observations)] == [
        (2, "date"),
        (3, "date"),
        (4, "close"),
    ]


def test_today_itself_is_not_the_future(read: Read) -> None:
    assert list(closes_of(read(GOOD + "2024-06-03,3.5\n"))) == [
        "2024-01-02",
        "2024-01-03",
        "2024-06-03",
    ]


def test_a_date_with_different_closes_is_left_out_and_each_of_its_rows_is_told(read: Read) -> None:
    observations = read("date,close\n2024-01-02,1.5\n2024-01-03,2\n2024-01-03,3\n2024-01-03,2\n")
    assert closes_of(observations) == {"2024-01-02": 1.5}
    assert refusals(observations) == [
        ("a.csv", 3, "close", "2", CONFLICT),
        ("a.csv", 4, "close", "3", CONFLICT),
        ("a.csv", 5, "close", "2", CONFLICT),
    ]


@pytest.mark.parametrize("again", ["2024-01-03,2.5", "2024-01-03,2.50", "2024-01-03,"])
def test_a_date_that_repeats_its_close_is_one_row(read: Read, again: str) -> None:
    observations = read(f"{GOOD}{again}\n")
    assert closes_of(observations) == {"2024-01-02": 1.5, "2024-01-03": 2.5}
    assert observations.rejections == []


def test_a_date_that_repeats_its_close_with_another_volume_is_one_row(read: Read) -> None:
    observations = read("date,close,volume\n2024-01-02,1.5,7\n2024-01-02,1.5,8\n")
    assert closes_of(observations) == {"2024-01-02": 1.5}
    assert len(observations.prices) == 1


def test_a_refused_close_is_no_conflict(read: Read) -> None:
    observations = read(GOOD + "2024-01-03,x\n")
    assert closes_of(observations)["2024-01-03"] == 2.5
    assert [rule for *_, rule in refusals(observations)] == [NOT_A_NUMBER]


def test_files_of_a_glob_are_merged_across_formats_and_conflicts_name_both(read: Read) -> None:
    table = pd.DataFrame({"date": ["2024-01-03", "2024-01-04"], "close": [9.0, 3.5]})
    observations = read(GOOD, table)
    assert closes_of(observations) == {"2024-01-02": 1.5, "2024-01-04": 3.5}
    (told,) = refusals(observations)
    assert told[:3] == ("a.csv", 3, "close")
    assert told[4].startswith("a.csv, b.parquet say different closes of 2024-01-03: ")


def test_a_pattern_takes_the_files_that_it_matches_in_folders_below_too(
    read: Read, tmp_path: Path
) -> None:
    (tmp_path / "2023").mkdir()
    (tmp_path / "2023" / "old.csv").write_text("date,close\n2023-01-02,0.5\n")
    (tmp_path / "notes.txt").write_text("nothing")
    assert list(closes_of(read(GOOD, path="**/*.csv"))) == [
        "2023-01-02",
        "2024-01-02",
        "2024-01-03",
    ]
    assert list(closes_of(read(path="2023/*.csv"))) == ["2023-01-02"]


def test_a_path_may_be_absolute_or_start_at_the_users_home(
    read: Read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert len(read(GOOD, path=str(tmp_path / "a.csv")).prices) == 2
    assert len(read(path="~/a.csv").prices) == 2


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\xff\xfe\x00", "cannot be read: 'utf-16-le' codec"),
        ("when,what\n2024,1\n", "lacks the column date and close; found: when, what"),
        (pd.DataFrame({"date": ["2024-01-02"]}), "lacks the column close; found: date"),
    ],
    ids=["bytes", "columns", "parquet"],
)
def test_a_file_that_cannot_be_read_is_told_and_the_others_land(
    read: Read, content: str | bytes | pd.DataFrame, reason: str
) -> None:
    observations = read(GOOD, content)
    assert closes_of(observations) == {"2024-01-02": 1.5, "2024-01-03": 2.5}
    [rejection] = observations.rejections
    assert rejection.commodity == "Coffee"
    assert Path(rejection.file).stem == "b"
    assert reason in rejection.rule


def test_a_broken_parquet_file_is_told_and_the_others_land(read: Read, tmp_path: Path) -> None:
    (tmp_path / "z.parquet").write_bytes(b"PAR1")
    observations = read(GOOD)
    assert len(observations.prices) == 2
    assert "cannot be read" in observations.rejections[0].rule


@pytest.mark.parametrize(
    ("contents", "reason"),
    [
        ([""], "a.csv lacks the column date and close"),
        (["date,bid,ask\n2024-01-02,1,2\n"], "a.csv lacks the column close; found: date, bid, ask"),
        (["price,close\n1,1\n"], "a.csv lacks the column date; found: price, close"),
        (["date;bid\n2024-01-02;1\n"], "lacks the column close; found: date, bid"),
        (["date,close,Close\n2024-01-02,1,2\n"], "a.csv names the column close twice"),
        ([b"\xff"], "a.csv cannot be read"),
        (["x\n1\n", b"\xff"], "a.csv lacks the column .*; Coffee: .*b.csv cannot be read"),
        (["date,close\n"], r"\* holds no row of prices below its header: is it the whole file"),
        (["date,close\n2024-01-02,\n"], "line 2, column close: found nothing in every row"),
        (["date,close\nsoon,1\n"], r"no usable price\. First: .*a.csv, line 2, column date"),
        (["date,close\n2024-01-02,1\n2024-01-02,2\n"], r"no usable price\. First: .*found '1'"),
        ([pd.DataFrame({"date": [], "close": []})], r"\* holds no row of prices below its header"),
    ],
)  # fmt: skip
def test_a_source_without_one_price_is_an_error_that_says_why(
    read: Read, contents: list[Any], reason: str
) -> None:
    with pytest.raises(SourceError, match=f"^Coffee: .*{reason}"):
        read(*contents)


@pytest.mark.parametrize("empty", ["-", "N/A", ""])
def test_a_column_without_a_price_is_named_with_what_it_holds(tmp_path: Path, empty: str) -> None:
    rows = "".join(f"2024-01-0{day},{8 + day},{empty}\n" for day in (2, 3, 4))
    (tmp_path / "wide.csv").write_text(f"Date,Copper,Tin\n{rows}")
    source = FileSource(type="file", path="wide.csv")
    with pytest.raises(SourceError) as caught:
        read_source("Tin", source, tmp_path, TODAY)
    found = repr(empty) if empty else "nothing"
    assert str(caught.value) == (
        f"Tin: {tmp_path / 'wide.csv'}, line 2, column tin: found {found} in every row (3), and"
        " no price: fill it in, or set commodities.Tin.source.columns.close to"
        " the column that has the prices"
    )


def test_prices_that_are_all_left_out_are_told_with_the_reason(tmp_path: Path) -> None:
    source, key = FileSource(type="file", path="a.csv"), "commodities.Tin.source"
    for text, said in (
        ("2024-06-04,1", "no usable price: .*2024-06-04.*known_ahead: 1"),
        ("2024-06-01,1\n2024-06-02,2", "no usable price: all its prices are of Saturdays and Sun"),
    ):
        (tmp_path / "a.csv").write_text(f"date,close\n{text}\n")
        with pytest.raises(SourceError, match=said):
            read_source("Tin", source, tmp_path, TODAY, Meaning(key=key, weekends="drop"))


@pytest.mark.parametrize("path", ["absent.csv", "*.parquet", "nowhere/*"])
def test_no_file_at_all_is_told_with_the_key_to_change(
    read: Read, tmp_path: Path, path: str
) -> None:
    with pytest.raises(SourceError) as caught:
        read(GOOD, path=path)
    assert str(caught.value) == (
        f"Coffee: no file at {tmp_path / path}; commodities.Coffee.source.path names it"
    )


SEVERAL = "date,close,commodity\n2024-01-02,1.5,Coffee\n2024-01-02,90,SB\n2024-01-03,x,SB\n"


def test_of_several_commodities_the_one_of_that_name_is_taken(read: Read) -> None:
    observations = read(SEVERAL)
    assert closes_of(observations) == {"2024-01-02": 1.5}
    assert observations.rejections == []


def test_of_several_commodities_the_symbol_is_taken_with_its_refusals(read: Read) -> None:
    observations = read(SEVERAL.replace("commodity", "Commodity"), symbol="SB")
    assert closes_of(observations) == {"2024-01-02": 90.0}
    assert refusals(observations) == [("a.csv", 4, "close", "x", NOT_A_NUMBER)]


@pytest.mark.parametrize("kind", ["string", "category"])
def test_the_symbol_is_taken_from_parquet(read: Read, kind: str) -> None:
    table = pd.DataFrame(
        {"date": ["2024-01-02"] * 2, "close": [1.5, 90.0], "commodity": ["KC", "SB"]}
    ).astype({"commodity": kind})
    assert closes_of(read(table, symbol="SB")) == {"2024-01-02": 90.0}


def test_a_file_of_another_commodity_is_not_taken_unless_symbol_says_so(read: Read) -> None:
    text = "date,close,commodity\n2024-01-02,1.5,KC\n2024-01-03,2.5,KC\n"
    with pytest.raises(SourceError, match="no rows for 'Coffee'; its column commodity holds KC"):
        read(text)
    assert closes_of(read(text, symbol="KC")) == {"2024-01-02": 1.5, "2024-01-03": 2.5}


@pytest.mark.parametrize(
    ("text", "symbol", "wanted", "held"),
    [
        (SEVERAL.replace("Coffee", "KC"), None, "Coffee", "KC, SB"),
        (SEVERAL, "CC", "CC", "Coffee, SB"),
        (SEVERAL, "S B", "S B", "Coffee, SB"),
        (GOOD, "SB", "SB", "nothing"),
    ],
)
def test_a_symbol_that_is_not_there_is_told_with_those_that_are(
    read: Read, text: str, symbol: str | None, wanted: str, held: str
) -> None:
    reason = (
        f"has no rows for '{wanted}'; its column commodity holds {held}: "
        "set commodities.Coffee.source.symbol"
    )
    with pytest.raises(SourceError, match=reason):
        read(text, symbol=symbol)


def test_the_symbol_is_chosen_over_all_files(read: Read) -> None:
    kc, sb = "date,close,commodity\n2024-01-02,3,KC\n", "date,close,commodity\n2024-01-03,400,SB\n"
    assert closes_of(read(kc, sb, symbol="SB")) == {"2024-01-03": 400.0}
    with pytest.raises(SourceError, match=r"has no rows for 'Coffee'.* holds KC, SB: set"):
        read(kc, sb)


@pytest.mark.parametrize(
    "written",
    [
        "2024-05-02 00:00:00+01:00",
        "2024-05-02T23:30-05:00",
        "2024-05-02 00:00",
        "2024-05-02T00:00Z",
    ],
)
def test_a_day_is_the_one_that_is_written_whatever_its_zone(read: Read, written: str) -> None:
    assert closes_of(read(f"date,close\n{written},1\n")) == {"2024-05-02": 1.0}


def test_a_zone_in_parquet_moves_no_day(read: Read) -> None:
    days = pd.to_datetime(["2024-05-02", "2024-05-03"]).tz_localize("Europe/London")
    found = closes_of(read(pd.DataFrame({"date": days, "close": [1.0, 2.0]})))
    assert found == {"2024-05-02": 1.0, "2024-05-03": 2.0}


@pytest.mark.parametrize("written", ["2024", "2024-03", "20240102", "2024-1-5", "-2024-01-01"])
def test_a_date_that_is_not_a_whole_day_is_refused(read: Read, written: str) -> None:
    observations = read(f"date,close\n{written},1\n2024-01-02,2\n")
    assert closes_of(observations) == {"2024-01-02": 2.0}
    (refusal,) = refusals(observations)
    assert refusal[3:] == (written, "not a date written YYYY-MM-DD")


def test_the_date_may_be_the_index_of_parquet(read: Read) -> None:
    table = pd.DataFrame({"Close": [1.0]}, index=pd.DatetimeIndex(["2024-01-02"], name="Date"))
    assert closes_of(read(table)) == {"2024-01-02": 1.0}


def test_columns_that_we_do_not_know_may_hold_and_be_called_anything(read: Read) -> None:
    text = "line,date,close,note,note,,\n9,2024-01-02,1,a,b,,\n9,2024-01-03,x,a,b,,\n"
    observations = read(text)
    assert closes_of(observations) == {"2024-01-02": 1.0}
    assert [line for _, line, *_ in refusals(observations)] == [3]
    blob = pd.DataFrame({"date": ["2024-01-02"], "close": [1.0], "raw": [b"\xff"]})
    assert closes_of(read(blob)) == {"2024-01-02": 1.0}


def test_a_folder_may_be_called_like_a_pattern(tmp_path: Path) -> None:
    folder = tmp_path / "[2024]"
    folder.mkdir()
    (folder / "a.csv").write_text(GOOD)
    source = FileSource(type="file", path="a.csv")
    assert len(read_files("Coffee", source, folder, date(2026, 1, 1)).prices) == 2


def test_a_file_separated_by_semicolons_is_read(read: Read) -> None:
    assert closes_of(read("date;close\n2024-01-02;1,5\n")) == {"2024-01-02": 1.5}
