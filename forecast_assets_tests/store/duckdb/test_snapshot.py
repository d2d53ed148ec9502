"""The copy for programs that only read: whole at any moment, never locked, the same names."""

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import duckdb
import pytest
from dagster import AssetKey
from typer.testing import CliRunner

from forecast_assets.cli import app
from forecast_assets.errors import StoreError, StoreLocked
from forecast_assets.store.duckdb import file_copy
from forecast_assets.store.duckdb.database import Database
from forecast_assets.store.duckdb.migrations import file_definitions
from forecast_assets.store.duckdb.snapshot import snapshot
from forecast_assets.store.patience import Patience
from forecast_assets.store.reader import Reader
from forecast_assets_tests.graphs import ROOT, Graph, MakeGraph
from forecast_assets_tests.histories import make_history
from forecast_assets_tests.holders import holding

pytestmark = pytest.mark.long


@pytest.fixture(autouse=True)
def _configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Commands read the configuration that a test makes."""
    monkeypatch.setenv("FORECAST_CONFIG", str(tmp_path / "forecast.yaml"))


TABLE = (*file_definitions(1, "commodity"), "CREATE TABLE IF NOT EXISTS market.t (a INTEGER)")
ADDED = "INSERT INTO market.t SELECT coalesce(max(a), 0) + 1 FROM market.t"


@pytest.fixture
def tables(tmp_path: Path) -> Database:
    made = Database(tmp_path / "commodity.duckdb", TABLE, "128MB", Patience(60.0))
    add(made)
    return made


def add(tables: Database) -> None:
    with tables.writing() as connection:
        connection.execute(ADDED)


def rows(path: Path) -> list[int]:
    with duckdb.connect(path, read_only=True) as connection:
        return [
            row[0] for row in connection.execute("SELECT a FROM market.t ORDER BY a").fetchall()
        ]


def test_no_copy_is_left_unless_it_is_asked_for(make_graph: MakeGraph) -> None:
    graph: Graph = make_graph(models=["naive"], paths=5)
    assert CliRunner().invoke(app, ["report"], catch_exceptions=False).exit_code == 0
    copy = graph.settings.home / "commodity.read.duckdb"
    assert not copy.exists()
    done = CliRunner().invoke(app, ["snapshot"], catch_exceptions=False)
    assert done.exit_code == 0
    assert str(copy) in done.output
    assert "attach" not in done.output
    elsewhere = graph.settings.home / "for excel" / "prices.duckdb"
    elsewhere.parent.mkdir()
    done = CliRunner().invoke(app, ["snapshot", str(elsewhere)], catch_exceptions=False)
    assert "attach it as commodity" in done.output
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{elsewhere}' AS commodity (READ_ONLY)")
        connection.execute("SELECT * FROM commodity.market.prices_as_of(now()::TIMESTAMP)")


def test_a_copy_cannot_be_written_and_is_replaced_all_the_same(tables: Database) -> None:
    copy = tables.path.with_name("commodity.read.duckdb")
    for held in ([1], [1, 2], [1, 2, 3]):
        assert snapshot(tables, copy) == tables.path.stat().st_size
        assert rows(copy) == held
        assert stat.S_IMODE(copy.stat().st_mode) == 0o444
        add(tables)
    assert {each.name for each in tables.path.parent.iterdir()} <= {
        "commodity.duckdb",
        "commodity.read.duckdb",
        ".commodity.read.duckdb.lock",
    }


@pytest.mark.parametrize("mode", ["read", "write"])
def test_readers_are_copied_beside_and_writers_are_waited_for(tables: Database, mode: str) -> None:
    copy = tables.path.with_name("commodity.read.duckdb")
    hasty = Database(tables.path, TABLE, "128MB", Patience(0.3))
    with holding(tables.path, mode) as holder:
        if mode == "read":
            snapshot(hasty, copy)
        else:
            with pytest.raises(StoreLocked) as caught:
                snapshot(hasty, copy)
            assert holder.named in str(caught.value)
    assert copy.exists() == (mode == "read")


KILLED = """
import os, sys, duckdb
connection = duckdb.connect(sys.argv[1])
connection.execute("SET checkpoint_threshold = '1GB'")
connection.execute(sys.argv[2])
os.kill(os.getpid(), 9)
"""


def test_what_a_killed_process_committed_is_in_the_copy(tables: Database) -> None:
    subprocess.run([sys.executable, "-c", KILLED, str(tables.path), ADDED], check=False)
    assert tables.path.with_name("commodity.duckdb.wal").exists()
    copy = tables.path.with_name("commodity.read.duckdb")
    snapshot(tables, copy)
    assert rows(copy) == [1, 2]
    assert rows(tables.path) == [1, 2]


def text(tables: Database) -> Path:
    path = tables.path.with_name("report.html")
    path.write_text("<html>a page of somebody's</html>")
    return path


def link(tables: Database) -> Path:
    path = tables.path.with_name("link.duckdb")
    path.symlink_to(tables.path)
    return path


def under_a_file(tables: Database) -> Path:
    return text(tables) / "commodity.read.duckdb"


@pytest.mark.parametrize(
    ("target", "says"),
    [
        (lambda tables: tables.path, "these are the tables themselves"),
        (link, "these are the tables themselves"),
        (lambda tables: tables.path.parent, "a folder; name the file"),
        (text, "no DuckDB file, and so not replaced"),
        (under_a_file, "the copy cannot be made"),
    ],
)
def test_nothing_else_is_ever_replaced(
    tables: Database, target: Callable[[Database], Path], says: str
) -> None:
    path = target(tables)
    before = {each: each.read_bytes() for each in tables.path.parent.iterdir() if each.is_file()}
    with pytest.raises(StoreError, match=says):
        snapshot(tables, path)
    assert before == {each: each.read_bytes() for each in before}


@pytest.mark.parametrize("named", ["nope/x.duckdb", "nope/deep/x.duckdb", "../nope/x.duckdb"])
def test_a_copy_makes_no_folder(tables: Database, named: str) -> None:
    target = (tables.path.parent / named).resolve()
    around = sorted(tables.path.parent.parent.rglob("*"))
    with pytest.raises(StoreError, match=f"there is no folder {target.parent}; make it, or"):
        snapshot(tables, target)
    assert sorted(tables.path.parent.parent.rglob("*")) == around


def test_tables_that_are_not_there_are_not_made(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there are no tables yet: run `forecast run`"):
        snapshot(Database(tmp_path / "commodity.duckdb", TABLE), tmp_path / "copy.duckdb")
    assert list(tmp_path.iterdir()) == []


def test_a_copy_that_fails_leaves_the_one_before(
    tables: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tables.path.with_name("commodity.read.duckdb")
    snapshot(tables, copy)
    add(tables)
    with monkeypatch.context() as patch:
        patch.setattr(file_copy, "__file__", str(tables.path.parent / "gone.py"))
        with pytest.raises(StoreError, match=r"the copy to .* failed"):
            snapshot(tables, copy)
    assert rows(copy) == [1]
    (copy.parent / ".commodity.read.duckdb.new").write_bytes(b"what a killed process left")
    snapshot(tables, copy)
    assert rows(copy) == [1, 2]


QUERIES = (
    "SELECT count(*), bit_xor(hash(day_1)) FROM commodity.forecast.distributions",
    "SELECT count(*), bit_xor(hash(day_1)) FROM commodity.forecast.published_distributions",
    "SELECT count(*), bit_xor(hash(close)) FROM commodity.market.prices_as_of(now()::TIMESTAMP)",
    "SELECT count(*), bit_xor(hash(median)) FROM commodity.forecast.point_forecasts",
)
WINDOWS = "SELECT count(DISTINCT training_date) FROM commodity.forecast.forecasts"


def require_the_same(graph: Graph, copy: Path) -> None:
    """The copy gives the same answers under the same names, and the report's run tells of it."""
    answers = []
    for path in (graph.settings.database_path, copy):
        with duckdb.connect(path, read_only=True) as connection:
            answers.append([connection.execute(query).fetchall() for query in QUERIES])
    assert answers[0] == answers[1]
    assert all(count for ((count, _),) in answers[0])
    paths = Reader(copy).newest_published("Coffee")
    assert [len(each) for each in paths] == [1]
    with graph.instance.get() as instance:
        (event,) = instance.fetch_materializations(AssetKey("report"), limit=1).records
    said = event.asset_materialization
    assert said is not None
    assert said.metadata["read_copy"].value == str(copy)
    assert said.metadata["read_copy_bytes"].value == copy.stat().st_size


def seen_of(copy: Path) -> tuple[int, int, int] | None:
    """What tells that a file has changed; None if it is not there."""
    if not copy.exists():
        return None
    told = copy.stat()
    return told.st_ino, told.st_mtime_ns, told.st_size


@contextmanager
def read_all_the_time(copy: Path) -> Iterator[list[int]]:
    """Count windows in the copy again and again, which is opened and closed each time.

    A hundred times at the least, and at once when the file changes. The counts are whole, and no
    read has failed, after the block.
    """
    over = Event()
    failed: list[str] = []
    read: list[int] = []

    def look() -> None:
        engine = duckdb.connect()  # a file is attached in a tenth of the time that an engine takes
        while not over.is_set() or len(read) < 100:
            try:
                engine.execute(f"ATTACH '{copy}' AS commodity (READ_ONLY)")
                read.append(engine.execute(WINDOWS).fetchall()[0][0])
                engine.execute("DETACH commodity")
            except duckdb.Error as error:
                failed.append(str(error))
                return
            seen = seen_of(copy)
            for _ in range(20):
                if seen_of(copy) == seen:
                    time.sleep(0.002)

    reader = Thread(target=look)
    reader.start()
    try:
        yield read
    finally:
        over.set()
        reader.join(60)
    assert failed == []
    assert len(read) >= 100


def test_the_copy_has_the_same_tables_views_and_macros_and_is_read_while_a_run_writes(
    make_graph: MakeGraph,
) -> None:
    """The second run is a process of its own."""
    training = {"cadence": "monthly", "start": "2020-01-01"}
    graph: Graph = make_graph(
        make_history(565),  # to 2020-02-28
        models=["naive"],
        paths=5,
        training=training,
        database={"read_copy": True},
    )
    copy = graph.settings.home / "commodity.read.duckdb"
    done = CliRunner().invoke(app, ["run", "--to", "2020-01-31"], catch_exceptions=False)
    assert done.exit_code == 0
    require_the_same(graph, copy)
    with (
        read_all_the_time(copy) as read,
        subprocess.Popen(
            [sys.executable, "-m", "forecast_assets.cli", "run"],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        ) as run,
    ):
        try:
            assert run.wait(300) == 0
        finally:
            if run.poll() is None:
                os.killpg(run.pid, signal.SIGKILL)
    with duckdb.connect(copy, read_only=True) as connection:
        assert connection.execute(WINDOWS).fetchall() == [(3,)]
    assert set(read) == {1, 3}  # before, and after; nothing between
