"""Engines that are kept, and files that are not: locks end with their use."""

import ctypes
import gc
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import ClassVar

import duckdb
import pytest

from forecast_assets.store.duckdb.engine import ENGINES, MOST, USES, Engine, open_here
from forecast_assets.store.patience import Kept
from forecast_assets_tests.holders import holding

LIMIT = "256MB"
COUNT = "SELECT count(*) FROM t"


JOIN = "SELECT count(*) FROM t JOIN t AS other USING (range)"
OF_A_JOIN = 4_000
"""The bytes that an instance of DuckDB keeps of a join until it is closed."""

OTHER = """
import sys, duckdb
try:
    duckdb.connect(sys.argv[1], read_only=sys.argv[2] == "read").close()
except duckdb.IOException:
    sys.exit(3)
"""


class Allocated(ctypes.Structure):
    """What glibc's ``mallinfo2`` says."""

    _fields_: ClassVar = [
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
            *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
        )
    ]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file whose name needs quotes, with a table of three rows."""
    path = tmp_path / 'it\'s a "file".duckdb'
    with duckdb.connect(path) as connection:
        connection.execute("CREATE TABLE t AS FROM range(3)")
    return path


@contextmanager
def opened(engine: Engine, *, read_only: bool = True) -> Iterator[duckdb.DuckDBPyConnection]:
    connection = engine.open(read_only=read_only)
    try:
        yield connection
    finally:
        engine.close(connection)


def others_may(path: Path, mode: str) -> bool:
    """Whether another process can open a file to ``read`` or to ``write`` it."""
    done = subprocess.run([sys.executable, "-c", OTHER, str(path), mode], check=False)
    assert done.returncode in (0, 3)
    return done.returncode == 0


def test_an_engine_is_kept_and_holds_no_file(path: Path) -> None:
    engine = ENGINES.of(path, LIMIT)
    with opened(engine) as connection:
        assert connection.execute(COUNT).fetchall() == [(3,)]
        assert open_here(path)
    assert ENGINES.of(path, LIMIT) is engine
    assert ENGINES.of(path, "128MB") is not engine
    for k in range(MOST):
        ENGINES.of(path.with_name(f"{k}.duckdb"), LIMIT)
    assert ENGINES.of(path, LIMIT) is not engine
    assert not open_here(path)
    path.unlink()
    with duckdb.connect(path) as connection:
        connection.execute("CREATE TABLE t AS FROM range(4)")
    with opened(engine) as connection:  # another file in its place
        assert connection.execute(COUNT).fetchall() == [(4,)]


def test_other_processes_are_locked_out_as_long_as_a_file_is_used(path: Path) -> None:
    engine = ENGINES.of(path, LIMIT)
    with opened(engine):
        assert (others_may(path, "read"), others_may(path, "write")) == (True, False)
    with opened(engine, read_only=False):
        assert (others_may(path, "read"), others_may(path, "write")) == (False, False)
    assert (others_may(path, "read"), others_may(path, "write")) == (True, True)


@pytest.mark.parametrize("read_only", [True, False])
def test_a_file_that_another_process_keeps_is_free_for_the_engine_afterwards(
    path: Path, read_only: bool
) -> None:
    engine = ENGINES.of(path, LIMIT)
    with holding(path, "write") as holder, pytest.raises(Kept, match=re.escape(holder.named)):
        engine.open(read_only=read_only)
    with opened(engine, read_only=read_only) as connection:
        assert connection.execute(COUNT).fetchall() == [(3,)]


def test_readers_share_a_file_and_exclude_writers_until_the_last_is_done(path: Path) -> None:
    engine = ENGINES.of(path, LIMIT)
    with opened(engine) as first:
        with opened(engine) as second:
            assert second.execute(COUNT).fetchall() == [(3,)]
        assert first.execute(COUNT).fetchall() == [(3,)]
        with pytest.raises(Kept, match="in another mode"):
            engine.open(read_only=False)
    with opened(engine, read_only=False), pytest.raises(Kept, match="in another mode"):
        engine.open(read_only=True)


def test_what_is_not_committed_is_undone(path: Path) -> None:
    engine = ENGINES.of(path, LIMIT)
    with opened(engine, read_only=False) as connection:
        connection.begin()
        connection.execute("INSERT INTO t VALUES (9)")
    with opened(engine, read_only=False) as connection:
        connection.execute("INSERT INTO t VALUES (10)")
    with opened(engine) as connection:
        assert connection.execute("SELECT max(range), count(*) FROM t").fetchall() == [(10, 4)]
    assert list(path.parent.iterdir()) == [path]  # and no log is left


@pytest.mark.parametrize("read_only", [True, False])
def test_a_connection_of_the_same_process_is_noticed(path: Path, read_only: bool) -> None:
    # To close a file of our own would drop the locks of the other connection, too.
    engine = ENGINES.of(path, LIMIT)
    with (
        closing(duckdb.connect(path, read_only=True)),
        pytest.raises(Kept, match="by a connection of its own"),
    ):
        engine.open(read_only=read_only)
    with opened(engine, read_only=read_only):
        pass


def test_a_file_that_cannot_be_opened_leaves_the_engine_as_it_was(path: Path) -> None:
    sound = path.read_bytes()
    path.write_bytes(b"no tables" * 1000)
    engine = ENGINES.of(path, LIMIT)
    with pytest.raises(duckdb.IOException, match="not a valid DuckDB database file"):
        engine.open(read_only=True)
    path.write_bytes(sound)
    with opened(engine) as connection:
        assert connection.execute(COUNT).fetchall() == [(3,)]


def test_a_fork_has_an_engine_of_its_own(path: Path) -> None:
    engines = [ENGINES.of(path.with_name(f"{k}.duckdb"), LIMIT) for k in range(MOST)]
    assert list(ENGINES.kept.values()) == engines
    child = os.fork()
    if child == 0:
        with opened(ENGINES.of(path, LIMIT)) as connection:
            os._exit(connection.execute(COUNT).fetchall() != [(3,)])
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_what_does_not_fit_into_memory_is_kept_beside_the_file(path: Path) -> None:
    with opened(ENGINES.of(path, LIMIT)) as connection:
        folder = connection.execute("SELECT current_setting('temp_directory')").fetchall()
    assert folder == [(f"{path}.tmp",)]


def test_what_an_instance_keeps_of_joins_does_not_add_up(path: Path) -> None:
    engine = ENGINES.of(path, LIMIT)

    def use(times: int) -> None:
        for _ in range(times):
            with opened(engine) as connection:
                assert connection.execute(JOIN).fetchall() == [(3,)]

    use(4 * USES)  # what is needed once is there then, also that of other tests
    before = taken()
    use(16 * USES)
    assert taken() - before < 2 * USES * OF_A_JOIN


def test_where_no_new_instance_can_be_started_the_old_one_goes_on(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = ENGINES.of(path, LIMIT)

    def none_left() -> duckdb.DuckDBPyConnection:
        raise duckdb.IOException("no thread is left")

    with monkeypatch.context() as patch:
        patch.setattr(engine, "_started", none_left)
        for _ in range(USES + 2):
            with opened(engine) as connection:
                assert connection.execute(COUNT).fetchall() == [(3,)]
    old = engine._base
    with opened(engine):
        pass
    assert engine._base is not old


def taken() -> int:
    """How many bytes the allocator of the system has given to this process and not got back."""
    of_system = ctypes.CDLL(None).mallinfo2
    of_system.restype = Allocated
    gc.collect()
    return int(of_system().uordblks)
