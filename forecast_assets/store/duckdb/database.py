"""The DuckDB file: short connections, whole transactions, and patience with locks."""

from collections.abc import Callable, Hashable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import time_ns
from typing import TypeVar

import duckdb

from forecast_assets.errors import StoreError
from forecast_assets.store.duckdb.engine import ENGINES, Engine
from forecast_assets.store.duckdb.file_names import catalog_of, log_of
from forecast_assets.store.duckdb.migrations import SCHEMA, backed_up, schema_of, upgrade
from forecast_assets.store.patience import Patience, Told
from forecast_assets.store.readings import Read
from forecast_assets.store.sql.confined import confined, confined_to
from forecast_assets.store.sql.database import Connection
from forecast_assets.store.sql.names import quoted
from forecast_assets.store.sql.writes import Write
from forecast_assets.timeline.clock import now

Result = TypeVar("Result")

SECOND_NS = 1_000_000_000

FINE_TICK_NS, COARSE_TICK_NS = SECOND_NS // 20, 2 * SECOND_NS
"""Longer than any tick of the clock by which systems stamp files, or as long.

It is 0.01 s at most where stamps have fractions of a second. FAT, HFS+, ext3 and some servers of
NFS stamp only to one or two seconds.
"""


@dataclass(frozen=True)
class Database:
    """One DuckDB file and the tables that it must have.

    A connection is open only while it reads or writes, since a process that has the file open for
    writing locks out all others. ``patience``: how long to wait for a locked file. ``told``: a
    function to tell of waits, in addition to that of ``patience``.
    """

    path: Path
    definitions: tuple[str, ...]
    memory_limit: str = "512MB"
    patience: Patience = field(default_factory=lambda: Patience(120.0))
    told: Told | None = None

    @property
    def place(self) -> str:
        """Where the tables are, for users."""
        return str(self.path)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a read-only connection; if the file lacks tables, they are made first.

        If there is no file, none is made, and the tables are empty.
        """
        with self._told_as_ours(), ExitStack() as stack:
            if not self.path.exists():
                yield stack.enter_context(closing(self._empty()))
                return
            connection = stack.enter_context(self._opened(read_only=True))
            if not self._is_whole(connection):
                stack.close()
                with self.writing():
                    pass
                connection = stack.enter_context(self._opened(read_only=True))
            yield connection

    def write(self, write: Write, change: Callable[[Connection], Result]) -> Result:
        """Have ``change`` write in one transaction, which needs no order of its tables."""
        with self.writing() as connection:
            return change(connection)

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Open one transaction; it is committed at the end, and rolled back on any error."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._told_as_ours(), self._opened(read_only=False) as connection:
            backup = None
            if self._engine.defined == self._state:
                connection.begin()
            else:
                backup = self._begin_defined(connection)
            with _kept_if_committed(backup):
                yield connection
                self._engine.readings.forget()
                self._engine.commit(connection)
        self._engine.defined = self._engine.whole = self._state

    def at_rest(self, key: Hashable, read: Callable[[Connection], Read]) -> Read:
        """What is read of the file; while the file rests, it is read once.

        ``key``: names what is read.
        """
        there = self.path.exists()
        with self.reading() as connection:
            state = self._settled() if there else None
            if state is None:
                return read(connection)
            return self._engine.readings.of(key, state, lambda: read(connection))

    def _settled(self) -> str | None:
        """The token of a file that is open for reading; None if it was written a moment ago.

        Two writes within one tick of the system's clock have the same token. So a token tells only
        the state of a file whose last write is longer ago than a tick. A stamp without a fraction
        is taken for one of a file system that has none.
        """
        token, at = self.token(), time_ns()
        files = [file for file in (self.path, log_of(self.path)) if file.exists()]
        return token if all(_rests(file.stat().st_mtime_ns, at) for file in files) else None

    def require_free(self) -> None:
        """Raise StoreLocked if another program keeps the file from being written.

        No row is changed. What a killed process has left in a log is merged into the file.
        """
        if self.path.exists():
            engine = self._engine
            with self._told_as_ours():
                engine.close(self._connected(engine, read_only=False, saving=False))

    def _begin_defined(self, connection: Connection) -> Path | None:
        """Begin a transaction in which the file has all tables, those of an older release upgraded.

        A file that is upgraded is copied before; returns the copy. Raises StoreError for a file of
        a newer release.
        """
        schema = schema_of(connection, self.path)
        if schema is None or schema == SCHEMA:
            connection.begin()
            for definition in self.definitions:
                connection.execute(definition)
            return None
        self._engine.checkpoint(connection)  # the copy is to have what is in the log
        at = now()
        backup = backed_up(self.path, schema, at, self.tell)
        with _kept_if_committed(backup):
            connection.begin()
            upgrade(connection, self.definitions, schema, at, backup)
        return backup

    def tell(self, line: str) -> None:
        """Say something about a wait, to those who are told of waits for the file."""
        for told in (self.patience.told, self.told):
            if told is not None:
                told(line)

    def token(self) -> str:
        """A text that is different whenever the file or its log has changed."""
        return " ".join(_stamp(file) for file in (self.path, log_of(self.path)))

    def _empty(self) -> Connection:
        """Empty tables without a file, with the catalog name that the file would have."""
        name = quoted(catalog_of(self.path))
        connection = confined(memory_limit=self.memory_limit)
        connection.execute(f"ATTACH ':memory:' AS {name}; USE {name}")
        for definition in self.definitions:
            connection.execute(definition)
        return connection

    @property
    def _engine(self) -> Engine:
        """What the file is attached to, and what it knows of the file."""
        return ENGINES.of(self.path, self.memory_limit)

    @property
    def _state(self) -> tuple[tuple[str, ...], str]:
        """What the tables should be, and a token of what the file is."""
        return self.definitions, self.token()

    def _is_whole(self, connection: Connection) -> bool:
        """Whether the file has all tables; it is looked into once in each of its states.

        A look takes longer than most readings, since DuckDB has to build its whole catalogue.
        """
        engine, state = self._engine, self._state
        if engine.whole != state and self._has_tables(connection):
            engine.whole = state
        return engine.whole == state

    def _has_tables(self, connection: Connection) -> bool:
        """Whether the file has all tables; an older release or a killed process may lack some.

        Raises StoreError for a file of a newer release.
        """
        if schema_of(connection, self.path) != SCHEMA and self.definitions:
            return False
        due = sum("TABLE IF" in each or "VIEW IF" in each for each in self.definitions)
        counted = connection.execute(
            "SELECT count(*) >= ? FROM information_schema.tables"
            " WHERE table_schema IN ('market', 'forecast')",
            [due],
        ).fetchall()
        return counted == [(True,)]

    @contextmanager
    def _opened(self, *, read_only: bool) -> Iterator[Connection]:
        """Open a connection to the file, as soon as no other process locks it."""
        engine = self._engine
        connection = self._connected(engine, read_only=read_only, saving=not read_only)
        try:
            yield connection
        finally:
            engine.close(connection)

    def _connected(self, engine: Engine, *, read_only: bool, saving: bool) -> Connection:
        """A connection; ``saving``: whether there is something that would be lost without it."""
        return self.patience.open(
            self.path,
            lambda: engine.open(read_only=read_only),
            writing=saving,
            also=self.told,
        )

    @contextmanager
    def _told_as_ours(self) -> Iterator[None]:
        """Turn errors of DuckDB into a StoreError that names the file."""
        try:
            yield
        except duckdb.Error as error:
            raise StoreError(f"{self.path}: {' '.join(str(error).split())}") from error


@contextmanager
def _kept_if_committed(backup: Path | None) -> Iterator[None]:
    """Delete a backup if an error undoes the upgrade: each attempt would leave another."""
    try:
        yield
    except BaseException:
        if backup is not None:
            backup.unlink(missing_ok=True)
        raise


def holds_rows(path: Path) -> bool:
    """Whether any table in a file has a row; True also if the file cannot be read now.

    A file cannot be read while another process writes it, or if another program made it. Marks and
    schemas do not count, since the first of them are made together with the tables.
    """
    if not path.is_file():
        return False
    try:
        with closing(confined_to(path)) as connection:
            tables = connection.execute(
                "SELECT database_name, schema_name, table_name FROM duckdb_tables()"
                " WHERE NOT internal AND NOT temporary"
                " AND table_name NOT IN ('marks', 'schema_versions')"
            ).fetchall()
            return any(
                connection.execute(f"FROM {'.'.join(map(quoted, table))} LIMIT 1").fetchall()
                for table in tables
            )
    except duckdb.Error:
        return True


def _rests(stamp_ns: int, at_ns: int) -> bool:
    """Whether a file with this stamp was written before the tick of a moment, and so only once."""
    tick = FINE_TICK_NS if stamp_ns % SECOND_NS else COARSE_TICK_NS
    return stamp_ns < at_ns - tick


def _stamp(file: Path) -> str:
    """A text that changes when a file is written or replaced; "none" without a file."""
    try:
        found = file.stat()
    except FileNotFoundError:
        return "none"
    return f"{found.st_ino}:{found.st_size}:{found.st_mtime_ns}"
