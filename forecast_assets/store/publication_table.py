"""``commodity.forecast.publications``, and the view ``published_distributions`` over it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from forecast_assets.store.contract import Publication, PublicationChanges
from forecast_assets.store.database import Database

DEFINITIONS = (
    "CREATE SCHEMA IF NOT EXISTS forecast",
    """
    CREATE TABLE IF NOT EXISTS forecast.publications (
        commodity VARCHAR NOT NULL,
        model_name VARCHAR NOT NULL,
        model_version VARCHAR NOT NULL,
        data_cutoff_date DATE NOT NULL,
        reason VARCHAR NOT NULL,
        published_at TIMESTAMP NOT NULL,
        created_by VARCHAR NOT NULL,
        PRIMARY KEY (commodity, model_name, model_version, data_cutoff_date)
    )
    """,
    """
    CREATE VIEW IF NOT EXISTS forecast.published_distributions AS
    SELECT drawn.* REPLACE (drawn.model_name || '_' || drawn.model_version AS model_version)
    FROM forecast.distributions AS drawn
    SEMI JOIN forecast.publications AS published
        USING (commodity, model_name, model_version, data_cutoff_date)
    """,
)

FIND = """
    SELECT data_cutoff_date, model_name, reason FROM forecast.publications
    WHERE commodity = $commodity AND model_version = $model_version ORDER BY ALL
"""

WITHDRAW = """
    DELETE FROM forecast.publications
    WHERE commodity = $commodity AND model_version = $model_version
        AND model_name = $model_name AND data_cutoff_date = $data_cutoff_date
"""

PUBLISH = """
    INSERT INTO forecast.publications BY NAME
    SELECT $commodity AS commodity, $model_version AS model_version, $model_name AS model_name,
        $data_cutoff_date AS data_cutoff_date, $reason AS reason, $at AS published_at,
        $by AS created_by
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
        """Make the table say this of a commodity and version, touching only what differs."""
        before, after = set(self.find(commodity, model_version)), set(publications)
        identity = {"commodity": commodity, "model_version": model_version}
        header = identity | {"at": at, "by": by}
        if before != after:
            with self.database.writing() as connection:
                for old in sorted(before - after):
                    connection.execute(WITHDRAW, identity | _key(old))
                for new in sorted(after - before):
                    connection.execute(PUBLISH, header | _key(new) | {"reason": new.reason})
        return PublicationChanges(
            added=len(after - before),
            withdrawn=len(before - after),
            unchanged=len(before & after),
        )

    def find(self, commodity: str, model_version: str) -> list[Publication]:
        """What is published of a commodity and version, in the order of dates."""
        with self.database.reading() as connection:
            rows = connection.execute(
                FIND, {"commodity": commodity, "model_version": model_version}
            ).fetchall()
        return [Publication(*row) for row in rows]


def _key(publication: Publication) -> dict[str, object]:
    return {
        "model_name": publication.model_name,
        "data_cutoff_date": publication.data_cutoff_date,
    }
