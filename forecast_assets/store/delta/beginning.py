"""The first rows of new tables: a mark by which they are known, and the number of their schema."""

from uuid import uuid4

import pyarrow as pa
from deltalake import write_deltalake
from deltalake.exceptions import CommitFailedError

from forecast_assets.store.delta.delta_tables import DeltaTables
from forecast_assets.store.tables.table import Table
from forecast_assets.timeline.clock import now

MARKS, SCHEMAS = "market.marks", "market.schema_versions"

SCHEMA = 5
"""The number of the schema of this release."""


def begin(stored: DeltaTables) -> None:
    """Make the tables that have these rows, with them, unless that has been done."""
    for name in stored.make((SCHEMAS, MARKS)):
        table = stored.open(name)
        if not table.file_uris():
            rows = first_rows(name, stored.declared[name])
            try:
                write_deltalake(table, rows, mode="overwrite", predicate="true")
            except CommitFailedError:
                continue  # another program has begun them at the same time


def first_rows(name: str, table: Table) -> pa.Table:
    """What a new table has: the mark is drawn at random."""
    rows = {
        MARKS: [{"mark": str(uuid4()), "place": 1, "left_at": now()}],
        SCHEMAS: [{"schema_version": SCHEMA, "since": now(), "backup": None}],
    }
    return pa.Table.from_pylist(rows.get(name, []), schema=table.plain_schema)
