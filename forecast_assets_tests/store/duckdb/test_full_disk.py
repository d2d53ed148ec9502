"""A disk that was full: the same process goes on as soon as there is room, and nothing is lost."""

import resource
from pathlib import Path

import duckdb
import pytest

from forecast_assets.errors import StoreError
from forecast_assets.store.duckdb.engine import Engine, open_here
from forecast_assets.store.duckdb.file_names import log_of
from forecast_assets.store.duckdb.guard import Guard
from forecast_assets.store.sql.confined import CONFINED
from forecast_assets_tests.children import in_a_child

LIMIT = "256MB"
FIRST = 50_000
FEW, MANY = 20_000, 300_000
"""Rows whose log is smaller, and larger, than the file of the first rows."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file of 50,000 rows."""
    path = tmp_path / "commodity.duckdb"
    with duckdb.connect(path) as connection:
        connection.execute("CREATE TABLE t AS SELECT range, random() FROM range(?)", [FIRST])
    return path


def add(engine: Engine, count: int) -> None:
    connection = engine.open(read_only=False)
    try:
        connection.begin()
        connection.execute("INSERT INTO t SELECT range, random() FROM range(?)", [count])
        engine.commit(connection)
    finally:
        engine.close(connection)


def rows(engine: Engine) -> int:
    connection = engine.open(read_only=True)
    ((count,),) = connection.execute("SELECT count(*) FROM t").fetchall()
    engine.close(connection)
    return int(count)


def limited(size: int) -> None:
    """From now on, let this process make no file larger."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def free() -> None:
    limited(resource.RLIM_INFINITY)


def test_what_is_committed_and_cannot_be_merged_is_in_the_log(path: Path) -> None:
    def act() -> None:
        engine = Engine(path, LIMIT)
        limited(path.stat().st_size)
        with pytest.raises(StoreError, match=r"what was committed is in commodity\.duckdb\.wal"):
            add(engine, FEW)
        assert not open_here(path)
        assert Guard(path).path.exists()
        assert rows(engine) == FIRST + FEW  # there is room for readers
        free()
        add(engine, 1)
        assert rows(engine) == FIRST + FEW + 1

    in_a_child(act)
    assert rows(Engine(path, LIMIT)) == FIRST + FEW + 1
    assert list(path.parent.iterdir()) == [path]


def test_what_cannot_be_written_is_undone(path: Path) -> None:
    def act() -> None:
        engine = Engine(path, LIMIT)
        limited(path.stat().st_size)
        for _ in range(2):
            with pytest.raises(duckdb.Error, match="File too large"):
                add(engine, MANY)
            assert not open_here(path)
            assert rows(engine) == FIRST
        free()
        add(engine, MANY)
        assert rows(engine) == FIRST + MANY

    in_a_child(act)
    assert list(path.parent.iterdir()) == [path]


def test_a_guard_for_which_there_is_no_room_takes_none(path: Path) -> None:
    def act() -> None:
        engine = Engine(path, LIMIT)
        limited(1000)
        with pytest.raises(StoreError, match=r"nothing was written: .*File too large"):
            add(engine, 1)
        assert list(path.parent.iterdir()) == [path]
        free()
        assert rows(engine) == FIRST

    in_a_child(act)


@pytest.mark.parametrize("when", ["before_truncate", "before_header", "after_free_list_write"])
def test_a_merge_may_fail_at_any_point(
    path: Path, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setitem(CONFINED, "debug_checkpoint_abort", when)
        engine = Engine(path, LIMIT)
    with pytest.raises(StoreError, match="could not be merged into the file"):
        add(engine, FEW)
    assert log_of(path).exists()
    assert not open_here(path)
    assert rows(engine) == FIRST + FEW
    add(engine, 1)
    assert rows(engine) == FIRST + FEW + 1
    assert list(path.parent.iterdir()) == [path]


def test_an_instance_that_does_not_detach_the_file_is_left_for_another(path: Path) -> None:
    engine = Engine(path, LIMIT)
    connection = engine.open(read_only=False)
    engine._base.execute(f"USE {engine.catalog}")
    with pytest.raises(StoreError, match="Cannot detach"):
        engine.close(connection)
    assert not open_here(path)
    add(engine, 1)
    assert rows(engine) == FIRST + 1
