"""What readers see of each table: the rows that a commit marker names.

Rows that none names are those of a write that goes on, or whose process was killed.
"""

from collections.abc import Mapping

from forecast_assets.store.sql.definitions import table_definitions
from forecast_assets.store.tables.table import Table

FORECAST = "commodity, model_name, model_version, data_cutoff_date"

CONDITIONS: Mapping[str, str] = {
    "market.price_words": """
        WHERE word <> 'withdrawn' OR EXISTS (
            FROM market.price_revisions AS told
            WHERE told.commodity = stored.commodity AND told.date = stored.date
                AND told.ingested_at = stored.said_at
        )""",
    "market.superseded_features": """
        ANTI JOIN market.features USING (commodity, date, covariate, created_at)""",
    "forecast.distributions": f"SEMI JOIN forecast.forecasts USING ({FORECAST})",
    "forecast.point_estimates": f"SEMI JOIN forecast.forecasts USING ({FORECAST})",
    "forecast.superseded_forecasts": f"""
        ANTI JOIN forecast.forecasts USING ({FORECAST}, issued_at)""",
    "forecast.superseded_point_forecasts": f"""
        SEMI JOIN forecast.superseded_forecasts USING ({FORECAST}, revision)""",
    "forecast.path_scores": f"SEMI JOIN forecast.scores USING ({FORECAST})",
    "forecast.published_outlooks": f"""
        SEMI JOIN forecast.publication_log USING ({FORECAST}, entry)""",
}
"""What leaves out the rows of a table that no marker names; after those that they depend on."""


def in_order(names: Mapping[str, Table]) -> list[str]:
    """The names of tables, each after those that tell which of its rows are seen."""
    return [*(name for name in names if name not in CONDITIONS), *CONDITIONS]


def view_of_seen(name: str, table: Table) -> str:
    """A statement that makes a view of the rows of a table that are seen."""
    return f"CREATE VIEW {name} AS {all_stored(name, table)} {CONDITIONS.get(name, '')}"


def in_place_of_a_view(name: str, table: Table) -> tuple[str, str]:
    """The statements that make a table where its view was."""
    return f"DROP VIEW {name}", table_definitions(table)[0]


def loaded(name: str, table: Table, where: str) -> str:
    """A statement that puts stored rows into a table in DuckDB."""
    return f"INSERT INTO {name} BY NAME {all_stored(name, table)} WHERE {where}"


def unnamed(name: str) -> str:
    """A statement that deletes those rows of a table in DuckDB that are not seen."""
    named = f"SELECT stored.rowid FROM {name} AS stored {CONDITIONS.get(name, '')}"  # noqa: S608
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
