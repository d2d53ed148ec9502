"""Conditions on rows as text, which Delta takes for a commit, and DuckDB for a query.

Delta takes no parameters. The names of columns are declared, and values are written as literals.
"""

from collections.abc import Mapping, Sequence
from datetime import date

Value = str | date | int

MOST = 400
"""More values than this are told by their least and greatest, where that is allowed."""


def literal(value: Value) -> str:
    """A value as a literal of SQL."""
    if isinstance(value, date):
        return f"DATE '{value.isoformat()}'"
    if isinstance(value, int):
        return str(value)
    return "'" + value.replace("'", "''") + "'"


def predicate(
    values: Mapping[str, Sequence[Value]], among: str | None = None, *, exactly: bool
) -> str:
    """That each column has one of its values; without any column, every row meets it.

    ``among``: a further condition. ``exactly``: whether no row with other values may meet it.
    """
    met = [_one_of(column, some, exactly=exactly) for column, some in values.items()]
    return " AND ".join([*met, *([among] if among else [])]) or "true"


def _one_of(column: str, values: Sequence[Value], *, exactly: bool) -> str:
    if len(values) > MOST and not exactly:
        first, last = literal(min(values)), literal(max(values))
        return f'"{column}" >= {first} AND "{column}" <= {last}'
    return f'"{column}" IN ({", ".join(map(literal, values))})'
