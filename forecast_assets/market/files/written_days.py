"""Converting days to ISO as people and vendors write them: 25/11/2026, 20-Nov-26, 20261124.

A whole column decides whether the day or the month comes first: one cell 25/11/2026 proves it for
every row of its file, while 3/4/2026 alone leaves it open.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

import pandas as pd

from forecast_assets.market.files.months import WORD, in_english, is_long, month_of

ISO = r"\d{4}-\d{2}-\d{2}(?:[T ].*)?"
"""An ISO day, with or without a time."""

LONGEST = 100
"""A cell with more characters is no day; the patterns would take minutes for some of them."""

_TIME = (
    r"(?:[T ,]+(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,]\d+)?)?"
    r"\s*(?P<half>[AaPp]\.?[Mm]\.?)?\s*(?P<zone>Z|UTC|GMT|[+-]\d{2}:?\d{2})?)?"
)
_WEEKDAY = r"(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*[.,]?\s+)?"
_ORDINAL, _OF, _YEAR = "(?:st|nd|rd|th|er)?", "(?:de )?", r"(?P<y>\d{4}|\d{2})"
_DIGITS = re.compile(rf"(\d{{1,4}})([-/. ])(\d{{1,2}})\2(\d{{4}}|\d{{1,2}})\.?{_TIME}")
_NAMED = [
    re.compile(_WEEKDAY + pattern + _TIME, re.IGNORECASE)
    for pattern in (
        rf"(?P<d>\d{{1,2}}){_ORDINAL}[-/. ]*{_OF}(?P<m>{WORD})\.?[-/., ]*{_OF}{_YEAR}",
        rf"(?P<m>{WORD})\.?[-/ ]*(?P<d>\d{{1,2}}){_ORDINAL},?[-/ ]+{_YEAR}",
        rf"(?P<y>\d{{4}})[-/ ](?P<m>{WORD})\.?[-/ ](?P<d>\d{{1,2}})",
    )
]
_COMPACT = re.compile(rf"((?:19|20)\d{{2}})(\d{{2}})(\d{{2}}){_TIME}")
_SECONDS = re.compile(r"(\d{10})(\d{3})?(?:\.0+)?")
_SERIAL = re.compile(r"([2-6]\d{4})(?:\.\d+)?")
ORDERS = {"ymd": (0, 1, 2), "dmy": (2, 1, 0), "mdy": (2, 0, 1)}
"""The positions of year, month and day among three numbers, in each order."""

SERIAL_START = datetime(1899, 12, 30)  # noqa: DTZ001 - a workbook knows no zone
"""Day 0 of workbooks; a workbook that counts from 1904 says so itself."""


@dataclass(frozen=True)
class Written:
    """A written day: its kind of notation, and the ISO day that it is in each possible order."""

    kind: str
    readings: Mapping[str, str]


@dataclass(frozen=True)
class Days:
    """The days of a column.

    ``iso``: the ISO day of each text. ``formats``: the formats of the texts, in strptime's
    notation; a word such as ``unix`` if strptime has none.
    """

    iso: Mapping[str, str]
    formats: tuple[str, ...]


class DaysInDoubt(ValueError):
    """The days of a column can be read in several ways, or in no way that fits all of them."""


def understood(cells: pd.Series) -> Days:
    """The days of a column, if it leaves no doubt. Raises DaysInDoubt if it does.

    Texts that are not days are left out of the result. ISO days are left out as well, since they
    need no conversion; in a column with ISO days only days without zeros, such as 2024-1-5, are
    converted.
    """
    is_iso = cells.str.fullmatch(ISO)
    if is_iso.any():
        _require_no_other_order(cells[~is_iso])
        short = {
            c: w for c in cells[~is_iso] if (w := written_day(c)) and w.kind == "digits - first"
        }
        iso = {c: w.readings["ymd"] for c, w in short.items()} if len(short) > 1 else {}
        return Days(iso, ("iso",))
    written = {cell: found for cell in cells.unique() if (found := written_day(cell))}
    kinds = sorted({each.kind for each in written.values()})
    numeric = [kind for kind in kinds if kind.startswith("digits")]
    others = [kind for kind in kinds if kind not in (*numeric, "named")]
    if len(numeric) + len(others) > 1 or (others and "named" in kinds):
        examples = [next(c for c, w in written.items() if w.kind == kind) for kind in kinds]
        raise DaysInDoubt(f"days are written in several ways: {' and '.join(examples)}")
    if others == ["serial"]:
        example = next(iter(written))
        raise DaysInDoubt(
            f"found {example!r}: a count of days, as workbooks keep it? excel says that it is"
        )
    if numeric:
        order = _order({c: w for c, w in written.items() if w.kind == numeric[0]})
        iso = {c: w.readings.get(order) or w.readings["named"] for c, w in written.items()}
    else:
        order = ""
        iso = {cell: next(iter(each.readings.values())) for cell, each in written.items()}
    return Days(iso, tuple(dict.fromkeys(format_of(cell, order) for cell in written)))


def _require_no_other_order(others: pd.Series) -> None:
    for cell in others:
        found = re.fullmatch(r"(\d{4})-(\d{2})-(\d{2})", cell)
        if found and int(found[2]) > 12 and _iso(found[1], found[3], found[2], None):
            raise DaysInDoubt(f"found {cell!r}: is the month the last of it?")


def _order(written: Mapping[str, Written]) -> str:
    """The only order in which all days can be read. Raises DaysInDoubt if none or several fit."""
    fitting = [o for o in ORDERS if all(o in each.readings for each in written.values())]
    if not fitting:
        orders = sorted({order for each in written.values() for order in each.readings})
        proofs = [next(c for c, w in written.items() if o not in w.readings) for o in orders]
        raise DaysInDoubt(
            f"day and month change places: {' and '.join(dict.fromkeys(proofs))} stand in one file"
        )
    for cell, each in written.items():
        readings = {order: each.readings[order] for order in fitting}
        if len(set(readings.values())) > 1:
            said = " or ".join(f"{day} by {format_of(cell, o)}" for o, day in readings.items())
            raise DaysInDoubt(f"found {cell!r}, which may be {said}")
    return fitting[0]


@lru_cache(maxsize=100_000)
def written_day(cell: str) -> Written | None:
    """The possible readings of a cell as a day; None if it is not a day."""
    if len(cell) > LONGEST:
        return None
    if found := _DIGITS.fullmatch(cell):
        return _of_digits(found)
    for pattern in _NAMED:
        if found := pattern.fullmatch(cell):
            month = month_of(found["m"])
            day = month and _iso(found["y"], str(month), found["d"], found)
            return Written("named", {"named": day}) if day else None
    if found := _COMPACT.fullmatch(cell):
        day = _iso(found[1], found[2], found[3], found)
        return Written("compact", {"compact": day}) if day else None
    if found := _SECONDS.fullmatch(cell):
        return Written("unix_ms" if found[2] else "unix", {"unix": _of_seconds(int(found[1]))})
    if _SERIAL.fullmatch(cell):
        return Written("serial", {"serial": serial_day(cell, SERIAL_START)})
    return None


def _of_digits(found: "re.Match[str]") -> Written | None:
    parts = (found[1], found[3], found[4])
    year_first = len(found[1]) == 4
    if len(found[1]) == 3 or (year_first and len(found[4]) == 4):
        return None
    orders = ["ymd"] if year_first else ["dmy", "mdy"]
    if not year_first and len(found[1]) == 2 and len(found[4]) == 2:
        orders.append("ymd")
    if not year_first and len(found[4]) == 1:
        return None
    readings = {}
    for order in orders:
        year, month, day = (parts[place] for place in ORDERS[order])
        if iso := _iso(year, month, day, found):
            readings[order] = iso
    size = "first" if year_first else len(found[4])
    return Written(f"digits {found[2]} {size}", readings) if readings else None


def _iso(year: str, month: str, day: str, time: "re.Match[str] | None") -> str | None:
    try:
        found = date(_year(year), int(month), int(day))
    except ValueError:
        return None
    if time is None or time["hour"] is None:
        return found.isoformat()
    half, hour = (time["half"] or "").lower()[:1], int(time["hour"])
    if half:
        hour = hour % 12 + (12 if half == "p" else 0)
    if hour > 23 or int(time["minute"]) > 59 or int(time["second"] or 0) > 59:
        return None
    return with_time(found, f"{hour:02}:{time['minute']}:{time['second'] or '00'}", time["zone"])


def with_time(day: date, clock: str, zone: str | None) -> str:
    """A day and a time in ISO; only the day if the time is midnight and there is no zone."""
    if not zone:
        return day.isoformat() if clock == "00:00:00" else f"{day} {clock}"
    offset = "+00:00" if zone in ("Z", "UTC", "GMT") else f"{zone[:3]}:{zone[-2:]}"
    return f"{day} {clock}{offset}"


def _year(written: str) -> int:
    """A year as a number; two digits mean a year from 1969 to 2068, as in strptime."""
    if len(written) == 4:
        return int(written)
    return int(written) + (1900 if int(written) >= 69 else 2000)


def _of_seconds(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}+00:00"


def serial_day(cell: str, start: datetime) -> str:
    """The ISO day and time of a workbook's count of days since ``start``, rounded to a second."""
    moment = start + timedelta(seconds=round(float(cell) * 86400))
    return with_time(moment.date(), f"{moment:%H:%M:%S}", None)


def format_of(cell: str, order: str) -> str:
    """The strptime format that reads a cell, or a word such as ``unix`` if strptime has none."""
    written = written_day(cell)
    if written is None or written.kind in ("unix", "unix_ms"):
        return written.kind if written else "iso"
    time = _time_format(cell)
    bare = cell[: len(cell) - len(time[1])] if time[1] else cell
    if written.kind == "compact":
        return f"%Y%m%d{time[0]}"
    if written.kind == "named":
        return _named_format(bare) + time[0]
    found = _DIGITS.fullmatch(bare)
    assert found is not None  # noqa: S101 - it is of this kind
    letters = {"y": "%Y" if "first" in written.kind or len(found[4]) == 4 else "%y"}
    last = "." if bare.endswith(".") else ""
    return found[2].join(letters.get(x, f"%{x}") for x in order or "ymd") + last + time[0]


def _time_format(cell: str) -> tuple[str, str]:
    """The strptime format of the time in a cell, and the text of that time."""
    found = re.search(
        r"([T ,]+)(\d{1,2}:\d{2})(:\d{2})?([.,]\d+)?(\s*)([AaPp][Mm])?"
        r"(\s*)(Z|UTC|GMT|[+-]\d{2}:?\d{2})?$",
        cell,
    )
    if found is None:
        return "", ""
    hour, second = ("%I" if found[6] else "%H"), (":%S" if found[3] else "")
    part = f"{found[4][0]}%f" if found[4] else ""
    half = f"{found[5]}%p" if found[6] else ""
    zone = f"{found[7]}%z" if found[8] else ""
    return f"{found[1]}{hour}:%M{second}{part}{half}{zone}", found[0]


def _named_format(bare: str) -> str:
    for pattern in _NAMED:
        if (found := pattern.fullmatch(bare)) and month_of(found["m"]):
            letters = {
                "y": "%Y" if len(found["y"]) == 4 else "%y",
                "m": "%B" if is_long(found["m"]) else "%b",
                "d": "%d",
            }
            spans = sorted((found.start(part), found.end(part), letters[part]) for part in letters)
            made, last = "", 0
            for first, end, letter in spans:
                made += bare[last:first].replace("%", "%%") + letter
                last = end
            return _weekday_format(made + bare[last:])
    return "iso"


def _weekday_format(made: str) -> str:
    return re.sub(r"^[A-Za-z]{4,}(?=[., ])", "%A", re.sub(r"^[A-Za-z]{3}(?=[., ])", "%a", made))


def by_formats(cells: Iterable[str], formats: tuple[str, ...], start: datetime) -> dict[str, str]:
    """The ISO day of each cell, by the first format that fits it; other cells are left out."""
    readers = [_reader(written, start) for written in formats]
    found = ((cell, next((day for read in readers if (day := read(cell))), None)) for cell in cells)
    return {cell: day for cell, day in found if day is not None}


def _reader(written: str, start: datetime) -> Callable[[str], str | None]:
    match written:
        case "iso":
            return lambda cell: cell if re.fullmatch(ISO, cell) else None
        case "unix" | "unix_ms":
            return lambda cell: _if_kind(cell, written)
        case "excel":
            return lambda cell: serial_day(cell, start) if _SERIAL.fullmatch(cell) else None
        case _:
            return lambda cell: _by_strptime(cell, written)


def _if_kind(cell: str, kind: str) -> str | None:
    found = written_day(cell)
    return found.readings["unix"] if found and found.kind == kind else None


def _by_strptime(cell: str, written: str) -> str | None:
    try:
        moment = datetime.strptime(in_english(cell), written)  # noqa: DTZ007 - the zone is kept as it is written
    except ValueError:
        return None
    return with_time(moment.date(), f"{moment:%H:%M:%S}", f"{moment:%z}"[:5] or None)
