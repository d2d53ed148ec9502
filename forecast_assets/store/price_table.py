"""``commodity.market.prices``: the newest price of each session, over all its revisions."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from forecast_assets.errors import StoreError
from forecast_assets.history import History
from forecast_assets.sources import Observations
from forecast_assets.store.contract import FlaggedPrice, PriceChanges
from forecast_assets.store.database import Connection, Database

DEFINITIONS = (
    "CREATE SCHEMA IF NOT EXISTS market",
    """
    CREATE TABLE IF NOT EXISTS market.price_revisions (
        commodity VARCHAR NOT NULL,
        date DATE NOT NULL,
        open DOUBLE, high DOUBLE, low DOUBLE,
        close DOUBLE,  -- NULL: the source withdrew this date
        volume DOUBLE,
        source VARCHAR NOT NULL,
        revision INTEGER NOT NULL,
        ingested_at TIMESTAMP NOT NULL,
        ingested_by VARCHAR NOT NULL,
        PRIMARY KEY (commodity, date, revision)
    )
    """,
    """
    CREATE VIEW IF NOT EXISTS market.prices AS
    SELECT commodity, date, open, high, low, close, volume, source, ingested_at
    FROM market.price_revisions
    QUALIFY row_number() OVER (PARTITION BY commodity, date ORDER BY revision DESC) = 1
        AND close IS NOT NULL
    """,
    """
    CREATE VIEW IF NOT EXISTS market.price_moves AS
    SELECT commodity, date, close, previous_close,
        if(previous_close > 0, close / previous_close - 1, NULL) AS move
    FROM (
        SELECT commodity, date, close,
            lag(close) OVER (PARTITION BY commodity ORDER BY date) AS previous_close
        FROM market.prices
    )
    """,
)


def as_of_definition(catalog: str) -> str:
    """``market.prices_as_of(moment)``: ``market.prices`` as it was at a moment, in UTC.

    ``catalog``: the name that its file is opened under, the only one that it can be read under: a
    macro, unlike a view, does not remember where its tables are.
    """
    name = catalog.replace('"', '""')
    return f"""
    CREATE MACRO IF NOT EXISTS market.prices_as_of(moment) AS TABLE
    SELECT commodity, date, open, high, low, close, volume, source, ingested_at
    FROM "{name}".market.price_revisions
    WHERE ingested_at <= moment
    QUALIFY row_number() OVER (PARTITION BY commodity, date ORDER BY revision DESC) = 1
        AND close IS NOT NULL
    """  # noqa: S608 - the file's own name, quoted


FLAGGED = """
    SELECT date, close, previous_close, move FROM market.price_moves
    WHERE commodity = $commodity AND (abs(move) > $bound OR close <= 0 OR previous_close <= 0)
    ORDER BY date
"""

FEW_SESSIONS, FEW_SHARE = 5, 0.01
"""A source may take back this many sessions, or this share, before it looks like half a file."""

INCOMING = """
    CREATE OR REPLACE TEMP TABLE incoming AS
    SELECT CAST(date AS DATE) AS date, if(isnan(open), NULL, open) AS open,
        if(isnan(high), NULL, high) AS high, if(isnan(low), NULL, low) AS low, close,
        if(isnan(volume), NULL, volume) AS volume
    FROM arriving
"""

CHANGES = """
    CREATE OR REPLACE TEMP TABLE changes AS
    WITH told AS (
        SELECT *, split_part(source, ':', 1) = $kind AS same_source
        FROM market.price_revisions WHERE commodity = $commodity
    ), known AS (
        SELECT * FROM told QUALIFY row_number() OVER (PARTITION BY date ORDER BY revision DESC) = 1
    ), told_by_it AS (
        SELECT * FROM told WHERE same_source
        QUALIFY row_number() OVER (PARTITION BY date ORDER BY revision DESC) = 1
    ), now AS (
        SELECT incoming.date, incoming.close,
            coalesce(incoming.open, if($complete, NULL, known.open)) AS open,
            coalesce(incoming.high, if($complete, NULL, known.high)) AS high,
            coalesce(incoming.low, if($complete, NULL, known.low)) AS low,
            coalesce(incoming.volume, if($complete, NULL, known.volume)) AS volume
        FROM incoming LEFT JOIN known USING (date)
    )
    SELECT
        coalesce(now.date, known.date) AS date,
        now.open, now.high, now.low, now.close, now.volume,
        coalesce(known.revision, 0) + 1 AS revision,
        CASE
            WHEN now.date IS NULL THEN 'withdrawn'
            WHEN known.close IS NULL THEN 'added'
            ELSE 'revised'
        END AS kind
    FROM now FULL JOIN known ON known.date = now.date
    LEFT JOIN told_by_it ON told_by_it.date = now.date
    WHERE (now.date IS NULL AND known.close IS NOT NULL AND known.same_source AND $complete)
        OR (now.date IS NOT NULL AND known.close IS NULL)
        OR (now.date IS NOT NULL
            AND (now.open, now.high, now.low, now.close, now.volume)
                IS DISTINCT FROM (known.open, known.high, known.low, known.close, known.volume)
            AND CASE WHEN told_by_it.date IS NULL
                THEN NOT EXISTS (
                    FROM told WHERE told.date = now.date AND told.close = now.close
                )
                ELSE (now.open, now.high, now.low, now.close, now.volume)
                    IS DISTINCT FROM (told_by_it.open, told_by_it.high, told_by_it.low,
                        told_by_it.close, told_by_it.volume)
                END)
"""
"""What a source says that it has not said before.

A source is heard when it changes its mind: one that only repeats what it, or another, has said of
a date leaves alone what was said since. A source that is not complete withdraws nothing, and what
its rows lack beside the close stays.
"""

APPEND = """
    INSERT INTO market.price_revisions BY NAME
    SELECT $commodity AS commodity, date, open, high, low, close, volume, $source AS source,
        revision, $at AS ingested_at, $by AS ingested_by
    FROM changes WHERE kind <> 'withdrawn' OR $withdraws
"""


def merge(
    connection: Connection,
    observations: Observations,
    at: datetime,
    by: str,
    *,
    allow_withdrawals: bool = False,
) -> PriceChanges:
    """Append, in a transaction of the caller's, what a source says that it has not said before."""
    commodity = {"commodity": observations.commodity}
    kind = observations.origin.partition(":")[0]
    header = {"source": observations.origin, "at": at, "by": by}
    connection.register("arriving", observations.prices.astype({"date": "datetime64[s]"}))
    connection.execute(INCOMING)
    connection.execute(CHANGES, commodity | {"kind": kind, "complete": observations.complete})
    counts = dict(connection.execute("SELECT kind, count(*) FROM changes GROUP BY kind").fetchall())
    missing = counts.pop("withdrawn", 0)
    few = missing <= max(FEW_SESSIONS, FEW_SHARE * len(observations.prices))
    withdraws = allow_withdrawals or (few and not observations.rejections)
    connection.execute(APPEND, commodity | header | {"withdraws": withdraws})
    added, revised = counts.get("added", 0), counts.get("revised", 0)
    return PriceChanges(
        added=added,
        revised=revised,
        withdrawn=missing if withdraws else 0,
        unchanged=len(observations.prices) - added - revised,
        missing=0 if withdraws else missing,
    )


@dataclass(frozen=True)
class DuckDBPriceTable:
    """Prices in DuckDB."""

    database: Database

    def write(
        self, observations: Observations, at: datetime, by: str, *, allow_withdrawals: bool = False
    ) -> PriceChanges:
        """Append what is new or revised, and withdraw what the source took back."""
        if observations.prices.empty and observations.complete:
            raise StoreError(f"{observations.commodity}: refusing to write no prices at all")
        with self.database.writing() as connection:
            return merge(connection, observations, at, by, allow_withdrawals=allow_withdrawals)

    def flagged(self, commodity: str, bound: float) -> list[FlaggedPrice]:
        """Closes at or below zero, and moves from one close to the next beyond ``bound``."""
        with self.database.reading() as connection:
            rows = connection.execute(FLAGGED, {"commodity": commodity, "bound": bound}).fetchall()
        return [FlaggedPrice(*row) for row in rows]

    def history(self, commodity: str) -> History:
        """The newest close of every session, in order."""
        with self.database.reading() as connection:
            columns = connection.execute(
                "SELECT date, close FROM market.prices WHERE commodity = $commodity ORDER BY date",
                {"commodity": commodity},
            ).fetchnumpy()
        return History(
            commodity, columns["date"].astype("datetime64[D]"), np.array(columns["close"])
        )
