"""Properties of reading: any bytes are read or refused, and what is written is read back."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast_assets.errors import SourceError
from forecast_assets.market.dropped_files import read_dropped
from forecast_assets_tests.fuzz.csv import NOW, PIECES, configured, require_named, require_sound

PIECE = st.one_of(
    st.sampled_from(PIECES), st.binary(max_size=8), st.text(max_size=8).map(str.encode)
)
BYTES = st.lists(PIECE, max_size=30).map(b"".join)
NAMES = st.sampled_from(
    ["Coffee.csv", "rule_Coffee.txt", "all.tsv", "Coffee.xlsx", "Coffee.parquet"]
)


@settings(max_examples=20)
@given(
    name=NAMES, content=BYTES, head=st.sampled_from([b"", b"date,close\n", b"PAR1", b"PK\x03\x04"])
)
def test_any_bytes_land_or_are_refused_with_file_and_line(
    name: str, content: bytes, head: bytes
) -> None:
    try:
        dropped = read_dropped(name, head + content, configured(), NOW)
    except SourceError as error:
        require_named(name, error)
        return
    require_sound(dropped)


@dataclass(frozen=True)
class Form:
    """A form of files, and the bytes of a table in it."""

    name: str
    write: Callable[[pd.DataFrame], bytes]


def _text(table: pd.DataFrame, sep: str, decimal: str, days: str, encoding: str) -> bytes:
    dates = pd.to_datetime(table["date"]).dt.strftime(days)
    closes = [f"{close:.2f}".replace(".", decimal) for close in table["close"]]
    rows = [f"{day}{sep}{close}\n" for day, close in zip(dates, closes, strict=True)]
    return "".join([f"Date{sep}Close\n", *rows]).encode(encoding)


def _binary(write: Callable[[pd.DataFrame, io.BytesIO], object]) -> Callable[[pd.DataFrame], bytes]:
    def written(table: pd.DataFrame) -> bytes:
        content = io.BytesIO()
        write(table, content)
        return content.getvalue()

    return written


FORMS = [
    Form("Coffee.csv", lambda table: _text(table, ",", ".", "%Y-%m-%d", "utf-8")),
    Form("Coffee.csv", lambda table: _text(table, ";", ",", "%d-%b-%Y", "utf-8-sig")),
    Form("Coffee.tsv", lambda table: _text(table, "\t", ".", "%Y/%m/%d", "utf-16")),
    Form("Coffee.txt", lambda table: _text(table, "|", ".", "%Y%m%d", "cp1252")),
    Form("Coffee.xlsx", _binary(lambda table, file: table.to_excel(file, index=False))),
    Form("Coffee.parquet", _binary(lambda table, file: table.to_parquet(file, index=False))),
]

CENTS = st.integers(min_value=-9_999_999, max_value=999_999_999)
TABLES = st.lists(
    st.tuples(st.integers(0, 9000), CENTS), min_size=1, max_size=12, unique_by=lambda x: x[0]
)


@settings(max_examples=12)
@given(rows=TABLES, form=st.sampled_from(FORMS))
def test_a_written_table_reads_back_to_the_same_prices(
    rows: list[tuple[int, int]], form: Form
) -> None:
    days = [date(2001, 1, 1) + timedelta(days=number) for number, _ in rows]
    closes = [cents / 100 for _, cents in rows]
    table = pd.DataFrame({"date": pd.to_datetime(days), "close": closes})
    dropped = read_dropped(form.name, form.write(table), configured(), NOW)
    (seen,) = dropped.observations
    expected = table.sort_values("date", ignore_index=True)
    assert dropped.rejections == []
    assert seen.prices["date"].tolist() == expected["date"].tolist()
    assert np.allclose(seen.prices["close"], expected["close"], rtol=0, atol=1e-9)
