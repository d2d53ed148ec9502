"""The header of a table: finding it, and finding out which column is which.

The configuration says what a column is, or else its name does if it has only one meaning. A file in
which two columns could be the close is refused.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from forecast_assets.configuration.file_format import Columns, FileFormat, Places
from forecast_assets.errors import UnclearFormat
from forecast_assets.market.files.grid import Grid
from forecast_assets.market.files.written_days import written_day
from forecast_assets.market.files.written_numbers import MISSING, number_of
from forecast_assets.outside import shortened

MAX_PREAMBLE = 100
"""The header is looked for among this many rows."""

MAX_EXTRA = 3
"""How many rows a header may have in addition to the one that names the date."""

SHOWN = 12
"""How many columns an error lists."""

LONGEST_SHOWN = 100
"""How many characters of a column's name an error has."""

DAY_NAMES = (
    ("date", "datum", "dates", "day", "fecha", "data", "tag"),
    (
        "observation date",
        "trade date",
        "trading day",
        "trading date",
        "exchange date",
        "price date",
    ),
    ("timestamp", "datetime", "date time", "date/time", "gmt time", "local time", "time period"),
    ("time",),
)
"""Names of the column of days; those of a group count only if none of the groups before occurs."""

CLOCK_NAMES = ("time",)
"""Names of the column of times of day, in a file that also has a column of days."""

NAMES = {
    "open": ("open", "open price", "opening price", "px open", "eröffn", "eröffnung"),
    "high": ("high", "high price", "px high", "hoch", "tageshoch"),
    "low": ("low", "low price", "px low", "tief", "tagestief"),
    "close": (
        "price", "last", "last price", "latest", "close/last", "close price", "closing price",
        "settle", "settlement", "settlement price", "settle price", "px last", "px settle",
        "value", "obs value", "schluss", "schluß", "schlusskurs", "schlußkurs", "zuletzt", "kurs",
        "preis", "wert", "dernier", "cierre",
    ),
    "volume": ("volume", "vol", "px volume", "volumen", "tickvol"),
}  # fmt: skip
"""The names that vendors give to the columns."""

CURRENCY = (
    r"us\$|[$€£¥¢]|cents?|(?:usd|eur|gbp|gbx|jpy|cny|inr|chf|cad|aud|zar|brl|sgd|hkd|sek|nok|dkk)"
)
UNIT = rf"(?:{CURRENCY})(?:\s?(?:/|per)\s?[a-z. ]{{1,12}})?"
IN_UNIT = re.compile(rf"\s*(?:[(\[]\s*(?:in )?{UNIT}\s*[)\]]|,? in {UNIT}| {UNIT})")
"""A unit that may follow a column's name: (USD), [$/bbl], in EUR."""

ADJUSTED = re.compile(r"(?<!not )(?<!non[ -])\badj")
"""A name of an adjusted close, which vendors recompute at each dividend, split or roll."""

CLOSING = re.compile(r"\b(?:clos|settle|last|price|schlu(?:ss|ß)|kurs|preis|cierre|dernier)")
OTHER_PRICE = re.compile(
    r"\bopen|\bhigh|\blow|\bbid\b|\bask\b|\bprev|\bchang|\bchg|%|average|eröffn|hoch|tief|date|time"
)
"""Words in the name of a column that may be the close, and words by which it is something else."""

VALUE = re.compile(r"\b(?:value|wert)\b")
"""A column with such a name may be the turnover if the file has a price as well."""

NO_PRICE = re.compile(
    r"open ?int|\boi\b|chang|chg|change|%|volum|\bvol|turnover|count|spread|average|\bbid\b|\bask\b"
    r"|unnamed|index|year|month|week|return|adj|divid|split|\bno\b|\bid\b|#|row",
)
"""Names by which a file's only column of numbers is not its price."""


@dataclass(frozen=True)
class Column:
    """The header's cells above a column, from the top row to the bottom row."""

    cells: tuple[str, ...]

    @cached_property
    def name(self) -> str:
        """The cells joined, in lower case; with one header row that is the column's name."""
        return " ".join(cell for cell in self.cells if cell).lower()

    @cached_property
    def said(self) -> tuple[str, ...]:
        """The cells in comparable form, the bottom row first."""
        return tuple(comparable(cell) for cell in reversed(self.cells) if cell)


def comparable(name: str) -> str:
    """The name of a column in lower case, without the signs that vendors put around it."""
    bare = re.sub(r"[\s_]+", " ", name.strip().strip("<>*:\"' ").casefold())
    return bare.rstrip(".* ")


@dataclass(frozen=True, eq=False)
class Header:
    """The header of a grid: its columns, the first row of data, and the lines of the header."""

    columns: list[Column]
    first: int
    lines: list[int]

    def __str__(self) -> str:
        """The names of the columns, as a list for error texts."""
        names = [shortened(column.name, LONGEST_SHOWN) for column in self.columns[:SHOWN]]
        left = len(self.columns) - SHOWN
        more = [f"and {left} more"] if left > 0 else []
        return ", ".join([*names, *more])


_ISO_ALONE = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ][^,;|\t]*)?")
"""A cell that holds an ISO day, with or without a time, and no delimiter."""


def is_day(cell: str) -> bool:
    """Whether a cell may be a day, in any notation."""
    return _ISO_ALONE.fullmatch(cell) is not None or written_day(cell) is not None


def is_number(cell: str) -> bool:
    """Whether a cell is a number, in any notation."""
    number = number_of(cell.rstrip("%"))
    return number is not None and any(number.plain(each, None) for each in (".", ","))


def is_row(fields: Sequence[str]) -> bool:
    """Whether fields may be a row of data, which has a day and a number."""
    days = [place for place, cell in enumerate(fields) if cell and is_day(cell)]
    others = [cell for place, cell in enumerate(fields) if cell and [place] != days]
    return bool(days) and any(map(is_number, others))


def find_header(grid: Grid, form: FileFormat) -> Header:
    """Find the header: at the line that is set, or else at the first row that names a day.

    Without such a row, it is the row above the first row of data, or the first row if there are no
    data.
    """
    start = next((i for i, line in enumerate(grid.lines) if line > form.skip_rows), len(grid.rows))
    filled = [i for i in range(start, len(grid.rows)) if any(grid.rows[i])][:MAX_PREAMBLE]
    if form.header_rows is not None:
        return _header(grid, filled[: form.header_rows], filled, form.header_rows)
    wanted = {comparable(x) for x in (*_names(form.columns.date), "date") if isinstance(x, str)}
    for tier in (wanted, {name for names in DAY_NAMES for name in names}):
        for place, i in enumerate(filled):
            if _names_a_day(grid.rows[i], tier):
                return _header(grid, _block(grid, filled, place), filled, 1)
    data = next((place for place, i in enumerate(filled) if is_row(grid.rows[i])), None)
    if data is None:
        return _header(grid, filled[:1], filled, 1)
    above = filled[data - 1 : data] if data else []
    is_above = bool(above) and _may_be_above(grid.rows[above[0]], grid.rows[filled[data]])
    return _header(grid, above if is_above else [], filled[data - is_above :], int(is_above))


def _names_a_day(fields: Sequence[str], names: set[str]) -> bool:
    return any(cell and comparable(cell) in names for cell in fields) and not any(
        cell and is_day(cell) for cell in fields
    )


def _may_be_above(fields: Sequence[str], row: Sequence[str]) -> bool:
    """Whether a row may name the columns of a row of data below it."""
    said = [cell for cell in fields if cell]
    return len(fields) == len(row) and len(said) > 1 and not any(map(is_day, said))


def _block(grid: Grid, filled: list[int], place: int) -> list[int]:
    """The rows of a header: the one at ``place`` and its neighbours that belong to it.

    The rows above belong to it if it holds only the name of the date, as pandas writes the name of
    an index. A row below belongs to it if it holds neither a day nor a number.
    """
    fields = grid.rows[filled[place]]
    if sum(map(bool, fields)) == 1 and len(fields) > 1:
        above = filled[max(0, place - MAX_EXTRA) : place]
        kept = [i for i in above if len(grid.rows[i]) == len(fields) and all(grid.rows[i][:2])]
        return [*kept, filled[place]]
    block, day = [filled[place]], next(i for i, cell in enumerate(fields) if cell)
    named = [i for i, c in enumerate(fields) if any(comparable(c) in tier for tier in DAY_NAMES)]
    day = named[0] if named else day
    for i in filled[place + 1 : place + 1 + MAX_EXTRA]:
        below = grid.rows[i]
        if day < len(below) and below[day] == "" and not any(map(is_number, filter(None, below))):
            block.append(i)
        else:
            break
    return block if filled[place + len(block) : place + len(block) + 1] else [filled[place]]


def _header(grid: Grid, block: list[int], filled: list[int], rows: int) -> Header:
    after = [i for i in filled if i not in block] if block else filled
    after = [i for i in after if not block or i > block[-1]]
    first = after[0] if after else len(grid.rows)
    width = max((len(grid.rows[i]) for i in block or after[:1]), default=0)
    cells = [[*grid.rows[i], *[""] * (width - len(grid.rows[i]))] for i in block]
    columns = [Column(tuple(row[place].strip() for row in cells)) for place in range(width)]
    return Header(columns, first, [grid.lines[i] for i in block])


def _names(places: Places) -> list[str | int]:
    if places is None:
        return []
    return [*places] if isinstance(places, list) else [places]


def place_of(
    header: Header, key: str, places: Places, *, needed: bool, mine: Sequence[int] = ()
) -> int | None:
    """The position of a column that the configuration names.

    ``places``: names or numbers; the first that the file has counts, and numbers are for files
    without a header. ``needed``: whether the column must exist; otherwise the result is None
    without it. ``mine``: the positions of the commodity's columns; they decide if several columns
    have the name. Raises UnclearFormat if a needed column does not exist, or exists twice.
    """
    wanted, several = _names(places), isinstance(places, list)
    for name in wanted:
        if isinstance(name, int):
            if (not several or not header.lines) and name <= len(header.columns):
                return name - 1
            continue
        exact = [i for i, x in enumerate(header.columns) if name.strip().lower() == x.name]
        found = exact or [i for i, x in enumerate(header.columns) if comparable(name) in x.said]
        found = [i for i in found if i in mine] or found
        if len(found) > 1:
            if key in NAMES and len(header.lines) > 1:
                _refuse_closes(header, found)
            raise UnclearFormat(f"has {len(found)} columns {name!r}", f"columns.{key}")
        if found:
            return found[0]
    if several and not needed:
        return None
    said = " or ".join(map(repr, wanted))
    raise UnclearFormat(f"has no column {said}; found: {header}", f"columns.{key}")


def recognised(header: Header, columns: Columns, called: Sequence[str]) -> dict[str, int]:
    """The positions of price columns that are recognised by their names.

    ``columns``: the columns that the configuration sets; they are not looked for. ``called``: the
    names that the file may use for the commodity; a column with such a name is the close. Raises
    UnclearFormat if two columns could be the close.
    """
    places: dict[str, int] = {}
    mine = of_commodity(header, called)
    for role, names in NAMES.items():
        if getattr(columns, role) is not None:
            continue
        within = mine or range(len(header.columns))
        exact = [i for i in within if role in header.columns[i].said[:MAX_EXTRA]]
        found = exact or [i for i in within if set(header.columns[i].said) & set(names)]
        if role == "close":
            found = mine if len(mine) == 1 else exact or _closes(header, within, found)
        if role == "close" and len(found) > 1:
            _refuse_closes(header, found)
        if found:
            places[role] = found[0]
    return places


def _closes(header: Header, within: Iterable[int], named: list[int]) -> list[int]:
    """The columns that may be the close, if no column is called exactly that.

    Columns that are ``named`` like a close, also with a unit after the name, are preferred to an
    adjusted close. An adjusted close counts if it is alone, or together with other columns that may
    be the close.
    """
    columns = {i: " ".join(header.columns[i].said) for i in within}
    names = {"close", *NAMES["close"]}
    plain = named or [
        i for i in columns if {IN_UNIT.sub("", said) for said in header.columns[i].said} & names
    ]
    adjusted = [i for i in columns if is_adjusted(header.columns[i])]
    sure = [i for i in plain if not VALUE.search(columns[i])]
    if not adjusted or sure:
        return plain
    others = [
        i
        for i, said in columns.items()
        if CLOSING.search(said) and not OTHER_PRICE.search(said) and i not in adjusted
    ]
    return sorted({*plain, *others, *adjusted})


def is_adjusted(column: Column) -> bool:
    """Whether a column's name says that it is an adjusted close."""
    return any(ADJUSTED.search(name) and CLOSING.search(name) for name in column.said)


def of_commodity(header: Header, called: Sequence[str]) -> list[int]:
    """The columns that have the commodity's name, by the first of ``called`` that any column has.

    There are none if another column is named as the close.
    """
    for name in called:
        wanted = comparable(name)
        found = [i for i, x in enumerate(header.columns) if wanted in (x.name, *x.said)]
        closes = [i for i, x in enumerate(header.columns) if "close" in x.said]
        if found and (not closes or set(found) & set(closes)):
            return found
    return []


def _refuse_closes(header: Header, found: Sequence[int]) -> None:
    cells = [header.columns[i].cells for i in found]
    if len({cell for column in cells for cell in column}) == 1 or len(set(cells)) == 1:
        raise UnclearFormat(f"names the column {header.columns[found[0]].name} twice")
    several = len({comparable(cell) for column in cells for cell in column[:1]}) == 1
    if several and len(cells[0]) > 1:
        listed = ", ".join(column[1] for column in cells)
        raise UnclearFormat(f"holds several closes, of {listed}", "symbol")
    listed = ", ".join(header.columns[i].name for i in found)
    raise UnclearFormat(f"has several columns that could be the close: {listed}", "columns.close")


def day_column(header: Header, rows: Sequence[Sequence[str]]) -> int | None:
    """The position of the column of days: by its name, or as the only column with days."""
    for names in DAY_NAMES:
        for place, column in enumerate(header.columns):
            if set(column.said) & set(names):
                return place
    looked_at = _without_text(rows)
    days = [
        place
        for place in range(len(header.columns))
        if _all(looked_at, place, lambda cell: is_day(cell) and not is_number(cell))
    ]
    return days[0] if len(days) == 1 else None


def clock_column(header: Header, day: int | None) -> int | None:
    """The position of the column of times of day, in a file that has a column of days."""
    for place, column in enumerate(header.columns):
        if place != day and day is not None and set(column.said) & set(CLOCK_NAMES):
            return place
    return None


def only_number(
    header: Header, rows: Sequence[Sequence[str]], others: Iterable[int | None]
) -> int | None:
    """The position of the only column of numbers, if its name allows it to be the price.

    The result is None if another column is empty, since that may have numbers in the future.
    """
    known, rows = set(others), _without_text(rows)
    columns = header.columns
    left = [i for i in range(len(columns)) if i not in known]
    numbers = [i for i in left if _all(rows, i, is_number)]
    empty = [i for i in left if columns[i].name and not _said(rows, i)]
    if len(numbers) != 1 or empty or NO_PRICE.search(" ".join(columns[numbers[0]].said)):
        return None
    return numbers[0]


LOOKED_AT = 200
"""The kind of a column is decided by this many rows."""


def _without_text(rows: Sequence[Sequence[str]]) -> list[Sequence[str]]:
    """The rows by which the kinds of columns are decided, without lines of text."""
    return [row for row in rows[:LOOKED_AT] if len(row) == 1 or sum(map(bool, row)) > 1]


def _said(rows: Sequence[Sequence[str]], place: int) -> list[str]:
    """The values of a column that are not missing."""
    cells = [row[place] for row in rows if place < len(row)]
    return [cell for cell in cells if cell.lower() not in MISSING]


def _all(rows: Sequence[Sequence[str]], place: int, is_kind: Callable[[str], bool]) -> bool:
    """Whether a column has values and all of them are of a kind."""
    said = _said(rows, place)
    return bool(said) and all(map(is_kind, said))
