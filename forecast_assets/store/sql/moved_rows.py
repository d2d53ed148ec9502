"""Rows that are taken over from other tables, compared with those that are there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from forecast_assets.errors import StoreError
from forecast_assets.store.contract import Compared, Condition
from forecast_assets.store.sql.database import Connection, Database
from forecast_assets.store.sql.reading import DuckDBReading
from forecast_assets.store.sql.writes import SHARED, Write
from forecast_assets.store.tables import tables
from forecast_assets.store.tables.table import Table

OTHER = "SELECT count(*) FROM (FROM there EXCEPT ALL FROM arriving)"
"""How many rows that are there are not among those that arrive."""

MARKS = (
    "DELETE FROM market.marks WHERE mark NOT IN (SELECT mark FROM arriving)",
    "INSERT OR REPLACE INTO market.marks BY NAME FROM arriving",
)

SCHEMAS = "INSERT OR REPLACE INTO market.schema_versions BY NAME FROM arriving"

UPGRADED = """
    INSERT OR REPLACE INTO market.schema_versions BY NAME
    SELECT arriving.* FROM arriving LEFT JOIN market.schema_versions AS ours USING (schema_version)
    WHERE arriving.backup IS NOT NULL AND (ours.backup IS NULL OR ours.since < arriving.since)
"""
"""Tables that were upgraded keep some things only since then; so do those that take their rows."""

OTHER_MEANING = """
    SELECT DISTINCT model_version FROM (FROM there EXCEPT ALL FROM arriving)
    WHERE model_version IN (SELECT model_version FROM arriving) ORDER BY ALL
"""


@dataclass(frozen=True)
class DuckDBMovedRows:
    """Rows that are taken over by statements of DuckDB."""

    database: Database
    horizon: int

    def compare(
        self, rows: Mapping[str, pa.Table], where: Sequence[Condition]
    ) -> dict[str, Compared]:
        """Compare rows with those in the tables."""
        with self.database.reading() as connection:
            reading = DuckDBReading(connection, self.database.place)
            return {
                name: self._compared(connection, reading, name, arriving, where)
                for name, arriving in rows.items()
            }

    def take(
        self,
        write: Write,
        rows: Mapping[str, pa.Table],
        where: Sequence[Condition],
    ) -> dict[str, int]:
        """Add the rows that the tables lack, in one write."""

        def change(connection: Connection) -> dict[str, int]:
            reading = DuckDBReading(connection, self.database.place)
            taken = {}
            for name, arriving in rows.items():
                found = self._compared(connection, reading, name, arriving, where)
                if found.other:
                    raise StoreError(
                        f"{self.database.place}: {name} has {found.other} other rows: another"
                        " program has written them meanwhile"
                    )
                _insert(connection, tables(self.horizon)[name], found)
                taken[name] = found.new
            return taken

        return self.database.write(write, change)

    def take_shared(self, rows: Mapping[str, pa.Table], *, fresh: bool) -> dict[str, int]:
        """Add versions, schemas and marks, as far as the tables lack them."""
        versions, schemas, marks = (f"commodity.{name}" for name in SHARED.changed)

        def change(connection: Connection) -> dict[str, int]:
            reading = DuckDBReading(connection, self.database.place)
            found = self._compared(connection, reading, versions, rows[versions], ())
            _require_same_meanings(connection, self.database.place)
            _insert(connection, tables(self.horizon)[versions], found)
            connection.register("arriving", rows[schemas])
            connection.execute(SCHEMAS if fresh else UPGRADED)
            if not fresh:
                return {versions: found.new}
            connection.register("arriving", rows[marks])
            for statement in MARKS:
                connection.execute(statement)
            return {versions: found.new, schemas: len(rows[schemas]), marks: len(rows[marks])}

        return self.database.write(SHARED, change)

    def _compared(
        self,
        connection: Connection,
        reading: DuckDBReading,
        name: str,
        arriving: pa.Table,
        where: Sequence[Condition],
    ) -> Compared:
        """Compare rows, which are ``arriving`` and ``there`` in statements from then on."""
        columns = tables(self.horizon)[name].schema.names
        there = reading.read(name, columns, where)
        connection.register("arriving", arriving.select(columns))
        connection.register("there", there)
        other = 0
        if len(there):
            ((other,),) = connection.execute(OTHER).fetchall()
        same = len(there) - int(other)
        return Compared(len(arriving) - same, same, int(other))


def _insert(connection: Connection, table: Table, found: Compared) -> None:
    """Insert the rows that arrive and are not there; without any there, they are not compared."""
    rows = "FROM arriving EXCEPT ALL FROM there" if found.same or found.other else "FROM arriving"
    connection.execute(f"INSERT INTO {table.room}.{table.short_name} BY NAME {rows}")


def _require_same_meanings(connection: Connection, place: str) -> None:
    """Raise StoreError if pins that are there differ from those that arrive of their version."""
    found = connection.execute(OTHER_MEANING).fetchall()
    if found:
        raise StoreError(
            f"{place}: {', '.join(name for (name,) in found)}: these tables pin another meaning of"
            " this model version; nothing was taken: import into new tables"
        )
