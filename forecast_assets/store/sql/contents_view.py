"""Fingerprints of the contents of tables, which show whether a run has changed anything.

The moment of a write and the run that wrote are no part of them.
"""

from dataclasses import dataclass
from datetime import date

from forecast_assets.store.sql.database import Database

WINDOW = "commodity = $commodity AND training_date >= $first AND training_date < $end"

MODELS = f"""
    SELECT model_id, payload_sha256, options, data_fingerprint FROM forecast.trained_models
    WHERE is_active AND {WINDOW}
"""  # noqa: S608 - the criteria above

FORECASTS = f"""
    SELECT model_name, model_version, data_cutoff_date, forecast_start_date, training_date,
        payload_sha256, history_fingerprint, n_paths
    FROM forecast.forecasts WHERE {WINDOW}
"""  # noqa: S608

SCORES = f"""
    SELECT * EXCLUDE (generation_timestamp, scored_at, created_by)
    FROM forecast.scores WHERE {WINDOW}
"""  # noqa: S608

FINGERPRINT = """
    SELECT md5(coalesce(string_agg(held::VARCHAR, ';' ORDER BY held::VARCHAR), ''))
    FROM ({rows}) AS held
"""

LEADERBOARD = "SELECT * EXCLUDE (created_at, created_by) FROM forecast.leaderboard"

PUBLICATIONS = """
    SELECT commodity, model_name, model_version, data_cutoff_date, reason, forecast_start_date,
        payload_sha256, history_fingerprint, n_paths
    FROM forecast.publications LEFT JOIN forecast.forecasts
        USING (commodity, model_name, model_version, data_cutoff_date)
"""


@dataclass(frozen=True)
class DuckDBContentsView:
    """Fingerprints of rows in DuckDB, 32 hexadecimal digits each; the same for the same rows."""

    database: Database

    def models(self, commodity: str, first: date, end: date) -> str:
        """The fingerprint of the active models trained from ``first`` on and before ``end``."""
        return self._fingerprint(MODELS, commodity=commodity, first=first, end=end)

    def forecasts(self, commodity: str, first: date, end: date) -> str:
        """The fingerprint of the forecasts of these training dates, without their outcomes."""
        return self._fingerprint(FORECASTS, commodity=commodity, first=first, end=end)

    def scores(self, commodity: str, first: date, end: date) -> str:
        """The fingerprint of the scores of these training dates."""
        return self._fingerprint(SCORES, commodity=commodity, first=first, end=end)

    def leaderboard(self) -> str:
        """The fingerprint of the whole leaderboard."""
        return self._fingerprint(LEADERBOARD)

    def publications(self) -> str:
        """The fingerprint of all publications and of the forecasts that they name."""
        return self._fingerprint(PUBLICATIONS)

    def _fingerprint(self, rows: str, **criteria: object) -> str:
        with self.database.reading() as connection:
            query = FINGERPRINT.format(rows=rows)
            ((found,),) = connection.execute(query, criteria).fetchall()
        return str(found)
