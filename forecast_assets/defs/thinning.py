"""Thinning: pictures and tables of Dagster's history, kept only where they are looked at.

Dagster keeps the metadata of each materialization for ever, once for its run and once for its
asset. The pictures and tables were nine tenths of what this project wrote there. People look at
the newest materialization of an asset or partition, so that one keeps all of it, and the ones
before it keep their numbers and texts: those are what Dagster plots over time.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from dagster import (
    DagsterEventType,
    DagsterInstance,
    EventLogEntry,
    IntMetadataValue,
    MarkdownMetadataValue,
    MetadataValue,
    PathMetadataValue,
    TableMetadataValue,
    TextMetadataValue,
    UrlMetadataValue,
)
from dagster._core.events import StepMaterializationData
from dagster._core.storage.event_log.schema import SqlEventLogStorageTable
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage
from dagster._core.storage.event_log.sqlite import SqliteEventLogStorage
from dagster._serdes import deserialize_value, serialize_value
from sqlalchemy import Connection, select

from forecast_assets.defs.metadata import ROWS
from forecast_assets.defs.past import CONTENTS, PAST
from forecast_assets.defs.stored_events import events_of, files_of
from forecast_assets.report import figures

LOOKED_AT = 5
"""How many materializations before the newest are thinned, if a killed run has left them whole."""

OF_THE_NEWEST = (PAST, CONTENTS)
"""What only the next materialization reads."""

Columns = SqlEventLogStorageTable.c

Asset = tuple[str, str | None]
"""An asset's key as Dagster stores it, and a partition of it."""


def thin(instance: DagsterInstance, run_id: str) -> None:
    """Thin the materializations that those of a run have superseded.

    A materialization that the run itself has logged again is one of them.
    """
    events = events_of(instance)
    with events.index_connection() as connection:
        made = select(Columns.asset_key, Columns.partition).where(Columns.run_id == run_id)
        mine = {(key, part) for key, part in connection.execute(_materialized(made)) if key}
        runs: dict[str, set[Asset]] = {}
        for asset in sorted(mine, key=str):
            for of_run in _thin_but_newest(connection, asset):
                runs.setdefault(of_run, set()).add(asset)
    for of_run, assets in runs.items():
        run = instance.get_run_by_id(of_run)
        _thin_files(events, of_run, assets, ended=run is None or run.is_finished)


def thinned(metadata: Mapping[str, MetadataValue[Any]]) -> dict[str, MetadataValue[Any]]:
    """The numbers and texts of metadata that say something of a past materialization."""
    return {
        name: said
        for name, said in metadata.items()
        if name == ROWS or (name not in OF_THE_NEWEST and _stays(said))
    }


def _stays(said: MetadataValue[Any]) -> bool:
    """Whether metadata is neither a picture, a table, a link nor the word for nothing."""
    match said:
        case (
            MarkdownMetadataValue()
            | TableMetadataValue()
            | UrlMetadataValue()
            | PathMetadataValue()
        ):
            return False
        case IntMetadataValue() | TextMetadataValue():
            return said.value not in (0, figures.NONE)
        case _:
            return True


def _materialized(query: Any) -> Any:
    kind = DagsterEventType.ASSET_MATERIALIZATION.value
    return query.where(Columns.dagster_event_type == kind)


def _thin_but_newest(connection: Connection, asset: Asset, most: int = LOOKED_AT) -> Iterator[str]:
    """Thin the last events of an asset before its newest; yield the runs of those that changed."""
    key, partition = asset
    found = select(Columns.id, Columns.run_id, Columns.event).where(
        Columns.asset_key == key, Columns.partition.is_not_distinct_from(partition)
    )
    newest_first = _materialized(found).order_by(Columns.id.desc()).limit(most + 1)
    for place, run_id, event in connection.execute(newest_first).fetchall()[1:]:
        if _replaced(connection, place, event):
            yield run_id


def _replaced(connection: Connection, place: int, event: str) -> bool:
    """Store an event without pictures and tables; return whether it had any."""
    entry = deserialize_value(event, EventLogEntry)
    logged = entry.dagster_event
    made = logged.step_materialization_data.materialization if logged else None
    if logged is None or made is None or len(kept := thinned(made.metadata)) == len(made.metadata):
        return False
    data = StepMaterializationData(made.with_metadata(kept))
    lean = entry._replace(dagster_event=logged._replace(event_specific_data=data))
    where = SqlEventLogStorageTable.update().where(Columns.id == place)
    connection.execute(where.values(event=serialize_value(lean)))
    return True


def _thin_files(
    events: SqlEventLogStorage, run_id: str, assets: set[Asset], *, ended: bool
) -> None:
    """Thin the events of some assets in the file that SQLite has for a run, if there is one.

    ``ended``: whether the run is over; then no event of it is the newest of these assets, and the
    file is made smaller. A run that is going on, this one or another, may write into its file.
    """
    if not isinstance(events, SqliteEventLogStorage):
        return
    file = files_of(events, run_id)[0]
    if not file.exists():
        return
    with events.run_connection(run_id) as connection:
        for key, partition in assets:
            found = select(Columns.id, Columns.event).where(
                Columns.asset_key == key, Columns.partition.is_not_distinct_from(partition)
            )
            rows = connection.execute(_materialized(found).order_by(Columns.id)).fetchall()
            for place, event in rows if ended else rows[:-1]:
                _replaced(connection, place, event)
    if ended:
        _shrink(file)


def _shrink(file: Path) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("VACUUM")
