"""Made-up files of vendors: read right, or refused with a key that makes them read right.

``python -m forecast_assets_tests.vendor_files 2000`` makes so many and counts what came of them.
"""

import csv
import io
import re
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from forecast_assets.configuration.commodities import FileSource
from forecast_assets.errors import SourceError
from forecast_assets.market.observations import Observations
from forecast_assets.market.sources import read_files

TODAY = date(2026, 11, 25)
ASKS = re.compile(r"commodities\.Coffee\.source\.([a-z_.]+)")

DAYS = {
    "iso": ["%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S"],
    "day first": ["%d/%m/%Y", "%d.%m.%Y", "%d-%m-%Y", "%d/%m/%y", "%d.%m.%y", "%d/%m/%Y %H:%M"],
    "month first": ["%m/%d/%Y", "%m-%d-%Y", "%m/%d/%y", "%m/%d/%Y %I:%M %p"],
    "year first": ["%Y.%m.%d", "%Y/%m/%d", "%Y%m%d", "%Y.%m.%d %H:%M", "%y/%m/%d"],
    "named": ["%d-%b-%y", "%b %d, %Y", "%d %B %Y", "%B %d, %Y", "%d-%b-%Y", "%a, %b %d, %Y"],
    "counted": ["unix", "unix_ms", "excel"],
}
PADDED = re.compile(r"(?<!\d)0(?=\d[/.-])")
HEADERS = [
    ["date", "close"],
    ["Date", "Price"],
    ["Datum", "Schluss"],
    ["observation_date", "DCOILWTICO"],
    ["Date", "Settle"],
    ["time", "close"],
    ["Exchange Date", "Close"],
    ["Dates", "PX_LAST"],
    ["Day", "Cushing, OK WTI Spot Price FOB (Dollars per Barrel)"],
]
BARS = [
    ["date", "open", "high", "low", "close", "volume"],
    ["Date", "Open", "High", "Low", "Price", "Vol."],
    ["Datum", "Eröffn.", "Hoch", "Tief", "Schluß", "Volumen"],
    ["<DATE>", "<OPEN>", "<HIGH>", "<LOW>", "<CLOSE>", "<VOL>"],
    ["Time", "Open", "High", "Low", "Latest", "Volume"],
]
IN_DOUBT = [["date", "USD (AM)", "USD (PM)"], ["Date", "Last", "Settle"], ["Date", "Bid", "Ask"]]
MISSING = ["", ".", "-", "n/a", "#N/A N/A", "NaN"]
PREAMBLES = [
    ["Back to Contents"],
    ["Source: Energy Information Administration", ""],
    ["Start Date", "2020-01-01"],
    ["Prices of Coffee in USD, end of day"],
]
FOOTERS = ["Downloaded from Barchart.com as of 11-24-2026 05:12am CST", "Total rows as shown"]


@dataclass
class VendorFile:
    """A file, the closes it holds by day, and the keys that say all about it."""

    name: str
    content: bytes
    closes: dict[str, float]
    keys: dict[str, Any]
    given: dict[str, Any] = field(default_factory=dict)
    broken: bool = False


@dataclass(frozen=True)
class Writing:
    """How a made-up vendor writes."""

    day: str
    decimal: str
    thousands: str
    delimiter: str
    encoding: str
    padded: bool
    currency: str

    def day_of(self, day: date) -> str:
        """A day as this vendor writes it."""
        moment = datetime(day.year, day.month, day.day, tzinfo=UTC)
        match self.day:
            case "unix":
                return str(int(moment.timestamp()))
            case "unix_ms":
                return str(int(moment.timestamp()) * 1000)
            case "excel":
                return str((day - date(1899, 12, 30)).days)
            case _:
                written = moment.strftime(self.day)
                padded = self.padded or self.day in (*DAYS["iso"], "%y/%m/%d")
                return written if padded else PADDED.sub("", written)

    def number(self, value: Decimal) -> str:
        """A number as this vendor writes it."""
        whole, _, decimals = f"{abs(value):f}".partition(".")
        groups = re.sub(r"(?<=\d)(?=(\d{3})+$)", self.thousands, whole)
        sign = "-" if value < 0 else ""
        return f"{sign}{self.currency}{groups}{self.decimal if decimals else ''}{decimals}"


def made(chance: np.random.Generator) -> VendorFile:
    """A file of a made-up vendor."""
    writing = _writing(chance)
    days = _days(chance)
    closes = _closes(chance, len(days))
    doubtful = chance.random() < 0.08
    bars = not doubtful and chance.random() < 0.4
    choices = IN_DOUBT if doubtful else BARS if bars else HEADERS
    header = list(choices[chance.integers(len(choices))])
    place = 2 if doubtful else header.index(header[4]) if bars else 1
    rows = [
        _row(chance, writing, day, close, header, place)
        for day, close in zip(days, closes, strict=True)
    ]
    missing = chance.random(len(rows)) < chance.choice([0.0, 0.1])
    for row, gone in zip(rows, missing, strict=True):
        row[place] = MISSING[chance.integers(len(MISSING))] if gone else row[place]
    if chance.random() < 0.2:
        header.append("Change %")
        rows = [[*row, f"{writing.number(Decimal('0.25'))}%"] for row in rows]
    if chance.random() < 0.5:
        rows, days, closes = rows[::-1], days[::-1], closes[::-1]
        missing = missing[::-1]
    truth = {
        day.isoformat(): float(close)
        for day, close, gone in zip(days, closes, missing, strict=True)
        if not gone
    }
    return _written(chance, writing, header, place, rows, truth)


def _writing(chance: np.random.Generator) -> Writing:
    kind = chance.choice(list(DAYS), p=[0.25, 0.2, 0.2, 0.12, 0.18, 0.05])
    decimal = chance.choice([".", ","], p=[0.65, 0.35])
    others = [x for x in (",", ".", " ", "\u00a0", "'") if x != decimal]
    thousands = str(chance.choice(others)) if chance.random() < 0.5 else ""
    encodings = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"]
    return Writing(
        day=str(chance.choice(DAYS[kind])),
        decimal=str(decimal),
        thousands=thousands,
        delimiter=str(chance.choice([",", ";", "\t", "|"], p=[0.5, 0.3, 0.15, 0.05])),
        encoding=str(chance.choice(encodings, p=[0.6, 0.15, 0.1, 0.05, 0.1])),
        padded=bool(chance.random() < 0.8),
        currency="$" if chance.random() < 0.05 else "",
    )


def _days(chance: np.random.Generator) -> list[date]:
    count = int(chance.choice([1, 2, 3, 8, 40]))
    first = date(2002, 1, 1) + timedelta(days=int(chance.integers(0, 8900)))
    days = [first + timedelta(days=k) for k in range(2 * count + 4)]
    return [day for day in days if day.weekday() < 5 and day < TODAY][:count]


def _closes(chance: np.random.Generator, count: int) -> list[Decimal]:
    level, places = [(2.8, 3), (70, 2), (990, 2), (990, 0), (4100, 1), (1_012_000, 2), (1.0, 4)][
        chance.integers(7)
    ]
    steps = np.cumsum(chance.normal(0, 0.01, count))
    sign = -1 if chance.random() < 0.03 else 1
    return [sign * Decimal(f"{level * np.exp(step):.{places}f}") for step in steps]


def _row(
    chance: np.random.Generator,
    writing: Writing,
    day: date,
    close: Decimal,
    header: list[str],
    place: int,
) -> list[str]:
    row = [writing.day_of(day)]
    for column in range(1, len(header)):
        if column == place:
            row.append(writing.number(close))
        elif len(header) == 6 and column == 5:
            count = Decimal(int(chance.integers(10, 300_000)))
            row.append(str(count) if chance.random() < 0.9 else "")
        else:
            row.append(writing.number(close * Decimal("1.5")))
    return row


def _written(
    chance: np.random.Generator,
    writing: Writing,
    header: list[str],
    place: int,
    rows: list[list[str]],
    truth: dict[str, float],
) -> VendorFile:
    width = len(header)
    header_rows = int(chance.choice([0, 1, 2], p=[0.04, 0.9, 0.06]))
    units = ["", *["USD/bbl"] * (width - 1)]
    preamble = list(PREAMBLES[: chance.integers(1, 5)]) if chance.random() < 0.2 else []
    footer = list(FOOTERS[: chance.integers(1, 3)]) if chance.random() < 0.2 else []
    table = [*preamble, *[header, units][:header_rows], *rows, *[[line] for line in footer]]
    buffer = io.StringIO()
    end = str(chance.choice(["\n", "\r\n"]))
    csv.writer(
        buffer,
        delimiter=writing.delimiter,
        quoting=csv.QUOTE_ALL if chance.random() < 0.2 else csv.QUOTE_MINIMAL,
        lineterminator=end,
    ).writerows(table)
    text = buffer.getvalue()
    broken = chance.random() < 0.02
    if broken:
        text += f'"{rows[-1][0]}{writing.delimiter}1'
    encoding = writing.encoding if all(map(_is_ascii_or_latin, text)) else "utf-8"
    columns = (
        {"date": 1, "close": place + 1}
        if header_rows == 0
        else {"date": header[0], "close": header[place]}
    )
    keys = {
        "columns": columns,
        "columns.date": columns["date"],
        "columns.close": columns["close"],
        "date_format": writing.day,
        "delimiter": writing.delimiter,
        "decimal": writing.decimal,
        "thousands": {"": "none", "\u00a0": " "}.get(writing.thousands, writing.thousands),
        "encoding": encoding,
        "skip_rows": len(preamble),
        "header_rows": header_rows,
        "skip_footer": len(footer),
    }
    said = chance.random() < 0.15
    given = {
        key: keys[key]
        for key in ("decimal", "date_format", "delimiter")
        if said and chance.random() < 0.5
    }
    return VendorFile("Coffee.csv", text.encode(encoding), truth, keys, given, broken)


def _is_ascii_or_latin(letter: str) -> bool:
    return ord(letter) < 256


def read(file: VendorFile, keys: dict[str, Any]) -> Observations:
    """What is read of a file by some keys. Raises SourceError."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / file.name).write_bytes(file.content)
        source = FileSource.model_validate({"type": "file", "path": file.name} | keys)
        return read_files("Coffee", source, Path(folder), TODAY)


def outcome(file: VendorFile) -> str:
    """What became of a file: ``read``, ``refused``, or what is wrong.

    A refusal names a key; with the truth under the keys that it names the file is read right.
    """
    keys = dict(file.given)
    asked: list[str] = []
    while len(asked) < 8:
        try:
            found = read(file, keys)
        except SourceError as error:
            if file.broken and "a quote begins here" in str(error):
                return "quote"
            if not file.closes and re.search("no usable price|no price: fill it in", str(error)):
                return "read"
            named = [key for key in ASKS.findall(str(error)) if key in file.keys]
            if not named:
                return f"wrong: no key: {error}"
            asked += named
            _set(keys, {key: file.keys[key] for key in named})
            continue
        if file.broken:
            return "wrong: a file that ends inside a quote is read"
        prices = found.prices
        closes = dict(zip(prices["date"].astype(str), prices["close"].tolist(), strict=True))
        if closes != file.closes:
            return f"wrong: {set(closes.items()) ^ set(file.closes.items())}"
        return f"refused: {' '.join(asked)}" if asked else "read"
    return "wrong: keys that it asks for do not help"


def _set(keys: dict[str, Any], more: dict[str, Any]) -> None:
    for key, value in more.items():
        first, _, last = key.partition(".")
        keys[first] = keys.get(first, {}) | {last: value} if last else value


def main(count: int, seed: int = 0) -> Counter[str]:
    """How many of so many files were read, refused, or read wrong."""
    counts: Counter[str] = Counter()
    for number in range(count):
        file = made(np.random.default_rng([seed, number]))
        came = outcome(file)
        if came.startswith("wrong"):
            sys.stdout.write(f"{number}: {came}\n{file.content[:600]!r}\n{file.given}\n")
        counts[came.partition(": ")[0] if came.startswith("wrong") else came] += 1
    return counts


if __name__ == "__main__":
    total = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    found = main(total, int(sys.argv[2]) if len(sys.argv) > 2 else 0)
    sys.stdout.write(f"{total} files: {dict(found)}\n")
