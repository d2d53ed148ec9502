"""The first rows of new tables: a mark by which they are known, and the number of their schema."""

from uuid import uuid4

import pyarrow as pa
from deltalake import write_deltalake
from deltalake.exceptions import CommitFailedError

from forecast_assets.store.delta.delta_tables import DeltaTables, stored_schema
from forecast_assets.timeline.clock import now

MARKS, SCHEMAS = "market.marks", "market.schema_versions"

SCHEMA = 5
"""The schema of this release, which the embedded engine has too."""


def begin(stored: DeltaTables) -> None:
    """Make the tables that have these rows, with them, unless that has been done."""
    stored.make((SCHEMAS, MARKS))
    for name, rows in (
        (SCHEMAS, [{"schema_version": SCHEMA, "since": now(), "backup": None}]),
        (MARKS, first_mark().to_pylist()),
    ):
        table = stored.open(name)
        if table.version() == 0:
            schema = stored_schema(stored.declared[name])
            try:
                write_deltalake(
                    table,
                    pa.Table.from_pylist(rows, schema=schema),
                    mode="overwrite",
                    predicate="true",
                )
            except CommitFailedError:
                continue  # another program has begun them at the same time


def first_mark() -> pa.Table:
    """A mark at random, the first of some tables."""
    columns = {"mark": [str(uuid4())], "place": pa.array([1], pa.int64())}
    return pa.table(columns | {"left_at": pa.array([now()], pa.timestamp("us"))})
