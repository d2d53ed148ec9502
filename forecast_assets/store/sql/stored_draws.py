"""Forecasts of a draw that are stored already, since another run drew the same at the same time.

Two runs of one partition see the same work as due. What the second one stores must not count as a
revision of what the first one has stored: it is the same forecast.
"""

import pyarrow as pa

from forecast_assets.forecast.forecasting import OTHER_CODE
from forecast_assets.forecast.records import Draw, Written
from forecast_assets.store.sql.database import Connection
from forecast_assets.store.sql.names import quoted
from forecast_assets.store.sql.point_table import point_rows

SAME_MODEL_AND_HISTORY = """
    SELECT data_cutoff_date FROM forecast.forecasts JOIN drawn
        USING (data_cutoff_date, forecast_start_date, history_fingerprint)
    WHERE commodity = $commodity AND model_name = $model_name AND model_version = $model_version
        AND training_date = $training_date AND payload_sha256 = $payload_sha256
        AND n_paths = $n_paths
"""

OTHER_NUMBERS = "SELECT data_cutoff_date FROM points ANTI JOIN forecast.point_estimates USING ({})"


def unstored(connection: Connection, written: Written, draw: Draw) -> Draw:
    """The draw without the forecasts that are stored with the same numbers.

    Forecasts that are drawn again by other code are kept, as that they are the same is not known
    before. All other reasons to draw again are gone once such a forecast is stored.
    """
    drawn = {
        "data_cutoff_date": draw.cutoffs,
        "forecast_start_date": draw.starts,
        "history_fingerprint": draw.fingerprints,
    }
    criteria = {
        "commodity": written.commodity,
        "model_name": draw.model.model_name,
        "model_version": written.model_version,
        "training_date": written.training_date,
        "payload_sha256": draw.model.payload_sha256,
        "n_paths": draw.paths.shape[1],
    }
    connection.register("drawn", pa.table(drawn))
    there = connection.execute(SAME_MODEL_AND_HISTORY, criteria).fetchall()
    stored = {day for (day,) in there if OTHER_CODE not in draw.why.get(day, "")}
    if not stored:
        return draw
    points = point_rows(written, draw)
    connection.register("points", points)
    columns = ", ".join(map(quoted, points.column_names))
    others = connection.execute(OTHER_NUMBERS.format(columns)).fetchall()
    return draw.without(stored - {day for (day,) in others})
