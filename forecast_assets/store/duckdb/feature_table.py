"""``commodity.market.features``: the values of each covariate that were known at each session."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa

from forecast_assets.errors import StoreError
from forecast_assets.market.features import Features
from forecast_assets.market.records import FeatureChanges
from forecast_assets.store.duckdb.database import Connection, Database
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

UPSERT = """
    INSERT INTO market.features BY NAME
    SELECT $commodity AS commodity, date, covariate, value, observed_on, $at AS created_at,
        $by AS created_by
    FROM changes
    ON CONFLICT (commodity, date, covariate) DO UPDATE SET value = excluded.value,
        observed_on = excluded.observed_on, created_at = excluded.created_at,
        created_by = excluded.created_by
"""

WITHDRAW = """
    DELETE FROM market.features AS known
    WHERE commodity = $commodity AND NOT list_contains($missing, covariate)
        AND NOT EXISTS (FROM incoming
            WHERE incoming.date = known.date AND incoming.covariate = known.covariate)
"""


@dataclass(frozen=True)
class DuckDBFeatureTable:
    """Features in DuckDB."""

    database: Database

    def write(self, features: Features, at: datetime, by: str) -> FeatureChanges:
        """Make the table equal to ``features``, changing only the rows that differ."""
        commodity = {"commodity": features.commodity}
        with self.database.writing() as connection:
            connection.register("arriving", _long(features))
            connection.execute(INCOMING)
            connection.execute(CHANGES, commodity)
            counts = dict(
                connection.execute("SELECT is_new, count(*) FROM changes GROUP BY 1").fetchall()
            )
            if counts:
                connection.execute(UPSERT, commodity | {"at": at, "by": by})
            (deleted,) = connection.execute(
                WITHDRAW, commodity | {"missing": features.unread}
            ).fetchall()[0]
            _require_rows(connection, features)
        added, revised = counts.get(True, 0), counts.get(False, 0)
        due = len(features.sessions) * len(features.present)
        return FeatureChanges(added, revised, int(deleted), due - added - revised)

    def sessions(self, commodity: str) -> dict[str, int]:
        """The number of sessions for which each covariate has a row."""
        with self.database.reading() as connection:
            rows = connection.execute(
                "SELECT covariate, count(*) FROM market.features WHERE commodity = ? GROUP BY ALL",
                [commodity],
            ).fetchall()
        return dict(rows)

    def read(self, history: History) -> History:
        """The history with all stored covariates of its commodity, in order of names."""
        with self.database.reading() as connection:
            columns = connection.execute(
                "SELECT date, covariate, value FROM market.features WHERE commodity = ?",
                [history.commodity],
            ).fetchnumpy()
        names, column = np.unique(columns["covariate"].astype(str), return_inverse=True)
        days = columns["date"].astype("datetime64[D]")
        row = np.searchsorted(history.dates, days)
        held = row < len(history)
        held[held] = history.dates[row[held]] == days[held]
        values = np.full((len(history), len(names)), np.nan)
        values[row[held], column[held]] = np.ma.filled(columns["value"], np.nan)[held]
        return History(
            history.commodity, history.dates, history.closes, values, tuple(names.tolist())
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
