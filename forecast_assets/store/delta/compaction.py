"""Compaction: small files of Delta tables become large ones, and files that were replaced go.

Each day adds a small file to most tables, and a reader opens each of them. The files of a window's
paths are merged when nothing has been written in it for some days: until then path 0 is written
again each day, and would take the large file with it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import groupby

import pyarrow as pa
from deltalake import DeltaTable

from forecast_assets.store.compacted import Compacted
from forecast_assets.store.delta.claims import Claim
from forecast_assets.store.delta.lake import ALL, Lake
from forecast_assets.store.delta.workbench import PATHS, WRITTEN_SO
from forecast_assets.store.tables.table import CATALOG
from forecast_assets.timeline.clock import now

QUIET = timedelta(days=7)
"""A window's paths are merged if none of their files is younger than this."""

MILLISECOND = timedelta(milliseconds=1)

HOUR = timedelta(hours=1)

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - in UTC, as all moments of the tables


@dataclass(frozen=True)
class Folder:
    """The files of a table with the same values of the columns by which it is partitioned."""

    values: Mapping[str, str]
    files: int
    newest: datetime

    def is_due(self, name: str, at: datetime) -> bool:
        """Whether its files are to be merged."""
        return self.files > 1 and (name != PATHS or at - self.newest >= QUIET)


def folders(table: DeltaTable) -> list[Folder]:
    """The folders that a table has now; all of its files are one if it has no such columns."""
    columns = table.metadata().partition_columns
    files = pa.table(table.get_add_actions(flatten=True))
    keys = [f"partition.{column}" for column in columns]
    rows = files.select([*keys, "modification_time"]).to_pylist()

    def values(row: Mapping[str, object]) -> tuple[str, ...]:
        return tuple(str(row[key]) for key in keys)

    found = []
    for told, each in groupby(sorted(rows, key=values), key=values):
        times = [row["modification_time"] for row in each]
        named = dict(zip(columns, told, strict=True))
        found.append(Folder(named, len(times), EPOCH + max(times) * MILLISECOND))
    return found


def merge(table: DeltaTable, folder: Folder) -> None:
    """Merge the files of a folder, in one commit that changes no row."""
    where = [(column, "=", value) for column, value in folder.values.items()]
    table.optimize.compact(where or None, writer_properties=WRITTEN_SO)


def clean(table: DeltaTable, keep: timedelta) -> int:
    """Delete what was replaced longer than ``keep`` ago; return how many files.

    The log is summed up, so that readers need not read all of it, and what is old of it goes too.
    """
    hours = round(keep / HOUR)
    deleted = table.vacuum(hours, dry_run=False, enforce_retention_duration=False, full=True)
    table.create_checkpoint()
    table.cleanup_metadata()
    return len(deleted)


def compact(lake: Lake, keep: timedelta) -> list[Compacted]:
    """Merge files, one commodity after the other, and delete what was replaced before ``keep``."""
    with lake.told_as_ours():
        tables = lake.stored.there()
        before = {name: len(table.file_uris()) for name, table in tables.items()}
        owners = {
            folder.values.get("commodity", ALL)
            for table in tables.values()
            for folder in folders(table)
        }
        for owner in sorted(owners):
            lake.insist([owner], partial(merge_all, lake, owner))
        if tables:
            clean(lake.stored.open("claims"), keep)
        return [
            Compacted(f"{CATALOG}.{name}", before[name], len(table.file_uris()), clean(table, keep))
            for name, table in lake.stored.there().items()
        ]


def merge_all(lake: Lake, owner: str, claims: Sequence[Claim]) -> None:
    """Merge the files of one commodity in all tables, or those of none."""
    for name, table in lake.stored.there().items():
        for folder in folders(table):
            if folder.values.get("commodity", ALL) == owner and folder.is_due(name, now()):
                for claim in claims:
                    claim.extend()
                merge(table, folder)
