"""The pages of Parquet files: to how many bytes each unpacks, as its own header says.

The footer of a file may lie about its pages, and pyarrow takes as much memory for a page as the
page's header asks for. A page cannot unpack to more than that. So the headers are read before
pyarrow reads the pages, which it has no way to bound. They are structures of Thrift's compact
protocol (https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow.parquet as pq

from forecast_assets.errors import UnclearFormat

MAX_PAGES = 100_000
"""A file with more pages is refused; writers put thousands of rows into each."""

UNPACKED, PACKED = 2, 3
"""The fields of a page's header for the size of the page, unpacked and as it is in the file."""

TRUE, FALSE, BYTE, DOUBLE, TEXT, STRUCT = 1, 2, 3, 7, 8, 12
INTEGERS = 4, 5, 6
"""Types of fields in the compact protocol. Headers of pages have no list, set or map."""

DEEPEST = 4
"""A header has its statistics in a structure within a structure."""

LONGEST_INTEGER = 10
"""How many bytes an integer of 64 bits takes at most."""


def unpacked_size(content: bytes, footer: pq.FileMetaData) -> int:
    """To how many bytes all pages of a file unpack. Raises UnclearFormat for broken headers."""
    total = pages = 0
    for group in map(footer.row_group, range(footer.num_row_groups)):
        for column in map(group.column, range(group.num_columns)):
            for size in _sizes(content, column):
                total += size
                pages += 1
                if pages > MAX_PAGES:
                    raise UnclearFormat(
                        f"has more than {MAX_PAGES:,} pages: write it with more rows in each"
                    )
    return total


def _sizes(content: bytes, column: pq.ColumnChunkMetaData) -> Iterator[int]:
    """The size of each page of a column, unpacked."""
    dictionary, first = column.dictionary_page_offset or 0, column.data_page_offset
    start = dictionary if 0 < dictionary < first else first
    if start < 0 or column.total_compressed_size < 0:
        raise _broken()
    end, cursor = start + column.total_compressed_size, Cursor(content, start)
    while cursor.place < end:
        header = cursor.structure()
        unpacked, packed = header.get(UNPACKED, -1), header.get(PACKED, -1)
        if unpacked < 0 or packed < 0:
            raise _broken()
        cursor.place += packed
        yield unpacked


@dataclass
class Cursor:
    """A place in bytes of the compact protocol."""

    content: bytes
    place: int

    def structure(self, depth: int = 0) -> dict[int, int]:
        """The integers of a structure by the numbers of their fields; the rest is passed over."""
        if depth > DEEPEST:
            raise _broken()
        found, number = {}, 0
        while head := self._byte():
            step, kind = divmod(head, 16)
            number = number + step if step else self._integer()
            if kind in INTEGERS:
                found[number] = self._integer()
            elif kind == TEXT:
                length = self._unsigned()
                self.place += length
            elif kind == STRUCT:
                self.structure(depth + 1)
            elif kind in (BYTE, DOUBLE):
                self.place += 1 if kind == BYTE else 8
            elif kind not in (TRUE, FALSE):
                raise _broken()
        return found

    def _byte(self) -> int:
        if self.place >= len(self.content):
            raise _broken()
        self.place += 1
        return self.content[self.place - 1]

    def _unsigned(self) -> int:
        value = 0
        for place in range(LONGEST_INTEGER):
            byte = self._byte()
            value |= (byte & 0x7F) << 7 * place
            if byte < 0x80:
                return value
        raise _broken()

    def _integer(self) -> int:
        value = self._unsigned()
        return value >> 1 ^ -(value & 1)


def _broken() -> UnclearFormat:
    return UnclearFormat("cannot be read as Parquet: the header of a page is broken")
