"""Making Delta tables that every program can open."""

from collections.abc import Mapping, Sequence
from typing import Literal

import pyarrow as pa
from deltalake import DeltaTable, TableFeatures
from deltalake.exceptions import CommitFailedError

FEATURES_LISTED = 7
"""From this version of the protocol for writers on, a table lists each feature that it uses."""

INVARIANTS = "invariants"


def made(
    address: str,
    schema: pa.Schema,
    options: Mapping[str, str],
    *,
    mode: Literal["error", "ignore"] = "ignore",
    partition_by: Sequence[str] = (),
    name: str | None = None,
    description: str | None = None,
) -> DeltaTable:
    """Make a table; with ``ignore`` unless it is there. Several programs may do so at once.

    Columns that are never NULL are a feature, which the library uses without listing it. Spark
    opens no such table, so it is listed here, also in tables that an older release has made.
    """
    table = DeltaTable.create(
        address,
        schema,
        mode=mode,
        partition_by=list(partition_by),
        name=name,
        description=description,
        storage_options=dict(options),
    )
    if lacks_invariants(table):
        try:
            table.alter.add_feature(TableFeatures.Invariants)
        except CommitFailedError:
            table.update_incremental()
            if lacks_invariants(table):
                raise
    return table


def lacks_invariants(table: DeltaTable) -> bool:
    """Whether a table should list that some of its columns are never NULL, and does not."""
    protocol = table.protocol()
    return protocol.min_writer_version >= FEATURES_LISTED and INVARIANTS not in (
        protocol.writer_features or ()
    )
