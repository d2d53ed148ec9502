"""Instances of DuckDB with all views over the tables, in which only the rows are missing.

Making the views takes longer than most readings, so an instance is kept. It is made anew after some
uses, since it keeps some 4 kB of each join until it is closed.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from threading import Lock

from forecast_assets.store.delta.layout import stored_tables
from forecast_assets.store.delta.visible import in_order, stored_as, view_of_seen
from forecast_assets.store.sql.confined import confined
from forecast_assets.store.sql.database import Connection
from forecast_assets.store.sql.definitions import (
    MAKE_SCHEMAS,
    as_of_definitions,
    view_definition,
)
from forecast_assets.store.tables import tables
from forecast_assets.store.tables.table import CATALOG

USES = 64
"""After so many uses an instance is made anew."""

MOST = 4
"""How many instances are kept that nobody uses."""


@dataclass
class Frame:
    """An instance with views. ``uses``: how often it was lent."""

    base: Connection
    uses: int = 0


@dataclass
class Frames:
    """The instances that this process keeps, for each horizon and limit of memory."""

    _idle: dict[tuple[int, str], list[Frame]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    @contextmanager
    def lend(self, horizon: int, memory_limit: str) -> Iterator[Connection]:
        """A connection with views; the rows of each table are still to be registered in it.

        Nobody else uses its instance. What is not committed in it is rolled back in the end.
        """
        with self._lock:
            idle = self._idle.setdefault((horizon, memory_limit), [])
            frame = idle.pop() if idle else None
        frame = frame or Frame(with_views(horizon, memory_limit))
        frame.uses += 1
        with closing(frame.base.cursor()) as connection:
            connection.execute(f"USE {CATALOG}")
            yield connection
        with self._lock:
            if frame.uses < USES and len(idle) < MOST:
                idle.append(frame)


FRAMES = Frames()
"""Those of this process."""


def with_views(horizon: int, memory_limit: str) -> Connection:
    """A connection with a view for each table and view that is declared."""
    connection = confined(memory_limit=memory_limit)
    connection.execute(f"ATTACH ':memory:' AS {CATALOG}; USE {CATALOG}")
    for statement in MAKE_SCHEMAS:
        connection.execute(statement)
    declared = stored_tables(horizon)
    for name, table in declared.items():
        connection.register(stored_as(name), table.schema.empty_table())
    for name in in_order(declared):
        connection.execute(view_of_seen(name, declared[name]))
    for table in tables(horizon).values():
        if table.view:
            connection.execute(view_definition(table, horizon))
    for statement in as_of_definitions(CATALOG):
        connection.execute(statement)
    return connection
