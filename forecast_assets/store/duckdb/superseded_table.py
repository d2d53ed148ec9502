"""``commodity.forecast.superseded_forecasts``: records of forecasts that were replaced."""

from collections.abc import Mapping
from datetime import date

import pyarrow as pa

from forecast_assets.forecast.records import Written
from forecast_assets.store.duckdb.database import Connection

REPLACED, WITHDRAWN = "drawn again", "session withdrawn"
"""The reasons that are recorded if no other is given."""

CLOSE_USED = """
    coalesce(cutoff_close, (
        SELECT arg_max(close, revision) FROM market.price_revisions AS told
        WHERE told.commodity = forecasts.commodity AND told.date = forecasts.data_cutoff_date
            AND told.ingested_at <= forecasts.generation_timestamp))
"""
"""The close from which a row of ``forecasts`` was drawn; earlier releases did not store it."""

SUPERSEDE = (
    f"""
    CREATE OR REPLACE TEMP TABLE superseding AS
    SELECT forecasts.* REPLACE ({CLOSE_USED} AS cutoff_close), reason,
        $at AS superseded_at, $by AS superseded_by,
        1 + (
            SELECT count(*) FROM forecast.superseded_forecasts AS older
            WHERE older.commodity = forecasts.commodity
                AND older.model_name = forecasts.model_name
                AND older.model_version = forecasts.model_version
                AND older.data_cutoff_date = forecasts.data_cutoff_date
        ) AS revision
    FROM forecast.forecasts JOIN replacing USING (data_cutoff_date)
    WHERE commodity = $commodity AND model_version = $model_version
        AND model_name = coalesce($model_name, model_name)
    """,  # noqa: S608 - an expression of this file
    "INSERT INTO forecast.superseded_forecasts BY NAME SELECT * FROM superseding",
    """
    INSERT INTO forecast.superseded_point_forecasts BY NAME
    SELECT point_estimates.*, superseding.revision
    FROM forecast.point_estimates
    JOIN superseding USING (commodity, model_name, model_version, data_cutoff_date)
    """,
)

COUNTED = """
    SELECT training_date, count(*) FROM forecast.superseded_forecasts
    WHERE commodity = $commodity AND model_version = $model_version
    GROUP BY training_date
"""


def supersede(
    connection: Connection, written: Written, why: Mapping[date, str], model_name: str | None = None
) -> None:
    """Within the transaction of paths, before they are written: record the forecasts replaced.

    ``why``: the reason by cutoff; cutoffs without a forecast are ignored. ``model_name``: the model
    of the forecasts; None for those of all models.
    """
    if not why:
        return
    replacing = {"data_cutoff_date": pa.array(why.keys(), pa.date32()), "reason": [*why.values()]}
    connection.register("replacing", pa.table(replacing))
    header = {
        "commodity": written.commodity,
        "model_version": written.model_version,
        "model_name": model_name,
        "at": written.at,
        "by": written.by,
    }
    connection.execute(SUPERSEDE[0], header)
    for statement in SUPERSEDE[1:]:
        connection.execute(statement)
