"""``commodity.market.prices``: the newest price of each session, from all its revisions."""

from dataclasses import dataclass, replace
from datetime import date, datetime

import numpy as np

from forecast_assets.errors import StoreError
from forecast_assets.market.lacking import Lacking, lacking
from forecast_assets.market.observations import Observations
from forecast_assets.market.records import HeldReason, PriceChanges
from forecast_assets.store.duckdb.database import Connection, Database
from forecast_assets.store.duckdb.held_table import accepted_days, forget_rejected, hold
from forecast_assets.store.duckdb.names import quoted
from forecast_assets.timeline.history import History
from forecast_assets.timeline.scrutiny import Change, Dispute, Scrutiny, dispute, strange_changes

NEWEST = """
    SELECT commodity, date, open, high, low, close, volume, source, ingested_at
    FROM market.price_revisions
    QUALIFY row_number() OVER (PARTITION BY commodity, date ORDER BY revision DESC) = 1
        AND close IS NOT NULL
"""
"""The view ``market.prices``."""

MOVES = """
    SELECT commodity, date, close, previous_close,
        if(previous_close > 0, close / previous_close - 1, NULL) AS move
    FROM (
        SELECT commodity, date, close,
            lag(close) OVER (PARTITION BY commodity ORDER BY date) AS previous_close
        FROM market.prices
    )
"""
"""The view ``market.price_moves``."""


def as_of_definition(catalog: str) -> str:
    """``market.prices_as_of(moment)``: ``market.prices`` as it was at a moment, in UTC.

    ``catalog``: the name of the database when the file is opened. The macro works only under this
    name, since a macro, unlike a view, does not remember where its tables are.
    """
    return f"""
    CREATE MACRO IF NOT EXISTS market.prices_as_of(moment) AS TABLE
    SELECT commodity, date, open, high, low, close, volume, source, ingested_at
    FROM {quoted(catalog)}.market.price_revisions
    WHERE ingested_at <= moment
    QUALIFY row_number() OVER (PARTITION BY commodity, date ORDER BY revision DESC) = 1
        AND close IS NOT NULL
    """  # noqa: S608 - the file's own name, quoted


FRIDAY = 5
"""The number of the last weekday by ISO."""

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
        known.close AS stored_close,
        coalesce(known.revision, 0) + 1 AS revision,
        CASE
            WHEN now.date IS NULL THEN 'withdrawn'
            WHEN known.close IS NULL THEN 'added'
            ELSE 'revised'
        END AS kind
    FROM now FULL JOIN known ON known.date = now.date
    LEFT JOIN told_by_it ON told_by_it.date = now.date
    WHERE (now.date IS NULL AND known.close IS NOT NULL AND known.same_source AND $complete)
        OR (now.date IS NULL AND known.close IS NOT NULL AND $weekdays AND isodow(known.date) > 5)
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
"""The changes that a source makes to the stored prices.

Only a source's new statements count: repeating an old one does not undo later corrections. A source
that is not complete withdraws nothing, and values besides the close that its rows lack stay as they
are. Closes of weekends are withdrawn, whatever source gave them, if weekends are no sessions.
"""

APPEND = """
    INSERT INTO market.price_revisions BY NAME
    SELECT $commodity AS commodity, date, open, high, low, close, volume, $source AS source,
        revision, $at AS ingested_at, $by AS ingested_by
    FROM changes
"""


def prepare(connection: Connection, observations: Observations) -> None:
    """Within a transaction: fill the temporary table ``changes`` with a source's new statements."""
    commodity = {"commodity": observations.commodity}
    kind = observations.origin.partition(":")[0]
    connection.register("arriving", observations.prices.astype({"date": "datetime64[s]"}))
    connection.execute(INCOMING)
    said = {"complete": observations.complete, "weekdays": observations.weekdays}
    connection.execute(CHANGES, commodity | {"kind": kind} | said)
    forget_rejected(connection, observations.commodity)


def disputed(connection: Connection, commodity: str, scrutiny: Scrutiny | None) -> Dispute | None:
    """After ``prepare``: the revisions that must wait for a user; None if there are none."""
    changes = _changes(connection, commodity) if scrutiny else []
    if scrutiny is None or all(change.stored is None for change in changes):
        return None
    return dispute(_history(connection, commodity), changes, scrutiny.bound)


def merge(
    connection: Connection,
    observations: Observations,
    at: datetime,
    by: str,
    *,
    allow_withdrawals: bool = False,
    scrutiny: Scrutiny | None = None,
) -> PriceChanges:
    """After ``prepare``: append the changes of a source to the stored prices.

    ``scrutiny``: decides which closes are held instead, until a user accepts them; None appends
    all.
    """
    commodity = observations.commodity
    header: dict[str, object] = {"commodity": commodity, "source": observations.origin}
    header |= {"at": at, "by": by}
    found = disputed(connection, commodity, scrutiny)
    reasons = _held(connection, commodity, scrutiny, found)
    hold(connection, header, reasons, complete=observations.complete)
    same = not (found and found.many)
    lacks = _lacking(connection, observations, allowed=allow_withdrawals, same=same)
    kept = {"days": lacks.kept}
    connection.execute("DELETE FROM changes WHERE list_contains($days::DATE[], date)", kept)
    counts = dict(connection.execute("SELECT kind, count(*) FROM changes GROUP BY kind").fetchall())
    connection.execute(APPEND, header)
    added, revised = counts.get("added", 0), counts.get("revised", 0)
    return PriceChanges(
        added=added,
        revised=revised,
        withdrawn=len(lacks.taken_back) + len(lacks.weekends),
        unchanged=len(observations.prices) - added - revised - len(reasons),
        missing=len(lacks.kept),
        held=len(reasons),
        lacking=lacks,
    )


def _held(
    connection: Connection, commodity: str, scrutiny: Scrutiny | None, found: Dispute | None
) -> dict[date, HeldReason]:
    """The sessions that must be held according to ``scrutiny``, each with the reason."""
    reasons: dict[date, HeldReason] = {}
    if scrutiny and commodity in scrutiny.quarantined:
        accepted, changes = accepted_days(connection, commodity), _changes(connection, commodity)
        stored = _history(connection, commodity)
        strange = strange_changes(stored, changes, scrutiny.bound, accepted)
        reasons |= dict.fromkeys((change.date for change in strange), "strange")
    if found and found.many:
        changes = _changes(connection, commodity)
        reasons |= dict.fromkeys((change.date for change in changes), "with_revisions")
    if found:
        reasons |= dict.fromkeys((change.date for change in found.revisions), "revision")
    return reasons


def _changes(connection: Connection, commodity: str) -> list[Change]:
    """The new and revised closes, without revisions that a user has accepted before."""
    rows = connection.execute(
        "SELECT date, close, stored_close FROM changes WHERE kind <> 'withdrawn' ORDER BY date"
    ).fetchall()
    accepted = accepted_days(connection, commodity)
    return [Change(*row) for row in rows if row[0] not in accepted or row[2] is None]


def _history(connection: Connection, commodity: str) -> History:
    columns = connection.execute(
        "SELECT date, close FROM market.prices WHERE commodity = $commodity ORDER BY date",
        {"commodity": commodity},
    ).fetchnumpy()
    return History(commodity, columns["date"].astype("datetime64[D]"), np.array(columns["close"]))


def _lacking(
    connection: Connection, observations: Observations, *, allowed: bool, same: bool
) -> Lacking:
    """Sort the stored sessions that the source lacks.

    ``same``: whether the source looks like the same series; otherwise none is withdrawn except
    weekends.
    """
    rows = connection.execute("SELECT date FROM changes WHERE kind = 'withdrawn' ORDER BY date")
    missing = [day for (day,) in rows.fetchall()]
    weekends = [day for day in missing if observations.weekdays and day.isoweekday() > FRIDAY]
    if len(missing) == len(weekends):
        return Lacking(weekends=weekends)
    dates = observations.prices["date"]
    found = lacking(
        [day for day in missing if day not in set(weekends)],
        dates.min().date(),
        dates.max().date(),
        len(dates),
        sound=not observations.rejections and same,
        allowed=allowed and same,
    )
    return replace(found, weekends=weekends)


@dataclass(frozen=True)
class DuckDBPriceTable:
    """Prices in DuckDB."""

    database: Database

    def write(
        self,
        observations: Observations,
        at: datetime,
        by: str,
        *,
        allow_withdrawals: bool = False,
        scrutiny: Scrutiny | None = None,
    ) -> PriceChanges:
        """Append new and revised prices that need not wait, and withdraw sessions."""
        if observations.prices.empty and observations.complete:
            raise StoreError(f"{observations.commodity}: refusing to write no prices at all")
        with self.database.writing() as connection:
            prepare(connection, observations)
            return merge(
                connection,
                observations,
                at,
                by,
                allow_withdrawals=allow_withdrawals,
                scrutiny=scrutiny,
            )

    def history(self, commodity: str) -> History:
        """The newest close of every session, in order."""
        with self.database.reading() as connection:
            return _history(connection, commodity)
