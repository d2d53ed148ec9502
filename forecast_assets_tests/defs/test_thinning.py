"""Thinning: which metadata a materialization keeps once a newer one is there."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import pytest
from dagster import (
    AssetMaterialization,
    DagsterEvent,
    DagsterEventType,
    DagsterInstance,
    DagsterRun,
    DagsterRunStatus,
    MetadataValue,
)
from dagster._core.events import StepMaterializationData
from dagster._core.storage.event_log.sqlite import SqliteEventLogStorage

from forecast_assets.defs.metadata import ROWS, table
from forecast_assets.defs.past import CONTENTS, PAST
from forecast_assets.defs.stored_events import events_of, files_of
from forecast_assets.defs.thinning import thin, thinned


@pytest.mark.parametrize(
    ("name", "said", "stays"),
    [
        ("picture", MetadataValue.md("![x](y)"), False),
        ("scores", table([{"model_name": "naive"}]), False),
        ("failures", table([]), False),
        ("page", MetadataValue.url("file:///report.html"), False),
        ("path", MetadataValue.path("report.html"), False),
        ("forecasts_moved", MetadataValue.int(0), False),
        (PAST, MetadataValue.text("2024-01-01 abc"), False),
        (CONTENTS, MetadataValue.text("abc"), False),
        ("forecasts_drawn", MetadataValue.int(2), True),
        ("outcome", MetadataValue.text("100 paths written"), True),
        ("share", MetadataValue.float(0.5), True),
        (ROWS, MetadataValue.int(0), True),
    ],
)
def test_numbers_and_texts_that_say_something_stay(
    name: str, said: MetadataValue[Any], stays: bool
) -> None:
    assert (thinned({name: said}) == {name: said}) is stays


LATER, EARLIER = "a" * 32, "b" * 32
"""Two runs that have materialized the same asset."""


@pytest.mark.parametrize(
    ("status", "whole"), [(DagsterRunStatus.STARTED, 1), (DagsterRunStatus.SUCCESS, 0)]
)
def test_the_file_of_another_run_that_is_going_on_keeps_its_newest_picture(
    tmp_path: Path, status: DagsterRunStatus, whole: int
) -> None:
    with DagsterInstance.local_temp(str(tmp_path)) as instance:
        for run_id, state in ((EARLIER, status), (LATER, DagsterRunStatus.STARTED)):
            instance.add_run(DagsterRun("catch_up", run_id, status=state))
            for _ in range(2):
                instance.report_dagster_event(materialized(), run_id)
        thin(instance, LATER)
        file = files_of(cast("SqliteEventLogStorage", events_of(instance)), EARLIER)[0]
        with closing(sqlite3.connect(file)) as connection:
            rows = connection.execute("SELECT event FROM event_logs").fetchall()
        assert sum("![x](y)" in event for (event,) in rows) == whole


def materialized() -> DagsterEvent:
    made = AssetMaterialization("prices", metadata={"picture": MetadataValue.md("![x](y)")})
    data = StepMaterializationData(made)
    kind = DagsterEventType.ASSET_MATERIALIZATION.value
    return DagsterEvent(kind, "catch_up", event_specific_data=data)
