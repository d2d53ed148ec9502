"""``commodity.forecast.publications``, and the view ``published_distributions`` over it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa

from forecast_assets.evaluation.records import Publication, PublicationChanges
from forecast_assets.store.duckdb.database import Database

PUBLISHED = """
    SELECT drawn.* REPLACE (drawn.model_name || '_' || drawn.model_version AS model_version)
    FROM forecast.distributions AS drawn
    SEMI JOIN forecast.publications AS published
        USING (commodity, model_name, model_version, data_cutoff_date)
"""
"""The view ``forecast.published_distributions``."""

FIND = """
    SELECT data_cutoff_date, model_name, reason FROM forecast.publications
    WHERE commodity = $commodity AND model_version = $model_version ORDER BY ALL
"""

WITHDRAW = """
    DELETE FROM forecast.publications
    WHERE commodity = $commodity AND (model_version <> $model_version
        OR (data_cutoff_date, model_name, reason) NOT IN (
            SELECT (data_cutoff_date, model_name, reason) FROM arriving))
"""

PUBLISH = """
    INSERT INTO forecast.publications BY NAME
    SELECT $commodity AS commodity, $model_version AS model_version, *, $at AS published_at,
        $by AS created_by
    FROM arriving ANTI JOIN (
        FROM forecast.publications
        WHERE commodity = $commodity AND model_version = $model_version
    ) USING (data_cutoff_date, model_name, reason)
"""


@dataclass(frozen=True)
class DuckDBPublicationTable:
    """Publications in DuckDB."""

    database: Database

    def replace(
        self,
        commodity: str,
        model_version: str,
        publications: Sequence[Publication],
        at: datetime,
        by: str,
    ) -> PublicationChanges:
        """Make the table equal to ``publications``, changing only the rows that differ.

        Publications of other versions of the commodity are withdrawn.
        """
        identity = {"commodity": commodity, "model_version": model_version}
        with self.database.writing() as connection:
            connection.register("arriving", publication_rows(publications))
            ((withdrawn,),) = connection.execute(WITHDRAW, identity).fetchall()
            header = identity | {"at": at, "by": by}
            ((added,),) = connection.execute(PUBLISH, header).fetchall()
        return PublicationChanges(added, withdrawn, unchanged=len(publications) - added)

    def find(self, commodity: str, model_version: str) -> list[Publication]:
        """What is published of a commodity and version, in order of dates."""
        with self.database.reading() as connection:
            rows = connection.execute(
                FIND, {"commodity": commodity, "model_version": model_version}
            ).fetchall()
        return [Publication(*row) for row in rows]


def publication_rows(publications: Sequence[Publication]) -> pa.Table:
    """A row for each publication."""
    return pa.table(
        {
            "data_cutoff_date": pa.array([x.data_cutoff_date for x in publications], pa.date32()),
            "model_name": pa.array([x.model_name for x in publications], pa.string()),
            "reason": pa.array([x.reason for x in publications], pa.string()),
        }
    )
