"""Sensors: exactly the runs that are due, once, whatever happened before."""

import json
import re
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from dagster import DagsterRun, DagsterRunStatus

from forecast_assets.configuration.settings import Settings
from forecast_assets.defs import resources, sensors
from forecast_assets.defs.failure_lines import failure_lines
from forecast_assets.defs.run_history import COMMODITY, DUE
from forecast_assets.models.random_walk import FittedRandomWalk
from forecast_assets.timeline.history import History
from forecast_assets_tests import caretaker as caretaking
from forecast_assets_tests.beginnings import Beginnings
from forecast_assets_tests.caretaker import (
    Caretaker,
    caretaker,
    described,
    draw_all,
    draw_due,
    settled,
)
from forecast_assets_tests.graphs import ROOT
from forecast_assets_tests.histories import make_history, write_prices
from forecast_assets_tests.holders import holding
from forecast_assets_tests.rows import keep

pytestmark = pytest.mark.long

ALL = ["trained_models", "distributions", "scores"]
PUBLISH = ["leaderboard", "published_distributions", "report"]
COFFEE = make_history(600)
"""To 2020-04-17: two windows of 2020 have begun to be forecast."""

MOST, FEW = 580, 530
"""To 2020-03-20, and to 2020-01-10: both in the first window."""

KEYS = [f"Coffee|{day}" for day in ("2020-01-01", "2020-04-01")]


def upto(history: History, sessions: int) -> History:
    return history.known_at(history.dates[sessions - 1].item())


def between(history: History, first: int, stop: int) -> History:
    return upto(history, stop).since(history.dates[first].item())


def origins_due(keeper: Caretaker, history: History) -> list[date]:
    """The cutoff of every forecast that the windows of a history owe."""
    return [
        origin.cutoff
        for window in keeper.settings.windows.of(history.commodity)
        for origin in window.origins(history, "from_data")
        if len(history.known_before(window.training_date)) >= 500
    ]


@pytest.fixture
def landed(tmp_path: Path, beginnings: Beginnings) -> Caretaker:
    """A few prices are there, and nothing else."""
    return caretaking.landed(beginnings, tmp_path, {"coffee.csv": [upto(COFFEE, FEW)]})


@pytest.fixture
def rested(tmp_path: Path, beginnings: Beginnings) -> Caretaker:
    """Most prices are there, and nothing is due."""
    return settled(beginnings, tmp_path, {"coffee.csv": [upto(COFFEE, MOST)]})


def test_a_new_commodity_is_landed_in_one_run_and_forecast_in_another(tmp_path: Path) -> None:
    keeper = caretaker(tmp_path)
    keeper.drop("coffee.csv", COFFEE)
    done = keeper.settle()
    assert described(done) == [
        ("land", "", "", []),
        ("catch_up", KEYS[0], KEYS[1], [*ALL, *PUBLISH]),
    ]
    assert all(success for _, success in done)
    assert keeper.cutoffs("Coffee") == origins_due(keeper, COFFEE)
    assert keeper.settings.report_path.exists()
    assert keeper.said() == "Coffee: nothing due until a price after 2020-04-17"


def test_nothing_is_asked_for_before_a_price_has_landed(tmp_path: Path) -> None:
    keeper = caretaker(tmp_path)
    assert keeper.tick() == []
    assert keeper.said() == "Coffee: no price has landed yet"


def test_80_new_days_are_one_run_and_each_forecast_exists_once(rested: Caretaker) -> None:
    longer = make_history(MOST + 80)  # to 2020-07-10: three windows are forecast in the run
    rested.drop("new.csv", between(longer, MOST, MOST + 80))
    done = draw_all(rested)
    assert [shape[0] for shape in described(done)] == ["land", "catch_up"]
    assert rested.cutoffs("Coffee") == origins_due(rested, longer)
    assert len(set(rested.cutoffs("Coffee"))) == len(rested.cutoffs("Coffee")) == 59 + 80


def test_a_new_day_is_one_run_of_the_newest_window_and_trains_nothing(rested: Caretaker) -> None:
    rested.drop("day.csv", between(COFFEE, MOST, MOST + 1))
    ((_, _, _, _), (job, first, last, assets)) = described(draw_all(rested))
    assert (job, first, last) == ("catch_up", KEYS[0], KEYS[0])
    assert assets == [*ALL[1:], *PUBLISH]


def test_the_first_price_of_a_new_window_trains_it(rested: Caretaker) -> None:
    march = len(COFFEE.known_before(date(2020, 4, 1)))
    rested.drop("days.csv", between(COFFEE, MOST, march - 1))
    _, (job, first, last, assets) = described(draw_all(rested))
    assert (job, first, last, assets) == ("catch_up", KEYS[0], KEYS[0], [*ALL[1:], *PUBLISH])
    rested.drop("day.csv", between(COFFEE, march - 1, march))
    _, (job, first, last, assets) = described(draw_all(rested))
    assert (job, first, last, assets) == ("catch_up", KEYS[0], KEYS[1], [*ALL, *PUBLISH])


def test_a_back_dated_file_gets_its_forecasts_in_the_window_it_belongs_to(tmp_path: Path) -> None:
    keeper = caretaker(tmp_path)
    late = int(np.searchsorted(COFFEE.dates, np.datetime64("2020-02-10")))
    days = np.delete(COFFEE.dates, late), np.delete(COFFEE.closes, late)
    keeper.drop("most.csv", History("Coffee", *days))
    draw_all(keeper)
    keeper.drop("late.csv", between(COFFEE, late, late + 1))
    done = draw_all(keeper)
    assert all(success for _, success in done)
    assert keeper.cutoffs("Coffee") == origins_due(keeper, COFFEE)
    assert date(2020, 2, 10) in keeper.cutoffs("Coffee")


def test_sessions_that_come_late_take_a_forecast_back_to_the_window_it_belongs_to(
    rested: Caretaker,
) -> None:
    rested.drop("april.csv", COFFEE.since(date(2020, 4, 3)).known_at(date(2020, 4, 3)))
    draw_all(rested)
    rested.drop("all.csv", COFFEE)
    draw_all(rested)
    issued = rested.store.paths.issued("Coffee", "v1.0")
    assert rested.cutoffs("Coffee") == origins_due(rested, COFFEE)
    assert [x for x in issued if x.training_date > x.forecast_start_date] == []


def test_neighbours_with_the_same_to_do_share_a_run_and_others_do_not(tmp_path: Path) -> None:
    keeper = caretaker(tmp_path, "Cocoa", "Coffee", "Sugar")
    whole = [make_history(600, seed, name) for seed, name in enumerate(("Cocoa", "Coffee"), 1)]
    keeper.drop("all.csv", *whole, make_history(FEW, 3, "Sugar"))
    asked = described(keeper.settle())[1:]
    assert [(first, last) for _, first, last, _ in asked[:2]] == [
        ("Cocoa|2020-01-01", "Coffee|2020-04-01"),
        ("Sugar|2020-01-01", "Sugar|2020-01-01"),
    ]
    assert asked[2:] == [("catch_up", "", "", PUBLISH)]


def test_each_commodity_has_a_run_of_its_own_if_that_is_configured(tmp_path: Path) -> None:
    alone = {"one_commodity_a_run": True}
    keeper = caretaker(tmp_path, "Cocoa", "Coffee", execution=alone)
    keeper.drop(
        "all.csv", *(make_history(FEW, seed, x) for seed, x in ((1, "Cocoa"), (2, "Coffee")))
    )
    (landing,) = keeper.land().run_requests or []
    assert keeper.execute(landing).success
    requests = keeper.due().run_requests or []
    assert [each.tags.get(COMMODITY) for each in requests] == ["Cocoa", "Coffee"]
    asked = described([(each, True) for each in requests])
    assert [(first, last) for _, first, last, _ in asked] == [
        ("Cocoa|2020-01-01", "Cocoa|2020-01-01"),
        ("Coffee|2020-01-01", "Coffee|2020-01-01"),
    ]


def test_a_run_of_several_commodities_is_of_none(tmp_path: Path) -> None:
    keeper = caretaker(tmp_path, "Cocoa", "Coffee")
    keeper.drop(
        "all.csv", *(make_history(FEW, seed, x) for seed, x in ((1, "Cocoa"), (2, "Coffee")))
    )
    (request,) = keeper.land().run_requests or []
    assert keeper.execute(request).success
    (request,) = keeper.due().run_requests or []
    assert COMMODITY not in request.tags


def test_a_commodity_with_a_source_of_its_own_is_read_and_then_forecast(tmp_path: Path) -> None:
    keeper = caretaker(
        tmp_path,
        commodities={
            "Coffee": {"unit": "USc/lb", "source": {"type": "file", "path": "coffee.csv"}}
        },
    )
    write_prices(tmp_path / "coffee.csv", upto(COFFEE, FEW))
    assert described(draw_all(keeper)) == [
        ("load_prices", "Coffee", "Coffee", ["prices", "features"]),
        ("catch_up", KEYS[0], KEYS[0], [*ALL, *PUBLISH]),
    ]


def test_covariates_are_joined_before_a_new_session_is_forecast(tmp_path: Path) -> None:
    covariate = {"path": "rain.csv", "column": "mm"}
    (tmp_path / "rain.csv").write_text(
        "date,mm\n" + "".join(f"{day},{place % 7}\n" for place, day in enumerate(COFFEE.dates))
    )
    source = {"unit": "USc/lb", "source": {"type": "landing"}, "covariates": {"rain": covariate}}
    keeper = caretaker(tmp_path, commodities={"Coffee": source})
    keeper.drop("coffee.csv", upto(COFFEE, FEW))
    assert [shape[0:4:3] for shape in described(draw_all(keeper))] == [
        ("land", []),
        ("load_prices", ["features"]),
        ("catch_up", [*ALL, *PUBLISH]),
    ]
    assert keeper.store.features.sessions("Coffee") == {"rain": FEW}


def test_a_covariate_that_cannot_be_read_keeps_no_forecast_waiting_for_ever(tmp_path: Path) -> None:
    covariate = {"path": "rain.csv", "column": "mm"}
    source = {"unit": "USc/lb", "source": {"type": "landing"}, "covariates": {"rain": covariate}}
    keeper = caretaker(tmp_path, commodities={"Coffee": source})
    keeper.drop("coffee.csv", upto(COFFEE, FEW))
    asked = [shape[0:4:3] for shape in described(keeper.settle())]
    joins = [("load_prices", ["features"])] * 3
    assert asked == [("land", []), *joins, ("catch_up", [*ALL, *PUBLISH])]
    assert "features Coffee: given up after 3 runs" in keeper.said()


def break_model(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise FloatingPointError("overflow")

    monkeypatch.setattr(FittedRandomWalk, "simulate", broken)


def test_a_stage_that_fails_is_tried_three_times_and_stops_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper = caretaker(tmp_path, "Cocoa", "Coffee")
    keeper.drop("both.csv", make_history(FEW, 1, "Cocoa"), make_history(FEW, 2, "Coffee"))
    with monkeypatch.context() as patch:
        break_model(patch)
        done = keeper.settle()
    failed = [request for request, success in done if not success]
    tried = [work for request in failed for work in json.loads(request.tags[DUE])]
    assert {work: tried.count(work) for work in tried if work.startswith("forecast")} == {
        "forecast Cocoa|2020-01-01": 3,
        "forecast Coffee|2020-01-01": 3,
    }
    assert "forecast Cocoa|2020-01-01: given up after 3 runs" in keeper.said()
    due = origins_due(keeper, make_history(FEW, 2, "Coffee"))
    assert keeper.cutoffs("Coffee", "naive") == due
    assert keeper.cutoffs("Coffee", "random_walk") == []
    assert keeper.store.scores.scored("Coffee", "v1.0")
    assert keeper.settings.report_path.exists()


def with_policy(settings: Settings, **changed: float) -> Settings:
    """The same settings, where runs are tried again in another way."""
    automation = settings.automation.model_copy(update=changed)
    return settings.model_copy(update={"automation": automation})


def test_what_was_given_up_is_tried_again_when_its_prices_change(
    landed: Caretaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    landed.settings = with_policy(landed.settings, attempts=1)
    with monkeypatch.context() as patch:
        break_model(patch)
        draw_all(landed)
    assert draw_due(landed) == []
    landed.drop("day.csv", between(COFFEE, FEW, FEW + 1))
    draw_all(landed)
    assert landed.cutoffs("Coffee", "random_walk") == origins_due(landed, upto(COFFEE, FEW + 1))


def test_a_failed_run_is_not_tried_again_before_its_pause_is_over(
    landed: Caretaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    landed.settings = with_policy(landed.settings, retry_seconds=3600)
    with monkeypatch.context() as patch:
        break_model(patch)
        landed.settle()
    said = landed.said()
    assert "forecast Coffee|2020-01-01: still due after 1 runs" in said
    assert "again at" in said


def test_work_that_was_undone_by_hand_is_done_again(rested: Caretaker) -> None:
    for table in ("forecasts", "distributions", "point_estimates"):
        keep(rested.store, f"forecast.{table}", lambda row: row["model_name"] != "naive")
    draw_all(rested)
    assert rested.cutoffs("Coffee") == origins_due(rested, upto(COFFEE, MOST))


def begun(keeper: Caretaker, status: DagsterRunStatus) -> str:
    """A run of the sensor that the instance believes to be going on, for a piece of work."""
    (request,) = keeper.due().run_requests or []
    run = DagsterRun(
        job_name="catch_up",
        run_id=str(uuid.uuid4()),
        status=status,
        tags=request.tags,
    )
    keeper.instance.add_run(run)
    return run.run_id


@pytest.mark.parametrize("status", [DagsterRunStatus.STARTING, DagsterRunStatus.STARTED])
def test_a_run_that_is_going_on_is_waited_for(landed: Caretaker, status: DagsterRunStatus) -> None:
    run_id = begun(landed, status)
    assert landed.said() == f"run {run_id[:8]} is going on"


def test_a_run_that_was_never_handed_over_is_asked_for_again_by_the_same_key(
    landed: Caretaker,
) -> None:
    (first,) = landed.due().run_requests or []
    begun(landed, DagsterRunStatus.NOT_STARTED)
    (again,) = landed.due().run_requests or []
    assert again.run_key == first.run_key


def test_a_run_whose_process_is_gone_is_reported_and_its_work_asked_for_again(
    landed: Caretaker,
) -> None:
    (first,) = landed.due().run_requests or []
    asked = json.loads(first.tags[DUE])
    run_id = begun(landed, DagsterRunStatus.STARTED)
    landed.settings = with_policy(
        landed.settings, silence_seconds=0.0
    )  # dead at once without a pulse
    landed.due()
    run = landed.instance.get_run_by_id(run_id)
    assert run is not None
    assert run.status == DagsterRunStatus.FAILURE
    (again,) = landed.due().run_requests or []
    train = f"train {KEYS[0]}"
    assert json.loads(again.tags[DUE]) == {train: asked[train]}  # each stage by itself, in order
    assert again.run_key != first.run_key


def test_a_run_whose_process_lives_is_left_alone_however_long_it_takes(
    landed: Caretaker,
) -> None:
    run_id = begun(landed, DagsterRunStatus.STARTED)
    landed.settings = with_policy(landed.settings, silence_seconds=0.0)
    with other_process_with_pulse(landed, run_id):
        assert landed.said() == f"run {run_id[:8]} is going on"


def test_a_run_of_a_terminal_is_waited_for(landed: Caretaker) -> None:
    with other_process_with_pulse(landed, "c0ffee00"):
        assert landed.said() == "run c0ffee00 is going on"
    assert landed.due().run_requests


def test_tables_that_did_not_change_are_not_compared_again(
    rested: Caretaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = rested.said()
    with monkeypatch.context() as patch:
        patch.setattr(sensors, "plan", None)  # calling it would raise
        assert rested.said() == said
    rested.drop("day.csv", between(COFFEE, MOST, MOST + 1))
    (request,) = rested.land().run_requests or []
    rested.execute(request)
    assert rested.due().run_requests


def test_locked_tables_are_a_reason_to_wait(
    landed: Caretaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resources, "LOCK_SECONDS", 0.2)
    hold = (
        "import duckdb, sys, time; c = duckdb.connect(sys.argv[1]); print('held', flush=True);"
        "time.sleep(60)"
    )
    path = str(landed.settings.database_path)
    with program(hold, path):
        assert "another process kept this file" in landed.said()


def test_no_run_is_asked_for_while_a_forgotten_reader_keeps_the_tables(
    landed: Caretaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resources, "BRIEF_SECONDS", 0.2)
    (due,) = landed.due().run_requests or []
    landed.drop("day.csv", between(COFFEE, MOST, MOST + 1))
    with holding(landed.settings.database_path) as holder:
        for _ in range(2):
            for found in (landed.due(), landed.land()):
                assert not found.run_requests
                assert found.skip_reason is not None
                said = str(found.skip_reason.skip_message)
                assert "no run is asked for while the tables are kept" in said
                assert holder.named in said
                assert "forecast snapshot" in said
                assert "is lost" not in said
    assert len(landed.land().run_requests or []) == 1
    (again,) = landed.due().run_requests or []
    assert again.run_key == due.run_key  # nothing was tried in between


def test_a_run_that_meets_a_forgotten_reader_waits_once_and_then_ends(landed: Caretaker) -> None:
    (request,) = landed.due().run_requests or []
    seconds = 3.0
    kept = landed.settings.database.model_copy(update={"lock_timeout_seconds": seconds})
    landed.settings = landed.settings.model_copy(update={"database": kept})
    began = time.monotonic()
    with holding(landed.settings.database_path) as holder:
        done = landed.execute(request)
    assert not done.success
    waits = re.findall(r"kept this file for ([\d.]+) s", str(failure_lines(done, "catch_up")))
    assert sum(map(float, waits)) < 2 * seconds
    assert holder.named in str(failure_lines(done, "catch_up"))
    assert time.monotonic() - began > seconds


def test_sensors_are_off_where_the_configuration_says_so(tmp_path: Path) -> None:
    for running, status in ((True, "RUNNING"), (False, "STOPPED")):
        keeper = caretaker(tmp_path, automation={"running": running})
        assert {x.default_status.value for x in sensors.sensors(keeper.settings)} == {status}


@contextmanager
def other_process_with_pulse(keeper: Caretaker, run_id: str) -> Iterator[None]:
    beat = (
        "import sys, time; from pathlib import Path; from forecast_assets.defs.pulse import Pulses;"
        "lock = Pulses(Path(sys.argv[1])).begin(sys.argv[2]); print('held', flush=True);"
        "time.sleep(60)"
    )
    with program(beat, str(keeper.settings.home / ".runs"), run_id):
        yield


@contextmanager
def program(source: str, *arguments: str) -> Iterator[None]:
    """A process that says when it is ready, and is killed in the end."""
    process = subprocess.Popen(
        [sys.executable, "-c", source, *arguments], stdout=subprocess.PIPE, cwd=ROOT
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        yield
    finally:
        process.kill()
        process.communicate()


def test_outcomes_are_told_although_a_model_of_an_old_window_was_given_up(
    landed: Caretaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    landed.settings = with_policy(landed.settings, attempts=1)
    with monkeypatch.context() as patch:
        break_model(patch)
        draw_all(landed)
        landed.drop("more.csv", between(COFFEE, FEW, 600))
        draw_all(landed)
    revised = History("Coffee", COFFEE.dates[595:596], np.array([30.0]))
    landed.drop("revised.csv", revised)
    draw_all(landed)
    told = {
        forecast.outcome[0]
        for forecast in landed.store.paths.issued("Coffee", "v1.0")
        if forecast.data_cutoff_date == COFFEE.dates[594].item() and forecast.outcome
    }
    assert told == {30.0}


def test_what_a_model_declines_by_its_nature_is_asked_for_once(tmp_path: Path) -> None:
    keeper = caretaker(tmp_path, models=["naive", "garch"])
    closes = upto(COFFEE, FEW).closes.copy()
    closes[FEW - 5] = -3.0
    keeper.drop("coffee.csv", History("Coffee", COFFEE.dates[:FEW], closes))
    assert [shape[0] for shape in described(draw_all(keeper))] == ["land", "catch_up"]
    assert COFFEE.dates[FEW - 5].item() not in keeper.cutoffs("Coffee", "garch")
    keeper.drop("day.csv", between(COFFEE, FEW, FEW + 1))
    assert [shape[0] for shape in described(draw_all(keeper))] == ["land", "catch_up"]
    assert COFFEE.dates[FEW].item() in keeper.cutoffs("Coffee", "garch")
