"""The guard: a copy of the blocks that DuckDB writes over in place, for the case of its death.

A checkpoint writes new blocks to free places and then switches the header of the file. But its
blocks of metadata, which also hold what the old header points to, are written over where they are.
A process that is killed in the midst of such a block leaves a file that nobody can open (DuckDB
2.0.0: one of 1,300 kills of a process that writes without end). So these blocks are copied beside
the file before each checkpoint. If the file cannot be opened afterwards, they are put back: the
file is then as before the checkpoint, and its log still holds all that was committed.
"""

import fcntl
import os
import struct
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import duckdb

from forecast_assets.configuration.file_modes import as_closed_as
from forecast_assets.store.patience import Kept

HEADERS_AT, HEADERS_BYTES = 4096, 8192
"""Where a DuckDB file has its two headers, of which the one with the higher count is in force."""

BLOCKS_AT = HEADERS_AT + HEADERS_BYTES
"""Where the first block of a DuckDB file begins."""

PART = struct.Struct("<QQ")
"""What each part of a guard begins with: its place in the database file, and its size."""

Parts = Sequence[tuple[int, bytes]]
"""Places in a file, and what it has there: first the headers, then the blocks of metadata."""

BLOCK_SIZE = "SELECT block_size FROM pragma_database_size() WHERE database_name = $name"
METADATA = "SELECT block_id FROM pragma_metadata_info($name)"


class Guard:
    """The guard of a database file."""

    def __init__(self, database: Path) -> None:
        """``database``: its file."""
        self.database = database
        self.path = database.with_name(f".{database.name}.guard")
        self._file: BinaryIO | None = None
        self._headers = b""

    def put_up(self, connection: duckdb.DuckDBPyConnection, name: str) -> None:
        """Copy the blocks of metadata, unless that was done since the last checkpoint.

        ``connection``: has the file for writing, under this ``name``. The file stays open until
        it is let go, since the system drops the locks of a process on a file that it closes.
        """
        if self._file is None:
            self._file = self.database.open("rb")
        headers = _read(self._file, HEADERS_AT, HEADERS_BYTES)
        if headers == self._headers:
            return
        ((size,),) = connection.execute(BLOCK_SIZE, {"name": name}).fetchall()
        blocks = connection.execute(METADATA, {"name": name}).fetchall()
        places = [BLOCKS_AT + block * size for (block,) in blocks]
        kept = [(place, _read(self._file, place, size)) for place in places]
        if kept:
            self._keep([(HEADERS_AT, headers), *kept])
        self._headers = headers

    def drop(self) -> None:
        """Drop the copy after the file was detached and has all that its log had."""
        self.path.unlink(missing_ok=True)

    def let_go(self) -> None:
        """Close the file after it was detached; the copy stays if it was not dropped."""
        if self._file is not None:
            self._file.close()
        self._file, self._headers = None, b""

    def restore(self) -> bool:
        """Put the blocks back if the file still has the headers of before; whether it had.

        Raises Kept if another process has the file open.
        """
        try:
            (_, headers), *blocks = _parts(self.path.read_bytes())
            file = self.database.open("r+b")
        except (OSError, ValueError, struct.error):  # no guard, a strange one, or a read-only file
            return False
        with file:
            try:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise Kept("another program") from error
            if headers != _read(file, HEADERS_AT, HEADERS_BYTES):
                return False
            for place, block in blocks:
                file.seek(place)
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
        return True

    def _keep(self, parts: Parts) -> None:
        """Write the copy whole, or not at all: a full disk is not to be filled by a part of it."""
        fresh = self.path.with_name(f"{self.path.name}.new")
        try:
            with open(fresh, "wb", opener=as_closed_as(self.database)) as copy:
                for place, content in parts:
                    copy.write(PART.pack(place, len(content)))
                    copy.write(content)
                copy.flush()
                os.fsync(copy.fileno())
            fresh.replace(self.path)
        except OSError:
            with suppress(OSError):
                fresh.unlink()
            raise


def _read(file: BinaryIO, place: int, size: int) -> bytes:
    file.seek(place)
    return file.read(size)


def _parts(guard: bytes) -> Parts:
    parts, begin = [], 0
    while begin < len(guard):
        place, size = PART.unpack_from(guard, begin)
        begin += PART.size
        parts.append((place, guard[begin : begin + size]))
        begin += size
    return parts
