"""Files as vendors write them: read where they leave no doubt, else refused with the key to set."""

import io
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest

from forecast_assets.configuration.commodities import FileSource
from forecast_assets.errors import SourceError
from forecast_assets.market.sources import read_files
from forecast_assets_tests.vendors import VENDORS

TODAY = date(2026, 11, 25)

Read = Callable[..., dict[str, float]]

BARS = "open,high,low,close"


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Write a file of text, bytes or a workbook, and read its closes by day as those of Gold."""

    def closes(content: Any, name: str = "prices.csv", **keys: Any) -> dict[str, float]:
        path = tmp_path / name
        if isinstance(content, openpyxl.Workbook):
            content.save(path)
        else:
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        source = FileSource.model_validate({"type": "file", "path": name} | keys)
        found = read_files("Gold", source, tmp_path, TODAY)
        assert found.rejections == []
        days = found.prices["date"].dt.strftime("%m-%d")
        return dict(zip(days, found.prices["close"].tolist(), strict=True))

    return closes


def refusal(read: Read, content: Any, name: str = "prices.csv", **keys: Any) -> str:
    with pytest.raises(SourceError) as caught:
        read(content, name, **keys)
    return str(caught.value)


TWO = {"11-23": 3408.1, "11-24": 3382.77}


@pytest.mark.parametrize("vendor", list(VENDORS))
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le", "cp1252"])
def test_what_can_only_be_meant_in_one_way_is_read_without_a_key(
    read: Read, vendor: str, encoding: str
) -> None:
    text = VENDORS[vendor].removeprefix("\ufeff" if encoding == "cp1252" else "")
    if encoding == "cp1252":
        text = text.replace("\u202f", "\u00a0")
    found = read(text.encode(encoding))
    assert {day: found[day] for day in TWO} == TWO
    assert len(found) == 2


@pytest.mark.parametrize(
    ("content", "said", "keys"),
    [
        ("Date,Price\n3/4/2026,1.5\n4/4/2026,1.6\n",
         "found '3/4/2026', which may be 2026-04-03 by %d/%m/%Y or 2026-03-04 by %m/%d/%Y",
         {"date_format": "%d/%m/%Y"}),
        ("Date,Price\n25/11/2024,1.5\n11/26/2024,1.6\n", "day and month change places",
         None),
        ("date;close\n03.04.2026;1,5\n", "03.04.2026", {"date_format": "%d.%m.%Y"}),
        ("Date,Price\n46115,1.5\n", "'46115': a count of days", {"date_format": "excel"}),
        ("date;close\n2026-04-03;1.012\n", "'1.012' as close on line 2", {"decimal": ","}),
        ('Date,Price\n2026-04-03,"1,234"\n', "'1,234' as close on line 2", {"thousands": ","}),
        ('Date,Price\n2026-04-03,"1.234,5"\n2026-04-06,"1,234.5"\n', "changes how", None),
        ("date,USD (AM),USD (PM)\n2026-04-03,1.5,1.6\n", "lacks the column close",
         {"columns": {"close": "USD (PM)"}}),
        ("date,Last,Settle\n2026-04-03,1.5,1.6\n", "could be the close: last, settle",
         {"columns": {"close": "Settle"}}),
        ("2026-04-03,1.5,1.6\n", "lacks a header", {"columns": {"close": 2}}),
        ("Price,Close,Close\nTicker,CL=F,GC=F\nDate,,\n2026-04-03,58.1,4099.3\n",
         "holds several closes, of CL=F, GC=F", {"symbol": "CL=F"}),
        ("date,2026-04-03\nx;1\n", "lacks the column close", None),
    ],
)  # fmt: skip
def test_a_doubt_is_refused_with_the_key_that_settles_it(
    read: Read, content: str, said: str, keys: dict[str, Any] | None
) -> None:
    told = refusal(read, content)
    assert told.startswith("Gold: ")
    assert "prices.csv " in told
    assert said in told
    if keys:
        key = next(iter(keys))
        asked = {"thousands": "decimal", "columns": "columns.close"}.get(key, key)
        assert f": set commodities.Gold.source.{asked}" in told
        assert list(read(content, **keys)) == ["04-03", *(["04-04"] if "4/4" in content else [])]


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        (b"", "prices.csv", "lacks the column date and close: it is empty"),
        (b"\x1f\x8b\x08", "prices.csv", "is compressed by gzip: unpack it"),
        (b"PK\x03\x04nothing", "prices.csv", "is a broken workbook or archive"),
        (b"\xd0\xcf\x11\xe0x", "prices.xls", "save it as .xlsx or CSV"),
        (b"<!DOCTYPE html><p>Log in", "prices.csv", "is a page of HTML"),
        (b'[{"date": "2026-11-24"}]', "prices.csv", "is JSON"),
        (b"PAR1xxxxPAR1", "prices.csv", "give it the suffix .parquet"),
        (b"date,close\n", "prices.xlsx", "is no workbook of Excel, whatever its name says"),
        (b"\xff\xfe" + "Datum".encode("utf-16-le") + b"\x00", "p.csv", "set commodities.Gold.so"),
        (b"date,close\n2026-11-24," + b"9" * 200_000, "p.csv", "field larger than field limit"),
        (b"Datum,Schluss\n24.11.2026,4090,50\n23.11.2026,4090,51\n", "p.csv",
         "has rows of 3 fields under a header of 2: set commodities.Gold.source.delimiter"),
    ],
)  # fmt: skip
def test_what_is_no_table_of_prices_is_told_in_words(
    read: Read, content: bytes, name: str, said: str
) -> None:
    assert said in refusal(read, content, name)


BINARY = {
    "a picture (PNG)": b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00",
    "a picture (JPEG)": b"\xff\xd8\xff\xe0\x00\x10JFIF\x00",
    "a PDF document": b"%PDF-1.7\n\x00",
    "compressed by gzip: unpack it": b"\x1f\x8b\x08\x00\x00",
    "a database of SQLite": b"SQLite format 3\x00\x10\x00",
    "a Feather file": b"ARROW1\x00\x00",
    "no text: it begins with b'\\x00\\x01\\x02": bytes(range(256)) * 8,
    "no text: it begins with b'Obj": b"Obj\x01\x04\x16avro.codec\x00\xff\xfe\x01" * 9,
    "no text: it begins with b'\\xde\\xad": b"\xde\xad\xbe\xef\x01\x02\x03" * 99,
}


@pytest.mark.parametrize("kind", list(BINARY))
@pytest.mark.parametrize("keys", [{}, {"encoding": "cp1252"}])
def test_what_is_no_text_is_named_and_no_encoding_is_asked_for(
    read: Read, kind: str, keys: dict[str, Any]
) -> None:
    told = refusal(read, BINARY[kind], **keys)
    assert f"prices.csv is {kind}" in told
    assert "allowed: text of rows (CSV, TSV), a workbook of Excel (.xlsx), Parquet" in told
    assert "encoding" not in told


@pytest.mark.parametrize("encoding", ["cp037", "cp500", "utf-32", "utf-16-be", "utf-7", "cp1026"])
def test_text_of_rare_encodings_is_no_binary_file(read: Read, encoding: str) -> None:
    text = "date,close\n2026-11-23,3408.1\n2026-11-24,3382.77\n"
    assert read(text.encode(encoding), encoding=encoding) == TWO


@pytest.mark.parametrize("keys", [{}, {"decimal": ","}, {"decimal": "."}])
@pytest.mark.parametrize(
    ("old", "new"), [("63.17", "101,56"), ("4.101,5", "4,101.56"), ("$63.17", "$101,56")]
)
def test_a_file_that_changes_its_decimals_is_told_where(
    read: Read, old: str, new: str, keys: dict[str, str]
) -> None:
    days = [f"{day:%d.%m.%Y}" for day in pd.bdate_range("2026-01-01", periods=200)]
    rows = [f"{day};{old if at < 150 else new}" for at, day in enumerate(days)]
    told = refusal(read, "\n".join(["Datum;Schluss", *rows]), **keys)
    assert f"changes how it writes numbers on line 152: close is {new!r} there" in told
    assert f"{old!r} on line 2, and no key reads both: mend the file" in told
    assert ": set " not in told


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('date,close\n2026-11-23,1.5\n2026-11-24,"1.6\n2026-11-25,1.7\n', 3),
        ('date,close\n2026-11-23,1.5\n2026-11-24,"1.6', 3),
        ('date,close,note\n2026-11-23,1.5,"a\nb"\n2026-11-24,1.6,"c\n2026-11-25,1.7,d\n', 4),
        ('"date,close\n2026-11-23,1.5\n', 1),
    ],
)
def test_a_file_that_ends_inside_a_quote_is_refused_with_the_line_where_it_began(
    read: Read, text: str, line: int
) -> None:
    assert f"line {line}: a quote begins here and the file ends inside it" in refusal(read, text)


def test_a_quote_that_swallows_rows_is_refused_and_one_over_two_lines_is_text(read: Read) -> None:
    text = 'date,close,note\n2026-11-20,1.4,"x\n2026-11-23,1.5,b\n2026-11-24,1.6,y"\n'
    assert "line 2: a quote begins here and it holds whole rows" in refusal(read, text)
    assert read('date,close,note\n2026-11-23,1.5,"two\nlines"\n2026-11-24,2,\n') == {
        "11-23": 1.5,
        "11-24": 2.0,
    }


@pytest.mark.parametrize(
    ("text", "keys", "key"),
    [
        ("Date,Price\n25/11/2024,1\n3/4/2024,2\n", {"date_format": "%m/%d/%Y"}, "date_format"),
        ('Date,Price\n2024-11-25,"12,5"\n', {"decimal": "."}, "decimal"),
        ("Date,Price\n2024-11-25,12\n", {"columns": {"close": "Settle"}}, "columns.close"),
        ("Date,Price\n2024-11-25,12\n", {"encoding": "utf-16"}, "encoding"),
        ('"Date","Price"\n"25/11/2026","1.5"\n', {"format": "investing"}, "date_format"),
    ],
)
def test_a_key_that_the_file_contradicts_is_refused_and_named(
    read: Read, text: str, keys: dict[str, Any], key: str
) -> None:
    assert f": set commodities.Gold.source.{key}" in refusal(read, text, **keys)


def test_keys_reach_what_is_not_recognised(read: Read) -> None:
    text = "a#b#c\njunk\n7 1.012,5 24.11.2026\n8 1.013,5 25.11.2026\ntotal 2 2\nend\n"
    found = read(
        text.replace(" ", "#"),
        delimiter="#",
        skip_rows=2,
        header_rows=0,
        skip_footer=2,
        decimal=",",
        thousands=".",
        date_format=["%d.%m.%Y"],
        columns={"date": 3, "close": 2},
    )
    assert found == {"11-24": 1012.5, "11-25": 1013.5}


def test_a_preset_is_keys_by_a_name_and_other_keys_go_before_its_own(read: Read) -> None:
    text = "date,USD (AM),USD (PM),GBP (AM)\n2026-11-23,1.5,2.5,3.5\n2026-11-24,1.6,2.6,3.6\n"
    assert read(text, format="lbma") == {"11-23": 2.5, "11-24": 2.6}
    morning = {"close": "USD (AM)"}
    assert read(text, format="lbma", columns=morning) == {"11-23": 1.5, "11-24": 1.6}
    day_first = '"Date","Price"\n"11/12/2025","1.5"\n'
    assert list(read(day_first, format="investing")) == ["11-12"]
    assert list(read(day_first, format="investing", date_format="%d/%m/%Y")) == ["12-11"]


@pytest.mark.parametrize(
    ("cells", "closes"),
    [
        (["12.34", "1,234", "1,235"], [12.34, 1234, 1235]),
        (["(1.5)", "(2.5)", "3.5"], [-1.5, -2.5, 3.5]),
        (["\u22121.5", "+2.5", "3"], [-1.5, 2.5, 3]),
        (["1,23,456.5", "99,456.5", "1"], [123456.5, 99456.5, 1]),
        (["1.5M", "2K", "0.25B"], [1.5e6, 2000, 0.25e9]),
        (["0.123", "1.234", "5.678"], [0.123, 1.234, 5.678]),
        (["-37.63", ".5", "2."], [-37.63, 0.5, 2]),
    ],
)
def test_numbers_are_read_by_what_their_column_proves(
    read: Read, cells: list[str], closes: list[float]
) -> None:
    days = ["2026-11-20", "2026-11-23", "2026-11-24"]
    rows = "".join(f'{day};"{cell}"\n' for day, cell in zip(days, cells, strict=True))
    assert list(read(f"Date;Price\n{rows}").values()) == closes


def test_a_lone_price_with_thousands_is_a_slip_unless_the_file_has_others(read: Read) -> None:
    text = 'date,open,close\n2026-11-23,{0},997\n2026-11-24,{0},"1,010"\n'
    assert read(text.format('"1,495.5"')) == {"11-23": 997.0, "11-24": 1010.0}


def test_prices_in_two_currencies_are_refused(read: Read) -> None:
    told = refusal(read, "Date,Price\n2026-11-23,$1.5\n2026-11-24,€1.6\n")
    assert "has the column close in $ and €: keep one currency" in told


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (["1795392000", "1795478400"], ["11-23", "11-24"]),
        (["1795392000000", "1795478400000"], ["11-23", "11-24"]),
        (["2026-11-23T00:00:00Z", "2026-11-24T00:00:00Z"], ["11-23", "11-24"]),
        (["11/23/2026 12:00:00 AM", "11/24/2026 12:00:00 AM"], ["11-23", "11-24"]),
        (["2026-9-30", "2026-10-1"], ["09-30", "10-01"]),
        (["Mon, Nov 23, 2026", "Tue, Nov 24, 2026"], ["11-23", "11-24"]),
        (["November 23rd, 2026", "November 24th, 2026"], ["11-23", "11-24"]),
        (["2026/11/23", "2026/11/24"], ["11-23", "11-24"]),
        (["23.11.26", "24.11.26"], None),
        (["11/23/26", "11/24/26"], ["11-23", "11-24"]),
    ],
)
def test_days_are_read_by_what_their_column_proves(
    read: Read, days: list[str], expected: list[str] | None
) -> None:
    rows = "".join(f'"{day}";1.5\n' for day in days)
    if expected is None:  # the year may come first
        assert "set commodities.Gold.source.date_format" in refusal(read, f"time;close\n{rows}")
    else:
        assert list(read(f"time;close\n{rows}")) == expected


def workbook(rows: list[list[Any]], *, title: str = "Prices") -> openpyxl.Workbook:
    book = openpyxl.Workbook()
    assert book.active is not None
    book.active.title = title
    for row in rows:
        book.active.append(row)
    return book


MOMENTS = [datetime(2026, 11, day) for day in (23, 24)]  # noqa: DTZ001 - as workbooks keep them


@pytest.mark.parametrize(
    "rows",
    [
        [["Date", "Price"], [MOMENTS[0], 1.012], [MOMENTS[1], 998]],
        [["Date", "Price"], [46349, 1.012], [46350, 998]],
        [["Gold, end of day"], [], ["Date", "Close"], [MOMENTS[0], 1.012], [MOMENTS[1], 998]],
        [["Date", "Price", None], [None, "Open", "Close"], [MOMENTS[0], 5, 1.012],
         [MOMENTS[1], 5, 998]],
        [["Datum", "Schluss"], ["23.11.2026", 1.012], ["24.11.2026", 998]],
    ],
    ids=["dates", "serial numbers", "a title", "a merged header", "text"],
)  # fmt: skip
@pytest.mark.parametrize("name", ["prices.xlsx", "prices.csv"])
def test_a_workbook_is_read_whatever_it_is_called(
    read: Read, rows: list[list[Any]], name: str
) -> None:
    assert read(workbook(rows), name) == {"11-23": 1.012, "11-24": 998.0}


@pytest.mark.parametrize("close", [1.01, 67.31, 1.5, 10.123, 1234.5678, 0.001, 1e-05, 98.0])
def test_numbers_of_a_workbook_have_no_thousands(read: Read, close: float) -> None:
    assert read(workbook([["Date", "Price"], [MOMENTS[0], close]]), "prices.xlsx") == {
        "11-23": close
    }


def test_of_several_sheets_the_one_with_rows_or_the_one_that_is_set_is_read(read: Read) -> None:
    book = workbook([["Date", "Price"], [MOMENTS[0], 1.5]])
    book.create_sheet("Notes").append(["Prices are mine"])
    assert read(book, "prices.xlsx") == {"11-23": 1.5}
    other = book.create_sheet("Old")
    other.append(["Date", "Price"])
    other.append([MOMENTS[1], 2.5])
    told = refusal(read, book, "prices.xlsx")
    assert "several sheets with rows: Prices, Old: set commodities.Gold.source.sheet" in told
    assert read(book, "prices.xlsx", sheet="Old") == {"11-24": 2.5}
    assert read(book, "prices.xlsx", sheet=1) == {"11-23": 1.5}
    assert "has no sheet 'New'" in refusal(read, book, "prices.xlsx", sheet="New")


def test_text_in_parquet_is_understood_as_in_a_file_of_text(read: Read, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    table = pd.DataFrame({"Datum": ["23.11.2026", "24.11.2026"], "Schluss": ["1.012,5", "998,0"]})
    table.to_parquet(buffer)
    assert read(buffer.getvalue(), "p.parquet") == {"11-23": 1012.5, "11-24": 998.0}


def test_lines_are_those_of_the_file_whatever_stands_above(tmp_path: Path) -> None:
    text = "Source: EIA\n\nDate;Price\n;USD\n\n23.11.2026;1,5\n24.11.2026;oops\n25.11.2026;2,5\n"
    (tmp_path / "a.csv").write_text(text)
    found = read_files("Gold", FileSource(type="file", path="a.csv"), tmp_path, TODAY)
    assert [(each.line, each.value) for each in found.rejections] == [(7, "oops")]
    assert len(found.prices) == 2


def test_a_wide_file_is_taken_by_name_or_symbol(read: Read) -> None:
    text = "Dates,GC1 Comdty,Gold\n,PX_LAST,PX_LAST\n11/23/2026,4000.5,1.5\n11/24/2026,4001.5,2\n"
    assert read(text) == {"11-23": 1.5, "11-24": 2.0}
    assert read(text, symbol="GC1 Comdty") == {"11-23": 4000.5, "11-24": 4001.5}


def test_a_column_of_the_time_of_day_counts_where_it_is_not_midnight(read: Read) -> None:
    text = "<DATE>,<TIME>,<CLOSE>\n20261123,{0},1.5\n20261123,{1},1.6\n20261124,{0},1.7\n"
    assert "several rows a day" in refusal(read, text.format("090000", "100000"))
