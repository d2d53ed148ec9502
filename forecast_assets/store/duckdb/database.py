"""The DuckDB file: short connections, whole transactions, and patience with locks."""

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from forecast_assets.errors import StoreError
from forecast_assets.store.duckdb.engine import ENGINES
from forecast_assets.store.patience import Patience, Told

Connection = duckdb.DuckDBPyConnection


@dataclass(frozen=True)
class Database:
    """One DuckDB file and the tables that it must have.

    A connection is open only while it reads or writes, since a process that holds the file
    read-write locks out every other one. ``patience`` says how long a locked file is waited for;
    ``told`` hears of it, beside whom that tells.
    """

    path: Path
    definitions: tuple[str, ...]
    memory_limit: str = "512MB"
    patience: Patience = field(default_factory=lambda: Patience(120.0))
    told: Told | None = None

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A read-only connection; tables are made first in a file that lacks some.

        Where there is no file none is made: the tables are empty.
        """
        with self._told_as_ours(), ExitStack() as stack:
            if not self.path.exists():
                yield stack.enter_context(closing(self._empty()))
                return
            connection = stack.enter_context(self._opened(read_only=True))
            if not self._has_tables(connection):
                stack.close()
                with self.writing():
                    pass
                connection = stack.enter_context(self._opened(read_only=True))
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction: committed at the end; on any error, closing takes it back."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._told_as_ours(), self._opened(read_only=False) as connection:
            connection.begin()
            for definition in self.definitions:
                connection.execute(definition)
            yield connection
            connection.commit()

    @property
    def log(self) -> Path:
        """What a killed process had committed, until the file is opened again."""
        return self.path.with_name(f"{self.path.name}.wal")

    def token(self) -> str:
        """Another text whenever the tables may have changed: when the file, or its log, did."""
        return " ".join(_stamp(file) for file in (self.path, self.log))

    def _empty(self) -> Connection:
        """The tables of no file, under the name that those of the file would have."""
        name = self.path.name.partition(".")[0].replace('"', '""')
        connection = duckdb.connect(config={"memory_limit": self.memory_limit})
        connection.execute(f"""ATTACH ':memory:' AS "{name}"; USE "{name}";""")
        for definition in self.definitions:
            connection.execute(definition)
        return connection

    def _has_tables(self, connection: Connection) -> bool:
        """Whether all tables are there: not if an older release, or a killed process, made it."""
        due = sum("TABLE IF" in each or "VIEW IF" in each for each in self.definitions)
        counted = connection.execute(
            "SELECT count(*) >= ? FROM information_schema.tables"
            " WHERE table_schema IN ('market', 'forecast')",
            [due],
        ).fetchall()
        return counted == [(True,)]

    @contextmanager
    def _opened(self, *, read_only: bool) -> Iterator[Connection]:
        """A connection to the file, as soon as nobody keeps it from us."""
        engine = ENGINES.of(self.path, self.memory_limit)
        connection = self.patience.open(
            self.path,
            lambda: engine.open(read_only=read_only),
            writing=not read_only,
            also=self.told,
        )
        try:
            yield connection
        finally:
            engine.close(connection)

    @contextmanager
    def _told_as_ours(self) -> Iterator[None]:
        """Raise StoreError, with the file, where DuckDB raises an error of its own."""
        try:
            yield
        except duckdb.Error as error:
            raise StoreError(f"{self.path}: {error}") from error


def holds_rows(path: Path) -> bool:
    """Whether any table in a file has a row; so it is taken where the file cannot be read now.

    It cannot while another process writes it, or where another program made it. Marks do not count:
    the first is made with the tables.
    """
    try:
        with closing(duckdb.connect(path, read_only=True)) as connection:
            tables = connection.execute(
                "SELECT database_name, schema_name, table_name FROM duckdb_tables()"
                " WHERE NOT internal AND NOT temporary AND table_name <> 'marks'"
            ).fetchall()
            return any(
                connection.execute(f"FROM {'.'.join(map(_quoted, table))} LIMIT 1").fetchall()
                for table in tables
            )
    except duckdb.Error:
        return True


def _stamp(file: Path) -> str:
    """What differs once a file is written or put in another's place; "none" without a file."""
    try:
        found = file.stat()
    except FileNotFoundError:
        return "none"
    return f"{found.st_ino}:{found.st_size}:{found.st_mtime_ns}"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
