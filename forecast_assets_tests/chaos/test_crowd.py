"""The crowd finds what is broken: a wait that is silent or long, another table, a failed run."""

import io
import time
from pathlib import Path
from typing import Any

import pytest
from dagster import DagsterRun, DagsterRunStatus
from rich.console import Console

from forecast_assets.defs.launching import instance
from forecast_assets.store import patience
from forecast_assets.store.patience import Kept, Patience
from forecast_assets_tests import desk as desks
from forecast_assets_tests.chaos import crowd
from forecast_assets_tests.chaos.crowd import Heard, compared, differing, in_the_end, show
from forecast_assets_tests.chaos.forks import CRASHED, Ended
from forecast_assets_tests.desk import Desk
from forecast_assets_tests.histories import make_history
from forecast_assets_tests.rows import change


def ended(**heard: Any) -> Ended:
    return Ended(0, 1.0, vars(Heard(**heard)))


@pytest.mark.parametrize(
    ("who", "end", "told"),
    [
        ("status", ended(reading=4.9, writing=60.0, rounds=9), ""),
        ("status", ended(reading=5.1), "a reader waited 5.1 s, more than 5"),
        ("another program, briefly", ended(reading=60.0), ""),
        ("backfill", ended(silent=7.0), "backfill waited 7.0 s and did not say for whom"),
        ("backfill", Ended(CRASHED, 1.0), f"backfill ended with {CRASHED}"),
    ],
)
def test_a_wait_that_is_long_or_silent_is_told(who: str, end: Ended, told: str) -> None:
    broken = show(Console(file=io.StringIO()), {who: end})
    assert [told in line for line in broken] == [True] * bool(told)


@pytest.mark.parametrize(("says", "silent"), [(True, 0.0), (False, 9.0)])
def test_a_wait_is_silent_if_nothing_is_said_of_whom_it_is_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: bool, silent: float
) -> None:
    began = time.monotonic()
    clock = [began]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    if not says:
        monkeypatch.setattr(patience.Wait, "_tell", lambda wait, state: None)
    monkeypatch.setattr(Patience, "open", Patience.open)
    heard = Heard()
    heard.listen()

    def connect() -> str:
        clock[0] += 3.0
        if clock[0] < began + 9.0:
            raise Kept("a notebook (PID 7)")
        return "open"

    opened = Patience(60.0, told=lambda line: None).open(
        tmp_path / "x", connect, writing=True, also=None
    )
    assert opened == "open"
    assert (heard.reading, heard.writing, heard.silent) == pytest.approx((0.0, 9.0, silent))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    made = desks.desk(tmp_path, "Coffee", models=["naive"], paths=5)
    made.told(make_history(525))
    made.work(publishes=False)
    made.settings.places.prepare()
    return made


def test_a_table_of_other_contents_and_a_failed_run_are_told(desk: Desk, tmp_path: Path) -> None:
    like = compared(tmp_path)
    change(desk.store, "market.price_revisions", lambda row: {"source": "elsewhere"})
    assert differing(tmp_path, like) == []
    assert in_the_end(tmp_path) == []
    change(desk.store, "market.price_revisions", lambda row: {"high": 9.0})
    with instance(desk.settings.places) as dagster:
        dagster.add_run(DagsterRun("land", "c0ffee", status=DagsterRunStatus.FAILURE))
        dagster.add_run(DagsterRun("land", "decaf", status=DagsterRunStatus.STARTED))
    going_on, table = differing(tmp_path, like)
    assert going_on == "decaf"
    assert table.startswith("market.price_revisions: ")
    assert "run c0ffee of 2 failed: land" in in_the_end(tmp_path)


def test_a_look_that_dies_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def dies(folder: Path) -> None:
        raise RuntimeError

    monkeypatch.setattr(crowd, "compared", dies)
    (line,) = differing(tmp_path, {})
    assert line.startswith(f"looking at the tables ended with {CRASHED}")
