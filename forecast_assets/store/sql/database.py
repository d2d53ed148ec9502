"""What the statements need of an engine: connections to read with, and writes as a whole."""

from collections.abc import Callable, Hashable
from contextlib import AbstractContextManager
from typing import Protocol, TypeVar

import duckdb

from forecast_assets.store.readings import Read
from forecast_assets.store.sql.writes import Write

Connection = duckdb.DuckDBPyConnection
Result = TypeVar("Result")


class Database(Protocol):
    """Tables behind connections of DuckDB, in the schemas ``market`` and ``forecast``."""

    @property
    def place(self) -> str:
        """Where the tables are, for users."""

    def reading(self) -> AbstractContextManager[Connection]:
        """A connection to read with, in which all tables are as they are at one moment."""

    def write(self, write: Write, change: Callable[[Connection], Result]) -> Result:
        """Have ``change`` write by a connection, whole or not at all; return what it returns.

        ``change`` may be called again, with the tables as they are then, if another program has
        written them meanwhile.
        """

    def at_rest(self, key: Hashable, read: Callable[[Connection], Read]) -> Read:
        """What is read of the tables; while they rest, it is read once. ``key``: names it."""
