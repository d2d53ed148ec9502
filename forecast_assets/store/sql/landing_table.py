"""``commodity.market.landings``: the files that were merged into the prices."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from forecast_assets.market.observations import Observations
from forecast_assets.market.records import FileMerge, PriceChanges
from forecast_assets.market.refusals import rows_of
from forecast_assets.store.sql.database import Connection, Database
from forecast_assets.store.sql.price_table import disputed, doubted, merge, prepare
from forecast_assets.store.sql.writes import LANDINGS
from forecast_assets.timeline.scrutiny import Scrutiny

FOUND = """
    SELECT count(*) FROM market.landings
    WHERE sha256 = $sha256 AND commodity = $commodity AND rows_used = $rows_used
"""

APPEND = """
    INSERT INTO market.landings BY NAME
    SELECT $sha256 AS sha256, $commodity AS commodity, $rows_used AS rows_used, $file AS file,
        $rows_refused AS rows_refused, $added AS sessions_added, $revised AS sessions_revised,
        $at AS landed_at, $by AS landed_by
"""


@dataclass(frozen=True)
class DuckDBLandingTable:
    """Landed files in DuckDB."""

    database: Database

    def merge(
        self,
        file: str,
        sha256: str,
        observations: Sequence[Observations],
        at: datetime,
        by: str,
        scrutiny: Scrutiny | None = None,
    ) -> list[FileMerge]:
        """Merge a file's prices, all commodities in one transaction, unless that was done before.

        If ``scrutiny`` disputes revisions of a commodity, none of its rows is merged.
        """

        def change(connection: Connection) -> list[FileMerge]:
            return [
                _land(connection, file, sha256, each, at, by, scrutiny) for each in observations
            ]

        return self.database.write(LANDINGS.of(*(each.commodity for each in observations)), change)


def _land(
    connection: Connection,
    file: str,
    sha256: str,
    observations: Observations,
    at: datetime,
    by: str,
    scrutiny: Scrutiny | None,
) -> FileMerge:
    rows = len(observations.prices) + len(observations.withdrawn)
    key = {"sha256": sha256, "commodity": observations.commodity, "rows_used": rows}
    if connection.execute(FOUND, key).fetchall() != [(0,)]:
        return FileMerge(observations.commodity, PriceChanges(0, 0, 0, rows, 0), repeated=True)
    prepare(connection, observations)
    found = disputed(connection, observations.commodity, scrutiny) or (
        doubted(connection, observations) if scrutiny else None
    )
    if found:
        untouched = PriceChanges(0, 0, 0, 0, 0, held=rows)
        return FileMerge(observations.commodity, untouched, repeated=False, dispute=found)
    changes = merge(connection, observations, at, by, scrutiny=scrutiny)
    counted = {
        "rows_refused": rows_of(observations.rejections),
        "added": changes.added,
        "revised": changes.revised,
    }
    connection.execute(APPEND, key | counted | {"file": file, "at": at, "by": by})
    return FileMerge(observations.commodity, changes, repeated=False)
