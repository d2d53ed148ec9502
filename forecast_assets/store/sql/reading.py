"""Reading rows of any table or view, in one connection, so that they are those of one moment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from forecast_assets.errors import StoreError
from forecast_assets.store.contract import Condition, How
from forecast_assets.store.sql.database import Connection
from forecast_assets.store.sql.names import quoted
from forecast_assets.store.tables import tables
from forecast_assets.store.tables.table import Table

TABLES = tables(horizon=1)
"""All tables, for the types of columns in conditions; no condition is on the prices of a path."""

COMPARISONS = {"=": "=", "<=": "<=", ">=": ">="}
"""The comparisons that a condition may have."""


@dataclass(frozen=True)
class DuckDBReading:
    """The tables of an open connection; ``place``: where they are, for users."""

    connection: Connection
    place: str

    def columns(self, table: str) -> list[str]:
        """The names of a table's columns, in order."""
        rows = self._rows(f"FROM {_place(TABLES[table])} LIMIT 0", {})
        return list(rows.column_names)

    def read(
        self, table: str, columns: Sequence[str] | None = None, where: Sequence[Condition] = ()
    ) -> pa.Table:
        """The rows of a table or view that meet all conditions, in any order."""
        declared = TABLES[table]
        listed = "*" if columns is None else ", ".join(map(quoted, columns))
        query = f"SELECT {listed} FROM {_place(declared)}"  # noqa: S608 - names of our tables
        if where:
            met = [
                _condition(declared, column, how, str(place))
                for place, (column, how, _) in enumerate(where)
            ]
            query += f" WHERE {' AND '.join(met)}"
        values = {f"value_{place}": value for place, (_, _, value) in enumerate(where)}
        return self._rows(query, values)

    def _rows(self, query: str, values: Mapping[str, Any]) -> pa.Table:
        """The result of a query. Raises StoreError if its table is missing."""
        try:
            return self.connection.sql(query, params=dict(values)).to_arrow_table()
        except duckdb.CatalogException as error:
            raise StoreError(
                f"{self.place}: a table is missing: run `forecast run`, which makes those of this"
                f" release: {error}"
            ) from error


def _place(table: Table) -> str:
    return f"{table.room}.{table.short_name}"


def _condition(table: Table, column: str, how: How, place: str) -> str:
    """A condition as SQL; its value is the parameter ``value_{place}``."""
    name = quoted(column)
    if how == "in":
        kind = table.column(column).sql_type
        return f"{name} IN (SELECT unnest($value_{place}::{kind}[]))"
    return f"{name} {COMPARISONS[how]} $value_{place}"
