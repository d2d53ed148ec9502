"""Grids: the rows of a file as fields of text, each with its line, before they are interpreted."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from forecast_assets.configuration.file_limits import FileLimits
from forecast_assets.errors import UnclearFormat
from forecast_assets.market.files.content import Text
from forecast_assets.market.files.written_days import SERIAL_START, with_time, written_day

OF_THOUSANDS = 3
"""So many digits may follow a point that stands after thousands."""

MAX_CELLS = 5_000_000
"""A file with more cells, also empty ones, is refused: it would take minutes and gigabytes."""

LONGEST_CELL = 32_767
"""A longer cell in characters is refused; it is the longest that Excel allows."""


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


def grid_of_text(text: Text, delimiter: str, limits: FileLimits) -> Grid:
    """The rows of a text.

    Raises UnclearFormat if it is larger than ``limits``, or if a quote encloses several rows.
    """
    _require_few(text.text, delimiter, limits)
    rows, lines, last = [], [], 0
    source = io.StringIO(text.text, newline="")
    reader = csv.reader(_ended(source), delimiter=delimiter, skipinitialspace=delimiter != " ")
    try:
        for fields in reader:
            line = reader.line_num
            if line > last + 1:
                _require_ends(fields, last, text.text, delimiter)
            _require_narrow(fields, line, limits)
            rows.append(fields)
            lines.append(line)
            last = line
    except csv.Error as error:
        raise UnclearFormat(f"line {last + 1}: cannot be read: {error}") from error
    rows.pop()
    lines.pop()
    return Grid(rows, lines, delimiter, text.encoding)


def _require_few(text: str, delimiter: str, limits: FileLimits) -> None:
    """Raise UnclearFormat if a text has too many lines or fields, before it is divided."""
    lines = text.count("\n") + text.count("\r") - text.count("\r\n")
    require_rows(lines, limits)
    require_cells(lines + text.count(delimiter))


def require_rows(rows: int, limits: FileLimits) -> None:
    """Raise UnclearFormat if a file has more rows than ``limits`` allow."""
    if rows > limits.max_rows:
        raise UnclearFormat(
            f"has {rows:,} rows, allowed: {limits.max_rows:,}: cut it by years, or set"
            " landing.max_rows to more"
        )


def require_cells(cells: int) -> None:
    """Raise UnclearFormat if a file has more cells than are read."""
    if cells > MAX_CELLS:
        raise UnclearFormat(f"has {cells:,} cells, allowed: {MAX_CELLS:,}: cut it by years")


def require_columns(columns: int, limits: FileLimits, where: str = "") -> None:
    """Raise UnclearFormat if a file, or the row that ``where`` names, has too many columns."""
    if columns > limits.max_columns:
        raise UnclearFormat(
            f"{where}has {columns:,} columns, allowed: {limits.max_columns:,}: leave out those of"
            " no commodity, or set landing.max_columns to more"
        )


def _require_narrow(fields: Sequence[str], line: int, limits: FileLimits) -> None:
    """Raise UnclearFormat if a row has too many fields, or a field that is too long."""
    require_columns(len(fields), limits, f"line {line}: ")
    if fields and max(map(len, fields)) > LONGEST_CELL:
        raise UnclearFormat(
            f"line {line}: has a field of more than {LONGEST_CELL:,} characters: is a delimiter or"
            " a line's end missing?"
        )


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


def grids_of_workbook(content: bytes, sheet: str | int | None, limits: FileLimits) -> list[Grid]:
    """The sheets of a workbook that hold cells, or only the one that is named.

    Raises UnclearFormat if the package openpyxl is not installed, if there is no such sheet, or if
    a sheet is larger than ``limits``.
    """
    try:
        import openpyxl
    except ImportError as error:
        raise UnclearFormat(
            "is a workbook of Excel: pip install 'forecast_assets[excel]' to read it, or save it"
            " as CSV"
        ) from error
    try:
        book = openpyxl.load_workbook(
            io.BytesIO(content), read_only=True, data_only=True, keep_links=False
        )
        return _grids(book, sheet, limits)
    except UnclearFormat:
        raise
    except Exception as error:  # a library's boundary: it raises anything for a damaged workbook
        why = f"{type(error).__name__}: {error}"
        raise UnclearFormat(f"is a broken workbook: {why}: save it again, or as CSV") from error


def _grids(book: Any, sheet: str | int | None, limits: FileLimits) -> list[Grid]:
    start = book.epoch.replace(tzinfo=None)
    names = [each.title for each in book.worksheets]
    if isinstance(sheet, int) and sheet > len(names):
        raise UnclearFormat(f"has {len(names)} sheets, no sheet {sheet}", "sheet")
    if isinstance(sheet, str) and sheet not in names:
        raise UnclearFormat(f"has no sheet {sheet!r}; found: {', '.join(names)}", "sheet")
    wanted = names if sheet is None else [names[sheet - 1] if isinstance(sheet, int) else sheet]
    grids, cells = [], 0
    for name in wanted:
        rows, lines = [], []
        for line, row in enumerate(_rows(book[name], limits), 1):
            cells += max(1, len(row))
            require_cells(cells)
            texts = [_text(cell) for cell in row]
            _require_narrow(texts, line, limits)
            if any(texts):
                rows.append(texts)
                lines.append(line)
        if rows:
            grids.append(Grid(rows, lines, sheet=name, typed=True, start=start))
    book.close()
    return grids


def _rows(sheet: Any, limits: FileLimits) -> Iterator[Sequence[Any]]:
    sheet.reset_dimensions()  # what a sheet says of its size need not be true
    for number, row in enumerate(sheet.iter_rows(values_only=True), 1):
        require_rows(number, limits)
        require_columns(len(row), limits, f"the sheet {sheet.title!r} ")
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
            said = repr(cell)
            return f"{said}0" if len(said.partition(".")[2]) == OF_THOUSANDS else said
        case _:
            return str(cell).strip()
