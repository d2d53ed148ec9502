"""Parquet files: their sizes are checked before a column is unpacked.

What the footer says is checked first, then what the pages say of themselves.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pandas.api.types import is_string_dtype

from forecast_assets.configuration.file_limits import FileLimits
from forecast_assets.errors import UnclearFormat
from forecast_assets.market.files.grid import (
    LONGEST_CELL,
    require_cells,
    require_columns,
    require_rows,
)
from forecast_assets.market.files.parquet_pages import RowGroup, row_groups, unpacked_size

MAX_GROUPS = 10_000
"""A file with more row groups is refused; writers put a hundred thousand rows into each."""

PLAIN = (
    pa.types.is_null, pa.types.is_boolean, pa.types.is_integer, pa.types.is_floating,
    pa.types.is_decimal, pa.types.is_date, pa.types.is_time, pa.types.is_timestamp,
)  # fmt: skip
"""Types of columns with one value in a row, besides texts."""


@dataclass(frozen=True, eq=False)
class ParquetTable:
    """A Parquet file that is small enough to be unpacked; ``schema``: its columns."""

    content: bytes
    schema: pa.Schema
    limits: FileLimits

    @classmethod
    def open(cls, content: bytes, limits: FileLimits) -> "ParquetTable":
        """Read the footer. Raises UnclearFormat for a broken or too large file."""
        groups = row_groups(content)
        with _readable(), pq.ParquetFile(pa.BufferReader(content)) as file:
            _require_small(groups, file.metadata.num_columns, limits)
            _require_size(unpacked_size(content, groups), limits)
            return cls(content, file.schema_arrow, limits)

    def columns(self, places: Mapping[str, int]) -> pd.DataFrame:
        """Columns by position, renamed to the keys of ``places``, with surrounding spaces cut.

        Raises UnclearFormat for columns of nested values, and for texts that unpack to too much.
        """
        fields = [self.schema.field(place) for place in places.values()]
        for field in fields:
            _require_plain(field)
        names = [field.name for field in fields]
        texts = [field.name for field in fields if _is_text(field.type)]
        # A text that stands in many rows is kept once, since its copies may not fit into memory.
        # Without pandas' metadata, an index of the file is read as a column like any other.
        with (
            _readable(),
            pq.ParquetFile(pa.BufferReader(self.content), read_dictionary=texts) as file,
        ):
            table = file.read(columns=names)
            if table.num_columns != len(names):
                twice = next(name for name in names if self.schema.names.count(name) > 1)
                raise UnclearFormat(f"names the column {twice} twice")
            table = table.select(names).rename_columns(list(places))
            require_rows(table.num_rows, self.limits)
            self._require_short_texts(table)
            table.validate(full=True)
            frame = _with_plain_texts(table).to_pandas(ignore_metadata=True)
        for column in frame:
            if is_string_dtype(frame[column]):
                frame[column] = frame[column].fillna("").astype("str").str.strip()
        return frame.assign(line=range(1, len(frame) + 1))

    def _require_short_texts(self, table: pa.Table) -> None:
        total = 0
        for column in table.columns:
            for chunk in column.chunks if _is_text(column.type) else ():
                lengths = pc.binary_length(chunk.dictionary)
                if (pc.max(lengths).as_py() or 0) > LONGEST_CELL:
                    raise UnclearFormat(f"has a text of more than {LONGEST_CELL:,} characters")
                total += pc.sum(lengths.take(chunk.indices)).as_py() or 0
        _require_size(total, self.limits)


def _require_small(groups: Sequence[RowGroup], columns: int, limits: FileLimits) -> None:
    """Raise UnclearFormat for row groups that say that they are too many or too large."""
    require_columns(columns, limits)
    if len(groups) > MAX_GROUPS:
        raise UnclearFormat(
            f"has {len(groups):,} row groups, allowed: {MAX_GROUPS:,}: write it with more rows in"
            " each"
        )
    rows = sum(group.rows for group in groups)
    require_rows(rows, limits)
    require_cells(rows * columns)
    _require_size(sum(group.size for group in groups), limits)


def _require_size(size: int, limits: FileLimits) -> None:
    if size > limits.max_bytes:
        raise UnclearFormat(
            f"unpacks to {size:,} bytes, allowed: {limits.max_bytes:,}: cut it by years, or set"
            " landing.max_bytes to more"
        )


def _require_plain(field: pa.Field) -> None:
    if not _is_text(field.type) and not any(is_kind(field.type) for is_kind in PLAIN):
        raise UnclearFormat(
            f"holds {field.type} in the column {field.name}: write one plain value in a row"
        )


def _is_text(kind: pa.DataType) -> bool:
    of = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(
        pa.types.is_string(of)
        or pa.types.is_large_string(of)
        or pa.types.is_binary(of)
        or pa.types.is_large_binary(of)
    )


def _with_plain_texts(table: pa.Table) -> pa.Table:
    """The table with its dictionaries of texts written out."""
    for place, field in enumerate(table.schema):
        if _is_text(field.type):
            texts = table.column(place).cast(pa.string())
            table = table.set_column(place, field.name, texts)
    return table


@contextmanager
def _readable() -> Iterator[None]:
    """Turn errors of the library into an UnclearFormat."""
    try:
        yield
    except (pa.ArrowException, OSError, ValueError, ArithmeticError, MemoryError) as error:
        raise UnclearFormat(f"cannot be read as Parquet: {error}") from error
