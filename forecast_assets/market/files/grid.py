"""Grids: the rows of a file as fields of text, each with its line, before they are interpreted."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from forecast_assets.errors import UnclearFormat
from forecast_assets.market.files.content import Text
from forecast_assets.market.files.written_days import SERIAL_START, with_time, written_day

MAX_COLUMNS = 5000
"""A row with more fields is not a row of prices."""

MAX_ROWS_OF_SHEET = 1_048_576
"""Excel allows this many rows; a damaged file may claim to have more."""


@dataclass(frozen=True, eq=False)
class Grid:
    """Rows of fields without surrounding spaces, and the line of each row.

    ``typed``: True for a workbook, whose cells hold numbers and days and not texts of them.
    ``start``: the day from which that workbook counts days. ``delimiter``, ``encoding``,
    ``sheet``: how the file was read; empty if they do not apply.
    """

    rows: list[list[str]]
    lines: list[int]
    delimiter: str = ""
    encoding: str = ""
    sheet: str = ""
    typed: bool = False
    start: datetime = SERIAL_START


def grid_of_text(text: Text, delimiter: str) -> Grid:
    """The rows of a text. Raises csv.Error, and UnclearFormat if a quote encloses several rows."""
    rows, lines, last = [], [], 0
    source = io.StringIO(text.text, newline="")
    reader = csv.reader(_ended(source), delimiter=delimiter, skipinitialspace=delimiter != " ")
    for fields in reader:
        line = reader.line_num
        if line > last + 1:
            _require_ends(fields, last, text.text, delimiter)
        rows.append(fields)
        lines.append(line)
        last = line
    rows.pop()
    lines.pop()
    return Grid(rows, lines, delimiter, text.encoding)


END = "\x1e"
"""A line that is added after the last one: a quote that is never closed contains it."""


def _ended(source: io.StringIO) -> Iterator[str]:
    yield from source
    yield END


def _require_ends(fields: Sequence[str], before: int, text: str, delimiter: str) -> None:
    """Raise UnclearFormat if a quoted field contains other rows, or the rest of the file.

    ``before``: the number of the line above the row.
    """
    open_ended = any(field.endswith(END) for field in fields)
    swallowed = any(
        written_day(inner.split(delimiter)[0].strip(' "'))
        for field in fields
        for inner in field.replace("\r", "\n").split("\n")[1:]
    )
    if open_ended or swallowed:
        line = _opened(text, before)
        ends = "the file ends inside it" if open_ended else "it holds whole rows"
        raise UnclearFormat(f"line {line}: a quote begins here and {ends}: close or delete it")


def _opened(text: str, before: int) -> int:
    """The first line below ``before`` on which a quote begins that does not end on that line."""
    inside = False
    for number, line in enumerate(io.StringIO(text, newline=""), 1):
        if number > before:
            inside ^= line.count('"') % 2 == 1
            if inside:
                return number
    return before + 1


def grids_of_workbook(content: bytes, sheet: str | int | None) -> list[Grid]:
    """The sheets of a workbook that hold cells, or only the one that is named.

    Raises UnclearFormat if the package openpyxl is not installed, or if there is no such sheet.
    """
    try:
        import openpyxl
    except ImportError as error:
        raise UnclearFormat(
            "is a workbook of Excel: pip install 'forecast_assets[excel]' to read it, or save it"
            " as CSV"
        ) from error
    try:
        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
    except Exception as error:
        raise UnclearFormat(f"is a broken workbook: {error}") from error
    start = book.epoch.replace(tzinfo=None)
    names = [each.title for each in book.worksheets]
    if isinstance(sheet, int) and sheet > len(names):
        raise UnclearFormat(f"has {len(names)} sheets, no sheet {sheet}", "sheet")
    if isinstance(sheet, str) and sheet not in names:
        raise UnclearFormat(f"has no sheet {sheet!r}; found: {', '.join(names)}", "sheet")
    wanted = names if sheet is None else [names[sheet - 1] if isinstance(sheet, int) else sheet]
    grids = []
    for name in wanted:
        rows = [[_text(cell) for cell in row] for row in _cells(book[name])]
        kept = [(line, row) for line, row in enumerate(rows, 1) if any(row)]
        if kept:
            lines = [line for line, _ in kept]
            found = [row for _, row in kept]
            grids.append(Grid(found, lines, sheet=name, typed=True, start=start))
    book.close()
    return grids


def _cells(sheet: Any) -> Iterator[Sequence[Any]]:
    for number, row in enumerate(sheet.iter_rows(values_only=True)):
        if number >= MAX_ROWS_OF_SHEET or len(row) > MAX_COLUMNS:
            raise UnclearFormat(f"has a sheet {sheet.title!r} that is larger than any of prices")
        yield row


def _text(cell: Any) -> str:
    """A cell as unambiguous text: an ISO day, or a number whose point cannot be of thousands."""
    match cell:
        case None:
            return ""
        case datetime():
            return with_time(cell.date(), f"{cell:%H:%M:%S}", None)
        case date() | time():
            return cell.isoformat()
        case bool():
            return str(cell)
        case float():
            return f"{cell!r}0" if "." in repr(cell) and "e" not in repr(cell) else repr(cell)
        case _:
            return str(cell).strip()
