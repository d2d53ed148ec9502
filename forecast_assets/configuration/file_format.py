"""The keys that say how a file is written, and presets that set these keys for a vendor.

Keys that are not set are recognised from the file. If the file leaves a doubt, it is refused with
the key to set (``table_file.py``).
"""

import codecs
import re
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from forecast_assets.configuration.section import Section

DAY_WORDS = ("iso", "unix", "unix_ms", "excel")
"""Formats of dates for which strptime has no directives: YYYY-MM-DD with or without a time, seconds
and milliseconds since 1970, days since 1899-12-30."""

NO_SEPARATOR = "none"
"""The value of ``thousands`` for numbers without separators of thousands."""

TAB = "\t"

LONGEST_FORMAT = 100
"""The most characters of a format of dates."""

MOST_ROWS, MOST_PLACES = 1_000_000, 100_000
"""The most rows that are left out, and the highest number of a column or a sheet."""

Place = int | str


def _is_place(said: object) -> bool:
    return (isinstance(said, str) and bool(said)) or (
        type(said) is int and 1 <= said <= MOST_PLACES
    )


def _place(said: Any) -> Any:
    if said is not None and not _is_place(said):
        raise ValueError("allowed: a name, or a number from 1")
    return said


def _places(said: Any) -> Any:
    if said is None:
        return None
    every = said if isinstance(said, list) else [said]
    if not every or not all(map(_is_place, every)):
        raise ValueError(
            "allowed: what the header calls a column, its number from 1, or a list of these"
        )
    return said


# One validator instead of a union of types: with a union, pydantic would add the type to the key.
Places = Annotated[Any, AfterValidator(_places)]
"""A column: its name in the header, in any case, or its number, counted from 1. A list of columns
stands for the first of them that a file has."""


class Columns(Section):
    """Which column is which; columns that are not set are recognised by their names."""

    date: Places = Field(None, description="The day.")
    time: Places = Field(None, description="The time of day, where that is a column of its own.")
    open: Places = None
    high: Places = None
    low: Places = None
    close: Places = Field(None, description="The price that is forecast.")
    volume: Places = None


def _day_formats(said: Any) -> Any:
    """One or several formats as a tuple. Raises ValueError if a format does not give a full day."""
    every = [said] if isinstance(said, str) else said
    if not isinstance(every, list | tuple) or not every or not all(map(_makes_a_day, every)):
        raise ValueError(
            "allowed: a format of strptime with a day, a month and a year, such as %d/%m/%Y, or"
            f" one of {', '.join(DAY_WORDS)}, or a list of these"
        )
    return tuple(every)


def _makes_a_day(written: object) -> bool:
    if not isinstance(written, str) or written in DAY_WORDS:
        return isinstance(written, str)
    example = datetime(2001, 11, 23)  # noqa: DTZ001 - only its digits matter
    if len(written) > LONGEST_FORMAT:
        return False
    try:
        same = datetime.strptime(example.strftime(written), written)  # noqa: DTZ007
    except (ValueError, re.error):  # the latter for a directive that occurs twice
        return False
    return (same.year, same.month, same.day) == (2001, 11, 23)


Preset = Literal[
    "investing",
    "yahoo",
    "fred",
    "eia",
    "tradingview",
    "stooq",
    "metatrader",
    "barchart",
    "lbma",
]


class FileFormat(Section):
    """How a file is written; keys that are not set are recognised from the file."""

    format: Preset | None = Field(None, description="A vendor: its keys, by name.")
    columns: Columns = Columns()
    date_format: Annotated[tuple[str, ...], BeforeValidator(_day_formats)] | None = Field(
        None, description="As strptime has it, or iso, unix, unix_ms, excel; or a list of them."
    )
    delimiter: str | None = Field(None, description="One character, or `tab`.")
    decimal: Literal[".", ","] | None = Field(None, description="What decimals follow.")
    thousands: Literal[",", ".", " ", "'", "none"] | None = Field(
        None, description="What separates thousands, or `none`."
    )
    encoding: str | None = Field(None, description="A codec of Python, such as utf-16 or cp1252.")
    skip_rows: int = Field(
        0, strict=True, ge=0, le=MOST_ROWS, description="Lines before the header."
    )
    header_rows: int | None = Field(
        None, strict=True, ge=0, le=5, description="Rows of the header; 0: there is none."
    )
    skip_footer: int = Field(
        0, strict=True, ge=0, le=MOST_ROWS, description="Rows after the last price."
    )
    sheet: Annotated[Any, AfterValidator(_place)] = Field(
        None, description="The sheet of a workbook, by its name or counted from 1."
    )

    @field_validator("delimiter")
    @classmethod
    def _one_character(cls, written: str | None) -> str | None:
        if written in ("tab", r"\t"):
            return TAB
        if written is None or (len(written) == 1 and written not in '"\r\n'):
            return written
        raise ValueError("allowed: one character, such as ';', or `tab`")

    @field_validator("encoding")
    @classmethod
    def _of_text(cls, name: str | None) -> str | None:
        try:
            if name is not None:
                "1".encode(name).decode(name)
                codecs.lookup(name)
        except (LookupError, UnicodeError, AttributeError) as error:
            raise ValueError("allowed: a text encoding of Python, such as utf-16") from error
        return name

    @model_validator(mode="after")
    def _apart(self) -> Self:
        if self.thousands is not None and self.thousands == self.decimal:
            raise ValueError("allowed: `thousands` that are not `decimal`")
        return self

    @property
    def settled(self) -> "FileFormat":
        """The keys of the preset, overridden by those that are set beside it."""
        own = {key: getattr(self, key) for key in FileFormat.model_fields if key != "format"}
        keys = {key: value for key, value in own.items() if key in self.model_fields_set}
        preset = PRESETS.get(self.format or "", {})
        columns = preset.get("columns", {}) | self.columns.model_dump(exclude_unset=True)
        return FileFormat.model_validate(preset | keys | {"columns": columns})

    @property
    def day_formats(self) -> tuple[str, ...]:
        """The formats of dates that are set; each value is read by the first that fits it."""
        return self.date_format or ()


PLAIN = FileFormat()
"""The form without any key: everything is recognised from the file."""

_BARS = {name: [name, f"<{name}>"] for name in ("open", "high", "low", "close")}

PRESETS: dict[str, dict[str, Any]] = {
    "investing": {
        "columns": {"date": "Date", "close": "Price", "volume": ["Vol."]},
        "date_format": ["%m/%d/%Y", "%b %d, %Y"],
        "decimal": ".",
        "thousands": ",",
    },
    "yahoo": {
        "columns": {"date": ["Date", "Datetime"], "close": ["Close", "Close*"]},
        "date_format": ["iso", "%b %d, %Y"],
        "decimal": ".",
    },
    "fred": {
        "columns": {"date": ["observation_date", "DATE"]},
        "date_format": "iso",
        "delimiter": ",",
        "decimal": ".",
    },
    "eia": {
        "columns": {"date": ["Date", "Day"]},
        "date_format": ["%b %d, %Y", "%m/%d/%Y", "iso"],
        "decimal": ".",
    },
    "tradingview": {
        "columns": {"date": "time", "close": "close"},
        "date_format": ["unix", "iso"],
        "delimiter": ",",
        "decimal": ".",
    },
    "stooq": {
        "columns": {"date": ["<DATE>", "Date"], "time": ["<TIME>"]}
        | _BARS
        | {"volume": ["Volume", "<VOL>"]},
        "date_format": ["%Y%m%d", "iso"],
        "delimiter": ",",
        "decimal": ".",
    },
    "metatrader": {
        "columns": {
            "date": ["<DATE>", "Date", 1],
            "time": ["<TIME>", "Time", 2],
            "open": ["<OPEN>", "Open", 3],
            "high": ["<HIGH>", "High", 4],
            "low": ["<LOW>", "Low", 5],
            "close": ["<CLOSE>", "Close", 6],
            "volume": ["<TICKVOL>", "Volume", 7],
        },
        "date_format": ["%Y.%m.%d", "%Y.%m.%d %H:%M", "%Y.%m.%d %H:%M:%S"],
        "decimal": ".",
    },
    "barchart": {
        "columns": {"date": ["Time", "Date"], "close": ["Latest", "Last", "Close"]},
        "date_format": ["%m/%d/%Y", "%m/%d/%y", "iso"],
        "delimiter": ",",
        "decimal": ".",
    },
    "lbma": {"columns": {"date": "date", "close": "USD (PM)"}, "decimal": "."},
}
"""For each vendor, the keys that describe its files; a source could set the same keys itself."""
