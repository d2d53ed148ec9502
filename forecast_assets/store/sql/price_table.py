"""``commodity.market.prices``: the newest price of each session, from all its revisions."""

from dataclasses import dataclass, replace
from datetime import date, datetime

import numpy as np

from forecast_assets.errors import StoreError
from forecast_assets.market.lacking import Lacking, lacking
from forecast_assets.market.observations import Observations
from forecast_assets.market.records import HeldReason, PriceChanges, WithdrawnPrice
from forecast_assets.store.sql.database import Connection, Database
from forecast_assets.store.sql.held_table import (
    SAY_OF_STORED,
    accepted_days,
    forget_rejected,
    hold,
)
from forecast_assets.store.sql.names import quoted
from forecast_assets.store.sql.withdrawals import restore, withdraw, withdrawn
from forecast_assets.store.sql.writes import PRICES, RETURN, WITHDRAWAL
from forecast_assets.timeline.history import History
from forecast_assets.timeline.scrutiny import (
    Change,
    Dispute,
    DoubtedWithdrawals,
    Scrutiny,
    dispute,
    doubted_withdrawals,
    strange_changes,
)

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


BY_A_FILE = "its close says withdrawn"
"""The reason in the tables for a session that a dropped file has withdrawn."""

FRIDAY = 5
"""The number of the last weekday by ISO."""

INCOMING = """
    CREATE OR REPLACE TEMP TABLE incoming AS
    SELECT CAST(date AS DATE) AS date, if(isnan(open), NULL, open) AS open,
        if(isnan(high), NULL, high) AS high, if(isnan(low), NULL, low) AS low, close,
        if(isnan(volume), NULL, volume) AS volume
    FROM arriving
"""

TOLD = """
    told AS (
        SELECT *, split_part(source, ':', 1) = $kind AS same_source
        FROM market.price_revisions WHERE commodity = $commodity
    ), known AS (
        SELECT * FROM told QUALIFY row_number() OVER (PARTITION BY date ORDER BY revision DESC) = 1
    ), told_by_it AS (
        SELECT * FROM told WHERE same_source
        QUALIFY row_number() OVER (PARTITION BY date ORDER BY revision DESC) = 1
    )
"""
"""What is known of each session of a commodity, and what a kind of source has stated last."""

CHANGES = f"""
    CREATE OR REPLACE TEMP TABLE changes AS
    WITH {TOLD}, now AS (
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
        OR (now.date IS NOT NULL AND known.close IS NULL AND known.reason IS NULL)
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
"""  # noqa: S608 - the expressions above
"""The changes that a source makes to the stored prices.

Only a source's new statements count: repeating an old one does not undo later corrections. A source
that is not complete withdraws nothing, and values besides the close that its rows lack stay as they
are. Closes of weekends are withdrawn, whatever source gave them, if weekends are no sessions. A
session that was withdrawn for a ``reason`` does not come back because a source still has it: that
takes a new statement, as for a revision.
"""

TAKEN_BACK = f"""
    INSERT INTO changes BY NAME
    WITH {TOLD}
    SELECT known.date, known.close AS stored_close, known.revision + 1 AS revision,
        'taken back' AS kind
    FROM known LEFT JOIN told_by_it USING (date)
    WHERE list_contains($days::DATE[], known.date) AND known.close IS NOT NULL
        AND NOT (told_by_it.date IS NOT NULL AND told_by_it.close IS NULL AND EXISTS (
            FROM market.price_words AS words
            WHERE words.commodity = $commodity AND word = 'accepted'
                AND words.date = known.date AND words.close = known.close
        ))
"""  # noqa: S608 - the expressions above
"""Stored sessions that a file withdraws explicitly; not if it has withdrawn the session before, and
a user has accepted the stored close, as when it is brought back."""

LACKING_AND_TAKEN_BACK = """
    DELETE FROM changes WHERE kind = 'withdrawn'
        AND date IN (SELECT date FROM changes WHERE kind = 'taken back')
"""
"""What a source withdraws explicitly is not withdrawn once more by its weekday or as lacking."""

IGNORED = """
    SELECT count(*) FROM incoming
    LEFT JOIN (FROM market.prices WHERE commodity = $commodity) AS prices USING (date)
    LEFT JOIN (FROM market.price_words WHERE commodity = $commodity) AS words
        ON words.date = incoming.date AND words.close = incoming.close
    WHERE incoming.date NOT IN (SELECT date FROM holding)
        AND (prices.close IS NULL OR word IN ('rejected', 'withdrawn'))
"""
"""How many prices of a source are in no use since a user rejected them or withdrew the session."""

STORED = """
    SELECT count(*) FROM market.prices
    WHERE commodity = $commodity AND list_contains($days::DATE[], date)
"""

APPEND = """
    INSERT INTO market.price_revisions BY NAME
    SELECT $commodity AS commodity, date, open, high, low, close, volume, $source AS source,
        revision, $at AS ingested_at, $by AS ingested_by,
        if(kind = 'taken back', $reason, NULL) AS reason
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
    days = {"days": list(observations.withdrawn)}
    connection.execute(TAKEN_BACK, commodity | {"kind": kind} | days)
    connection.execute(LACKING_AND_TAKEN_BACK)
    forget_rejected(connection, observations.commodity)


def disputed(connection: Connection, commodity: str, scrutiny: Scrutiny | None) -> Dispute | None:
    """After ``prepare``: the revisions that must wait for a user; None if there are none."""
    changes = _changes(connection, commodity) if scrutiny else []
    if scrutiny is None or all(change.stored is None for change in changes):
        return None
    return dispute(_history(connection, commodity), changes, scrutiny.bound)


def doubted(connection: Connection, observations: Observations) -> DoubtedWithdrawals | None:
    """After ``prepare``: the withdrawals of a file that must wait for a user, or None."""
    days = _days(connection, "taken back")
    if not days:
        return None
    told = observations.prices["date"].dt.date
    return doubted_withdrawals(_history(connection, observations.commodity), days, set(told))


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
    held, lacks = _set_aside(connection, observations, header, scrutiny, allowed=allow_withdrawals)
    counts = dict(connection.execute("SELECT kind, count(*) FROM changes GROUP BY kind").fetchall())
    taken_back = _days(connection, "taken back")
    words = {"days": taken_back, "word": "withdrawn"}
    connection.execute(SAY_OF_STORED, {"commodity": commodity, "at": at} | words)
    connection.execute(APPEND, header | {"reason": BY_A_FILE})
    ignored = _count(connection, IGNORED, commodity=commodity)
    overruled = _count(connection, STORED, commodity=commodity, days=list(observations.withdrawn))
    added, revised = counts.get("added", 0), counts.get("revised", 0)
    return PriceChanges(
        added=added,
        revised=revised,
        withdrawn=len(lacks.taken_back) + len(lacks.weekends) + len(taken_back),
        unchanged=len(observations.prices) - added - revised - held - ignored,
        missing=len(lacks.kept),
        held=held,
        lacking=lacks,
        taken_back=tuple(taken_back),
        not_there=len(observations.withdrawn) - len(taken_back) - overruled,
        overruled=overruled,
        ignored=ignored,
    )


def _count(connection: Connection, statement: str, **values: object) -> int:
    (counted,) = connection.execute(statement, values).fetchall()
    return int(counted[0])


def _set_aside(
    connection: Connection,
    observations: Observations,
    header: dict[str, object],
    scrutiny: Scrutiny | None,
    *,
    allowed: bool,
) -> tuple[int, Lacking]:
    """Hold what must wait, and leave in ``changes`` only what is to be appended.

    Returns how many sessions are held, and the stored sessions that the source lacks.
    """
    found = disputed(connection, observations.commodity, scrutiny)
    reasons = _held(connection, observations.commodity, scrutiny, found)
    hold(connection, header, reasons, complete=observations.complete)
    same = not (found and found.many)
    lacks = _lacking(connection, observations, allowed=allowed, same=same)
    kept = {"days": lacks.kept}
    connection.execute("DELETE FROM changes WHERE list_contains($days::DATE[], date)", kept)
    return len(reasons), lacks


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
        "SELECT date, close, stored_close FROM changes WHERE close IS NOT NULL ORDER BY date"
    ).fetchall()
    accepted = accepted_days(connection, commodity)
    return [Change(*row) for row in rows if row[0] not in accepted or row[2] is None]


def _days(connection: Connection, kind: str) -> list[date]:
    """The sessions whose change is of a kind, in order."""
    rows = connection.execute(
        "SELECT date FROM changes WHERE kind = $kind ORDER BY date", {"kind": kind}
    )
    return [day for (day,) in rows.fetchall()]


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
    missing = _days(connection, "withdrawn")
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

        def change(connection: Connection) -> PriceChanges:
            prepare(connection, observations)
            return merge(
                connection,
                observations,
                at,
                by,
                allow_withdrawals=allow_withdrawals,
                scrutiny=scrutiny,
            )

        return self.database.write(PRICES.of(observations.commodity), change)

    def history(self, commodity: str) -> History:
        """The newest close of every session, in order."""
        key = "history", commodity
        return self.database.at_rest(key, lambda connection: _history(connection, commodity))

    def withdraw(self, commodity: str, day: date, reason: str, at: datetime, by: str) -> bool:
        """Take a session back, unless there is none that day; whether there was."""
        return self.database.write(
            WITHDRAWAL.of(commodity),
            lambda connection: withdraw(connection, commodity, day, reason, at, by),
        )

    def restore(self, commodity: str, day: date, at: datetime, by: str) -> bool:
        """Bring back a session that was withdrawn for a reason; whether it was."""
        return self.database.write(
            RETURN.of(commodity), lambda connection: restore(connection, commodity, day, at, by)
        )

    def withdrawn(self, commodity: str) -> list[WithdrawnPrice]:
        """The sessions that were withdrawn for a reason and have not come back, in order."""
        with self.database.reading() as connection:
            return withdrawn(connection, commodity)
