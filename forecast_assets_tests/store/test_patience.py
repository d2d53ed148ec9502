"""Locked files: who is waited for, for how long in all, and what becomes of what was computed."""

import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from forecast_assets.errors import Interrupted, StoreLocked
from forecast_assets.store import patience as module
from forecast_assets.store.duckdb.database import Database
from forecast_assets.store.patience import Kept, Patience
from forecast_assets_tests.holders import holding

TABLE = ("CREATE SCHEMA IF NOT EXISTS market", "CREATE TABLE IF NOT EXISTS market.t (a INTEGER)")
NAMES = ("commodity.duckdb", "block of locks.duckdb", "Could not set lock on file.duckdb")


def database(path: Path, patience: Patience, told: list[str] | None = None) -> Database:
    if not path.exists():
        with Database(path, TABLE, "128MB").writing():
            pass
    return Database(path, TABLE, "128MB", patience, told.append if told is not None else None)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits are told sooner than people want to hear of them."""
    monkeypatch.setattr(module, "SILENT_SECONDS", 0.1)
    monkeypatch.setattr(module, "REPEAT_SECONDS", 0.3)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("mode", ["read", "write"])
def test_whoever_holds_the_file_is_named_again_and_again_and_then_written_after(
    tmp_path: Path, name: str, mode: str
) -> None:
    told: list[str] = []
    named: list[str] = []

    def hear(line: str) -> None:
        told.append(line)
        if line.startswith(f"waiting for {name}: it is open in ") and holder.named in line:
            named.append(line)
            if len(named) == 2:
                holder.release()

    tables = database(tmp_path / name, Patience(60.0, "run", hear))
    with holding(tmp_path / name, mode) as holder, tables.writing() as connection:
        connection.execute("INSERT INTO market.t VALUES (1)")
    assert len(named) >= 2
    assert all("of 60 s" in line for line in named)
    assert told[-1].startswith(f"{name} is free again after ")
    with tables.reading() as connection:
        assert connection.execute("SELECT * FROM market.t").fetchall() == [(1,)]


def test_readers_do_not_wait_for_readers(tmp_path: Path) -> None:
    told: list[str] = []
    tables = database(tmp_path / "commodity.duckdb", Patience(60.0, "run", told.append))
    with holding(tables.path, "read"), tables.reading() as connection:
        assert connection.execute("SELECT count(*) FROM market.t").fetchall() == [(0,)]
    assert told == []


def test_whether_a_file_could_be_written_is_found_out_without_a_write(tmp_path: Path) -> None:
    patience = Patience(0.3, told=lambda line: None, limit="a moment")
    absent = Database(tmp_path / "absent.duckdb", TABLE, "128MB", patience)
    absent.require_free()
    assert not absent.path.exists()
    tables = database(tmp_path / "commodity.duckdb", patience)
    before = tables.token()
    tables.require_free()
    for mode in ("read", "write"):
        with holding(tables.path, mode) as holder, pytest.raises(StoreLocked) as caught:
            tables.require_free()
        assert holder.named in str(caught.value)
        assert "a moment: 0.3" in str(caught.value)
        assert "is lost" not in str(caught.value)
    assert tables.token() == before


def test_two_are_told_of_one_wait(tmp_path: Path) -> None:
    terminal: list[str] = []
    log: list[str] = []
    tables = database(tmp_path / "commodity.duckdb", Patience(0.5, "run", terminal.append), log)
    with holding(tables.path), pytest.raises(StoreLocked), tables.writing():
        pass
    assert log
    assert log == terminal


@pytest.mark.parametrize(
    ("waits", "total"), [(("write", "write"), 1.0), (("read", "write"), 1.0), (("write",) * 3, 0.6)]
)
def test_a_run_waits_once_for_a_program_that_never_lets_go(
    tmp_path: Path, waits: tuple[str, ...], total: float
) -> None:
    patience = Patience(total, "run", lambda line: None)
    tables = database(tmp_path / "commodity.duckdb", patience)
    spent = []
    with holding(tables.path, "write") as holder:
        for mode in waits:
            began = time.monotonic()
            opened = tables.reading() if mode == "read" else tables.writing()
            locked = pytest.raises(StoreLocked, match=r"commodity\.duckdb: another process kept")
            with locked as caught, opened:
                pass
            spent.append(time.monotonic() - began)
            said = str(caught.value)
            assert holder.named in said
            assert f"database.lock_timeout_seconds: {total:g}" in said
            assert ("what was computed to be written is lost" in said) == (mode == "write")
            assert "forecast snapshot" in said
        assert spent[0] >= total * 0.9
        assert sum(spent[1:]) < total  # tried, but not waited for
    with tables.writing():  # it is free, and so is what comes after
        pass
    assert not patience.given_up


@dataclass
class Locked:
    """Connects after so many attempts that meet a lock."""

    attempts: int
    tried: int = field(default=0)

    def __call__(self) -> str:
        self.tried += 1
        if self.tried <= self.attempts:
            raise Kept("another program")
        return "connected"


def test_programs_that_let_go_are_waited_for_again_and_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Together they may keep the file for longer than any of them may."""
    monkeypatch.setattr(module, "PAUSES", lambda state: 0.3)
    patience = Patience(0.5, "run", lambda line: None)
    for _ in range(4):
        assert patience.open(Path("x"), Locked(1), writing=True, also=None) == "connected"
    assert patience.left == 0.5


@pytest.mark.parametrize(("scope", "left"), [("wait", 8.0), ("run", 8.0), ("command", 0.0)])
def test_a_run_is_patient_again_unless_it_is_part_of_a_command_that_gave_up(
    scope: module.Scope, left: float
) -> None:
    patience = Patience(8.0, scope, given_up=True)
    patience.begin("another run")
    assert patience.left == left
    patience.given_up = True
    patience.begin("another run")
    assert patience.left == (8.0 if scope == "wait" else 0.0)


def test_a_wish_to_stop_ends_a_wait(tmp_path: Path) -> None:
    def stop(line: str) -> None:
        raise Interrupted(line)

    tables = database(tmp_path / "commodity.duckdb", Patience(60.0, "run", stop))
    with holding(tables.path), pytest.raises(Interrupted), tables.writing():
        pass
