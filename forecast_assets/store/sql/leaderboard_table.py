"""``commodity.forecast.leaderboard``: the ranking of models, for each commodity and over all."""

from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa

from forecast_assets.store.sql.database import Connection, Database
from forecast_assets.store.sql.writes import LEADERBOARD

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

    def replace(self, rows: pa.Table, at: datetime, by: str) -> None:
        """Replace all rows by these."""

        def change(connection: Connection) -> None:
            connection.execute("DELETE FROM forecast.leaderboard")
            if len(rows):
                connection.register("arriving", rows)
                connection.execute(REPLACE, {"at": at, "by": by})

        self.database.write(LEADERBOARD, change)

    def read(self) -> pa.Table:
        """All rows, in order of commodity, version and place."""
        with self.database.reading() as connection:
            return connection.sql(
                "SELECT * FROM forecast.leaderboard ORDER BY commodity, model_version, place"
            ).to_arrow_table()

    def evidence(self) -> datetime | None:
        """When the newest forecast was drawn or score written, in UTC; None before the first."""
        with self.database.reading() as connection:
            ((newest,),) = connection.execute(
                "SELECT greatest((SELECT max(generation_timestamp) FROM forecast.forecasts),"
                " (SELECT max(scored_at) FROM forecast.scores))"
            ).fetchall()
        moment: datetime | None = newest
        return moment

    def training_cost(self) -> pa.Table:
        """Columns commodity, model_version, model_name, models_trained, training_seconds."""
        with self.database.reading() as connection:
            return connection.sql(TRAINING_COST).to_arrow_table()
