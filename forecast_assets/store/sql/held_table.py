"""``commodity.market.held_prices``: prices of sources that wait until a user decides on them.

``commodity.market.price_words`` keeps the decisions. A close that was accepted is taken from then
on, and one that was rejected, or withdrawn after it was taken, is ignored. A decision is about a
close, so that another close of the same session is examined again.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from forecast_assets.market.records import HeldPrice, HeldReason
from forecast_assets.store.sql.database import Connection, Database
from forecast_assets.store.sql.writes import ACCEPTANCE, REFUSAL, WORDS

HOLDING = """
    CREATE OR REPLACE TEMP TABLE holding AS
    SELECT date, open, high, low, close, volume, stored_close, reason
    FROM changes JOIN (
        SELECT unnest($days::DATE[]) AS date, unnest($reasons::VARCHAR[]) AS reason
    ) USING (date)
"""

RELEASE = """
    DELETE FROM market.held_prices
    WHERE commodity = $commodity AND split_part(source, ':', 1) = $kind
        AND ($complete OR date IN (SELECT date FROM incoming))
        AND date NOT IN (SELECT date FROM holding)
"""

HOLD = """
    INSERT OR REPLACE INTO market.held_prices BY NAME
    SELECT $commodity AS commodity, holding.*, $source AS source, $at AS held_at, $by AS held_by
    FROM holding WHERE NOT EXISTS (
        FROM market.held_prices AS held
        WHERE held.commodity = $commodity AND held.date = holding.date
            AND held.close = holding.close AND held.reason = holding.reason
            AND held.stored_close IS NOT DISTINCT FROM holding.stored_close
    )
"""

CHOSEN = "commodity = $commodity AND ($day IS NULL OR date = $day)"

SAY = f"""
    INSERT OR REPLACE INTO market.price_words
    SELECT commodity, date, close, $word, $at FROM market.held_prices WHERE {CHOSEN}
"""  # noqa: S608 - a condition of this file's own

SAY_OF_STORED = """
    INSERT OR REPLACE INTO market.price_words
    SELECT commodity, date, close, $word, $at FROM market.prices
    WHERE commodity = $commodity AND list_contains($days::DATE[], date)
"""
"""A word about the closes in use of some sessions."""

MERGE = f"""
    INSERT INTO market.price_revisions BY NAME
    SELECT commodity, date, open, high, low, close, volume, source,
        1 + coalesce((
            SELECT max(revision) FROM market.price_revisions AS told
            WHERE told.commodity = held.commodity AND told.date = held.date
        ), 0) AS revision,
        $at AS ingested_at, $by AS ingested_by
    FROM market.held_prices AS held WHERE {CHOSEN}
"""  # noqa: S608 - a condition of this file's own

FORGET = f"DELETE FROM market.held_prices WHERE {CHOSEN} RETURNING date"  # noqa: S608 - likewise


def hold(
    connection: Connection,
    header: dict[str, object],
    reasons: dict[date, HeldReason],
    *,
    complete: bool,
) -> None:
    """Within the transaction of prices: hold changes of some sessions, and drop outdated ones.

    ``header``: the commodity and source, and when and by which run they were read. ``reasons``: the
    sessions to hold. Held prices of the same source that it no longer gives are dropped: all of
    them if the source is complete, otherwise only those of sessions that it names.
    """
    days = {"days": list(reasons), "reasons": [str(reason) for reason in reasons.values()]}
    connection.execute(HOLDING, days)
    whose = {"commodity": header["commodity"]}
    kind = str(header["source"]).partition(":")[0]
    connection.execute(RELEASE, whose | {"kind": kind, "complete": complete})
    connection.execute(HOLD, header)
    connection.execute("DELETE FROM changes WHERE date IN (SELECT date FROM holding)")


def accepted_days(connection: Connection, commodity: str) -> set[date]:
    """Within the transaction of prices: sessions for which the source gives an accepted close."""
    rows = connection.execute(
        "SELECT date FROM changes JOIN market.price_words AS words USING (date, close)"
        " WHERE words.commodity = $commodity AND word = 'accepted'",
        {"commodity": commodity},
    ).fetchall()
    return {day for (day,) in rows}


def forget_rejected(connection: Connection, commodity: str) -> None:
    """Within the transaction of prices: leave out closes that were rejected or withdrawn."""
    connection.execute(
        "DELETE FROM changes WHERE (date, close) IN (SELECT (date, close) FROM market.price_words"
        " WHERE commodity = $commodity AND word IN ('rejected', 'withdrawn'))",
        {"commodity": commodity},
    )


@dataclass(frozen=True)
class DuckDBHeldTable:
    """Held prices, and the decisions about them, in DuckDB."""

    database: Database

    def waiting(self, commodity: str) -> list[HeldPrice]:
        """The waiting prices of a commodity, in order of dates."""
        with self.database.reading() as connection:
            rows = connection.execute(
                "SELECT date, close, stored_close, reason, source FROM market.held_prices"
                " WHERE commodity = $commodity ORDER BY date",
                {"commodity": commodity},
            ).fetchall()
        return [HeldPrice(*row) for row in rows]

    def accepted(self, commodity: str) -> set[date]:
        """The sessions whose stored close a user has accepted."""
        with self.database.reading() as connection:
            rows = connection.execute(
                "SELECT date FROM market.prices JOIN market.price_words AS words"
                " USING (commodity, date, close)"
                " WHERE commodity = $commodity AND word = 'accepted'",
                {"commodity": commodity},
            ).fetchall()
        return {day for (day,) in rows}

    def accept(self, commodity: str, day: date | None, at: datetime, by: str) -> list[date]:
        """Merge the waiting prices of one session, or of all; return the sessions."""
        chosen = {"commodity": commodity, "day": day}

        def change(connection: Connection) -> list[date]:
            connection.execute(SAY, chosen | {"word": "accepted", "at": at})
            connection.execute(MERGE, chosen | {"at": at, "by": by})
            return _days(connection.execute(FORGET, chosen).fetchall())

        return self.database.write(ACCEPTANCE.of(commodity), change)

    def reject(self, commodity: str, day: date | None, at: datetime) -> list[date]:
        """Drop the waiting prices of one session, or of all, for good; return the sessions."""
        chosen = {"commodity": commodity, "day": day}

        def change(connection: Connection) -> list[date]:
            connection.execute(SAY, chosen | {"word": "rejected", "at": at})
            return _days(connection.execute(FORGET, chosen).fetchall())

        return self.database.write(REFUSAL.of(commodity), change)

    def vouch(self, commodity: str, days: Collection[date], at: datetime) -> None:
        """Record that a user accepts the stored closes of some sessions."""
        said = {"days": sorted(days), "word": "accepted", "at": at, "commodity": commodity}
        self.database.write(
            WORDS.of(commodity), lambda connection: connection.execute(SAY_OF_STORED, said)
        )


def _days(rows: Sequence[tuple[date]]) -> list[date]:
    return sorted(day for (day,) in rows)
