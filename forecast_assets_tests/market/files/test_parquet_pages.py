"""Parquet files whose footers and pages lie: nothing is unpacked beyond what is allowed."""

import io
import random
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from forecast_assets.configuration.file_limits import LIMITS, FileLimits
from forecast_assets.errors import UnclearFormat
from forecast_assets.market.files import parquet_pages
from forecast_assets.market.files.parquet_pages import (
    FIRST,
    MARK,
    MAX_HEADER,
    PACKED,
    RowGroup,
    row_groups,
    unpacked_size,
)
from forecast_assets.market.files.table_file import open_table
from forecast_assets.market.sources import LAYOUT

SMALL = FileLimits(max_bytes=200_000, max_rows=5_000, max_columns=50)

ROWS = 1789
"""A number that stands in a footer only for the rows."""

BOMB_BYTES = 150_000_000
MOST_BYTES = 50_000_000
"""To what a small file unpacks, and by how much a process that refuses it may grow."""

MOST_SECONDS = 2.0

MEASURED = """
import resource, sys
from pathlib import Path
from forecast_assets_tests.market.files.test_parquet_pages import SMALL, read
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
read(Path(sys.argv[1]).read_bytes())
before = peak()
try: read(Path(sys.argv[2]).read_bytes())
except Exception as error: print(type(error).__name__, error)
print(peak() - before)
"""


def read(content: bytes, limits: FileLimits = SMALL) -> int:
    """Read prices from a file. Returns how many rows it has."""
    return len(open_table("Coffee.parquet", content, limits=limits).read(LAYOUT).texts)


def written(rows: int = ROWS, text: str = "2026-11-17", **options: Any) -> bytes:
    """A file of so many prices."""
    content = io.BytesIO()
    closes = [50 + place / 64 for place in range(rows)]
    table = pa.table({"date": pa.repeat(text, rows), "close": closes})
    pq.write_table(table, content, **{"write_statistics": False, **options})
    return content.getvalue()


def footer_of(content: bytes) -> pq.FileMetaData:
    return pq.ParquetFile(pa.BufferReader(content)).metadata


def integer(value: int) -> bytes:
    """An integer as the footer has it."""
    return unsigned(value << 1)


def unsigned(left: int) -> bytes:
    """A length as the footer has it."""
    written = b""
    while left >= 0x80:
        written += bytes([left & 0x7F | 0x80])
        left >>= 7
    return written + bytes([left])


def lying(content: bytes, true: int, false: int) -> bytes:
    """A file whose footer says another number."""
    size = int.from_bytes(content[-8:-4], "little")
    before, footer = content[: -8 - size], content[-8 - size : -8]
    assert integer(true) in footer
    said = footer.replace(integer(true), integer(false))
    return before + said + len(said).to_bytes(4, "little") + content[-4:]


@pytest.mark.parametrize("compression", ["zstd", "snappy", "none"])
@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("more", [True, False], ids=["with more", "with less"])
def test_the_pages_of_honest_files_are_as_large_as_their_footers_say(
    compression: str, version: str, more: bool
) -> None:
    content = written(
        compression=compression,
        data_page_version=version,
        data_page_size=1000,
        row_group_size=500,
        use_dictionary=more,
        write_statistics=more,
        write_page_checksum=more,
        write_page_index=more,
    )
    footer = footer_of(content)
    said = sum(footer.row_group(place).total_byte_size for place in range(4))
    assert 0.6 * said < unpacked_size(content, row_groups(content)) <= said
    assert read(content) == ROWS


def test_a_page_that_unpacks_to_more_than_the_footer_says_is_not_unpacked(tmp_path: Path) -> None:
    content = written(1, "0" * BOMB_BYTES, compression="zstd", use_dictionary=False)
    group = footer_of(content).row_group(0)
    for size in {group.total_byte_size, group.column(0).total_uncompressed_size}:
        content = lying(content, size, 500)
    assert footer_of(content).row_group(0).total_byte_size == 500
    assert len(content) < SMALL.max_bytes
    (tmp_path / "bomb").write_bytes(content)
    (tmp_path / "good").write_bytes(written())
    program = [sys.executable, "-c", MEASURED, str(tmp_path / "good"), str(tmp_path / "bomb")]
    done = subprocess.run(program, check=True, capture_output=True, text=True, timeout=120)
    said, grown = done.stdout.splitlines()
    assert said.startswith("UnclearFormat unpacks to 150,000,0")
    assert int(grown) < MOST_BYTES


@pytest.mark.parametrize(
    ("false", "said"),
    [
        (10**12, "has 1,000,000,000,000 rows, allowed: 5,000"),
        (2**62, "has 4,611,686,018,427,387,904 rows"),
    ],
)
def test_a_footer_of_too_many_rows_is_refused_at_once(false: int, said: str) -> None:
    began = time.process_time()
    with pytest.raises(UnclearFormat, match=said):
        read(lying(written(), ROWS, false))
    assert time.process_time() - began < MOST_SECONDS


def test_rows_that_a_file_has_not_are_not_made_up() -> None:
    with suppress(UnclearFormat):
        assert read(lying(written(), ROWS, 4_999)) <= ROWS
    with suppress(UnclearFormat):
        assert read(lying(written(), ROWS, 1)) <= ROWS


def test_a_footer_that_would_fill_the_memory_is_refused_unread() -> None:
    content, size = written(), 3_000_000
    said = size.to_bytes(4, "little") + content[-4:]
    with pytest.raises(UnclearFormat, match="has a footer of 3,000,000 bytes, allowed: 2,097,152"):
        read(content[:-8] + bytes(size) + said)
    with pytest.raises(UnclearFormat, match="cannot be read as Parquet"):
        read(content[:-8] + said)


def test_a_file_must_begin_as_parquet_does_since_a_page_at_0_would_not_be_looked_at() -> None:
    with pytest.raises(UnclearFormat, match="cannot be read as Parquet"):
        read(b"\x15\x00\x15\x00" + written()[4:])


def test_columns_that_share_a_page_are_refused() -> None:
    content = written(use_dictionary=False)
    places = [footer_of(content).row_group(0).column(place).data_page_offset for place in (0, 1)]
    with pytest.raises(UnclearFormat, match="cannot be read as Parquet: its footer or the header"):
        read(lying(content, places[1], places[0]))


@pytest.mark.parametrize("most", [MAX_HEADER, 5_000_000])
def test_a_header_of_a_page_is_not_read_beyond_its_bound(most: int) -> None:
    sizes = bytes([0x25]) + integer(7) + bytes([0x15]) + integer(0)
    strange = bytes([0xC9, 0xF3]) + unsigned(most) + bytes(most)
    header = sizes + strange + bytes([0])
    content = MARK + header
    group = RowGroup(1, 7, [{FIRST: len(MARK), PACKED: len(header)}])
    began = time.process_time()
    with pytest.raises(UnclearFormat, match="the header of a page is broken"):
        unpacked_size(content, [group])
    assert time.process_time() - began < MOST_SECONDS


def test_pages_end_where_their_column_ends() -> None:
    content = written(use_dictionary=False)
    (group,) = row_groups(content)
    assert unpacked_size(content, [group]) > 0
    cut = [dict(column) | {PACKED: column[PACKED] - 1} for column in group.columns]
    with pytest.raises(UnclearFormat, match="the header of a page is broken"):
        unpacked_size(content, [RowGroup(group.rows, group.size, cut)])


def test_pages_without_number_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_pages, "MAX_PAGES", 3)
    with pytest.raises(UnclearFormat, match="has more than 3 pages"):
        read(written())


def test_any_changed_bytes_are_read_or_refused_in_words() -> None:
    chance, content = random.Random(14), written(20, write_statistics=True)  # noqa: S311 - no secret
    refused = 0
    for _ in range(500):
        changed = bytearray(content)
        for _ in range(chance.choice([1, 2, 8])):
            changed[chance.randrange(4, len(changed))] = chance.randrange(256)
        began = time.process_time()
        try:
            read(bytes(changed), LIMITS)
        except UnclearFormat:
            refused += 1
        assert time.process_time() - began < MOST_SECONDS
    assert refused > 100
