"""The header of a table: where it stands, and which column is which.

A column is what the configuration says, or what its name can only mean. Two columns that could
both be the close are refused.
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

MAX_PREAMBLE = 100
"""Rows among which the header is looked for."""

MAX_EXTRA = 3
"""Rows that a header may have beside the one with the name of the date."""

SHOWN = 12
"""Columns that an error lists."""

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
"""What the day is called; a name counts where the file has none of those before it."""

CLOCK_NAMES = ("time",)
"""What the time of day is called, beside a day."""

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
"""What vendors call a column."""

CURRENCY = (
    r"us\$|[$€£¥¢]|cents?|(?:usd|eur|gbp|gbx|jpy|cny|inr|chf|cad|aud|zar|brl|sgd|hkd|sek|nok|dkk)"
)
UNIT = rf"(?:{CURRENCY})(?:\s?(?:/|per)\s?[a-z. ]{{1,12}})?"
IN_UNIT = re.compile(rf"\s*(?:[(\[]\s*(?:in )?{UNIT}\s*[)\]]|,? in {UNIT}| {UNIT})")
"""The unit that may follow what a column is called: (USD), [$/bbl], in EUR."""

ADJUSTED = re.compile(r"(?<!not )(?<!non[ -])\badj")
"""How a close is called that is made anew at each dividend, split or roll."""

CLOSING = re.compile(r"\b(?:clos|settle|last|price|schlu(?:ss|ß)|kurs|preis|cierre|dernier)")
OTHER_PRICE = re.compile(
    r"\bopen|\bhigh|\blow|\bbid\b|\bask\b|\bprev|\bchang|\bchg|%|average|eröffn|hoch|tief|date|time"
)
"""Words by which a column may be the close, and by which it is not."""

VALUE = re.compile(r"\b(?:value|wert)\b")
"""What is called so may be a turnover beside a price."""

NO_PRICE = re.compile(
    r"open ?int|\boi\b|chang|chg|change|%|volum|\bvol|turnover|count|spread|average|\bbid\b|\bask\b"
    r"|unnamed|index|year|month|week|return|adj|divid|split|\bno\b|\bid\b|#|row",
)
"""Names of numbers that are no price, where a file has one column of numbers only."""


@dataclass(frozen=True)
class Column:
    """What the header says of a column, from its upper row to the lowest."""

    cells: tuple[str, ...]

    @cached_property
    def name(self) -> str:
        """It in lower case, as files of one header row have it."""
        return " ".join(cell for cell in self.cells if cell).lower()

    @cached_property
    def said(self) -> tuple[str, ...]:
        """Each of its cells made comparable, the lowest first."""
        return tuple(comparable(cell) for cell in reversed(self.cells) if cell)


def comparable(name: str) -> str:
    """A name of a column without what vendors dress it in."""
    bare = re.sub(r"[\s_]+", " ", name.strip().strip("<>*:\"' ").casefold())
    return bare.rstrip(".* ")


@dataclass(frozen=True, eq=False)
class Header:
    """The columns of a grid, the row with the first line of data, and the lines of the header."""

    columns: list[Column]
    first: int
    lines: list[int]

    def __str__(self) -> str:
        """The names of the columns, as an error lists them."""
        names = [column.name for column in self.columns]
        more = [f"and {len(names) - SHOWN} more"] if len(names) > SHOWN else []
        return ", ".join([*names[:SHOWN], *more])


_ISO_ALONE = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ][^,;|\t]*)?")
"""A day and a time with nothing that could separate it from other fields."""


def is_day(cell: str) -> bool:
    """Whether a cell may be a day."""
    return _ISO_ALONE.fullmatch(cell) is not None or written_day(cell) is not None


def is_number(cell: str) -> bool:
    """Whether a cell is a number, in any fashion."""
    number = number_of(cell.rstrip("%"))
    return number is not None and any(number.plain(each, None) for each in (".", ","))


def is_row(fields: Sequence[str]) -> bool:
    """Whether fields may be a row of data: a day, and a number beside it."""
    days = [place for place, cell in enumerate(fields) if cell and is_day(cell)]
    others = [cell for place, cell in enumerate(fields) if cell and [place] != days]
    return bool(days) and any(map(is_number, others))


def find_header(grid: Grid, form: FileFormat) -> Header:
    """Where the header is: where it is set to be, or the first row that names a day.

    Without such a row it is the one above the first row of data, and the first row if there is no
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
    """Whether a row has names for the columns of a row of data."""
    said = [cell for cell in fields if cell]
    return len(fields) == len(row) and len(said) > 1 and not any(map(is_day, said))


def _block(grid: Grid, filled: list[int], place: int) -> list[int]:
    """The rows of a header: the one at ``place``, and those that belong to it.

    Above, where it has the name of the date and nothing else, as pandas writes the name of an
    index. Below, where a row says more of the columns: no day, no number.
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
    """Where a column stands that the configuration names, None for one that is not needed.

    Of a list the first that is there counts; numbers in it are for files without a header. Of
    several columns of a name the one that is among ``mine`` counts.
    Raises UnclearFormat for a column that is not there, or twice.
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
    """Where the columns of prices stand that names tell, beside those that are set in ``columns``.

    ``called``: what the file may call the commodity: of the columns that say so the close is
    taken. Raises UnclearFormat where two could be the close.
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
    """The columns that may be the close where none is called just that.

    Those that are ``named`` so, or with a unit behind such a name, come before an adjusted close.
    That one counts alone, or with columns that may be the close as well.
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
    """Whether a column is called an adjusted close."""
    return any(ADJUSTED.search(name) and CLOSING.search(name) for name in column.said)


def of_commodity(header: Header, called: Sequence[str]) -> list[int]:
    """The columns that name the commodity, by the first of its names that any has.

    None where another column is called the close.
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
    """Where the day stands, by its name, or as the only column of days."""
    for names in DAY_NAMES:
        for place, column in enumerate(header.columns):
            if set(column.said) & set(names):
                return place
    days = [
        place
        for place in range(len(header.columns))
        if _all(rows, place, lambda cell: is_day(cell) and not is_number(cell))
    ]
    return days[0] if len(days) == 1 else None


def clock_column(header: Header, day: int | None) -> int | None:
    """Where the time of day stands, beside a day."""
    for place, column in enumerate(header.columns):
        if place != day and day is not None and set(column.said) & set(CLOCK_NAMES):
            return place
    return None


def only_number(
    header: Header, rows: Sequence[Sequence[str]], others: Iterable[int | None]
) -> int | None:
    """Where the only column of numbers stands, if there is one and its name allows a price.

    None beside a column that is empty: it may have numbers another day.
    """
    known = set(others)
    columns = header.columns
    left = [i for i in range(len(columns)) if i not in known]
    numbers = [i for i in left if _all(rows, i, is_number)]
    empty = [i for i in left if columns[i].name and not _said(rows, i)]
    if len(numbers) != 1 or empty or NO_PRICE.search(" ".join(columns[numbers[0]].said)):
        return None
    return numbers[0]


LOOKED_AT = 200
"""Rows by which the kind of a column is told."""


def _said(rows: Sequence[Sequence[str]], place: int) -> list[str]:
    """The values of a column that are there, without lines of text."""
    cells = [
        row[place]
        for row in rows[:LOOKED_AT]
        if place < len(row) and (len(row) == 1 or sum(map(bool, row)) > 1)
    ]
    return [cell for cell in cells if cell.lower() not in MISSING]


def _all(rows: Sequence[Sequence[str]], place: int, is_kind: Callable[[str], bool]) -> bool:
    """Whether a column is of a kind, where it has values at all."""
    said = _said(rows, place)
    return bool(said) and all(map(is_kind, said))
