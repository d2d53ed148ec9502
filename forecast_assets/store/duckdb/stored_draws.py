"""Forecasts of a draw that are stored already, since another run drew the same at the same time.

Two runs of one partition see the same work as due. What the second one stores must not count as a
revision of what the first one has stored: it is the same forecast.
"""

import pyarrow as pa

from forecast_assets.forecast.records import Draw, Written
from forecast_assets.store.duckdb.database import Connection
from forecast_assets.store.duckdb.names import quoted
from forecast_assets.store.duckdb.point_table import point_rows

SAME_MODEL_AND_HISTORY = """
    SELECT data_cutoff_date FROM forecast.forecasts JOIN drawn
        USING (data_cutoff_date, forecast_start_date, history_fingerprint)
    WHERE commodity = $commodity AND model_name = $model_name AND model_version = $model_version
        AND payload_sha256 = $payload_sha256 AND n_paths = $n_paths
"""

OTHER_NUMBERS = "SELECT data_cutoff_date FROM points ANTI JOIN forecast.point_estimates USING ({})"


def unstored(connection: Connection, written: Written, draw: Draw) -> Draw:
    """The draw without the forecasts that are stored with the same numbers.

    Forecasts that a run draws again on purpose are kept.
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
        "payload_sha256": draw.model.payload_sha256,
        "n_paths": draw.paths.shape[1],
    }
    connection.register("drawn", pa.table(drawn))
    there = connection.execute(SAME_MODEL_AND_HISTORY, criteria).fetchall()
    stored = {day for (day,) in there} - draw.why.keys()
    if not stored:
        return draw
    points = point_rows(written, draw)
    connection.register("points", points)
    columns = ", ".join(map(quoted, points.column_names))
    others = connection.execute(OTHER_NUMBERS.format(columns)).fetchall()
    return draw.without(stored - {day for (day,) in others})
