"""What the statements need of an engine: connections to read with, and writes as a whole."""

from collections.abc import Callable, Hashable
from contextlib import AbstractContextManager
from typing import Protocol, TypeVar

import duckdb
import pyarrow as pa

from forecast_assets.store.sql.writes import Write

Connection = duckdb.DuckDBPyConnection
Made = TypeVar("Made")
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

    def made_rows(
        self,
        key: Hashable | None,
        read: Callable[[Connection], pa.Table],
        make: Callable[..., Made],
    ) -> list[Made]:
        """An object for each row of a query, as ``MadeRows`` has it.

        ``key``: names the query; None for one that is so small that nothing of it is kept.
        """
