"""The SQL statements that make missing tables, and the views over the tables."""

from functools import cache

from forecast_assets.store.sql import (
    feature_table,
    point_table,
    price_table,
    publication_table,
    revision_view,
    score_table,
    superseded_table,
    target_view,
)
from forecast_assets.store.tables import tables
from forecast_assets.store.tables.table import (
    Before,
    Column,
    Complete,
    ExactlyOne,
    Never,
    OneOf,
    Rule,
    Table,
    Together,
)

MAKE_SCHEMAS = ("CREATE SCHEMA IF NOT EXISTS market", "CREATE SCHEMA IF NOT EXISTS forecast")


@cache
def definitions(horizon: int, catalog: str) -> tuple[str, ...]:
    """The statements, in an order in which they can be executed.

    ``catalog``: the name of the database when it is opened.
    """
    statements = [*MAKE_SCHEMAS]
    for table in tables(horizon).values():
        statements += [view_definition(table, horizon)] if table.view else table_definitions(table)
    return (*statements, *as_of_definitions(catalog))


def view_definition(view: Table, horizon: int) -> str:
    """The statement that makes a view over tables that there are."""
    queries = {
        "commodity.market.prices": price_table.NEWEST,
        "commodity.market.price_moves": price_table.MOVES,
        "commodity.forecast.point_forecasts": point_table.with_actuals(horizon),
        "commodity.forecast.point_forecasts_by_target": target_view.BY_TARGET,
        "commodity.forecast.revised_forecasts": revision_view.REVISED,
        "commodity.forecast.skill": score_table.SKILL,
        "commodity.forecast.publications": publication_table.CURRENT,
        "commodity.forecast.published_distributions": publication_table.PUBLISHED,
    }
    return f"CREATE VIEW IF NOT EXISTS {view.room}.{view.short_name} AS {queries[view.name]}"


def as_of_definitions(catalog: str) -> tuple[str, ...]:
    """The statements that make the macros of tables as they were at a moment."""
    dated = (price_table, feature_table, superseded_table, publication_table)
    return tuple(each.as_of_definition(catalog) for each in dated)


def table_definitions(table: Table) -> list[str]:
    """The statements that make one table, and that add the columns an older release lacks."""
    name = f"{table.room}.{table.short_name}"
    parts = [_column(each) for each in table.columns]
    if table.key:
        parts.append(f"PRIMARY KEY ({_listed(table.key)})")
    parts += [f"CHECK ({condition(rule)})" for rule in table.rules]
    added = [_column(each) for each in table.columns if each.added_later]
    return [
        f"CREATE TABLE IF NOT EXISTS {name} ({', '.join(parts)})",
        *(f"ALTER TABLE {name} ADD COLUMN IF NOT EXISTS {column}" for column in added),
    ]


def _column(column: Column) -> str:
    return f'"{column.name}" {column.sql_type}{"" if column.nullable else " NOT NULL"}'


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def condition(rule: Rule) -> str:
    """A rule as the condition of a CHECK constraint."""
    match rule:
        case Before(earlier, later, or_equal):
            return f'"{later}" {">=" if or_equal else ">"} "{earlier}"'
        case OneOf(column, texts):
            return f'"{column}" IN ({", ".join(map(repr, texts))})'
        case Never(column):
            return f'NOT "{column}"'
        case Complete(columns, unless):
            whole = " AND ".join(f'"{column}" IS NOT NULL' for column in columns)
            return f'"{unless}" OR ({whole})'
        case Together(first, second):
            return f'("{first}" IS NULL) = ("{second}" IS NULL)'
        case ExactlyOne(first, second):
            return f'("{first}" IS NULL) <> ("{second}" IS NULL)'
