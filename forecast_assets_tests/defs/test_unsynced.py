"""What the UI calls unsynced, after landings and revisions, is asked of Dagster itself."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from dagster import AssetKey, DagsterInstance
from dagster._core.definitions.data_version import CachingStaleStatusResolver, StaleStatus
from dagster._core.loader import LoadingContextForTest

from forecast_assets.configuration.settings import Settings
from forecast_assets.defs.build import build_definitions
from forecast_assets.defs.past import VERSION, last_materialization
from forecast_assets.timeline.history import History
from forecast_assets_tests.caretaker import Caretaker, caretaker
from forecast_assets_tests.graphs import QUIET
from forecast_assets_tests.histories import make_history

ASSETS = ("prices", "features", "trained_models", "distributions", "scores")
PAGES = ("leaderboard", "published_distributions", "report")
COFFEE = make_history(700)  # 2018-01-01 to 2020-09-04; training dates from 2020-01-01 on
SUGAR = make_history(700, seed=2, commodity="Sugar")


def unsynced(settings: Settings, instance: DagsterInstance) -> dict[str, set[str]]:
    """The partitions, by asset, that the UI calls unsynced; assets without any are left out."""
    graph = build_definitions(settings).resolve_asset_graph()
    loading = LoadingContextForTest(instance)
    resolver = CachingStaleStatusResolver(instance, graph, loading)
    found: dict[str, set[str]] = {}
    for name in ASSETS:
        for key in graph.get(AssetKey(name)).partitions_def.get_partition_keys():  # type: ignore[union-attr]
            if resolver.get_status(AssetKey(name), key) == StaleStatus.STALE:
                found.setdefault(name, set()).add(key)
    for name in PAGES:
        if resolver.get_status(AssetKey(name)) == StaleStatus.STALE:
            found[name] = set()
    return found


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
    job = build_definitions(keeper.settings).resolve_job_def(name)
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


def land(keeper: Caretaker) -> None:
    """What the sensor of files asks for, and nothing else."""
    for request in keeper.land().run_requests or []:
        assert keeper.execute("new_market_data", request).success


def test_windows_are_unsynced_when_their_past_changed_and_not_when_prices_land(
    tmp_path: Path,
) -> None:
    keeper = caretaker(tmp_path, "Coffee", "Sugar")
    keeper.drop("first.csv", until(COFFEE, 695), until(SUGAR, 695))
    land(keeper)
    load(keeper, "Coffee", "Sugar")
    keeper.settle()

    # A new day of both, and a correction of the close before it: nothing is due afterwards.
    keeper.drop("day.csv", only(COFFEE, 695), only(SUGAR, 695))
    keeper.drop("correction.csv", only(SUGAR, 694, factor=1.002))
    keeper.settle()
    load(keeper, "Coffee", "Sugar")
    assert unsynced(keeper.settings, keeper.instance) == {}

    # Runs that find everything done, of one window and of all, leave nothing unsynced either.
    for first in ("Coffee|2020-07-01", "Coffee|2020-01-01"):
        for job in ("train", "forecast", "score"):
            over(keeper, job, first, "Coffee|2020-07-01")
            assert unsynced(keeper.settings, keeper.instance) == {}, job

    # A close of 2020-04-20, in the second of three windows: told of its commodity alone.
    keeper.drop("revision.csv", only(COFFEE, 600, factor=1.01))
    land(keeper)
    load(keeper, "Coffee", "Sugar")
    told = unsynced(keeper.settings, keeper.instance)
    windows = [f"Coffee|2020-{month}-01" for month in ("01", "04", "07")]
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
