"""Sessions that somebody has withdrawn: each is one more revision, without a close.

The revision says when, by whom and why. A word about the withdrawn close keeps the sources that
still have it from bringing it back.
"""

from datetime import date, datetime

from forecast_assets.market.records import WithdrawnPrice
from forecast_assets.store.sql.database import Connection
from forecast_assets.store.sql.held_table import SAY_OF_STORED

SOURCE = "word:withdrawn"
"""The source of the revision of a session that a user has withdrawn."""

WITHDRAW = """
    INSERT INTO market.price_revisions BY NAME
    SELECT commodity, date, $source AS source, max(revision) + 1 AS revision,
        $at AS ingested_at, $by AS ingested_by, $reason AS reason
    FROM market.price_revisions
    WHERE commodity = $commodity AND date = $day AND $day IN (
        SELECT date FROM market.prices WHERE commodity = $commodity
    )
    GROUP BY commodity, date
    RETURNING date
"""

WITHDRAWN = """
    SELECT date, close, last_reason, last_at, last_by, open, high, low, volume, source, last
    FROM (
        SELECT *, max(revision) OVER of_day AS last,
            arg_max(close IS NULL AND reason IS NOT NULL, revision) OVER of_day AS is_withdrawn,
            arg_max(reason, revision) OVER of_day AS last_reason,
            arg_max(ingested_at, revision) OVER of_day AS last_at,
            arg_max(ingested_by, revision) OVER of_day AS last_by
        FROM market.price_revisions WHERE commodity = $commodity
        WINDOW of_day AS (PARTITION BY date)
    )
    WHERE is_withdrawn AND close IS NOT NULL
    QUALIFY row_number() OVER (PARTITION BY date ORDER BY revision DESC) = 1
    ORDER BY date
"""
"""The sessions that are withdrawn for a reason, with what was said of them last."""

RESTORE = f"""
    INSERT INTO market.price_revisions BY NAME
    SELECT $commodity AS commodity, date, open, high, low, close, volume, source,
        last + 1 AS revision, $at AS ingested_at, $by AS ingested_by
    FROM ({WITHDRAWN}) WHERE date = $day
    RETURNING date
"""  # noqa: S608 - the expression above


def withdraw(
    connection: Connection, commodity: str, day: date, reason: str, at: datetime, by: str
) -> bool:
    """Within a transaction: take a session back; whether there was one."""
    _say(connection, commodity, day, "withdrawn", at)  # before, while it is stored
    said = {"commodity": commodity, "day": day, "reason": reason, "source": SOURCE}
    return bool(connection.execute(WITHDRAW, said | {"at": at, "by": by}).fetchall())


def restore(connection: Connection, commodity: str, day: date, at: datetime, by: str) -> bool:
    """Within a transaction: bring back what was withdrawn of a session; whether anything was."""
    said = {"commodity": commodity, "day": day, "at": at, "by": by}
    found = connection.execute(RESTORE, said).fetchall()
    if found:
        _say(connection, commodity, day, "accepted", at)
    return bool(found)


def withdrawn(connection: Connection, commodity: str) -> list[WithdrawnPrice]:
    """The sessions that are withdrawn for a reason, in order."""
    rows = connection.execute(WITHDRAWN, {"commodity": commodity}).fetchall()
    return [WithdrawnPrice(*row[:5]) for row in rows]


def _say(connection: Connection, commodity: str, day: date, word: str, at: datetime) -> None:
    said = {"commodity": commodity, "days": [day], "word": word, "at": at}
    connection.execute(SAY_OF_STORED, said)
