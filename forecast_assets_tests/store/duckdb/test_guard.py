"""A process that dies in the midst of a checkpoint leaves a file that opens with all it had."""

import os
import signal
from pathlib import Path

import duckdb
import pytest

from forecast_assets.errors import StoreError
from forecast_assets.store.duckdb.engine import Engine
from forecast_assets.store.duckdb.file_names import log_of
from forecast_assets.store.duckdb.guard import BLOCKS_AT, HEADERS_AT, HEADERS_BYTES
from forecast_assets.store.patience import Kept
from forecast_assets_tests.holders import holding

LIMIT = "256MB"
TORN_AT = BLOCKS_AT + 4096
"""In the midst of the first block, which has metadata."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with some tables and three rows of interest."""
    path = tmp_path / "commodity.duckdb"
    with duckdb.connect(path) as connection:
        connection.execute("CREATE TABLE t AS FROM range(3)")
        for place in range(40):
            connection.execute(f"CREATE TABLE other_{place} AS FROM range(10)")
    return path


def add(path: Path, *, dies: bool = False) -> None:
    """Add a row in another process, which may die after it was committed, before the checkpoint."""
    child = os.fork()
    if child == 0:
        engine = Engine(path, LIMIT)
        connection = engine.open(read_only=False)
        connection.begin()
        connection.execute("INSERT INTO t SELECT count(*) FROM t")
        engine.commit(connection)
        if not dies:
            engine.close(connection)
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)


def tear(path: Path) -> bytes:
    """Write over a part of a block of metadata, as a checkpoint that ends too early does."""
    with path.open("r+b") as file:
        file.seek(TORN_AT)
        file.write(os.urandom(4096))
    return path.read_bytes()


def rows(path: Path, *, read_only: bool = True) -> list[int]:
    engine = Engine(path, LIMIT)
    connection = engine.open(read_only=read_only)
    found = connection.execute("FROM t ORDER BY ALL").fetchall()
    engine.close(connection)
    return [row for (row,) in found]


def guard_of(path: Path) -> Path:
    return path.with_name(".commodity.duckdb.guard")


@pytest.mark.parametrize("read_only", [True, False])
def test_a_torn_file_is_mended_by_whoever_opens_it_next(path: Path, read_only: bool) -> None:
    add(path, dies=True)
    assert log_of(path).exists()
    tear(path)
    with pytest.raises(duckdb.Error, match="Corrupt database file"):
        duckdb.connect(path, read_only=True)
    assert rows(path, read_only=read_only) == [0, 1, 2, 3]
    with duckdb.connect(path, read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM other_39").fetchall() == [(10,)]


def test_a_whole_write_leaves_no_guard(path: Path) -> None:
    add(path)
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    add(path, dies=True)
    assert guard_of(path).exists()
    assert rows(path, read_only=False) == [0, 1, 2, 3, 4]
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_the_guard_of_an_earlier_checkpoint_is_not_put_back(path: Path) -> None:
    add(path, dies=True)
    older = guard_of(path).read_bytes()
    add(path)
    guard_of(path).write_bytes(older)
    torn = tear(path)
    with pytest.raises(duckdb.Error, match="Corrupt database file"):
        rows(path)
    assert path.read_bytes() == torn


@pytest.mark.parametrize("broken", [b"", b"abc", bytes(16), bytes(range(40))])
def test_a_file_that_is_no_guard_is_left_alone(path: Path, broken: bytes) -> None:
    guard_of(path).write_bytes(broken)
    torn = tear(path)
    with pytest.raises(duckdb.Error, match="Corrupt database file"):
        rows(path)
    assert path.read_bytes() == torn


def test_nobody_mends_a_file_that_another_process_has_open(path: Path) -> None:
    add(path, dies=True)
    with holding(path, "write"):
        with pytest.raises(Kept):
            Engine(path, LIMIT).guard.restore()
        torn = tear(path)
        with pytest.raises(Kept):
            rows(path)
        assert path.read_bytes() == torn


def test_the_guard_is_of_the_headers_before_and_has_every_block_of_metadata(path: Path) -> None:
    with path.open("rb") as file:
        file.seek(HEADERS_AT)
        headers = file.read(HEADERS_BYTES)
    with duckdb.connect(path, read_only=True) as connection:
        ((blocks,),) = connection.execute("SELECT count(*) FROM pragma_metadata_info()").fetchall()
    add(path, dies=True)
    kept = guard_of(path).read_bytes()
    assert blocks > 0
    assert kept.count(headers) == 1
    assert len(kept) == HEADERS_BYTES + blocks * 262144 + 16 * (1 + blocks)


def test_nothing_is_committed_without_a_guard_and_the_file_is_free_afterwards(path: Path) -> None:
    hindrance = guard_of(path).with_name(".commodity.duckdb.guard.new")
    hindrance.mkdir()
    engine = Engine(path, LIMIT)
    connection = engine.open(read_only=False)
    connection.begin()
    connection.execute("INSERT INTO t VALUES (9)")
    with pytest.raises(StoreError, match="nothing was written"):
        engine.commit(connection)
    engine.close(connection)
    assert rows(path) == [0, 1, 2]
    hindrance.rmdir()
    add(path, dies=True)
    hindrance.mkdir()
    assert rows(path, read_only=False) == [0, 1, 2, 3]  # the log is merged all the same
    assert rows(path) == [0, 1, 2, 3]
