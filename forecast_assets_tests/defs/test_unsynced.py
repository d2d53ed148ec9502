"""What the UI calls unsynced, after runs, landings and revisions, is asked of Dagster itself."""

import logging
from dataclasses import replace
from datetime import date
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pytest
from dagster import AssetKey, DagsterInstance

from forecast_assets.automation.scope import EVERYTHING
from forecast_assets.configuration.settings import Settings
from forecast_assets.defs.launching import instance, work
from forecast_assets.defs.past import VERSION, last_materialization, versions_by_contents
from forecast_assets.defs.progress import Lines, TerminalProgress
from forecast_assets.timeline.history import History
from forecast_assets_tests.caretaker import Caretaker, caretaker
from forecast_assets_tests.graphs import QUIET
from forecast_assets_tests.histories import make_history
from forecast_assets_tests.unsynced import ASSETS, WHOLE, unsynced

pytestmark = pytest.mark.long

COFFEE = make_history(700)  # 2018-01-01 to 2020-09-04
MONTHLY: dict[str, Any] = {
    "training": {"cadence": "monthly", "start": date(2020, 6, 1)},
    "models": ["naive"],
}
"""The first window begins with session 630, the second with 652, the third with 675."""
SUGAR = make_history(700, seed=2, commodity="Sugar")


def until(history: History, sessions: int) -> History:
    return history.known_at(history.dates[sessions - 1].item())


def only(history: History, *places: int, factor: float = 1.0) -> History:
    """Some of its sessions, with their closes times a factor."""
    picked = np.array(places)
    return replace(
        history,
        dates=history.dates[picked],
        closes=history.closes[picked] * factor,
        features=np.empty((len(picked), 0)),
    )


def load(keeper: Caretaker, first: str, last: str) -> None:
    """A run of ``load_prices`` over a range of commodities."""
    over(keeper, "load_prices", first, last)


def over(keeper: Caretaker, name: str, first: str, last: str) -> None:
    """A run of a job over a range of partitions."""
    bounds = {
        "dagster/asset_partition_range_start": first,
        "dagster/asset_partition_range_end": last,
    }
    job = keeper.definitions().resolve_job_def(name)
    ran = job.execute_in_process(
        instance=keeper.instance, tags=bounds, run_config={"loggers": QUIET}
    )
    assert ran.success


def versions(keeper: Caretaker, asset: str) -> dict[str, str]:
    found = {}
    for name in ("Coffee", "Sugar"):
        logged = last_materialization(keeper.instance, AssetKey(asset), name)
        assert logged is not None
        found[name] = (logged.tags or {})[VERSION]
    return found


def known_by(dagster: DagsterInstance) -> dict[tuple[str, str], str]:
    """The data version of every partition that was materialized, and of the whole assets."""
    found = {}
    for name in (*ASSETS, *WHOLE):
        keys: list[str | None] = [None, *dagster.get_materialized_partitions(AssetKey(name))]
        for key in keys:
            logged = last_materialization(dagster, AssetKey(name), key)
            if logged is not None and logged.partition == key:
                found[name, key or ""] = (logged.tags or {}).get(VERSION, "")
    return found


def land(keeper: Caretaker) -> None:
    """What the sensor of files asks for, and nothing else."""
    for request in keeper.land().run_requests or []:
        assert keeper.execute(request).success


def test_windows_are_unsynced_when_their_past_changed_and_not_when_prices_land(
    tmp_path: Path,
) -> None:
    keeper = caretaker(tmp_path, "Coffee", "Sugar", **MONTHLY)
    keeper.drop("first.csv", until(COFFEE, 690), until(SUGAR, 690))
    land(keeper)
    load(keeper, "Coffee", "Sugar")
    keeper.settle()

    # A new day of both, and a correction of the close before it: nothing is due afterwards.
    keeper.drop("day.csv", only(COFFEE, 690), only(SUGAR, 690))
    keeper.drop("correction.csv", only(SUGAR, 689, factor=1.002))
    keeper.settle()
    load(keeper, "Coffee", "Sugar")
    assert unsynced(keeper.settings, keeper.instance) == {}

    # Runs that find everything done, of one window and of all, leave nothing unsynced either, and
    # no window gets another version.
    known = known_by(keeper.instance)
    newest = "Coffee|2020-08-01"
    for first, last in ((newest, newest), ("Coffee|2020-06-01", "Sugar|2020-08-01")):
        for job in ("train", "forecast", "score"):
            over(keeper, job, first, last)
            assert unsynced(keeper.settings, keeper.instance) == {}, job
    assert known_by(keeper.instance) == known

    # A close of 2020-07-13, in the second of three windows: told of its commodity alone.
    keeper.drop("revision.csv", only(COFFEE, 660, factor=1.01))
    land(keeper)
    load(keeper, "Coffee", "Sugar")
    told = unsynced(keeper.settings, keeper.instance)
    windows = [f"Coffee|2020-{month}-01" for month in ("06", "07", "08")]
    assert told == {key: set(windows) for key in ("trained_models", "distributions", "scores")}
    before = versions(keeper, "features")
    assert before["Coffee"] != before["Sugar"]

    # What was due is done, and both keep their versions though a run gives one to all.
    keeper.settle()
    load(keeper, "Coffee", "Sugar")
    assert versions(keeper, "features") == before
    left = unsynced(keeper.settings, keeper.instance)
    assert windows[0] in left["trained_models"]
    assert not any(windows[2] in keys for keys in left.values())


def run(settings: Settings) -> None:
    """What ``forecast run`` does."""
    progress = TerminalProgress(Lines(logging.getLogger(__name__).info), Event())
    worker = work(settings, settings.model_version, EVERYTHING, progress)
    assert not worker.problems


def test_a_finished_run_leaves_nothing_unsynced(tmp_path: Path) -> None:
    keeper = caretaker(tmp_path, "Coffee", "Sugar", **MONTHLY)
    settings = keeper.settings
    keeper.drop("first.csv", until(COFFEE, 674), until(SUGAR, 690))
    run(settings)
    with instance(settings.places) as dagster:
        first = known_by(dagster)
        assert unsynced(settings, dagster) == {}

    # Nothing is due, and nothing gets another version.
    run(settings)
    with instance(settings.places) as dagster:
        assert unsynced(settings, dagster) == {}
        again = known_by(dagster)
    kept = {key: found for key, found in again.items() if key[0] != "report"}
    assert kept == {key: first[key] for key in kept}

    # The first session of a window for one, a reissue of the newest forecasts of the other.
    keeper.drop("day.csv", only(COFFEE, 674), only(SUGAR, 689, factor=1.002))
    run(settings)
    with instance(settings.places) as dagster:
        assert unsynced(settings, dagster) == {}
        later = known_by(dagster)
    newest = "Sugar|2020-08-01"
    assert later["distributions", newest] != first["distributions", newest]
    assert later["scores", newest] != first["scores", newest]
    assert later["trained_models", newest] == first["trained_models", newest]
    assert later["distributions", "Sugar|2020-06-01"] == first["distributions", "Sugar|2020-06-01"]


@pytest.mark.parametrize(
    ("held", "kept", "alike"),
    [
        ({"a": "1", "b": "2"}, {"a", "b"}, set()),
        ({"a": "1", "b": "9"}, {"a"}, {"b"}),
        ({"a": "8", "b": "9"}, set(), {"a", "b"}),
        ({"a": "1", "b": "2", "c": "3", "d": "4"}, {"a", "b"}, {"c", "d"}),
    ],
)
def test_partitions_keep_their_version_for_as_long_as_they_hold_the_same(
    held: dict[str, str], kept: set[str], alike: set[str]
) -> None:
    before = dict.fromkeys(held, ("", "")) | {"a": ("1", "first"), "b": ("2", "second")}
    found = versions_by_contents(held, before)
    assert found.keys() == held.keys()
    assert {key for key in held if found[key] == before[key][1]} == kept
    assert len({found[key] for key in alike}) == (1 if alike else 0)
    others = versions_by_contents(held | {"b": "7"}, before)
    assert others["b"] not in found.values()
