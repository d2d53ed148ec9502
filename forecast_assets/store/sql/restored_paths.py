"""Putting paths and point forecasts back that were drawn again; the ledger stays as it is."""

from datetime import datetime

import numpy as np
import pyarrow as pa

from forecast_assets.errors import StoreError
from forecast_assets.forecast.records import Restoration, Written
from forecast_assets.store.sql.database import Connection
from forecast_assets.store.sql.window_change import outcome_rows, tell

OF_THEM = """
    WHERE commodity = $commodity AND model_name = $model_name AND model_version = $model_version
        AND data_cutoff_date IN (SELECT data_cutoff_date FROM restored)
"""

DELETE = tuple(
    f"DELETE FROM forecast.{table} {OF_THEM}"  # noqa: S608 - the two names here
    for table in ("distributions", "point_estimates")
)

INSERT = """
    INSERT INTO forecast.distributions BY NAME
    SELECT commodity, model_name, model_version, model_id, training_date, forecast_start_date,
        generation_timestamp, FALSE AS is_actuals, FALSE AS has_data_leakage, restored.*
    FROM forecast.forecasts JOIN restored USING (data_cutoff_date)
    WHERE commodity = $commodity AND model_name = $model_name AND model_version = $model_version
"""

POINTS = """
    INSERT INTO forecast.point_estimates BY NAME
    SELECT $commodity AS commodity, $model_name AS model_name, $model_version AS model_version, *
    FROM points
"""

COUNT = """
    SELECT count(*) FROM forecast.forecasts JOIN issued USING (data_cutoff_date, issued_at)
    WHERE commodity = $commodity AND model_name = $model_name AND model_version = $model_version
        AND n_paths = $n_paths
"""


def restore(connection: Connection, restoration: Restoration, at: datetime) -> None:
    """Replace what the tables have of these forecasts besides the ledger, in a transaction.

    Raises StoreError unless the ledger has all of them, as they were issued.
    """
    n_origins, n_paths, horizon = restoration.paths.shape
    whose = {
        "commodity": restoration.commodity,
        "model_name": restoration.model_name,
        "model_version": restoration.model_version,
    }
    issued = {
        "data_cutoff_date": pa.array(restoration.cutoffs, pa.date32()),
        "issued_at": pa.array(restoration.issued_at, pa.timestamp("us")),
    }
    connection.register("issued", pa.table(issued))
    if connection.execute(COUNT, whose | {"n_paths": n_paths}).fetchall() != [(n_origins,)]:
        raise StoreError(
            f"{restoration.commodity}: the ledger has other forecasts; none was restored"
        )
    connection.register("restored", path_rows(restoration))
    connection.register("points", point_rows(restoration))
    for statement in (*DELETE, INSERT, POINTS):
        connection.execute(statement, whose)
    written = Written(
        restoration.commodity, restoration.model_version, restoration.cutoffs[0], at, ""
    )
    tell(connection, written, outcome_rows(restoration.happened, restoration.cutoffs, horizon))


def path_rows(restoration: Restoration) -> pa.Table:
    """Cutoff, path_id and prices of each path."""
    n_origins, n_paths, horizon = restoration.paths.shape
    days = np.repeat(np.array(restoration.cutoffs, dtype="datetime64[D]"), n_paths)
    columns = {
        "data_cutoff_date": pa.array(days),
        "path_id": pa.array(np.tile(np.arange(1, n_paths + 1, dtype=np.int32), n_origins)),
    }
    for session in range(horizon):
        prices = np.ascontiguousarray(restoration.paths[:, :, session]).reshape(-1)
        columns[f"day_{session + 1}"] = pa.array(prices)
    return pa.table(columns)


def point_rows(restoration: Restoration) -> pa.Table:
    """Cutoff, session and numbers of each point forecast."""
    n_origins, _, horizon = restoration.paths.shape
    days = np.repeat(np.array(restoration.cutoffs, dtype="datetime64[D]"), horizon)
    columns = {
        "data_cutoff_date": pa.array(days),
        "day_ahead": pa.array(np.tile(np.arange(1, horizon + 1, dtype=np.int32), n_origins)),
    }
    for name, values in restoration.points.columns.items():
        columns[name] = pa.array(values.reshape(-1))
    return pa.table(columns)
