"""``commodity.forecast.point_forecasts``: a few numbers of a forecast for each session ahead."""

from collections.abc import Sequence
from itertools import chain

import numpy as np
import pyarrow as pa

from forecast_assets.forecast.records import Draw, Written
from forecast_assets.store.sql.database import Connection


def with_actuals(horizon: int) -> str:
    """The view ``forecast.point_forecasts``: the numbers beside the outcomes."""
    days = ", ".join(f"happened.day_{k}" for k in range(1, horizon + 1))
    return f"""
        SELECT commodity, model_name, model_version, happened.training_date,
            happened.forecast_start_date, data_cutoff_date, day_ahead, mean, median,
            standard_deviation, lower_95, lower_80, lower_50, upper_50, upper_80, upper_95,
            [{days}][day_ahead] AS actual
        FROM forecast.point_estimates
        JOIN (FROM forecast.distributions WHERE path_id = 0) AS happened
            USING (commodity, model_name, model_version, data_cutoff_date)
    """  # noqa: S608 - names of columns


WITHDRAW = """
    DELETE FROM forecast.point_estimates
    WHERE commodity = $commodity AND model_version = $model_version
        AND data_cutoff_date = $cutoff
"""


def write_points(connection: Connection, written: Written, draws: Sequence[Draw]) -> None:
    """Within the transaction of paths: write their point forecasts."""
    connection.register("points", pa.concat_tables(point_rows(written, draw) for draw in draws))
    connection.execute(
        "INSERT OR REPLACE INTO forecast.point_estimates BY NAME SELECT * FROM points"
    )


def point_rows(written: Written, draw: Draw) -> pa.Table:
    """The rows of ``point_estimates`` for one draw."""
    points = draw.points
    n_origins, horizon = points.mean.shape
    n_rows = n_origins * horizon
    columns = {
        "commodity": [written.commodity] * n_rows,
        "model_name": [draw.model.model_name] * n_rows,
        "model_version": [written.model_version] * n_rows,
        "data_cutoff_date": list(chain.from_iterable([day] * horizon for day in draw.cutoffs)),
        "day_ahead": np.tile(np.arange(1, horizon + 1, dtype=np.int32), n_origins),
    }
    numbers = {name: values.reshape(-1) for name, values in points.columns.items()}
    return pa.table(columns | numbers)
