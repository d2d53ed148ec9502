"""Sensor and terminal are two launchers of one plan: the same tables, the same work."""

import errno
import json
import logging
import os
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pytest
from dagster import DagsterRun, DagsterRunStatus

from forecast_assets.automation.scope import Scope
from forecast_assets.configuration import home as places
from forecast_assets.defs import launching
from forecast_assets.defs.assets import landed_files
from forecast_assets.defs.build import build_definitions
from forecast_assets.defs.launching import Worker, work
from forecast_assets.defs.progress import Lines, TerminalProgress
from forecast_assets.defs.run_history import DUE
from forecast_assets.errors import Interrupted
from forecast_assets.market.reception import receive
from forecast_assets.models.naive import Naive
from forecast_assets.models.random_walk import FittedRandomWalk, RandomWalk
from forecast_assets.store.pinning import PinnedVersion
from forecast_assets.timeline.clock import now
from forecast_assets.timeline.history import History
from forecast_assets_tests.caretaker import Caretaker, caretaker, draw_all, draw_due
from forecast_assets_tests.graphs import QUIET
from forecast_assets_tests.histories import make_history, with_features, write_covariate
from forecast_assets_tests.rows import change, keep, rows

COFFEE = with_features(make_history(600), ("rain",))
SESSIONS = 557
"""To 2020-02-18: two windows of 2020 have begun to be forecast, the second with 12 sessions."""

REVISED = 550
"""A session of the second window."""

MORE = 20
"""So many sessions after the last reach the third window."""

KEYS: dict[str, Any] = {
    "training": {"cadence": "monthly", "start": date(2020, 1, 1)},
    "models": ["naive", "random_walk"],
    "commodities": {"Coffee": {"unit": "USc/lb", "source": {"type": "landing"}}},
}

GARCH = ["naive", "garch"]
RAIN: dict[str, Any] = {
    "models": ["naive", {"sarimax": {"features": "weather", "q": 0}}],
    "feature_sets": {"weather": ["rain"]},
    "commodities": {
        "Coffee": {
            "unit": "USc/lb",
            "source": {"type": "landing"},
            "covariates": {"rain": {"path": "rain.csv", "column": "close"}},
        }
    },
}


def closes_of(first: int, stop: int, closes: np.ndarray | None = None) -> History:
    """Some sessions of Coffee, with closes of their own where they are given."""
    values = COFFEE.closes[first:stop] if closes is None else closes
    return History("Coffee", COFFEE.dates[first:stop], values)


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which nothing is due."""
    folder = tmp_path_factory.mktemp("settled")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FORECAST_HOME", str(folder / "data"))
        keeper = caretaker(folder, **KEYS)
        keeper.drop("coffee.csv", closes_of(0, SESSIONS))
        keeper.settle()
    return folder


@pytest.fixture
def home(settled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, without the history of its runs."""
    folder = tmp_path / "copy"
    shutil.copytree(settled, folder)
    monkeypatch.setenv("FORECAST_HOME", str(folder / "data"))
    return folder


def landed(home: Path, *histories: History, **keys: Any) -> Caretaker:
    """A home after some more prices have landed."""
    keeper = caretaker(home, **(KEYS | keys))
    keeper.drop("more.csv", *histories)
    (request,) = keeper.land().run_requests or []
    assert keeper.execute(request).success
    return keeper


Row = dict[str, Any]


def by_hand(home: Path, table: str, changed: Callable[[Row], Row]) -> Caretaker:
    """A home after somebody has changed the rows of a table."""
    keeper = caretaker(home, **KEYS)
    change(keeper.store, table, changed)
    return keeper


def revised(session: int) -> History:
    """Another close of a session."""
    return closes_of(session, session + 1, COFFEE.closes[session : session + 1] * 1.01)


def missed_days(home: Path, _: pytest.MonkeyPatch) -> Caretaker:
    return landed(home, closes_of(SESSIONS, SESSIONS + 5))


def a_new_window(home: Path, _: pytest.MonkeyPatch) -> Caretaker:
    return landed(home, closes_of(SESSIONS, SESSIONS + MORE))


def a_revised_price(home: Path, _: pytest.MonkeyPatch) -> Caretaker:
    return landed(home, revised(REVISED))


def a_revised_price_before_training(home: Path, _: pytest.MonkeyPatch) -> Caretaker:
    return landed(home, revised(300))


def a_revised_newest_price(home: Path, _: pytest.MonkeyPatch) -> Caretaker:
    return landed(home, revised(SESSIONS - 1))


def a_withdrawn_session(home: Path, _: pytest.MonkeyPatch) -> Caretaker:
    day = COFFEE.dates[REVISED].item()
    return by_hand(
        home, "market.price_revisions", lambda row: {"close": None} if row["date"] == day else {}
    )


def changed_options(home: Path, _: pytest.MonkeyPatch) -> Caretaker:
    return caretaker(home, **(KEYS | {"models": ["naive", {"random_walk": {"lookback": 60}}]}))


def rewritten(keeper: Caretaker) -> Caretaker:
    """A home after somebody has decided that the version means what the configuration says."""
    version = PinnedVersion.of(keeper.settings, keeper.store)
    version.rewrite("a decision", now(), "somebody")
    return keeper


def rewritten_options(home: Path, patch: pytest.MonkeyPatch) -> Caretaker:
    return rewritten(changed_options(home, patch))


def one_model_more(home: Path, _: pytest.MonkeyPatch) -> Caretaker:
    return caretaker(home, **(KEYS | {"models": ["naive", "random_walk", "reverting_volatility"]}))


def another_number_of_paths(home: Path, _: pytest.MonkeyPatch) -> Caretaker:
    return caretaker(home, **(KEYS | {"paths": 30}))


def another_number_of_paths_rewritten(home: Path, patch: pytest.MonkeyPatch) -> Caretaker:
    return rewritten(another_number_of_paths(home, patch))


def a_changed_covariate(home: Path, _: pytest.MonkeyPatch) -> Caretaker:
    write_covariate(home / "rain.csv", COFFEE, "rain")
    keeper = caretaker(home, **(KEYS | RAIN))
    draw_all(keeper)
    features = COFFEE.features.copy()
    features[400] *= 1.5
    write_covariate(home / "rain.csv", replace(COFFEE, features=features), "rain")
    job = build_definitions(keeper.settings).resolve_job_def("load_prices")
    assert job.execute_in_process(
        instance=keeper.instance, partition_key="Coffee", run_config={"loggers": QUIET}
    ).success
    return keeper


def a_corrupt_payload(home: Path, _: pytest.MonkeyPatch) -> Caretaker:
    which = ("naive", date(2020, 1, 1))
    return by_hand(
        home,
        "forecast.trained_models",
        lambda row: (
            {"fitted_model_json": "{}"}
            if (row["model_name"], row["training_date"]) == which
            else {}
        ),
    )


def a_changed_cadence(home: Path, _: pytest.MonkeyPatch) -> Caretaker:
    training = {"cadence": "weekly", "start": date(2020, 2, 3)}
    return caretaker(home, **(KEYS | {"training": training}))


def lost_scores(home: Path, _: pytest.MonkeyPatch) -> Caretaker:
    keeper = caretaker(home, **KEYS)
    keep(keeper.store, "forecast.scores", lambda row: row["model_name"] != "naive")
    return keeper


def a_declined_origin(home: Path, _: pytest.MonkeyPatch) -> Caretaker:
    """Declined before, and there is a day more."""
    keeper = landed(home, closes_of(SESSIONS, SESSIONS + 1, np.array([-3.0])), models=GARCH)
    draw_all(keeper)
    keeper.drop("next.csv", closes_of(SESSIONS + 1, SESSIONS + 2))
    (request,) = keeper.land().run_requests or []
    keeper.execute(request)
    return keeper


def a_failed_fit(home: Path, patch: pytest.MonkeyPatch) -> Caretaker:
    """It has failed in the sensor's only run so far."""
    keeper = landed(home, revised(300))
    breaks(patch, RandomWalk, "estimate")
    draw_due(keeper)
    return keeper


def a_failed_forecast(home: Path, patch: pytest.MonkeyPatch) -> Caretaker:
    """It has failed in the sensor's only run so far."""
    keeper = landed(home, closes_of(SESSIONS, SESSIONS + 5))
    breaks(patch, FittedRandomWalk, "simulate")
    draw_due(keeper)
    return keeper


def a_killed_run(home: Path, _: pytest.MonkeyPatch) -> Caretaker:
    """A run for what is due was begun, and its process is gone."""
    keeper = landed(home, closes_of(SESSIONS, SESSIONS + 5))
    (request,) = keeper.due().run_requests or []
    run = DagsterRun(
        job_name="catch_up",
        run_id="11111111-2222-4333-8444-555555555555",
        status=DagsterRunStatus.FAILURE,
        tags=request.tags,
    )
    keeper.instance.add_run(run)
    return keeper


Situation = Callable[[Path, pytest.MonkeyPatch], Caretaker]
SITUATIONS: list[Situation] = [
    missed_days,
    a_new_window,
    a_revised_price,
    a_revised_price_before_training,
    a_revised_newest_price,
    a_withdrawn_session,
    rewritten_options,
    one_model_more,
    another_number_of_paths_rewritten,
    a_changed_covariate,
    a_corrupt_payload,
    a_changed_cadence,
    lost_scores,
    a_declined_origin,
    a_failed_fit,
    a_failed_forecast,
    a_killed_run,
]


def breaks(patch: pytest.MonkeyPatch, kind: type, method: str) -> None:
    """From now on a method of a model breaks down."""

    def broken(*_: object, **__: object) -> None:
        raise FloatingPointError("overflow")

    patch.setattr(kind, method, broken)


def terminal(keeper: Caretaker, scope: Scope | None = None) -> Worker:
    """What ``forecast run`` does for Coffee, over the same history of runs."""
    worker = worker_of(keeper, scope)
    worker.serve("Coffee")
    return worker


def worker_of(keeper: Caretaker, scope: Scope | None = None) -> Worker:
    """The worker of a new command, which has not begun."""
    progress = TerminalProgress(Lines(logging.getLogger(__name__).info), Event())
    settings = keeper.settings
    mine = scope or Scope(("Coffee",))
    return Worker(settings, settings.model_version, mine, keeper.instance, progress)


def runs(keeper: Caretaker) -> list[dict[str, str]]:
    """What each run of what is due was for, in order: signatures by piece of work."""
    found = reversed(keeper.instance.get_runs())
    return [json.loads(run.tags[DUE]) for run in found if run.job_name == "catch_up"]


def together(asked: list[dict[str, str]]) -> dict[str, str]:
    """All that runs are for, but for forecasts that follow as soon as their models are trained."""
    work = {name: signature for each in asked for name, signature in each.items()}
    following = {name.replace("train ", "forecast ") for name in work if name.startswith("train ")}
    return {name: signature for name, signature in work.items() if name not in following}


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda each: each.__name__)
def test_sensor_and_terminal_ask_for_the_same_work(home: Path, situation: Situation) -> None:
    with pytest.MonkeyPatch.context() as patch:
        keeper = situation(home, patch)
        asked = [json.loads(request.tags[DUE]) for request in keeper.due().run_requests or []]
        before = len(runs(keeper))
        terminal(keeper)
    assert asked
    assert together(runs(keeper)[before:]) == together(asked)
    failed = any(not each.declined for each in keeper.store.failures.find("Coffee", "v1.0"))
    assert failed == situation.__name__.startswith("a_failed_")
    if not failed:  # neither of the two has anything left to do
        before = len(runs(keeper))
        worker_of(keeper).catch_up("Coffee")
        assert len(runs(keeper)) == before
        left = [json.loads(request.tags[DUE]) for request in keeper.due().run_requests or []]
        assert {name for work in left for name in work} <= {"publish"}


@pytest.mark.parametrize(
    ("situation", "says", "count"),
    [
        (changed_options, "random_walk.lookback: was 30, is 60", 36),
        (another_number_of_paths, "paths: was 20, is 30", 72),
    ],
    ids=["changed_options", "another_number_of_paths"],
)
def test_a_configuration_that_means_something_else_is_told_by_both_and_rewrites_nothing(
    home: Path, monkeypatch: pytest.MonkeyPatch, situation: Situation, says: str, count: int
) -> None:
    settled = caretaker(home, **KEYS)
    settled.due()
    keeper = situation(home, monkeypatch)
    keeper.cursors = settled.cursors  # the tables are as the sensor knows them
    assert says in keeper.said()
    before = rows(keeper.store, "forecast.forecasts")
    worker = terminal(keeper)
    assert not worker.problems
    first, last = worker.notes[0], worker.notes[-1]
    assert first == f"model_version v1.0: {says}"
    assert f" {count} past forecasts would be drawn again" in last
    assert 'a new model_version, or call `forecast run --rewrite "the reason"`' in last
    assert runs(keeper) == []
    assert rows(keeper.store, "forecast.forecasts") == before
    for line in (first, last):
        assert line in keeper.said()


def test_windows_with_models_are_forecast_in_the_same_command_although_training_fails(
    home: Path,
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        keeper = a_new_window(home, patch)
        for kind in (Naive, RandomWalk):
            breaks(patch, kind, "estimate")
        worker = terminal(keeper)
    assert any("no model could be fitted" in problem for problem in worker.problems)
    days = [
        day for day in COFFEE.dates[SESSIONS : SESSIONS + MORE].tolist() if day < date(2020, 2, 28)
    ]
    assert days
    assert set(days) <= set(keeper.cutoffs("Coffee"))


def test_what_a_model_declined_launches_no_run_the_second_time(home: Path) -> None:
    keeper = landed(home, closes_of(SESSIONS, SESSIONS + 1, np.array([-3.0])), models=GARCH)
    assert not terminal(keeper).problems
    (declined,) = keeper.store.failures.find("Coffee", "v1.0")
    assert (declined.model_name, declined.declined) == ("garch", True)
    before = len(runs(keeper))
    assert before > 0
    again = terminal(keeper)
    assert len(runs(keeper)) == before
    assert not again.problems
    again = terminal(keeper, Scope(("Coffee",), recompute=True))
    assert len(runs(keeper)) == before + 1  # nobody has tried this wish
    again = terminal(keeper, Scope(("Coffee",), recompute=True))
    assert len(runs(keeper)) == before + 1


def test_who_interrupts_a_command_is_told_what_was_refused_of_files_that_are_put_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORECAST_HOME", str(tmp_path / "data"))
    keeper = caretaker(tmp_path, **KEYS)
    path = keeper.drop("a.csv", closes_of(0, 5))
    path.write_text(path.read_text() + "2030-13-01,Coffee,1\n")
    keeper.drop("b.csv", closes_of(0, 6))
    stopping = Event()

    def stopped(*arguments: Any) -> Any:
        stopping.set()
        return receive(*arguments)

    monkeypatch.setattr(landed_files, "receive", stopped)
    progress = TerminalProgress(Lines(lambda line: None), stopping)
    with pytest.raises(Interrupted) as raised:
        work(keeper.settings, keeper.settings.model_version, Scope(("Coffee",)), progress)
    first, last = str(raised.value).split("\n")
    assert "a.csv, line 7" in first
    assert last.startswith("interrupted: what was committed stays")
    assert (keeper.landing / "b.csv").exists()


def test_who_meets_an_error_on_a_full_disk_is_told_that_it_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORECAST_HOME", str(tmp_path / "data"))
    settings = caretaker(tmp_path, **KEYS).settings

    def full(folder: Path) -> None:
        if folder == settings.places.dagster:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))

    def broken(*_: object) -> None:
        monkeypatch.setattr(places, "_require_room", full)
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(launching, "prune_by", broken)
    progress = TerminalProgress(Lines(lambda line: None), Event())
    worker = work(settings, settings.model_version, Scope(commodities=()), progress)
    assert worker.problems == [
        "history: OperationalError: disk I/O error",
        f"{settings.places.dagster}: No space left on device: make room, and run again",
    ]
