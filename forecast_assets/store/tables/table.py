"""Declarations of tables for any engine: columns of Arrow types, a key, and rules for rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import pyarrow as pa

CATALOG = "commodity"
"""The first part of every table's full name."""

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
"""The SQL name of each type that a column may have."""

DAYS = ("data_cutoff_date", "training_date", "date", "session")
"""The columns that tell of which day a row is; the first that a table has counts."""


@dataclass(frozen=True)
class Column:
    """One column.

    ``nullable``: whether a row may lack a value. ``added_later``: whether tables of an older
    release lack the column until the next write.
    """

    name: str
    type: pa.DataType
    description: str
    nullable: bool = False
    added_later: bool = False

    @property
    def sql_type(self) -> str:
        """The SQL name of its type."""
        return SQL_TYPES[self.type]


@dataclass(frozen=True)
class Before:
    """A rule: a date of a row is before another date of the row; ``or_equal`` allows the same."""

    earlier: str
    later: str
    or_equal: bool = False


@dataclass(frozen=True)
class OneOf:
    """A rule: a column has one of these texts."""

    column: str
    texts: tuple[str, ...]


@dataclass(frozen=True)
class Never:
    """A rule: a column of truth values is FALSE in every row."""

    column: str


@dataclass(frozen=True)
class Complete:
    """A rule: columns have a value in every row, except if the column ``unless`` is TRUE."""

    columns: tuple[str, ...]
    unless: str


@dataclass(frozen=True)
class Together:
    """A rule: two columns have values in the same rows."""

    first: str
    second: str


@dataclass(frozen=True)
class ExactlyOne:
    """A rule: each row has a value in exactly one of two columns."""

    first: str
    second: str


Rule: TypeAlias = Before | OneOf | Never | Complete | Together | ExactlyOne


@dataclass(frozen=True)
class Table:
    """A table, or with ``view`` a view that is computed from other tables and never written.

    ``key``: the columns that identify a row, in this order. It is empty if the engine need not
    enforce a key, as for paths: there are millions, and their ledger ``forecasts`` has the key.
    ``partition``: the columns whose values are the same in all rows that one write replaces.
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

    @cached_property
    def plain_schema(self) -> pa.Schema:
        """The same with JSON as text, as readers give it and as other formats keep it."""
        return pa.schema(
            [
                field.with_type(pa.string()) if field.type == pa.json_() else field
                for field in self.schema
            ]
        )

    @property
    def day(self) -> str | None:
        """The column that tells of which day a row is; None if the table has none."""
        return next((name for name in DAYS if name in self.schema.names), None)

    def column(self, name: str) -> Column:
        """The column with this name. Raises KeyError if there is none."""
        return self._by_name[name]

    @cached_property
    def _by_name(self) -> Mapping[str, Column]:
        return {column.name: column for column in self.columns}


def text(name: str, description: str, *, null: bool = False, later: bool = False) -> Column:
    """Return a column of text."""
    return Column(name, pa.string(), description, null, later)


def document(name: str, description: str, *, null: bool = False) -> Column:
    """Return a column of JSON."""
    return Column(name, pa.json_(), description, null)


def day(name: str, description: str, *, null: bool = False) -> Column:
    """Return a column of dates."""
    return Column(name, pa.date32(), description, null)


def moment(name: str, description: str, *, null: bool = False, later: bool = False) -> Column:
    """Return a column of moments in UTC, to the microsecond, without a time zone of their own."""
    return Column(name, pa.timestamp("us"), description, null, later)


def number(name: str, description: str, *, null: bool = False, later: bool = False) -> Column:
    """Return a column of 64-bit floating numbers."""
    return Column(name, pa.float64(), description, null, later)


def price(name: str, description: str) -> Column:
    """Return a column of prices of paths: 32-bit floating numbers, NULL before they are known."""
    return Column(name, pa.float32(), description, nullable=True)


def count(name: str, description: str, *, null: bool = False, later: bool = False) -> Column:
    """Return a column of whole numbers of 32 bits."""
    return Column(name, pa.int32(), description, null, later)


def total(name: str, description: str) -> Column:
    """Return a column of whole numbers of 64 bits."""
    return Column(name, pa.int64(), description)


def flag(name: str, description: str) -> Column:
    """Return a column of truth values."""
    return Column(name, pa.bool_(), description)
