"""Instances of DuckDB with all views over the tables, in which only the rows are missing.

Making the views takes longer than most readings, so an instance is kept. It is made anew after some
uses, since it keeps some 4 kB of each join until it is closed.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from threading import Lock

from forecast_assets.store.delta.visible import in_order, seen, stored_as
from forecast_assets.store.sql.confined import confined
from forecast_assets.store.sql.database import Connection
from forecast_assets.store.sql.definitions import (
    MAKE_SCHEMAS,
    as_of_definitions,
    view_definition,
)
from forecast_assets.store.tables import tables
from forecast_assets.store.tables.table import CATALOG, Table

USES = 64
"""After so many uses an instance is made anew."""


@dataclass
class Frames:
    """The instance that this process keeps for each horizon and limit of memory."""

    _kept: dict[tuple[int, str], tuple[Connection, int]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    @contextmanager
    def use(self, horizon: int, memory_limit: str) -> Iterator[Connection]:
        """A connection with views; the rows of each table are still to be registered in it."""
        key = horizon, memory_limit
        with self._lock:
            base, uses = self._kept.get(key, (None, 0))
            if base is None or uses == USES:
                base, uses = with_views(horizon, memory_limit), 0
            self._kept[key] = base, uses + 1
            connection = base.cursor()
        with closing(connection):
            connection.execute(f"USE {CATALOG}")
            yield connection


FRAMES = Frames()
"""Those of this process."""


def empty(memory_limit: str) -> Connection:
    """A connection without tables, with the name that all have before theirs."""
    connection = confined(memory_limit=memory_limit)
    connection.execute(f"ATTACH ':memory:' AS {CATALOG}; USE {CATALOG}")
    for statement in MAKE_SCHEMAS:
        connection.execute(statement)
    return connection


def with_views(horizon: int, memory_limit: str) -> Connection:
    """A connection with a view for each table and view that is declared."""
    connection = empty(memory_limit)
    declared = stored_tables(horizon)
    for name, table in declared.items():
        connection.register(stored_as(name), table.schema.empty_table())
    for name in in_order(declared):
        connection.execute(f"CREATE VIEW {name} AS {seen(name, declared[name])}")
    define_views(connection, horizon)
    return connection


def define_views(connection: Connection, horizon: int) -> None:
    """Make the views and macros over tables that there are."""
    for table in tables(horizon).values():
        if table.view:
            connection.execute(view_definition(table, horizon))
    for statement in as_of_definitions(CATALOG):
        connection.execute(statement)


def stored_tables(horizon: int) -> dict[str, Table]:
    """The tables that are stored, by their names without the catalog."""
    return {
        f"{table.room}.{table.short_name}": table
        for table in tables(horizon).values()
        if not table.view
    }
