"""The row groups of a Parquet file as its footer lists them, and its pages as each says itself.

The footer may lie about the pages, and pyarrow takes as much memory for a page as the page's header
asks for, which it has no way to bound; a page cannot unpack to more. So the headers are read before
pyarrow reads the pages. The footer is read here as well, since pyarrow ends the process where a
user asks for a row group or a column that the footer describes wrongly.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from forecast_assets.errors import UnclearFormat
from forecast_assets.market.files.compact import Cursor, Fields, broken, required

MAX_FOOTER = 1 << 21
"""The largest footer in bytes. Each part of it takes a hundred times its size in memory."""

MAX_PAGES = 100_000
"""A file with more pages is refused; writers put thousands of rows into each."""

MARK = b"PAR1"
"""What a file begins with; no header of a page does, so no page is at 0."""

MAX_HEADER = 1 << 16
"""The largest header of a page in bytes; writers put some numbers and two values into it."""

END_BYTES = 8
"""How many bytes come after the footer: its size, and the mark of the format."""

GROUPS = 4
"""The field of a footer for its row groups."""

COLUMNS, SIZE, ROWS = 1, 2, 3
"""Fields of a row group: its columns, to how much they unpack, and the number of rows."""

ABOUT = 3
"""The field of a column in a row group that describes it."""

PACKED, FIRST, DICTIONARY = 7, 9, 11
"""Fields of that description: how many bytes the column takes, and where its pages begin."""

PAGE_UNPACKED, PAGE_PACKED = 2, 3
"""Fields of a page's header for the size of the page, unpacked and as it is in the file."""


@dataclass(frozen=True)
class RowGroup:
    """Some rows of a file. ``size``: to how many bytes its columns unpack, as the footer says."""

    rows: int
    size: int
    columns: Sequence[Fields]


def row_groups(content: bytes) -> list[RowGroup]:
    """The row groups that the footer of a file lists. Raises UnclearFormat."""
    size = int.from_bytes(content[-END_BYTES:-4], "little")
    if size > len(content) - END_BYTES or not content.startswith(MARK):
        raise broken()
    if size > MAX_FOOTER:
        raise UnclearFormat(
            f"has a footer of {size:,} bytes, allowed: {MAX_FOOTER:,}: write it with fewer columns,"
            " or more rows in each row group"
        )
    footer = Cursor(content[-END_BYTES - size : -END_BYTES]).structure()
    return [_group(fields) for fields in required(footer, GROUPS, list)]


def _group(fields: Fields) -> RowGroup:
    if not isinstance(fields, dict):
        raise broken()
    columns = required(fields, COLUMNS, list)
    if not all(isinstance(column, dict) for column in columns):
        raise broken()
    about = [required(column, ABOUT, dict) for column in columns]
    return RowGroup(required(fields, ROWS), required(fields, SIZE), about)


def unpacked_size(content: bytes, groups: Sequence[RowGroup]) -> int:
    """To how many bytes all pages of a file unpack. Raises UnclearFormat for broken headers.

    Columns that share bytes are refused, so that no byte is looked at twice.
    """
    spans = sorted(_span(content, column) for group in groups for column in group.columns)
    if any(end > begin for (_, end), (begin, _) in pairwise(spans)):
        raise broken()
    total = 0
    sizes = (size for first, end in spans for size in _sizes(content, first, end))
    for number, size in enumerate(sizes, 1):
        total += size
        if number > MAX_PAGES:
            raise UnclearFormat(
                f"has more than {MAX_PAGES:,} pages: write it with more rows in each"
            )
    return total


def _span(content: bytes, column: Fields) -> tuple[int, int]:
    """Where the pages of a column begin and end in its file.

    In a file without rows a column may have a dictionary alone. Its data then begin at 0, where no
    reader finds a page.
    """
    first, dictionary = required(column, FIRST), column.get(DICTIONARY)
    if isinstance(dictionary, int) and 0 < dictionary < (first or len(content)):
        first = dictionary
    return first, first + required(column, PACKED)


def _sizes(content: bytes, place: int, end: int) -> Iterator[int]:
    """The size of each page between two places, unpacked."""
    while place < end:
        cursor = Cursor(content[place : min(place + MAX_HEADER, end)])
        header = cursor.structure()
        place += cursor.place + required(header, PAGE_PACKED)
        if place > end:
            raise broken()
        yield required(header, PAGE_UNPACKED)
