"""The copy of the tables for programs that only read; it is always complete and never locked."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from forecast_assets.errors import StoreError
from forecast_assets.store.duckdb.database import Database
from forecast_assets.store.duckdb.file_copying import in_another_process
from forecast_assets.store.duckdb.file_names import log_of
from forecast_assets.store.local_files import keep
from forecast_assets.store.lock_file import one_at_a_time

READ_ONLY = 0o444
"""What the mode of a copy may have: a program that could write it would lock the others out."""

MAGIC = slice(8, 12), b"DUCK"
"""The bytes by which a DuckDB file is recognised, and their place in it."""


def snapshot(database: Database, target: Path) -> int:
    """Replace ``target`` by a copy of the database file; return its size in bytes.

    Programs that have the old copy open keep it until they open the file again. Raises StoreError
    if there is nothing to copy or if the copy cannot be written; ``target`` then stays as it was.
    """
    target = target.resolve()
    require_replaceable(database.path, target)
    fresh = target.with_name(f".{target.name}.new")  # overwrites the file of a killed process
    try:
        lock = target.with_name(f".{target.name}.lock")
        with one_at_a_time(lock, "to make a copy", database.tell):
            fresh.unlink(missing_ok=True)
            with unwritten(database):
                in_another_process(database.path, fresh)
            found = fresh.stat()
            fresh.chmod(found.st_mode & READ_ONLY)
            fresh.replace(target)
            keep(target.parent)
    except OSError as error:
        raise StoreError(f"{target}: the copy cannot be made: {error}") from error
    return found.st_size


def require_replaceable(source: Path, target: Path) -> None:
    """Raise StoreError if a copy would replace the tables themselves, or a file of another kind."""
    if not source.exists():
        raise StoreError(f"{source}: there are no tables yet: run `forecast run`")
    if not target.parent.is_dir():
        raise StoreError(
            f"{target}: the copy cannot be made: there is no folder {target.parent}; make it, or"
            " name a file in another"
        )
    if target.is_dir():
        raise StoreError(f"{target}: a folder; name the file that the copy should be")
    if not target.exists():
        return
    if target.samefile(source):
        raise StoreError(f"{target}: these are the tables themselves; name another file")
    place, magic = MAGIC
    with target.open("rb") as there:
        if there.read(place.stop)[place] != magic:
            raise StoreError(f"{target}: no DuckDB file, and so not replaced; name another file")


@contextmanager
def unwritten(database: Database) -> Iterator[None]:
    """Keep all processes from writing the file, once it contains all that was committed."""
    while True:
        with database.reading():
            if not log_of(database.path).exists():
                yield
                return
        with database.writing():  # a process was killed: opening merges its log into the file,
            pass  # and closing removes the log
