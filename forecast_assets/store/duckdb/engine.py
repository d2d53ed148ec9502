"""DuckDB engines of this process: one a file, which the file is attached to while it is used.

To start an engine takes ten times as long as to attach a file to one that runs (20 against 2 ms),
and a run reads a hundred times. So engines are kept, without a file and without any lock.
"""

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

import duckdb

from forecast_assets.store.duckdb.lock import holder_of
from forecast_assets.store.patience import Kept

MOST = 4
"""Engines that a process keeps: more files than this are rarely used in turn."""

OPEN_FILES = Path("/dev/fd")
"""The open files of this process, where the system has such a folder."""


class Engine:
    """DuckDB without tables of its own, and a file that is attached while somebody uses it.

    Threads that read share the file, as do threads that write; the two exclude each other.
    """

    def __init__(self, path: Path, memory_limit: str) -> None:
        """Start it. ``path``: absolute; the file may not be there yet."""
        self.path = path
        self.catalog = _quoted(path.name.partition(".")[0])
        self._users = 0
        self._read_only = True
        self._lock = Lock()
        self._base = duckdb.connect(
            config={"memory_limit": memory_limit, "temp_directory": f"{path}.tmp"}
        )

    def open(self, *, read_only: bool) -> duckdb.DuckDBPyConnection:
        """A connection to the file, to be given back to ``close``.

        Raises Kept where another process keeps the file, or this one has it open in another mode
        or outside of this engine, and duckdb.Error for a file that cannot be opened.
        """
        with self._lock:
            if self._users == 0:
                self._attach(read_only=read_only)
            elif read_only != self._read_only:
                raise Kept("this very process, in another mode")
            connection = self._base.cursor()
            connection.execute(f"USE {self.catalog}")
            self._users += 1
        return connection

    def close(self, connection: duckdb.DuckDBPyConnection) -> None:
        """End a connection; what it did not commit is undone. The last one lets the file go."""
        with self._lock:
            connection.close()
            self._users -= 1
            if self._users == 0:
                self._base.execute(f"DETACH {self.catalog}")

    def _attach(self, *, read_only: bool) -> None:
        """Open the file. Raises Kept where something else in this process has it open.

        When a process closes a file, the system drops all locks that the process has on it. So to
        close ours would leave the other's without a lock.
        """
        if open_here(self.path):
            raise Kept("this very process, by a connection of its own")
        mode = "READ_ONLY, " if read_only else ""
        place = str(self.path).replace("'", "''")
        try:
            self._base.execute(f"ATTACH '{place}' AS {self.catalog} ({mode}TYPE duckdb)")
        except duckdb.Error as error:
            if holder := holder_of(error):
                raise Kept(holder) from error
            raise
        self._read_only = read_only


@dataclass
class Engines:
    """The engines of this process that were used last."""

    kept: dict[tuple[Path, str], Engine] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)
    inherited: list[Engine] = field(default_factory=list)

    def of(self, path: Path, memory_limit: str) -> Engine:
        """The engine of a file: of those used last, the same one again."""
        key = path.absolute(), memory_limit
        with self.lock:
            engine = self.kept.pop(key, None) or Engine(*key)
            self.kept[key] = engine
            if len(self.kept) > MOST:
                del self.kept[next(iter(self.kept))]  # who uses it has it until the end
            return engine

    def forked(self) -> None:
        """Begin anew in a fork, where the threads of its parent's engines are not.

        They can neither be used nor ended.
        """
        self.inherited += self.kept.values()
        self.kept = {}
        self.lock = Lock()


ENGINES = Engines()
os.register_at_fork(after_in_child=ENGINES.forked)


def open_here(path: Path) -> bool:
    """Whether this process has a file open; False where the system does not tell."""
    try:
        sought = path.stat()
        handles = [int(each.name) for each in OPEN_FILES.iterdir()]
    except OSError:
        return False
    return any(_is_handle_of(handle, sought) for handle in handles)


def _is_handle_of(handle: int, sought: os.stat_result) -> bool:
    try:
        found = os.fstat(handle)
    except OSError:  # closed meanwhile, as the folder of handles itself is
        return False
    return stat.S_ISREG(found.st_mode) and os.path.samestat(found, sought)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
