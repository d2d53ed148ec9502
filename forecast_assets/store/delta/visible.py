"""What readers see of each table: the rows that a commit marker names, see ``tables.marked``."""

from collections.abc import Mapping

from forecast_assets.store.sql.definitions import table_definitions
from forecast_assets.store.tables.marked import MARKED
from forecast_assets.store.tables.table import Table


def condition(name: str) -> str:
    """What leaves out the rows of a table that nothing marks, as the end of a query for them."""
    marked = MARKED.get(name)
    if marked is None:
        return ""
    if marked.always is None:
        join = "ANTI" if marked.unless else "SEMI"
        return f"{join} JOIN {marked.marker} USING ({', '.join(row for row, _ in marked.pairs)})"
    same = " AND ".join(f"told.{mark} = stored.{row}" for row, mark in marked.pairs)
    return f"WHERE {marked.always} OR EXISTS (FROM {marked.marker} AS told WHERE {same})"


def in_order(names: Mapping[str, Table]) -> list[str]:
    """The names of tables, each after those that tell which of its rows are seen."""
    return [*(name for name in names if name not in MARKED), *MARKED]


def view_of_seen(name: str, table: Table) -> str:
    """A statement that makes a view of the rows of a table that are seen."""
    return f"CREATE VIEW {name} AS {all_stored(name, table)} {condition(name)}"


def in_place_of_a_view(name: str, table: Table) -> tuple[str, str]:
    """The statements that make a table where its view was."""
    return f"DROP VIEW {name}", table_definitions(table)[0]


def loaded(name: str, table: Table, where: str) -> str:
    """A statement that puts stored rows into a table in DuckDB."""
    return f"INSERT INTO {name} BY NAME {all_stored(name, table)} WHERE {where}"


def unnamed(name: str) -> str:
    """A statement that deletes those rows of a table in DuckDB that are not seen."""
    named = f"SELECT stored.rowid FROM {name} AS stored {condition(name)}"  # noqa: S608
    return f"DELETE FROM {name} WHERE rowid NOT IN ({named})"  # noqa: S608


def all_stored(name: str, table: Table) -> str:
    """A query for all rows of a table, which are registered as ``stored_as(name)``."""
    columns = ", ".join(
        f'stored."{column.name}"{"::JSON" if column.sql_type == "JSON" else ""} AS "{column.name}"'
        for column in table.columns
    )
    return f"SELECT {columns} FROM {stored_as(name)} AS stored"  # noqa: S608


def stored_as(name: str) -> str:
    """The name by which all stored rows of a table are registered."""
    return f"stored_{name.replace('.', '_')}"
