"""Old runs and old pictures go with all that is kept of them; nothing is due or missing after."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from dagster import (
    AssetKey,
    AssetMaterialization,
    AssetRecordsFilter,
    DagsterInstance,
    MarkdownMetadataValue,
    TableMetadataValue,
    job,
    op,
)

from forecast_assets.configuration.sections import RunsKept
from forecast_assets.defs.after_commit import PICTURE
from forecast_assets.defs.pruning import Pruned, delete_events, kept_since, prune_by, pruned, shown
from forecast_assets.defs.run_history import DUE_WORK, RUNS_READ, RunHistory
from forecast_assets.defs.stored_events import events_of
from forecast_assets_tests.beginnings import at_home
from forecast_assets_tests.caretaker import Caretaker, caretaker
from forecast_assets_tests.graphs import QUIET
from forecast_assets_tests.histories import make_history
from forecast_assets_tests.unsynced import unsynced

HISTORY = make_history(530, first="2018-01-01")
DAYS = 1
"""Days of one new price each, after all that was there before."""

WINDOW = "Coffee|2020-01-01"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caretaker]:
    """Some days of work, with the history of runs in files."""
    folder = tmp_path_factory.mktemp("pruning")
    with at_home(folder), DagsterInstance.local_temp(str(folder)) as instance:
        keeper = caretaker(folder, training={"cadence": "quarterly", "start": "2020-01-01"})
        keeper.instance = instance
        for day in range(DAYS + 1):
            known = HISTORY.dates[len(HISTORY) - DAYS + day - 1].item()
            keeper.drop(f"day_{day}.csv", HISTORY.known_at(known))
            assert all(success for _, success in keeper.settle())
        yield keeper


def files_of(instance: DagsterInstance) -> set[str]:
    """The ids of runs that have a file of events, or of what their steps printed."""
    root = Path(instance.root_directory)
    events = {path.stem for path in (root / "history" / "runs").glob("*.db")}
    return (events | {path.name for path in (root / "storage").iterdir()}) - {"index"}


def made(instance: DagsterInstance, asset: str) -> list[AssetMaterialization]:
    """The materializations of an asset, the newest first."""
    key = AssetKey(asset)
    partitions = [WINDOW] if asset in ("distributions", "scores") else None
    wanted = AssetRecordsFilter(key, asset_partitions=partitions)
    records = instance.fetch_materializations(wanted, limit=50).records
    return [record.asset_materialization for record in records if record.asset_materialization]


@pytest.mark.parametrize("asset", ["prices", "distributions", "leaderboard"])
def test_only_the_newest_materialization_has_a_picture_and_tables(
    home: Caretaker, asset: str
) -> None:
    newest, *older = made(home.instance, asset)
    assert PICTURE in newest.metadata
    assert len(older) >= DAYS
    for each in older:
        kinds = {type(said) for said in each.metadata.values()}
        assert not kinds & {MarkdownMetadataValue, TableMetadataValue}
    numbers = [each.metadata for each in older if "dagster/partition_row_count" in each.metadata]
    assert len(numbers) == (0 if asset == "leaderboard" else len(older))


def test_the_files_of_runs_have_no_older_picture_either(home: Caretaker) -> None:
    root = Path(home.instance.root_directory) / "history" / "runs"
    pictures: dict[str, int] = {}
    for file in root.glob("*.db"):
        with closing(sqlite3.connect(file)) as connection:
            rows = connection.execute("SELECT event FROM event_logs").fetchall()
        pictures[file.stem] = sum(json.dumps("data:image")[1:-1] in event for (event,) in rows)
    assert pictures.pop("index") == 4  # prices, distributions, scores and the leaderboard
    assert sum(pictures.values()) == 4


def test_old_runs_go_and_what_is_shown_stays(
    home: Caretaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    instance = home.instance
    monkeypatch.setattr("forecast_assets.defs.pruning.RUNS_READ", 1)
    names = ("prices", "trained_models", "distributions", "scores")
    before = {name: instance.get_materialized_partitions(AssetKey(name)) for name in names}
    stale = unsynced(home.settings, instance)
    runs, keys = len(instance.get_runs()), {*shown(events_of(instance))}
    printed = made(instance, "report")[0].metadata

    def killed(_: str) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(instance.run_storage, "delete_run", killed)
        with pytest.raises(KeyboardInterrupt):
            pruned(instance, datetime.now(UTC))
    assert len(instance.get_runs()) == runs  # one of them has no events any more
    found = pruned(instance, datetime.now(UTC))

    assert found.kept == len(keys) < runs
    assert (found.deleted, found.emptied) == (runs - found.kept, 0)
    assert {run.run_id for run in instance.get_runs()} == keys == files_of(instance)
    assert {n: instance.get_materialized_partitions(AssetKey(n)) for n in names} == before
    assert unsynced(home.settings, instance) == stale
    assert made(instance, "report")[0].metadata == printed
    assert pruned(instance, datetime.now(UTC)).deleted == 0


def test_young_runs_stay(home: Caretaker) -> None:
    runs = len(home.instance.get_runs())
    assert prune_by(home.settings, home.instance) == Pruned()
    assert len(home.instance.get_runs()) == runs


def test_days_to_keep_are_the_configurations(home: Caretaker) -> None:
    now = datetime(2024, 4, 1, tzinfo=UTC)
    assert kept_since(home.settings, now) == datetime(2024, 1, 2, tzinfo=UTC)
    forever = home.settings.model_copy(update={"history": RunsKept(keep_days=None)})
    assert kept_since(forever, now) is None
    assert prune_by(forever, home.instance) == Pruned()


def test_the_job_prunes(home: Caretaker) -> None:
    prune = home.definitions().resolve_job_def("prune")
    ran = prune.execute_in_process(instance=home.instance, run_config={"loggers": QUIET})
    assert ran.success
    pruned(home.instance, datetime.now(UTC))
    assert home.instance.get_run_by_id(ran.run_id) is None


def test_runs_of_other_programs_stay(home: Caretaker) -> None:
    @op
    def work() -> None: ...

    @job
    def theirs() -> None:
        work()

    ran = theirs.execute_in_process(instance=home.instance, run_config={"loggers": QUIET})
    pruned(home.instance, datetime.now(UTC))
    assert home.instance.get_run_by_id(ran.run_id) is not None
    assert home.instance.all_logs(ran.run_id)


def test_nothing_is_due_again(home: Caretaker) -> None:
    pruned(home.instance, datetime.now(UTC))
    home.cursors.clear()
    assert home.tick() == []


def test_runs_that_a_plan_reads_keep_their_record(home: Caretaker) -> None:
    """This is the newest run of the plan, which a new materialization of its assets supersedes."""
    before = RunHistory.of(home.instance, DUE_WORK).records
    assert 0 < len(before) < RUNS_READ
    for record in before:
        delete_events(home.instance, events_of(home.instance), record.dagster_run.run_id)
    after = RunHistory.of(home.instance, DUE_WORK).records
    assert [x.dagster_run.tags for x in after] == [x.dagster_run.tags for x in before]
    assert pruned(home.instance, datetime.now(UTC)).emptied == 0
