"""``commodity.market.prices``: the newest price of each session, over all its revisions."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from forecast_assets.errors import StoreError
from forecast_assets.history import History
from forecast_assets.sources import Observations
from forecast_assets.store.contract import PriceChanges
from forecast_assets.store.database import Database

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
)

FEW_SESSIONS, FEW_SHARE = 5, 0.01
"""A source may take back this many sessions, or this share, before it looks like half a file."""

INCOMING = """
    CREATE TEMP TABLE incoming AS
    SELECT CAST(date AS DATE) AS date, if(isnan(open), NULL, open) AS open,
        if(isnan(high), NULL, high) AS high, if(isnan(low), NULL, low) AS low, close,
        if(isnan(volume), NULL, volume) AS volume
    FROM arriving
"""

CHANGES = """
    CREATE TEMP TABLE changes AS
    WITH known AS (
        SELECT * FROM market.price_revisions WHERE commodity = $commodity
        QUALIFY row_number() OVER (PARTITION BY date ORDER BY revision DESC) = 1
    )
    SELECT
        coalesce(incoming.date, known.date) AS date,
        incoming.open, incoming.high, incoming.low, incoming.close, incoming.volume,
        coalesce(known.revision, 0) + 1 AS revision,
        CASE
            WHEN incoming.date IS NULL THEN 'withdrawn'
            WHEN known.close IS NULL THEN 'added'
            ELSE 'revised'
        END AS kind
    FROM incoming FULL JOIN known ON known.date = incoming.date
    WHERE (incoming.date IS NULL AND known.close IS NOT NULL)
        OR (incoming.date IS NOT NULL
            AND (incoming.open, incoming.high, incoming.low, incoming.close, incoming.volume)
                IS DISTINCT FROM (known.open, known.high, known.low, known.close, known.volume))
"""

APPEND = """
    INSERT INTO market.price_revisions BY NAME
    SELECT $commodity AS commodity, date, open, high, low, close, volume, $source AS source,
        revision, $at AS ingested_at, $by AS ingested_by
    FROM changes WHERE kind <> 'withdrawn' OR $withdraws
"""


@dataclass(frozen=True)
class DuckDBPriceTable:
    """Prices in DuckDB."""

    database: Database

    def write(
        self, observations: Observations, at: datetime, by: str, *, allow_withdrawals: bool = False
    ) -> PriceChanges:
        """Append what is new or revised, and withdraw what the source took back."""
        if observations.prices.empty:
            raise StoreError(f"{observations.commodity}: refusing to write no prices at all")
        commodity = {"commodity": observations.commodity}
        header = {"source": observations.origin, "at": at, "by": by}
        with self.database.writing() as connection:
            connection.register("arriving", observations.prices.astype({"date": "datetime64[s]"}))
            connection.execute(INCOMING)
            connection.execute(CHANGES, commodity)
            counts = dict(
                connection.execute("SELECT kind, count(*) FROM changes GROUP BY kind").fetchall()
            )
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
