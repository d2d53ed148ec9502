"""Attempts belong to the tables that they were made on: emptied, restored, kept."""

import os
import shutil
from datetime import date, datetime
from pathlib import Path

import pytest
from dagster import DagsterRunStatus

from forecast_assets.attempts import TABLES, Attempts
from forecast_assets.models.random_walk import FittedRandomWalk
from forecast_assets.store.duckdb import DuckDBStore
from forecast_assets_tests.caretaker import Caretaker, caretaker
from forecast_assets_tests.conftest import MakeGraph, make_history, write_prices

COFFEE = make_history(530)


@pytest.fixture
def keeper(tmp_path: Path) -> Caretaker:
    """A commodity with a file of its own, and one run a piece of work."""
    write_prices(tmp_path / "coffee.csv", COFFEE)
    source = {"type": "file", "path": "coffee.csv"}
    return caretaker(
        tmp_path,
        commodities={"Coffee": {"unit": "USc/lb", "source": source}},
        automation={"retry_seconds": 0, "attempts": 1},
    )


def ran(keeper: Caretaker) -> int:
    """The runs that were asked for until nothing was."""
    return len(keeper.settle())


def test_tables_that_were_emptied_are_filled_again_and_again(keeper: Caretaker) -> None:
    for _ in range(3):
        assert ran(keeper) == 2
        assert len(keeper.cutoffs("Coffee")) == 9
        assert keeper.said() == "Coffee: nothing due until a price after 2020-01-10"
        shutil.rmtree(keeper.settings.home)


def test_tables_restored_from_a_copy_are_brought_up_to_date_again(keeper: Caretaker) -> None:
    (load,) = keeper.due().run_requests or []
    assert keeper.execute("due_work", load).success
    copy = keeper.settings.folder / "copy.duckdb"
    shutil.copyfile(keeper.settings.database_path, copy)
    for _ in range(3):
        assert ran(keeper) == 1  # what was loaded stays known
        assert len(keeper.cutoffs("Coffee")) == 9
        shutil.copyfile(copy, keeper.settings.database_path)
    assert keeper.due().run_requests


def test_a_copy_knows_the_failures_before_it_and_not_those_after(
    keeper: Caretaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran(keeper)
    longer = make_history(531)
    copy = keeper.settings.folder / "copy.duckdb"
    keeper.drop("day.csv", longer.since(longer.newest))
    (request,) = keeper.land().run_requests or []
    assert keeper.execute("new_market_data", request).success
    shutil.copyfile(keeper.settings.database_path, copy)  # the new day has landed
    with monkeypatch.context() as patch:
        patch.setattr(FittedRandomWalk, "simulate", broken)
        ran(keeper)
        assert "forecast Coffee|2020-01-01: given up after 1 runs" in keeper.said()
    failed = keeper.settings.folder / "failed.duckdb"
    shutil.copyfile(keeper.settings.database_path, failed)
    shutil.copyfile(copy, keeper.settings.database_path)  # from before the failure
    assert ran(keeper) >= 1
    assert len(keeper.cutoffs("Coffee", "random_walk")) == 10
    shutil.copyfile(failed, keeper.settings.database_path)  # and from after it
    assert ran(keeper) == 0
    assert "forecast Coffee|2020-01-01: given up after 1 runs" in keeper.said()


def broken(*_: object, **__: object) -> None:
    raise FloatingPointError("overflow")


def test_what_was_given_up_on_tables_that_are_gone_is_tried_on_new_ones(
    keeper: Caretaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(FittedRandomWalk, "simulate", broken)
        ran(keeper)
        assert keeper.cutoffs("Coffee", "random_walk") == []
    assert ran(keeper) == 0
    shutil.rmtree(keeper.settings.home)
    ran(keeper)
    assert len(keeper.cutoffs("Coffee", "random_walk")) == 9


def test_a_file_that_is_dropped_again_into_an_emptied_folder_lands(tmp_path: Path) -> None:
    keeper = caretaker(tmp_path, automation={"retry_seconds": 0, "attempts": 1})
    for _ in range(2):
        dropped = keeper.drop("coffee.csv", COFFEE)
        stamp = date(2020, 1, 12).toordinal() * 10**9
        os.utime(dropped, ns=(stamp, stamp))  # the very same file as before
        assert ran(keeper) == 2
        assert len(keeper.cutoffs("Coffee")) == 9
        shutil.rmtree(keeper.settings.home)


def test_a_run_says_what_it_knew_and_leaves_its_mark_at_its_end(keeper: Caretaker) -> None:
    (request,) = keeper.due().run_requests or []
    (first,) = keeper.store.marks.found()
    assert request.tags[TABLES] == first
    done = keeper.execute("due_work", request)
    assert keeper.store.marks.found() == [first, done.run_id]
    run = keeper.instance.get_run_by_id(done.run_id)
    assert run is not None
    assert run.tags[TABLES] == done.run_id


def test_a_run_that_was_killed_counts_for_the_tables_that_it_was_asked_on(
    keeper: Caretaker,
) -> None:
    (request,) = keeper.due().run_requests or []
    done = keeper.execute("due_work", request)
    with keeper.store.database.writing() as connection:
        connection.execute("DELETE FROM market.marks WHERE mark = ?", [done.run_id])
    keeper.instance.add_run_tags(done.run_id, {TABLES: request.tags[TABLES]})
    policy, marks = keeper.settings.automation, keeper.store.marks
    attempts = Attempts.of(keeper.instance, "due_work", policy, marks)
    (record,) = attempts.finished
    assert record.dagster_run.status == DagsterRunStatus.SUCCESS
    assert len(attempts._tried) == 1


def test_tables_of_the_release_before_get_their_first_mark(make_graph: MakeGraph) -> None:
    store: DuckDBStore = make_graph().store
    with store.database.writing() as connection:
        connection.execute("DROP TABLE market.marks")
    (first,) = store.marks.found()
    assert store.marks.found() == [first]
    for _ in range(2):
        store.marks.leave("run", datetime(2026, 11, 24))  # noqa: DTZ001 - the tables keep UTC
    assert store.marks.found() == [first, "run"]
