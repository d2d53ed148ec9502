"""Tables as files: Parquet, or CSV whose texts read back as the same numbers."""

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import pyarrow as pa
import pyarrow.csv
import pyarrow.dataset as ds
import pyarrow.parquet

PARQUET, CSV = "parquet", "csv"

FILES = (PARQUET, CSV)
"""The forms of tables as files."""


class TableWriter(Protocol):
    """What writes a table, some rows after the others, until it is left."""

    def write_table(self, rows: pa.Table) -> None:
        """Write rows, whose columns are those of the table."""

    def __enter__(self) -> Self:
        """Begin the table."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the table."""


def file_of(folder: Path, name: str, form: str) -> Path:
    """The file of a table such as ``forecast.scores``."""
    return folder / f"{name.replace('.', '/')}.{form}"


def file_writer(folder: Path, name: str, schema: pa.Schema, form: str) -> TableWriter:
    """What writes a table into its file below a folder. Raises OSError."""
    file = file_of(folder, name, form)
    file.parent.mkdir(parents=True, exist_ok=True)
    writer: TableWriter = (
        pyarrow.csv.CSVWriter(file, schema)
        if form == CSV
        else pyarrow.parquet.ParquetWriter(file, schema, compression="zstd")
    )
    return writer


def rows_in(file: Path, schema: pa.Schema, form: str) -> ds.Dataset:
    """The rows of a file, read when they are asked for. Raises OSError or pa.ArrowInvalid.

    In CSV, a text without quotes that is empty is NULL, and one with quotes is an empty text.
    """
    if form == PARQUET:
        return ds.dataset(file, format="parquet")
    return ds.dataset(file, format=csv_format(schema), schema=_header(file, schema))


def csv_format(schema: pa.Schema) -> ds.CsvFileFormat:
    """How files of CSV are read."""
    return ds.CsvFileFormat(
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types=schema,
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )


def _header(file: Path, schema: pa.Schema) -> pa.Schema:
    """The columns that a file of CSV has, with the types that are declared of them."""
    found: Sequence[pa.Field] = ds.dataset(file, format=csv_format(schema)).schema
    return pa.schema(
        [schema.field(each.name) if each.name in schema.names else each for each in found]
    )
