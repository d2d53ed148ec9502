"""The DuckDB file: short connections, whole transactions, and patience with locks."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
from tenacity import (
    RetryError,
    Retrying,
    retry_if_exception,
    stop_after_delay,
    wait_random_exponential,
)

from forecast_assets.errors import StoreError, StoreLocked

Connection = duckdb.DuckDBPyConnection

LONGEST_WAIT_SECONDS = 2.0
"""Longest pause between two attempts at a locked file."""


@dataclass(frozen=True)
class Database:
    """One DuckDB file and the tables that it must have.

    A connection is open only while it reads or writes, since a process that holds the file
    read-write locks out every other one.
    """

    path: Path
    definitions: tuple[str, ...]
    memory_limit: str = "512MB"
    lock_timeout_seconds: float = 120.0

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A read-only connection; file and tables are made first where they do not exist."""
        connection = self._open(read_only=True) if self.path.exists() else None
        if connection is None or not self._has_tables(connection):
            if connection is not None:
                connection.close()
            with self.writing():
                pass
            connection = self._open(read_only=True)
        with closing(connection):
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction: committed at the end; on any error, closing takes it back."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with closing(self._open(read_only=False)) as connection:
            connection.begin()
            for definition in self.definitions:
                connection.execute(definition)
            yield connection
            connection.commit()

    def _has_tables(self, connection: Connection) -> bool:
        """Whether all tables are there: not if an older release, or a killed process, made it."""
        due = sum("TABLE IF" in each or "VIEW IF" in each for each in self.definitions)
        counted = connection.execute(
            "SELECT count(*) >= ? FROM information_schema.tables"
            " WHERE table_schema IN ('market', 'forecast')",
            [due],
        ).fetchall()
        return counted == [(True,)]

    def _open(self, *, read_only: bool) -> Connection:
        return self._patiently(
            lambda: duckdb.connect(
                self.path, read_only=read_only, config={"memory_limit": self.memory_limit}
            )
        )

    def _patiently(self, connect: Callable[[], Connection]) -> Connection:
        attempts = Retrying(
            retry=retry_if_exception(_is_lock),
            wait=wait_random_exponential(multiplier=0.05, max=LONGEST_WAIT_SECONDS),
            stop=stop_after_delay(self.lock_timeout_seconds),
        )
        try:
            return attempts(connect)
        except RetryError as error:
            raise StoreLocked(
                f"{self.path}: another process kept this file for {self.lock_timeout_seconds:g} s:"
                f" {error.last_attempt.exception()}; nothing was written"
            ) from error
        except duckdb.Error as error:
            raise StoreError(f"{self.path}: {error}") from error


def _is_lock(error: BaseException) -> bool:
    """Whether another connection holds the file in a way that excludes this one."""
    if isinstance(error, duckdb.IOException):
        return "lock" in str(error).lower()
    return isinstance(error, duckdb.ConnectionException) and "different configuration" in str(error)
