"""``commodity.forecast.failures``: the models and forecasts that are lacking, and why."""

from collections.abc import Sequence
from dataclasses import dataclass

from forecast_assets.forecast.records import ModelFailure, RecordedFailure, Stage, Written
from forecast_assets.store.sql.database import Connection, Database


def replace_failures(
    connection: Connection, written: Written, stage: Stage, failures: Sequence[ModelFailure]
) -> None:
    """Within the transaction of a window: replace its failures at this stage by the new ones."""
    connection.execute(
        "DELETE FROM forecast.failures WHERE commodity = ? AND model_version = ?"
        " AND training_date = ? AND stage = ?",
        [written.commodity, written.model_version, written.training_date, stage],
    )
    for failure in failures:
        connection.execute(
            "INSERT INTO forecast.failures VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                written.commodity,
                failure.model_name,
                written.model_version,
                written.training_date,
                stage,
                failure.declined,
                failure.origins,
                failure.reason,
                written.at,
                written.by,
            ],
        )


@dataclass(frozen=True)
class DuckDBFailureTable:
    """Failures in DuckDB."""

    database: Database

    def find(self, commodity: str, model_version: str) -> list[RecordedFailure]:
        """The failures of the latest attempt at each window, in order."""
        with self.database.reading() as connection:
            rows = connection.execute(
                "SELECT commodity, model_name, model_version, training_date, stage, declined,"
                " origins, reason"
                " FROM forecast.failures WHERE commodity = ? AND model_version = ? ORDER BY ALL",
                [commodity, model_version],
            ).fetchall()
        return [RecordedFailure(*row) for row in rows]
