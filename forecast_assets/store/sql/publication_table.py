"""``commodity.forecast.publication_log``, and what is derived from it: what is published now."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime

import pyarrow as pa

from forecast_assets.evaluation.outlook import Outlook
from forecast_assets.evaluation.records import Numbers, Publication, PublicationChanges
from forecast_assets.store.sql.database import Connection, Database
from forecast_assets.store.sql.names import quoted
from forecast_assets.store.sql.writes import PUBLICATIONS

NEWEST = """
    QUALIFY row_number() OVER (
        PARTITION BY commodity, model_name, model_version, data_cutoff_date ORDER BY entry DESC
    ) = 1 AND is_published
"""
"""Of the entries about each forecast only the newest counts, and it may be a withdrawal."""

CURRENT = f"""
    SELECT commodity, model_name, model_version, data_cutoff_date, reason, published_at, created_by
    FROM forecast.publication_log {NEWEST}
"""  # noqa: S608 - a condition of this file
"""The view ``forecast.publications``."""

PUBLISHED = """
    SELECT drawn.* REPLACE (drawn.model_name || '_' || drawn.model_version AS model_version)
    FROM forecast.distributions AS drawn
    SEMI JOIN forecast.publications AS published
        USING (commodity, model_name, model_version, data_cutoff_date)
"""
"""The view ``forecast.published_distributions``."""


def as_of_definition(catalog: str) -> str:
    """``forecast.published_as_of(moment)``: what was published at a moment, in UTC.

    ``catalog``: the name of the database when the file is opened; see ``price_table``.
    """
    return f"""
    CREATE MACRO IF NOT EXISTS forecast.published_as_of(moment) AS TABLE
    SELECT * EXCLUDE (is_published) FROM {quoted(catalog)}.forecast.publication_log
    WHERE published_at <= moment {NEWEST}
    """  # noqa: S608 - the file's own name, quoted


FIND = """
    SELECT data_cutoff_date, model_name, reason FROM forecast.publications
    WHERE commodity = $commodity AND model_version = $model_version ORDER BY ALL
"""

HELD = f"""
    CREATE OR REPLACE TEMP TABLE held AS
    SELECT * FROM forecast.publication_log WHERE commodity = $commodity {NEWEST}
"""  # noqa: S608
"""What is published of a commodity, of all its versions."""

CHOSEN = """
    CREATE OR REPLACE TEMP TABLE chosen AS
    SELECT arriving.*, $model_version AS model_version, forecast_start_date, generation_timestamp,
        cutoff_close
    FROM arriving LEFT JOIN (
        FROM forecast.forecasts WHERE commodity = $commodity AND model_version = $model_version
    ) USING (model_name, data_cutoff_date)
"""
"""What is to be published, with the forecasts as they are."""

NEW = """
    FROM chosen WHERE NOT EXISTS (
        FROM held WHERE held.model_version = chosen.model_version
            AND held.model_name = chosen.model_name
            AND held.data_cutoff_date = chosen.data_cutoff_date AND held.reason = chosen.reason
            AND held.generation_timestamp IS NOT DISTINCT FROM chosen.generation_timestamp
            AND held.forecast_start_date IS NOT DISTINCT FROM chosen.forecast_start_date)
"""
"""What of it was not published yet, or for another reason, as another drawing or other sessions."""

GONE = "FROM held ANTI JOIN chosen USING (model_name, model_version, data_cutoff_date)"

REPEATED = "FROM held SEMI JOIN entries USING (model_name, model_version, data_cutoff_date)"
"""What was published and no longer is, or otherwise than before."""

ENTRIES = f"""
    CREATE OR REPLACE TEMP TABLE entries AS
    SELECT told.*, coalesce(newest, 0) + 1 AS entry
    FROM (
        SELECT *, TRUE AS is_published {NEW}
        UNION ALL BY NAME
        SELECT model_name, model_version, data_cutoff_date, '' AS reason, FALSE AS is_published
        {GONE}
    ) AS told
    LEFT JOIN (
        SELECT model_name, model_version, data_cutoff_date, max(entry) AS newest
        FROM forecast.publication_log WHERE commodity = $commodity GROUP BY ALL
    ) USING (model_name, model_version, data_cutoff_date)
"""  # noqa: S608

APPEND = (
    """
    INSERT INTO forecast.published_outlooks BY NAME
    SELECT $commodity AS commodity, model_version, entry, numbers.*
    FROM numbers JOIN entries USING (model_name, data_cutoff_date)
    WHERE is_published
    """,
    """
    INSERT INTO forecast.publication_log BY NAME
    SELECT $commodity AS commodity, entries.*, $at AS published_at, $by AS created_by FROM entries
    """,
)


@dataclass(frozen=True)
class DuckDBPublicationTable:
    """Publications in DuckDB."""

    database: Database

    def lacking(
        self, commodity: str, model_version: str, publications: Sequence[Publication]
    ) -> list[Publication]:
        """Those that are not published yet, or otherwise, in order of dates."""
        identity = {"commodity": commodity, "model_version": model_version}
        with self.database.reading() as connection:
            _choose(connection, identity, publications)
            rows = connection.execute(
                f"SELECT data_cutoff_date, model_name, reason {NEW} ORDER BY ALL"
            ).fetchall()
        return [Publication(*row) for row in rows]

    def replace(
        self,
        commodity: str,
        model_version: str,
        publications: Sequence[Publication],
        at: datetime,
        by: str,
        numbers: Numbers | None = None,
    ) -> PublicationChanges:
        """Publish these and nothing else of a commodity, by entries for what differs."""
        identity = {"commodity": commodity, "model_version": model_version}

        def change(connection: Connection) -> PublicationChanges:
            _choose(connection, identity, publications)
            connection.execute(ENTRIES, {"commodity": commodity})
            connection.register("numbers", number_rows(numbers or {}))
            connection.execute(APPEND[0], {"commodity": commodity})
            header = {"commodity": commodity, "at": at, "by": by}
            connection.execute(APPEND[1], header)
            ((added,),) = connection.execute(
                "SELECT count(*) FROM entries WHERE is_published"
            ).fetchall()
            ((withdrawn,),) = connection.execute(f"SELECT count(*) {REPEATED}").fetchall()
            return PublicationChanges(added, withdrawn, unchanged=len(publications) - added)

        return self.database.write(PUBLICATIONS.of(commodity), change)

    def find(self, commodity: str, model_version: str) -> list[Publication]:
        """What is published of a commodity and version, in order of dates."""
        with self.database.reading() as connection:
            rows = connection.execute(
                FIND, {"commodity": commodity, "model_version": model_version}
            ).fetchall()
        return [Publication(*row) for row in rows]


def _choose(
    connection: Connection, identity: dict[str, str], publications: Sequence[Publication]
) -> None:
    """Fill the temporary tables ``held`` and ``chosen``."""
    connection.register("arriving", publication_rows(publications))
    connection.execute(HELD, {"commodity": identity["commodity"]})
    connection.execute(CHOSEN, identity)


def publication_rows(publications: Sequence[Publication]) -> pa.Table:
    """A row for each publication."""
    return pa.table(
        {
            "data_cutoff_date": pa.array([x.data_cutoff_date for x in publications], pa.date32()),
            "model_name": pa.array([x.model_name for x in publications], pa.string()),
            "reason": pa.array([x.reason for x in publications], pa.string()),
        }
    )


def number_rows(numbers: Numbers) -> pa.Table:
    """A row for each forecast and session ahead."""
    rows = [(*forecast, each) for forecast, some in numbers.items() for each in some]
    columns: dict[str, pa.Array] = {
        "model_name": pa.array([name for name, _, _ in rows], pa.string()),
        "data_cutoff_date": pa.array([day for _, day, _ in rows], pa.date32()),
        "day_ahead": pa.array([each.sessions for *_, each in rows], pa.int32()),
    }
    for field in fields(Outlook)[1:]:
        columns[field.name] = pa.array([getattr(x, field.name) for *_, x in rows], pa.float64())
    return pa.table(columns)
