"""``commodity.market.features``: the values of each covariate that were known at each session."""

import json
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa

from forecast_assets.configuration.version_meaning import Options
from forecast_assets.errors import PayloadCorrupted, StoreError
from forecast_assets.forecast.payloads import parsed
from forecast_assets.market.features import Features
from forecast_assets.market.records import FeatureChanges
from forecast_assets.store.past_histories import joined
from forecast_assets.store.sql.database import Connection, Database
from forecast_assets.store.sql.names import quoted
from forecast_assets.store.sql.writes import FEATURES
from forecast_assets.timeline.history import History

INCOMING = """
    CREATE TEMP TABLE incoming AS
    SELECT date, covariate, value, observed_on FROM arriving
"""

CHANGES = """
    CREATE TEMP TABLE changes AS
    SELECT incoming.*, known.covariate IS NULL AS is_new
    FROM incoming LEFT JOIN market.features AS known
        ON known.commodity = $commodity AND known.date = incoming.date
            AND known.covariate = incoming.covariate
    WHERE known.covariate IS NULL
        OR (incoming.value, incoming.observed_on)
            IS DISTINCT FROM (known.value, known.observed_on)
"""

SUPERSEDE = """
    INSERT INTO market.superseded_features BY NAME
    SELECT known.*, $at AS superseded_at, $by AS superseded_by,
        1 + (
            SELECT count(*) FROM market.superseded_features AS older
            WHERE older.commodity = known.commodity AND older.date = known.date
                AND older.covariate = known.covariate
        ) AS revision
    FROM market.features AS known
    WHERE commodity = $commodity AND (
        EXISTS (FROM changes
            WHERE changes.date = known.date AND changes.covariate = known.covariate)
        OR (NOT list_contains($missing, covariate) AND NOT EXISTS (FROM incoming
            WHERE incoming.date = known.date AND incoming.covariate = known.covariate)))
"""
"""Keeps what the rows to be changed and deleted say."""

UPSERT = """
    INSERT INTO market.features BY NAME
    SELECT $commodity AS commodity, date, covariate, value, observed_on, $at AS created_at,
        $by AS created_by
    FROM changes
    ON CONFLICT (commodity, date, covariate) DO UPDATE SET value = excluded.value,
        observed_on = excluded.observed_on, created_at = excluded.created_at,
        created_by = excluded.created_by
"""

TELL_HOW = """
    INSERT OR REPLACE INTO market.covariates
    VALUES ($commodity, $covariate, $read_as, $at, $by)
"""

WITHDRAW = """
    DELETE FROM market.features AS known
    WHERE commodity = $commodity AND NOT list_contains($missing, covariate)
        AND NOT EXISTS (FROM incoming
            WHERE incoming.date = known.date AND incoming.covariate = known.covariate)
"""


def as_of_definition(catalog: str) -> str:
    """``market.features_as_of(moment)``: ``market.features`` as it was at a moment, in UTC.

    ``catalog``: the name of the database when the file is opened; see ``price_table``.
    """
    columns = "commodity, date, covariate, value, observed_on, created_at, created_by"
    return f"""
    CREATE MACRO IF NOT EXISTS market.features_as_of(moment) AS TABLE
    SELECT {columns} FROM {quoted(catalog)}.market.features WHERE created_at <= moment
    UNION ALL
    SELECT {columns} FROM {quoted(catalog)}.market.superseded_features
    WHERE created_at <= moment AND superseded_at > moment
    """  # noqa: S608 - the file's own name, quoted


@dataclass(frozen=True)
class DuckDBFeatureTable:
    """Features in DuckDB."""

    database: Database

    def write(self, features: Features, at: datetime, by: str) -> FeatureChanges:
        """Make the table equal to ``features``, changing only the rows that differ."""
        commodity = {"commodity": features.commodity}

        def change(connection: Connection) -> FeatureChanges:
            connection.register("arriving", _long(features))
            connection.execute(INCOMING)
            connection.execute(CHANGES, commodity)
            counts = dict(
                connection.execute("SELECT is_new, count(*) FROM changes GROUP BY 1").fetchall()
            )
            missing, who = {"missing": features.unread}, {"at": at, "by": by}
            connection.execute(SUPERSEDE, commodity | missing | who)
            if counts:
                connection.execute(UPSERT, commodity | who)
            (deleted,) = connection.execute(WITHDRAW, commodity | missing).fetchall()[0]
            _tell_how(connection, features, who)
            _require_rows(connection, features)
            added, revised = counts.get(True, 0), counts.get(False, 0)
            due = len(features.sessions) * len(features.present)
            return FeatureChanges(added, revised, int(deleted), due - added - revised)

        return self.database.write(FEATURES.of(features.commodity), change)

    def sessions(self, commodity: str) -> dict[str, int]:
        """The number of sessions for which each covariate has a row."""
        with self.database.reading() as connection:
            rows = connection.execute(
                "SELECT covariate, count(*) FROM market.features WHERE commodity = ? GROUP BY ALL",
                [commodity],
            ).fetchall()
        return dict(rows)

    def read_as(self, commodity: str) -> dict[str, Options]:
        """The keys by which each covariate got its values; a covariate may lack them."""
        with self.database.reading() as connection:
            return _told(connection, commodity)

    def read(self, history: History) -> History:
        """The history with all stored covariates of its commodity, in order of names."""
        with self.database.reading() as connection:
            columns = connection.execute(
                "SELECT date, covariate, value FROM market.features WHERE commodity = ?",
                [history.commodity],
            ).fetchnumpy()
        return joined(
            history,
            columns["date"].astype("datetime64[D]"),
            columns["covariate"].astype(str),
            np.ma.filled(columns["value"], np.nan),
        )


def _long(features: Features) -> pa.Table:
    """A row for each covariate and session."""
    present, sessions = features.present, features.sessions
    nothing = np.empty(0)
    values = np.concatenate([nothing, *(feature.values for feature in present)])
    days = np.concatenate([sessions[:0], *(feature.observed_on for feature in present)])
    names = [feature.name for feature in present for _ in range(len(sessions))]
    return pa.table(
        {
            "date": pa.array(np.tile(sessions, len(present)), pa.date32()),
            "covariate": pa.array(names, pa.string()),
            "value": pa.array(values, pa.float64(), from_pandas=True),
            "observed_on": pa.array(days, pa.date32()),
        }
    )


def _told(connection: Connection, commodity: str) -> dict[str, Options]:
    rows = connection.execute(
        "SELECT covariate, read_as FROM market.covariates WHERE commodity = ?", [commodity]
    ).fetchall()
    return {name: _read_as(text) for name, text in rows}


def _read_as(text: str) -> Options:
    """How a covariate was read; nothing, and so it is read again, if the text does not tell."""
    try:
        return parsed(text.encode())
    except PayloadCorrupted:
        return {}


def _tell_how(connection: Connection, features: Features, who: dict[str, object]) -> None:
    """Within the transaction of features: store how covariates were read, where that is new."""
    held, unread = _told(connection, features.commodity), features.unread
    for name in held.keys() - features.read_as.keys() - {*unread}:
        connection.execute(
            "DELETE FROM market.covariates WHERE commodity = ? AND covariate = ?",
            [features.commodity, name],
        )
    for name, options in features.read_as.items():
        if held.get(name) != options:
            row = {"commodity": features.commodity, "covariate": name}
            text = json.dumps(options, sort_keys=True)
            connection.execute(TELL_HOW, row | {"read_as": text} | who)


def _require_rows(connection: Connection, features: Features) -> None:
    """Raise StoreError, so that nothing is committed, unless every session has its row."""
    (found,) = connection.execute(
        "SELECT count(*) FROM market.features WHERE commodity = $commodity"
        " AND NOT list_contains($missing, covariate)",
        {"commodity": features.commodity, "missing": features.unread},
    ).fetchall()[0]
    due = len(features.sessions) * len(features.present)
    if found != due:
        raise StoreError(
            f"{features.commodity}: {found} rows in commodity.market.features where {due} were"
            " due; nothing was written"
        )
