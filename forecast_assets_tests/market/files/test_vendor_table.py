"""Each section in the table of vendors in docs/sources.md reads a file of that vendor's form."""

import re
from datetime import date, datetime
from pathlib import Path

import openpyxl
import pytest
import yaml

from forecast_assets.configuration.commodities import Commodity
from forecast_assets.configuration.file_format import FileFormat
from forecast_assets.market.meaning import Meaning
from forecast_assets.market.sources import read_source
from forecast_assets_tests.graphs import ROOT
from forecast_assets_tests.vendors import VENDORS

ROW = re.compile(r"^\| ([^|]+) \| [^|]+ \| `(\{type: file.*\})` \|$", re.MULTILINE)
PAGE = (ROOT / "docs" / "sources.md").read_text(encoding="utf-8").replace("tab `|`", "")
SECTIONS = {row[1].strip(): row[2] for row in ROW.finditer(PAGE)}

LBMA = "date,USD (AM),USD (PM),GBP (AM)\n2026-11-23,{0},{1},1\n2026-11-24,{2},{3},1\n"
TICKERS = (
    "Price,Close,Close,High,High\nTicker,CL=F,GC=F,CL=F,GC=F\nDate,,,,\n"
    "2026-11-23,58.1,3408.1,60,3500\n2026-11-24,58.2,3382.77,60,3500\n"
)
FILES: dict[str, str | bytes] = {
    "Investing.com": VENDORS["investing"],
    "Investing.com, UK": VENDORS["investing"]
    .replace("11/24/", "24/11/")
    .replace("11/23/", "23/11/"),
    "Investing.com, German": VENDORS["investing in German"],
    "Yahoo, yfinance": VENDORS["yfinance"],
    "Yahoo, several tickers": TICKERS,
    "FRED": VENDORS["fred"],
    "EIA": VENDORS["eia"],
    "TradingView": "time,open,high,low,close,Volume\n1795388400,1,3500,1,3408.1,9\n"
    "1795474800,1,3500,1,3382.77,9\n",
    "Stooq": VENDORS["stooq"],
    "MetaTrader 5": VENDORS["metatrader"].encode("utf-16"),
    "MetaTrader 4": "2026.11.23,00:00,1,3500,1,3408.1,9\n2026.11.24,00:00,1,3500,1,3382.77,9\n",
    "Barchart": VENDORS["barchart"],
    "LBMA": LBMA.format("1", "3408.1", "1", "3382.77"),
    "LBMA, in the morning": LBMA.format("3408.1", "1", "3382.77", "1"),
    "Nasdaq": VENDORS["nasdaq"],
    "Nasdaq Data Link (Quandl)": "Date,Open,High,Low,Last,Change,Settle,Volume\n"
    "2026-11-23,1,3500,1,3400,0,3408.1,9\n2026-11-24,1,3500,1,3400,0,3382.77,9\n",
    "Bloomberg": VENDORS["bloomberg"],
    "LSEG, Eikon": VENDORS["eikon"],
    "ECB": VENDORS["ecb"],
    "Excel, as .xlsx": b"",
    "Excel, CSV in German": VENDORS["excel in German"],
    "Excel, CSV with serial numbers": "Date,Price\n46349,3408.1\n46350,3382.77\n",
    "Anything wide": VENDORS["a wide file"],
}


def write(path: Path, content: str | bytes) -> None:
    path.parent.mkdir()
    if path.suffix == ".xlsx":
        book = openpyxl.Workbook()
        sheet = book.create_sheet("Prices")
        sheet.append(["Date", "Price"])
        sheet.append([datetime(2026, 11, 23), 3408.1])  # noqa: DTZ001 - as workbooks keep them
        sheet.append([datetime(2026, 11, 24), 3382.77])  # noqa: DTZ001
        book.save(path)
    else:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


def test_every_vendor_of_the_table_has_a_file_here() -> None:
    assert set(SECTIONS) == set(FILES)


@pytest.mark.parametrize("vendor", list(FILES))
def test_the_section_of_a_vendor_reads_its_file(tmp_path: Path, vendor: str) -> None:
    section = yaml.safe_load(SECTIONS[vendor])
    commodity = Commodity.model_validate({"unit": "USD/oz", "source": section})
    source = commodity.source
    assert source.type == "file"
    write(tmp_path / source.path, FILES[vendor])
    meaning = Meaning.of("Gold", commodity)
    found = read_source("Gold", source, tmp_path, date(2026, 11, 25), meaning)
    days = found.prices["date"].dt.strftime("%Y-%m-%d")
    closes = dict(zip(days, found.prices["close"].tolist(), strict=True))
    assert closes == {"2026-11-23": 3408.1, "2026-11-24": 3382.77}
    assert found.rejections == []


def test_each_key_of_the_page_is_one_of_a_source_and_the_other_way_round() -> None:
    table = PAGE[PAGE.index("| key | meaning |") :].partition("\n\n")[0]
    named = {key for row in table.splitlines() for key in re.findall(r"`(\w+)`", row.split("|")[1])}
    assert named == set(FileFormat.model_fields)
