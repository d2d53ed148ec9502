"""``commodity.forecast.leaderboard``: how each model stands, per commodity and over all."""

from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from forecast_assets.store.duckdb.database import Database

DEFINITIONS = (
    "CREATE SCHEMA IF NOT EXISTS forecast",
    """
    CREATE TABLE IF NOT EXISTS forecast.leaderboard (
        commodity VARCHAR NOT NULL,  -- '(all)': over all commodities
        model_version VARCHAR NOT NULL,
        model_name VARCHAR NOT NULL,
        place INTEGER NOT NULL,  -- 1 is the best skill
        forecasts INTEGER NOT NULL,
        effective_forecasts INTEGER NOT NULL,
        first_forecast DATE NOT NULL,
        last_forecast DATE NOT NULL,
        crps DOUBLE,  -- means in a unit are NULL over all commodities
        absolute_error DOUBLE,
        squared_error DOUBLE,
        absolute_percentage_error DOUBLE,
        pinball_loss DOUBLE,
        log_score DOUBLE,
        width_80 DOUBLE,
        width_95 DOUBLE,
        energy_score DOUBLE,
        variogram_score DOUBLE,
        directional_accuracy DOUBLE,
        skill DOUBLE,
        coverage_80 DOUBLE NOT NULL,
        coverage_95 DOUBLE NOT NULL,
        coverage_error_80 DOUBLE NOT NULL,
        coverage_error_95 DOUBLE NOT NULL,
        pit_p_value DOUBLE,
        calibration VARCHAR NOT NULL,
        dm_statistic DOUBLE,
        dm_p_value DOUBLE,
        dm_verdict VARCHAR NOT NULL,
        models_trained INTEGER NOT NULL,
        training_seconds DOUBLE NOT NULL,
        created_at TIMESTAMP NOT NULL,
        created_by VARCHAR NOT NULL,
        PRIMARY KEY (commodity, model_version, model_name)
    )
    """,
)

REPLACE = """
    INSERT INTO forecast.leaderboard BY NAME
    SELECT *, $at AS created_at, $by AS created_by FROM arriving
"""

TRAINING_COST = """
    SELECT commodity, model_version, model_name, count(*) AS models_trained,
        sum(fit_seconds) AS training_seconds
    FROM forecast.trained_models WHERE is_active
    GROUP BY ALL ORDER BY ALL
"""


@dataclass(frozen=True)
class DuckDBLeaderboardTable:
    """The leaderboard in DuckDB."""

    database: Database

    def replace(self, rows: pd.DataFrame, at: datetime, by: str) -> None:
        """Put these rows in place of all there are."""
        with self.database.writing() as connection:
            connection.execute("DELETE FROM forecast.leaderboard")
            if len(rows):
                connection.register("arriving", rows)
                connection.execute(REPLACE, {"at": at, "by": by})

    def read(self) -> pd.DataFrame:
        """Every row, in the order of commodity, version and place."""
        with self.database.reading() as connection:
            return connection.execute(
                "SELECT * FROM forecast.leaderboard ORDER BY commodity, model_version, place"
            ).df()

    def evidence(self) -> datetime | None:
        """When the newest forecast was drawn or score written, in UTC; None before the first."""
        with self.database.reading() as connection:
            ((newest,),) = connection.execute(
                "SELECT greatest((SELECT max(generation_timestamp) FROM forecast.forecasts),"
                " (SELECT max(scored_at) FROM forecast.scores))"
            ).fetchall()
        moment: datetime | None = newest
        return moment

    def training_cost(self) -> pd.DataFrame:
        """Commodity, model_version, model_name, models_trained and training_seconds."""
        with self.database.reading() as connection:
            return connection.execute(TRAINING_COST).df()
