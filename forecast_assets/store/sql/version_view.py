"""What each model version has in a window: models, forecasts and scores."""

from dataclasses import dataclass
from datetime import date

from forecast_assets.store.contract import HeldVersion
from forecast_assets.store.sql.database import Database

HELD = """
    WITH trained AS (
        SELECT model_version, count(*) AS models FROM forecast.trained_models
        WHERE is_active AND commodity = $commodity
            AND training_date >= $first AND training_date < $end
        GROUP BY model_version
    ),
    issued AS (
        SELECT model_version, count(*) AS forecasts, sum(n_paths) AS paths,
            max(forecast_start_date) AS newest
        FROM forecast.forecasts
        WHERE commodity = $commodity AND training_date >= $first AND training_date < $end
        GROUP BY model_version
    ),
    scored AS (
        SELECT model_version, count(*) AS scores,
            count(DISTINCT (model_name, data_cutoff_date)) AS forecasts_scored
        FROM forecast.scores
        WHERE commodity = $commodity AND training_date >= $first AND training_date < $end
        GROUP BY model_version
    )
    SELECT model_version, coalesce(models, 0), coalesce(forecasts, 0),
        coalesce(paths, 0)::BIGINT, newest, coalesce(scores, 0), coalesce(forecasts_scored, 0)
    FROM trained FULL JOIN issued USING (model_version) FULL JOIN scored USING (model_version)
    ORDER BY model_version
"""


@dataclass(frozen=True)
class DuckDBVersionView:
    """Versions in DuckDB."""

    database: Database

    def held(self, commodity: str, first: date, end: date) -> list[HeldVersion]:
        """What each version has for training dates from ``first`` on and before ``end``."""
        window = {"commodity": commodity, "first": first, "end": end}
        with self.database.reading() as connection:
            rows = connection.execute(HELD, window).fetchall()
        return [HeldVersion(*row) for row in rows]
