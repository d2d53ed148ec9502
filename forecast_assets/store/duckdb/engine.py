"""DuckDB engines of this process: one for each file, which is attached only while it is used.

Starting an engine takes ten times as long as attaching a file to a running one (20 against 2 ms),
and a run reads a hundred times. So engines are kept between uses, without a file and without locks.
An instance keeps some 4 kB of each join until it is closed, which would make a daemon grow by a
megabyte a month for each commodity; so it is made anew after some uses.
"""

import os
import stat
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

import duckdb

from forecast_assets.errors import StoreError
from forecast_assets.store.duckdb.file_names import catalog_of, files_of, log_of
from forecast_assets.store.duckdb.guard import Guard
from forecast_assets.store.duckdb.lock import holder_of
from forecast_assets.store.patience import Kept
from forecast_assets.store.readings import Readings
from forecast_assets.store.sql.confined import confined, text
from forecast_assets.store.sql.names import quoted

MOST = 4
"""How many engines a process keeps; it rarely uses more files than this in turn."""

USES = 64
"""After so many uses of a file its instance is made anew."""

OPEN_FILES = Path("/dev/fd")
"""The folder of this process's open files, on systems that have one."""


class Engine:
    """A DuckDB instance without tables of its own, to which a file is attached while it is used.

    Threads that read share the file, and so do threads that write. Reading and writing exclude each
    other.
    """

    def __init__(self, path: Path, memory_limit: str) -> None:
        """Start the engine. ``path``: absolute; the file need not exist yet."""
        self.path = path
        self._memory_limit = memory_limit
        self.whole: object = None
        """The newest state of the file in which it was seen to have all its tables."""
        self.defined: object = None
        """The newest state in which this process left the file with all its definitions."""
        self.readings = Readings()
        """What was read of the file while it rests."""
        self.catalog = quoted(catalog_of(path))
        self.guard = Guard(path)
        self._users = 0
        self._uses = 0
        self._read_only = True
        self._lock = Lock()
        self._base = self._started()

    def _started(self) -> duckdb.DuckDBPyConnection:
        """Start an instance of DuckDB, to which no file is attached."""
        limit, spilled = self._memory_limit, f"{self.path}.tmp"
        return confined(files_of(self.path), memory_limit=limit, temp_directory=spilled)

    def open(self, *, read_only: bool) -> duckdb.DuckDBPyConnection:
        """Open a connection to the file, which the caller must pass to ``close``.

        Raises Kept if another process locks the file, or if this process has it open in another
        mode or outside this engine. Raises duckdb.Error for a file that cannot be opened.
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

    def checkpoint(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Merge the log into the file, guarded as a commit is."""
        self._guard()
        connection.execute("CHECKPOINT")

    def commit(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Commit what a connection has written, guarded against a death in the midst of it."""
        self._guard()
        connection.commit()

    def _guard(self) -> None:
        """Put up the guard. Raises StoreError, before anything is committed, if that fails."""
        try:
            with self._lock:
                self.guard.put_up(self._base, catalog_of(self.path))
        except OSError as error:
            raise StoreError(f"{self.path}: nothing was written: {error}") from error

    def close(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Close a connection and roll back what it did not commit; the last detaches the file.

        Raises StoreError if what was committed could not be merged from the log into the file. The
        log still has it, and the next who opens the file reads it from there.
        """
        with self._lock:
            self._users -= 1
            try:
                connection.close()
            finally:
                if self._users == 0:
                    self._detach()

    def _detach(self) -> None:
        """Detach the file, which merges its log into it. Whatever fails, the file is let go.

        A failed merge, as on a full disk, makes the file invalid for this instance of DuckDB.
        """
        try:
            if not self._read_only and log_of(self.path).exists():
                with suppress(OSError):  # a full disk must not keep the file locked
                    self.guard.put_up(self._base, catalog_of(self.path))
            self._base.execute(f"DETACH {self.catalog}")
        except duckdb.Error as error:
            self._base.close()
            self._base = self._started()
            raise StoreError(
                f"{self.path}: what was committed is in {log_of(self.path).name}, and could not be"
                f" merged into the file: {' '.join(str(error).split())}. Keep both, make room on"
                " the disk, and run again: that merges them"
            ) from error
        else:
            if not self._read_only:
                self.guard.drop()
            self._uses += 1
            if self._uses >= USES:
                self._renew()
        finally:
            self.guard.let_go()

    def _renew(self) -> None:
        """Begin with a new instance; where none can be started, the old one is used once more."""
        with suppress(duckdb.Error, OSError, MemoryError):
            new = self._started()
            self._base.close()
            self._base, self._uses = new, 0

    def _attach(self, *, read_only: bool) -> None:
        """Attach the file. Raises Kept if another part of this process has it open.

        When a process closes a file, the system drops all locks of the process on it. So closing
        the file here would also drop the lock of that other part.
        """
        for file in (self.path, log_of(self.path), self.guard.path):
            require_regular(file)
        if open_here(self.path):
            raise Kept("this very process, by a connection of its own")
        mode = "READ_ONLY, " if read_only else ""
        attach = f"ATTACH {text(str(self.path))} AS {self.catalog} ({mode}TYPE duckdb)"
        try:
            self._base.execute(attach)
        except duckdb.Error as error:
            if holder := holder_of(error):
                raise Kept(holder) from error
            if not self.guard.restore():
                raise
            self._base.execute(attach)
        self._read_only = read_only


@dataclass
class Engines:
    """The engines that this process has used last."""

    kept: dict[tuple[Path, str], Engine] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)
    inherited: list[Engine] = field(default_factory=list)

    def of(self, path: Path, memory_limit: str) -> Engine:
        """The engine of a file: a kept one, or a new one."""
        key = path.absolute(), memory_limit
        with self.lock:
            engine = self.kept.pop(key, None) or Engine(*key)
            self.kept[key] = engine
            if len(self.kept) > MOST:
                del self.kept[next(iter(self.kept))]  # a user of it still holds a reference
            return engine

    def forked(self) -> None:
        """Forget all engines in a forked process.

        A fork does not have the threads of its parent's engines, so these engines can neither be
        used nor closed there; they are only kept from being collected.
        """
        self.inherited += self.kept.values()
        self.kept = {}
        self.lock = Lock()


ENGINES = Engines()
os.register_at_fork(after_in_child=ENGINES.forked)


def require_regular(path: Path) -> None:
    """Raise StoreError for a folder, and for a pipe or a device, which may never answer.

    It looks once, since another process may delete the file in between.
    """
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return
    if not stat.S_ISREG(mode):
        raise StoreError(
            f"{path}: is no file, but a folder, a pipe or a device: move it away, and put the"
            " tables or a copy of them there"
        )


def open_here(path: Path) -> bool:
    """Whether this process has a file open; False if the system cannot tell."""
    try:
        sought = path.stat()
        handles = [int(each.name) for each in OPEN_FILES.iterdir()]
    except OSError:
        return False
    return any(_is_handle_of(handle, sought) for handle in handles)


def _is_handle_of(handle: int, sought: os.stat_result) -> bool:
    try:
        found = os.fstat(handle)
    except OSError:  # closed in the meantime, as is the handle of the listed folder itself
        return False
    return stat.S_ISREG(found.st_mode) and os.path.samestat(found, sought)
