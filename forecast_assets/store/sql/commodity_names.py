"""The names of commodities in all tables that have a column of them, and in what is pinned."""

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from forecast_assets.store.sql.database import Connection, Database
from forecast_assets.store.sql.names import quoted
from forecast_assets.store.sql.pin_table import rename_in_pins
from forecast_assets.store.sql.writes import RENAMING
from forecast_assets.timeline.clock import now

KNOWN = """
    SELECT commodity FROM market.price_revisions
    UNION SELECT commodity FROM forecast.trained_models
    UNION SELECT commodity FROM forecast.forecasts
    ORDER BY ALL
"""

TABLES = """
    SELECT schema_name, table_name, list(column_name) AS columns, any_value(keyed) AS keyed
    FROM duckdb_columns()
    JOIN (
        SELECT table_oid, schema_name || '.' || table_name IN (
            SELECT schema_name || '.' || table_name FROM duckdb_constraints()
            WHERE constraint_type IN ('PRIMARY KEY', 'UNIQUE')) AS keyed
        FROM duckdb_tables() WHERE schema_name IN ('market', 'forecast')
    ) USING (table_oid)
    GROUP BY ALL HAVING list_contains(columns, 'commodity')
    ORDER BY ALL
"""

RENAMED = {
    "commodity": "$new",
    "model_id": "if(starts_with(model_id, $old || '_'),"
    " $new || substr(model_id, length($old) + 1), model_id)",
}
"""The new values of the columns that contain a commodity's name."""

LOG = """
    INSERT INTO market.commodity_renames BY NAME
    SELECT $new AS commodity, $old AS old_name, $now AS renamed_at
"""

FINGERPRINTS = ("data_fingerprint", "history_fingerprint")
"""The columns with the fingerprint of a history, which covers its commodity's name."""


@dataclass(frozen=True)
class DuckDBCommodityNames:
    """The names of commodities in DuckDB."""

    database: Database

    def known(self) -> list[str]:
        """All commodities that have prices, models or forecasts, in order."""
        with self.database.reading() as connection:
            return [name for (name,) in connection.execute(KNOWN).fetchall()]

    def rename(self, old: str, new: str, fingerprints: Mapping[str, str]) -> dict[str, int]:
        """Give all rows of ``old`` the name ``new``; return the number of rows by table."""

        def change(connection: Connection) -> dict[str, int]:
            moved = {}
            prints = {"old": list(fingerprints), "new": list(fingerprints.values())}
            connection.register("prints", pa.table(prints, schema=PRINTS))
            for schema, table, columns, keyed in connection.execute(TABLES).fetchall():
                name = f"{quoted(schema)}.{quoted(table)}"
                rows = _renamed(connection, name, columns, old, new, keyed=keyed)
                for column in [each for each in FINGERPRINTS if each in columns]:
                    _reprint(connection, name, column, new)
                if rows:
                    moved[f"{schema}.{table}"] = rows
            if rows := rename_in_pins(connection, old, new):
                moved["forecast.versions"] = rows
            connection.execute(LOG, {"old": old, "new": new, "now": now()})
            return moved

        return self.database.write(RENAMING.of(old, new), change)


PRINTS = pa.schema([("old", pa.string()), ("new", pa.string())])


def _renamed(
    connection: Connection, table: str, columns: list[str], old: str, new: str, *, keyed: bool
) -> int:
    """Rename in one table, by an update or, in a table without a key, by copying the rows.

    An update keeps all changed rows in memory, which would be too much for paths.
    """
    changed = {column: text for column, text in RENAMED.items() if column in columns}
    names = {"old": old, "new": new}
    mine = f"FROM {table} WHERE commodity = $old"
    ((rows,),) = connection.execute(f"SELECT count(*) {mine}", {"old": old}).fetchall()
    if keyed:
        values = ", ".join(f"{column} = {text}" for column, text in changed.items())
        update = f"UPDATE {table} SET {values} WHERE commodity = $old"  # noqa: S608 - the catalog's
        connection.execute(update, names)
    else:
        values = ", ".join(f"{text} AS {column}" for column, text in changed.items())
        connection.execute(f"INSERT INTO {table} SELECT * REPLACE ({values}) {mine}", names)
        connection.execute(f"DELETE {mine}", {"old": old})
    return int(rows)


def _reprint(connection: Connection, table: str, column: str, commodity: str) -> None:
    update = f"""
        UPDATE {table} SET {column} = prints.new FROM prints
        WHERE commodity = $commodity AND {column} = prints.old
    """  # noqa: S608 - names of the catalog
    connection.execute(update, {"commodity": commodity})
