"""Dropped files of text: any bytes under a suffix of text are read, or refused in words.

The first byte says how the file is read: as one of several commodities, with or without rules for
its form. What is read has days and finite closes, and each refusal names the file and a line.

To divide bytes into rows takes a hundredth of the time in which pandas checks the rows of a file,
however few. So most inputs are only divided. Those of the corpus and one of some others are read to
their end; which ones, their hash says, so that a finding can be repeated.
"""

import random
import zlib
from datetime import datetime
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np

from forecast_assets.configuration.settings import Settings
from forecast_assets.errors import SourceError
from forecast_assets.market.dropped_files import Dropped, read_dropped
from forecast_assets.market.files.table_file import open_table
from forecast_assets.market.landing import KEY
from forecast_assets.market.rows import told
from forecast_assets.outside import is_plain

NOW = datetime(2026, 11, 20, 12)  # noqa: DTZ001 - as the tables keep it

NAMES = ("Coffee.csv", "all.csv", "Sugar.tsv", "rule_Coffee.txt", "Coffee.v2.csv")
"""The names that a file may have; the fourth has a rule for its form."""

CORPUS = Path(__file__).parent / "corpus" / "csv"

ONE_OF = 16
"""Of so many inputs one is read to its end."""

LONGEST_LINE = 2000
"""What is told of a file or row has no more characters."""

PIECES = (
    b"date,close\n", b"2026-11-17,50\n", b"\r\n", b"\n", b",", b";", b"\t", b"|", b'"', b'""',
    b"\x00", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"1e400", b"nan", b"inf", b"-inf", b"0x10",
    "١٢٣".encode(), "\u2212".encode(), "\u00a0".encode(), b"1,234.5", b"1.234,5", b"$1", b"(1)",
    b"12.03K", b"31/12/2025", b"12/31/2025", b"0026-08-20", b"9999-12-31", b"20261117", b"46000",
    b"1763337600", b"2026-11-17T23:00:00Z", b"2026-11-17 23:00+14:00", b"17 Nov 2026", b"Coffee",
    b"commodity", b"time", b"open", b"high", b"low", b"volume", b"Adj Close", b"=1+1", b"sep=;\n",
    b"withdrawn", b"\x1b[2J", b"#N/A", b"-0", b"1e-400", b"\x1a", b"\xe2\x80\xae",
)  # fmt: skip
"""What files of prices hold, and what they should not."""


@cache
def configured() -> Settings:
    """A configuration whose commodities are dropped."""
    source = {"type": "landing", "symbol": "KC=F"}
    rule = {"files": "rule_*", "delimiter": ";", "decimal": ",", "date_format": "%d.%m.%Y"}
    return Settings.model_validate(
        {
            "model_version": "v1.0",
            "training": {"start": "2020-01-01"},
            "models": ["naive"],
            "commodities": {
                "Coffee": {"unit": "USc/lb", "source": source},
                "Sugar": {"unit": "USc/lb", "source": {"type": "landing"}},
            },
            "landing": {"formats": [rule]},
        }
    )


@cache
def corpus() -> frozenset[bytes]:
    """The inputs of the corpus."""
    return frozenset(file.read_bytes() for file in CORPUS.iterdir())


def take(data: bytes) -> None:
    """Read a dropped file."""
    name = NAMES[data[0] % len(NAMES)] if data else NAMES[0]
    try:
        require_sound(read_dropped(name, data[1:], configured(), NOW))
    except SourceError as error:
        require_named(name, error)


def fuzz(data: bytes) -> None:
    """Read one of some files to its end, and divide the others into rows below a header."""
    if zlib.crc32(data) % ONE_OF == 0 or data in corpus():
        take(data)
        return
    name, landing = NAMES[data[0] % len(NAMES)] if data else NAMES[0], configured().landing
    try:
        with told(f"{name}:", KEY):
            file = open_table(name, data[1:], landing.format_of(name), landing)
            assert len(file.names) == file.width
    except SourceError as error:
        require_named(name, error)
        return
    assert all(before < after for before, after in pairwise(file.grid.lines))
    assert len(file.grid.lines) == len(file.grid.rows)


def require_named(name: str, error: SourceError) -> None:
    """Fail unless an error says in one line which file it is about."""
    assert name in str(error), error
    assert is_plain(str(error)), error
    assert len(str(error)) < LONGEST_LINE, error


def require_sound(dropped: Dropped) -> None:
    """Fail unless what was read can be stored and told."""
    for seen in dropped.observations:
        prices = seen.prices
        assert np.isfinite(prices["close"]).all()
        assert prices["date"].is_monotonic_increasing
        assert prices["date"].is_unique
        assert (prices["date"] <= "2026-11-20").all()
    for refused in dropped.rejections:
        assert refused.file == dropped.file
        assert refused.line >= 1
        assert is_plain(str(refused))
        assert len(str(refused)) < LONGEST_LINE


def mutate(data: bytes, size: int, seed: int) -> bytes:
    """Put a piece into the bytes, or in place of some, or change them."""
    from atheris import Mutate  # only the process that fuzzes has it

    chance = random.Random(seed)  # noqa: S311 - no secret
    if chance.random() < 0.3:
        return bytes(Mutate(data, size))
    place = chance.randrange(len(data) + 1)
    over = chance.choice([0, 0, 1, 4, 10])
    return (data[:place] + chance.choice(PIECES) + data[place + over :])[:size]
