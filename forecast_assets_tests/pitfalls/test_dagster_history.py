"""What pruning and thinning rely on in Dagster's history, or work around: none of it is public."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from dagster import (
    AssetCheckKey,
    AssetCheckResult,
    AssetKey,
    DagsterInstance,
    EventLogEntry,
    Output,
    asset,
    asset_check,
    materialize,
)
from dagster._core.storage.compute_log_manager import ComputeIOType
from dagster._core.storage.event_log.schema import (
    AssetCheckExecutionsTable,
    SqlEventLogStorageTable,
)
from dagster._core.storage.event_log.sqlite import SqliteEventLogStorage
from dagster._serdes import deserialize_value, serialize_value
from sqlalchemy import select

from forecast_assets.defs.stored_events import BESIDE, events_of, files_of

NAMED = 7
"""What the metadata of the asset says."""


@asset
def prices() -> Output[None]:
    print("loaded")  # noqa: T201 - what a step prints is kept in files
    return Output(None, metadata={"rows": NAMED})


@asset_check(asset=prices)
def sound() -> AssetCheckResult:
    return AssetCheckResult(passed=True)


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DagsterInstance]:
    """A history in files."""
    folder = tmp_path_factory.mktemp("dagster")
    with DagsterInstance.local_temp(str(folder)) as made:
        yield made


@pytest.fixture(scope="module")
def run_id(instance: DagsterInstance) -> str:
    """A run that has made an asset and evaluated its check."""
    return materialize([prices, sound], instance=instance).run_id


def stored(instance: DagsterInstance) -> SqliteEventLogStorage:
    """Where the events are, in files of SQLite."""
    events = events_of(instance)
    assert isinstance(events, SqliteEventLogStorage)
    return events


def materializations(file: Path) -> list[EventLogEntry]:
    """What a file of events has of materializations, by the columns that pruning reads."""
    query = (
        "SELECT event FROM event_logs WHERE dagster_event_type = 'ASSET_MATERIALIZATION'"
        " AND asset_key = '[\"prices\"]' AND partition IS NULL AND run_id IS NOT NULL"
    )
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        rows = connection.execute(query).fetchall()
    return [deserialize_value(row, EventLogEntry) for (row,) in rows]


def test_each_run_has_a_file_of_its_events_and_an_index_repeats_those_of_assets(
    instance: DagsterInstance, run_id: str
) -> None:
    file, *beside = files_of(stored(instance), run_id)
    assert file.name == f"{run_id}.db"
    assert [each.name.removeprefix(file.name) for each in beside] == list(BESIDE[1:])
    index = file.with_name("index.db")
    assert len(materializations(file)) == len(materializations(index)) == 1
    with closing(sqlite3.connect(index)) as connection:
        kinds = connection.execute("SELECT DISTINCT dagster_event_type FROM event_logs").fetchall()
    assert ("STEP_START",) not in kinds


def test_columns_of_events_and_checks_are_those_that_are_selected(
    instance: DagsterInstance, run_id: str
) -> None:
    logged, checked = SqlEventLogStorageTable.c, AssetCheckExecutionsTable.c
    of_events = select(
        logged.id, logged.run_id, logged.asset_key, logged.partition, logged.dagster_event_type
    ).where(logged.dagster_event_type == "ASSET_MATERIALIZATION")
    of_checks = select(
        checked.id, checked.run_id, checked.asset_key, checked.check_name, checked.execution_status
    )
    with stored(instance).index_connection() as connection:
        events = connection.execute(of_events).fetchall()
        checks = connection.execute(of_checks).fetchall()
    assert [row[1:] for row in events] == [
        (run_id, '["prices"]', None, "ASSET_MATERIALIZATION"),
    ]
    assert [row[1:] for row in checks] == [(run_id, '["prices"]', "sound", "SUCCEEDED")]


def test_an_event_that_is_read_and_written_again_is_the_same_text(
    instance: DagsterInstance, run_id: str
) -> None:
    (entry,) = materializations(files_of(stored(instance), run_id)[0])
    assert deserialize_value(serialize_value(entry), EventLogEntry) == entry
    assert entry.asset_materialization is not None
    assert entry.asset_materialization.metadata["rows"].value == NAMED


def test_deleting_a_run_takes_what_its_assets_show_and_leaves_checks_and_what_steps_printed(
    instance: DagsterInstance,
) -> None:
    run_id = materialize([prices, sound], instance=instance).run_id
    printed = instance.compute_log_manager
    (key,) = printed.get_log_keys_for_log_key_prefix([run_id, "compute_logs"], ComputeIOType.STDOUT)
    assert printed.get_log_data(key).stdout == b"loaded\n"
    made = instance.fetch_materializations(AssetKey("prices"), limit=1).records
    assert [record.run_id for record in made] == [run_id]
    instance.delete_run(run_id)
    shown = instance.fetch_materializations(AssetKey("prices"), limit=9).records
    assert run_id not in [record.run_id for record in shown]
    check = AssetCheckKey(AssetKey("prices"), "sound")
    left = instance.event_log_storage.get_asset_check_execution_history(check, limit=1)
    assert [each.run_id for each in left] == [run_id]
    assert printed.get_log_data(key).stdout == b"loaded\n"
