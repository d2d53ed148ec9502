"""Reading a file with a table of prices: which column is which, and what its values mean.

A file may show how it is written: by a byte-order mark, by a delimiter that gives rows, by the
names of columns, by days and decimals that a whole column leaves no doubt about. What it leaves in
doubt is never guessed: the file is refused with the key of the configuration that settles it. Files
of the project's own form, ``date,close`` with ISO days and decimal points, are read as written.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import PurePosixPath

import pandas as pd
from pandas.api.types import is_string_dtype

from forecast_assets.configuration.file_format import PLAIN, FileFormat
from forecast_assets.configuration.file_limits import LIMITS, FileLimits
from forecast_assets.errors import UnclearFormat
from forecast_assets.market.files.content import (
    ONE_BYTE,
    PARQUET,
    PARQUET_SUFFIXES,
    is_workbook,
    require_table,
    text_of,
)
from forecast_assets.market.files.dialect import delimiter_of
from forecast_assets.market.files.grid import Grid, grid_of_text, grids_of_workbook
from forecast_assets.market.files.header import (
    Column,
    Header,
    clock_column,
    comparable,
    day_column,
    find_header,
    is_adjusted,
    is_day,
    is_number,
    of_commodity,
    only_number,
    place_of,
    recognised,
)
from forecast_assets.market.files.layout import Layout
from forecast_assets.market.files.parquet import ParquetTable
from forecast_assets.market.files.written_days import DaysInDoubt, by_formats, understood
from forecast_assets.market.files.written_numbers import (
    MISSING,
    Evidence,
    are_plain,
    currencies_of,
    evidence_of,
    plain_numbers,
)


@dataclass(frozen=True)
class TooLong:
    """A row with more fields than the header has columns."""

    line: int
    fields: tuple[str, ...]
    width: int


@dataclass(frozen=True, eq=False)
class Understood:
    """The columns of a layout as unambiguous text: ISO days and plain numbers.

    ``texts``: the columns that the file has, and the ``line`` of each row; cells that were not
    understood stay as they are written. ``places``: the position of each column. ``too_long``: rows
    that were left out. ``day_formats``, ``decimal``, ``thousands``: how values are written; "" if
    nothing shows it. ``named``: the commodity's name in the header of the close, or "".
    ``adjusted``: the name of the close if it is an adjusted one that the configuration does not
    ask for, or "".
    """

    texts: pd.DataFrame
    places: dict[str, int]
    too_long: list[TooLong] = field(default_factory=list)
    day_formats: tuple[str, ...] = ()
    decimal: str = ""
    thousands: str = ""
    named: str = ""
    adjusted: str = ""


@dataclass(frozen=True, eq=False)
class TableFile:
    """An open file: its rows, its header, and the configured form, ``form``.

    ``parquet``: a Parquet file, whose rows are read only when columns are chosen.
    """

    grid: Grid
    header: Header
    form: FileFormat
    parquet: ParquetTable | None = None

    @cached_property
    def rows(self) -> list[list[str]]:
        """The rows below the header, without the configured number of rows of a footer."""
        return self.grid.rows[self.header.first : self._end]

    @cached_property
    def _end(self) -> int:
        filled = [i for i, row in enumerate(self.grid.rows) if any(row)]
        footer = self.form.skip_footer
        return filled[-footer] if 0 < footer <= len(filled) else len(self.grid.rows)

    @cached_property
    def day(self) -> int | None:
        """The position of the column of days, or None."""
        if self.form.columns.date is not None:
            return place_of(self.header, "date", self.form.columns.date, needed=True)
        return day_column(self.header, self.rows)

    @property
    def names(self) -> list[str]:
        """The columns' names in lower case; ``date`` and ``close`` for recognised columns."""
        names = [column.name for column in self.header.columns]
        if self.day is not None:
            names[self.day] = "date"
        if "close" not in names and (close := self._roles(()).get("close")) is not None:
            names[close] = "close"
        return names

    @cached_property
    def only_price(self) -> int | None:
        """The position of the only column of numbers, in a file without bars; otherwise None."""
        known = self._roles(())
        if set(known) & {"open", "high", "low", "close"}:
            return None
        return only_number(self.header, self.rows, [*known.values(), self.day, self._clock()])

    @property
    def width(self) -> int:
        """The number of columns of the header, or of the rows if there is none."""
        return len(self.header.columns)

    def read(self, layout: Layout, called: Sequence[str] = ()) -> Understood:
        """Read the columns of a layout.

        ``called``: the names that the file may use for the commodity. Raises UnclearFormat, whose
        reason is a sentence that begins with the name of the file.
        """
        places = self._places(layout, called)
        named, adjusted = self._named(places, called), self._adjusted(places)
        if self.parquet is not None:
            read = self._canonical(self.parquet.columns(places), places, layout)
            return replace(read, named=named, adjusted=adjusted)
        too_long, kept = [], []
        width, lines = self.width, self.grid.lines[self.header.first : self._end]
        for line, row in zip(lines, self.rows, strict=True):
            if len(row) > width and any(row[width:]):
                too_long.append(TooLong(line, tuple(row), width))
            else:
                kept.append((row, line))
        if too_long and not any(any(row) for row, _ in kept) and len(too_long) > 1:
            longest = max(len(each.fields) for each in too_long)
            raise UnclearFormat(
                f"has rows of {longest} fields under a header of {width}", "delimiter"
            )
        texts = {
            column: [row[place].strip() if place < len(row) else "" for row, _ in kept]
            for column, place in places.items()
        }
        frame = pd.DataFrame(texts, columns=list(places), dtype="str")
        frame = frame.assign(line=[line for _, line in kept])
        read = self._canonical(frame, places, layout)
        return replace(read, too_long=too_long, named=named, adjusted=adjusted)

    def _places(self, layout: Layout, called: Sequence[str]) -> dict[str, int]:
        names = [column.name for column in self.header.columns]
        self._require_once(layout, names)
        first = {column: place for place, column in reversed([*enumerate(names)])}
        places = {column: first[column] for column in layout.columns if column in first}
        if layout.prices:
            places |= self._roles(called)
        if self.day is not None:
            places["date"] = self.day
        clock = self._clock()
        is_named = "close" in places or self.day is None
        if layout.prices and not is_named and self.only_price is not None:
            places["close"] = self.only_price
        self._require(layout, places)
        ordered = {column: places[column] for column in layout.columns if column in places}
        return ordered | ({} if clock is None else {CLOCK: clock})

    def _named(self, places: dict[str, int], called: Sequence[str]) -> str:
        """The name of the commodity in the header of the close, or ""."""
        if "close" not in places:
            return ""
        said = self.header.columns[places["close"]]
        return next((x for x in called if comparable(x) in (said.name, *said.said)), "")

    def _adjusted(self, places: dict[str, int]) -> str:
        """The name of the close if it is adjusted and the configuration does not name it, or ""."""
        if "close" not in places or self.form.columns.close is not None:
            return ""
        said = self.header.columns[places["close"]]
        return " ".join(filter(None, said.cells)) if is_adjusted(said) else ""

    def _roles(self, called: Sequence[str]) -> dict[str, int]:
        """The positions of price columns that are configured or recognised by name."""
        columns, header = self.form.columns, self.header
        places, mine = recognised(header, columns, called), of_commodity(header, called)
        for role in ("open", "high", "low", "close", "volume"):
            said = getattr(columns, role)
            if said is not None:
                place = place_of(header, role, said, needed=role == "close", mine=mine)
                places |= {} if place is None else {role: place}
        return {role: place for role, place in places.items() if place != self.day}

    def _clock(self) -> int | None:
        said = self.form.columns.time
        if said is not None:
            return place_of(self.header, "time", said, needed=False)
        return clock_column(self.header, self.day)

    def _require_once(self, layout: Layout, names: Sequence[str]) -> None:
        said, times = self.form.columns, Counter(names)
        twice = [
            column
            for column in layout.columns
            if times[column] > 1 and getattr(said, column, None) is None
        ]
        if twice and len(self.header.lines) < 2:
            raise UnclearFormat(f"names the column {twice[0]} twice")

    def _require(self, layout: Layout, places: dict[str, int]) -> None:
        missing = [column for column in layout.required if column not in places]
        if not missing:
            return
        keys = [f"columns.{x}" for x in missing if x in type(self.form.columns).model_fields]
        lacks = f"lacks the column {' and '.join(missing)}"
        if not self.header.columns:
            raise UnclearFormat(f"{lacks}: it is empty")
        reason = f"{lacks}; found: {self.header}"
        if not self.header.lines:
            reason = f"lacks a header to tell the column {' and '.join(missing)}"
        raise UnclearFormat(reason, " and ".join(keys))

    def _canonical(
        self,
        frame: pd.DataFrame,
        places: dict[str, int],
        layout: Layout,
    ) -> Understood:
        days, formats = self._days(frame)
        texts = dict(frame.drop(columns=[CLOCK], errors="ignore").items())
        plain_form = self._is_plain(formats)
        decimals, thousands, wanted = [], "", set(layout.columns) - {"date", *layout.labels}
        if len(days):
            texts["date"] = days
        written = [name for name in texts if name in wanted]
        for column in written:
            if not is_string_dtype(texts[column]):
                continue
            own = plain_form and self.header.columns[places[column]].name == column
            needed = column in layout.required
            numbers = Numbers(self, column, texts[column], texts["line"], own, needed)
            texts[column] = numbers.plain
            decimals.append((needed, numbers.decimal))
            thousands = thousands or numbers.thousands
        shown = [decimal for _, decimal in sorted(decimals, reverse=True) if decimal]
        decimal = shown[0] if shown else ""
        return Understood(pd.DataFrame(texts), places, [], formats, decimal, thousands)

    def _is_plain(self, formats: tuple[str, ...]) -> bool:
        """Whether points can only be decimal points.

        That is so with machine-readable days between commas, since programs write such files.
        """
        machine = set(formats) <= {"iso", "unix", "unix_ms"} and bool(formats)
        return machine and self.grid.delimiter == ","

    def _days(self, frame: pd.DataFrame) -> tuple[pd.Series, tuple[str, ...]]:
        if "date" not in frame or not is_string_dtype(frame["date"]):
            return pd.Series(dtype="str"), ()
        cells = frame["date"]
        if CLOCK in frame:
            cells = _with_clock(cells, frame[CLOCK])
        said = cells[~cells.str.lower().isin(MISSING)]
        formats = self.form.day_formats
        if not formats and self.grid.typed and said.str.fullmatch(r"[2-6]\d{4}(\.\d+)?").any():
            formats = ("excel", "iso")
        if formats:
            iso = by_formats(said.unique(), formats, self.grid.start)
            other = [cell for cell in said.unique() if cell not in iso and is_day(cell)]
            if other and self.form.day_formats:
                line = int(frame["line"][cells == other[0]].iloc[0])
                written = " or ".join(formats)
                raise UnclearFormat(
                    f"has {other[0]!r} on line {line}, which is no day by {written}", "date_format"
                )
            return cells.map(lambda cell: iso.get(cell, cell)), formats
        try:
            days = understood(said)
        except DaysInDoubt as error:
            raise UnclearFormat(f"holds days in doubt: {error}", "date_format") from error
        return cells.map(lambda cell: days.iso.get(cell, cell)) if days.iso else cells, days.formats

    @cached_property
    def has_thousands(self) -> bool:
        """Whether a number of the file clearly has separators of thousands."""
        cells = (cell for row in self.rows for cell in row)
        return any(THOUSANDS.fullmatch(cell.strip()) for cell in cells)

    @cached_property
    def evidence(self) -> Evidence:
        """The evidence for the decimal separator in all columns of numbers."""
        total = Evidence()
        for place in range(self.width):
            cells = [row[place].strip() for row in self.rows if place < len(row)]
            said = [cell for cell in cells if cell.lower() not in MISSING]
            if said and all(map(is_number, said)):
                total += evidence_of(said)
        return total


THOUSANDS = re.compile(r"[-+]?\d{1,3}(,\d{3})+\.\d+")
"""A number with separators of thousands and with decimals."""

CLOCK = "\x00time"
"""The key of the column of times of day; no file has a column of this name."""


def _with_clock(days: pd.Series, clocks: pd.Series) -> pd.Series:
    """Days with their times appended, unless the time is midnight or missing."""
    digits = clocks.str.fullmatch(r"\d{1,6}")
    padded = clocks.str.zfill(6)
    colons = padded.str.slice(0, 2) + ":" + padded.str.slice(2, 4) + ":" + padded.str.slice(4, 6)
    written = clocks.where(~digits, colons)
    empty = written.str.fullmatch(r"[0:.]*") | written.str.lower().isin(MISSING)
    return days.where(empty, days + " " + written)


@dataclass(frozen=True, eq=False)
class Numbers:
    """A column of numbers, and the separators by which they are read.

    ``own``: whether the column has the project's own form, in which a point is a decimal point.
    ``needed``: whether the file is refused if values contradict the configuration.
    """

    file: TableFile
    column: str
    cells: pd.Series
    lines: pd.Series
    own: bool
    needed: bool

    @cached_property
    def said(self) -> pd.Series:
        """The cells without missing values."""
        return self.cells[~self.cells.str.lower().isin(MISSING)]

    @cached_property
    def are_plain(self) -> bool:
        """Whether all cells are clearly plain numbers already."""
        return are_plain(self.said)

    @cached_property
    def decimal(self) -> str:
        """The decimal separator; "" if no value has decimals. Raises UnclearFormat if in doubt."""
        form = self.file.form
        if form.decimal or form.thousands in (".", ","):
            return self._held_to(form.decimal or {".": ",", ",": "."}[form.thousands or ""])
        if self.are_plain:
            return "."
        mine = evidence_of(self.said)
        if mine.decimal:
            return mine.decimal
        if mine.point and mine.comma:
            return self._of_contradictory(mine)
        if not mine.either:
            return ""
        elsewhere = self.file.evidence.decimal
        pointed = not self.said.str.contains(",", regex=False).any()
        if self.own and pointed and elsewhere != ",":
            return "."
        if elsewhere and not (self.own and pointed):
            return elsewhere
        raise self._doubt(mine.examples[2], "may be a whole number or have decimals", "decimal")

    def _held_to(self, decimal: str) -> str:
        if self.needed:
            mine = evidence_of(self.said)
            strange = mine.examples[1] if decimal == "." else mine.examples[0]
            if mine.point and mine.comma:
                raise self._changing(mine)
            if strange:
                raise self._doubt(strange, f"is no number with the decimal {decimal!r}", "decimal")
        return decimal

    def _of_contradictory(self, mine: Evidence) -> str:
        if self.own:
            return "."
        if not mine.either and min(mine.point, mine.comma) * 10 <= max(mine.point, mine.comma):
            return "." if mine.point > mine.comma else ","
        raise self._changing(mine)

    def _changing(self, mine: Evidence) -> UnclearFormat:
        """An error: the column has two decimal separators, and the second begins on this line."""
        lines = {cell: self._line(cell) for cell in mine.examples[:2]}
        first, second = sorted(lines, key=lambda cell: lines[cell])
        return UnclearFormat(
            f"changes how it writes numbers on line {lines[second]}: {self.column} is {second!r}"
            f" there and {first!r} on line {lines[first]}, and no key reads both: mend the file, or"
            " split it into two"
        )

    def _doubt(self, cell: str, why: str, key: str) -> UnclearFormat:
        where = f"has {cell!r} as {self.column} on line {self._line(cell)}"
        return UnclearFormat(f"{where}: it {why}", key)

    def _line(self, cell: str) -> int:
        """The first line that has this cell."""
        return int(self.lines[self.cells == cell].iloc[0])

    @cached_property
    def plain(self) -> pd.Series:
        """The cells as plain numbers; cells that are not numbers stay as they are written."""
        form = self.file.form
        if self.decimal in ("", ".") and self.are_plain:
            return self.cells
        signs = currencies_of(self.said)
        if len(signs) > 1:
            raise UnclearFormat(
                f"has the column {self.column} in {' and '.join(sorted(signs))}: keep one currency"
            )
        read = plain_numbers(
            self.said,
            self.decimal or ".",
            form.thousands,
            slips=self.own and not self.file.has_thousands,
        )
        return read.reindex(self.cells.index).fillna(self.cells)

    @cached_property
    def thousands(self) -> str:
        """The separator of thousands; "" if there is none."""
        if self.are_plain:
            return ""
        decimal = self.decimal or "."
        pattern = r"\d([,.' \u00a0\u202f\u2019])\d{3}(?!\d)"
        by = self.said.str.replace(re.escape(decimal) + r"\d*$", "", regex=True).str.extract(
            pattern
        )
        found = [each for each in by[0].dropna().unique() if each != decimal]
        if not found:
            return ""
        return {"\u2019": "'", "\u00a0": " ", "\u202f": " "}.get(found[0], str(found[0]))


def open_tables(
    name: str, content: bytes, form: FileFormat = PLAIN, limits: FileLimits = LIMITS
) -> list[TableFile]:
    """The tables of a file: one, or one for each sheet of a workbook.

    ``name``: the file's name, whose suffix tells a Parquet file. Raises UnclearFormat.
    """
    settled, suffix = form.settled, PurePosixPath(name).suffix.lower()
    if suffix in PARQUET_SUFFIXES:
        return [_of_parquet(ParquetTable.open(content, limits), settled)]
    require_table(content)
    if content.startswith(PARQUET):
        raise UnclearFormat("is a Parquet file: give it the suffix .parquet")
    if is_workbook(content, limits):
        grids = grids_of_workbook(content, settled.sheet, limits) or [Grid([], [])]
        return [TableFile(grid, find_header(grid, settled), settled) for grid in grids]
    if suffix in (".xlsx", ".xlsm") and content:
        raise UnclearFormat("is no workbook of Excel, whatever its name says")
    text = text_of(content, settled.encoding)
    grid = grid_of_text(text, settled.delimiter or delimiter_of(text.text), limits)
    table = TableFile(grid, find_header(grid, settled), settled)
    if text.encoding == ONE_BYTE and settled.encoding is None and table.day is None:
        raise UnclearFormat("cannot be read: it is not UTF-8, and names no day", "encoding")
    return [table]


def open_table(
    name: str, content: bytes, form: FileFormat = PLAIN, limits: FileLimits = LIMITS
) -> TableFile:
    """The table of a file. Raises UnclearFormat if several sheets hold a table."""
    tables = open_tables(name, content, form, limits)
    if len(tables) == 1:
        return tables[0]
    usable = [table for table in tables if table.day is not None and table.rows]
    if len(usable) == 1:
        return usable[0]
    names = ", ".join(table.grid.sheet for table in usable or tables)
    raise UnclearFormat(f"has several sheets with rows: {names}", "sheet")


def _of_parquet(table: ParquetTable, form: FileFormat) -> TableFile:
    columns = [Column((name.strip(),)) for name in table.schema.names]
    return TableFile(Grid([], []), Header(columns, 0, [1]), form, table)
