"""What a table is, whatever keeps it: columns of Arrow types, a key, and rules that rows obey."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import pyarrow as pa

CATALOG = "commodity"
"""What the full name of every table begins with."""

SQL_TYPES = {
    pa.string(): "VARCHAR",
    pa.json_(): "JSON",
    pa.date32(): "DATE",
    pa.timestamp("us"): "TIMESTAMP",
    pa.float64(): "DOUBLE",
    pa.float32(): "FLOAT",
    pa.int32(): "INTEGER",
    pa.int64(): "BIGINT",
    pa.bool_(): "BOOLEAN",
}
"""What SQL calls each type that a column may have."""


@dataclass(frozen=True)
class Column:
    """One column. ``nullable``: whether a row may lack a value.

    ``added_later``: tables that an older release made lack it until the next write.
    """

    name: str
    type: pa.DataType
    description: str
    nullable: bool = False
    added_later: bool = False

    @property
    def sql_type(self) -> str:
        """What SQL calls its type, for people to read."""
        return SQL_TYPES[self.type]


@dataclass(frozen=True)
class Before:
    """A date of a row is before another of it, or the same where ``or_equal``."""

    earlier: str
    later: str
    or_equal: bool = False


@dataclass(frozen=True)
class OneOf:
    """A column has one of these texts."""

    column: str
    texts: tuple[str, ...]


@dataclass(frozen=True)
class Never:
    """A column of truth values is FALSE in every row."""

    column: str


@dataclass(frozen=True)
class Complete:
    """Columns have a value in every row, but in those where the column ``unless`` is TRUE."""

    columns: tuple[str, ...]
    unless: str


@dataclass(frozen=True)
class Together:
    """Two columns have a value in the same rows."""

    first: str
    second: str


@dataclass(frozen=True)
class ExactlyOne:
    """Of two columns each row has a value in one."""

    first: str
    second: str


Rule: TypeAlias = Before | OneOf | Never | Complete | Together | ExactlyOne


@dataclass(frozen=True)
class Table:
    """A table, or with ``view`` one that is worked out from others and never written.

    ``key``: the columns that no two rows agree in, in this order; empty where the engine need not
    hold any (paths: there are millions, and their ledger ``forecasts`` has the key). ``partition``:
    the columns whose values are the same in all rows that one write replaces.
    """

    room: str
    short_name: str
    description: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()
    partition: tuple[str, ...] = ()
    rules: tuple[Rule, ...] = ()
    view: bool = False

    @property
    def name(self) -> str:
        """The full name, such as ``commodity.forecast.scores``."""
        return f"{CATALOG}.{self.room}.{self.short_name}"

    @cached_property
    def schema(self) -> pa.Schema:
        """The columns as an Arrow schema."""
        return pa.schema(
            [pa.field(each.name, each.type, nullable=each.nullable) for each in self.columns]
        )

    def column(self, name: str) -> Column:
        """The column of a name. Raises KeyError."""
        return self._by_name[name]

    @cached_property
    def _by_name(self) -> Mapping[str, Column]:
        return {column.name: column for column in self.columns}


def text(name: str, description: str, *, null: bool = False) -> Column:
    """Return a column of text."""
    return Column(name, pa.string(), description, null)


def document(name: str, description: str, *, null: bool = False) -> Column:
    """Return a column of JSON."""
    return Column(name, pa.json_(), description, null)


def day(name: str, description: str, *, null: bool = False) -> Column:
    """Return a column of dates."""
    return Column(name, pa.date32(), description, null)


def moment(name: str, description: str) -> Column:
    """Return a column of moments in UTC, to the microsecond, without a time zone of their own."""
    return Column(name, pa.timestamp("us"), description)


def number(name: str, description: str, *, null: bool = False, later: bool = False) -> Column:
    """Return a column of 64-bit floating numbers."""
    return Column(name, pa.float64(), description, null, later)


def price(name: str, description: str) -> Column:
    """Return a column of prices of paths: 32-bit floating numbers, some not there yet."""
    return Column(name, pa.float32(), description, nullable=True)


def count(name: str, description: str) -> Column:
    """Return a column of whole numbers of 32 bits."""
    return Column(name, pa.int32(), description)


def total(name: str, description: str) -> Column:
    """Return a column of whole numbers of 64 bits."""
    return Column(name, pa.int64(), description)


def flag(name: str, description: str) -> Column:
    """Return a column of truth values."""
    return Column(name, pa.bool_(), description)
