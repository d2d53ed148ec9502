"""``commodity.forecast.superseded_forecasts``: records of forecasts that were replaced."""

from collections.abc import Mapping
from datetime import date, datetime

import pyarrow as pa

from forecast_assets.forecast.records import Written
from forecast_assets.store.sql.database import Connection
from forecast_assets.store.sql.names import quoted

REPLACED, WITHDRAWN, MOVED = "drawn again", "session withdrawn", "moved start"
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
        $now AS superseded_at, $by AS superseded_by,
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
        AND forecast_start_date IS DISTINCT FROM moved_to
    """,  # noqa: S608 - an expression of this file
    "INSERT INTO forecast.superseded_forecasts BY NAME SELECT * FROM superseding",
    """
    INSERT INTO forecast.superseded_point_forecasts BY NAME
    SELECT point_estimates.*, superseding.revision
    FROM forecast.point_estimates
    JOIN superseding USING (commodity, model_name, model_version, data_cutoff_date)
    """,
)

ISSUED = """forecast_start_date, training_date, model_id, payload_sha256, history_fingerprint,
    cutoff_close, n_paths, generation_timestamp, issued_at, ledger.created_by"""


def as_of_definition(catalog: str) -> str:
    """``forecast.distributions_as_of(moment)``: forecasts and their numbers at a moment, in UTC.

    ``catalog``: the name of the database when the file is opened; see ``price_table``.
    """
    key, room = (
        "commodity, model_name, model_version, data_cutoff_date",
        f"{quoted(catalog)}.forecast",
    )
    return f"""
    CREATE MACRO IF NOT EXISTS forecast.distributions_as_of(moment) AS TABLE
    SELECT {key}, 1 + coalesce(superseded, 0)::INTEGER AS revision, {ISSUED},
        points.* EXCLUDE ({key})
    FROM {room}.forecasts AS ledger
    JOIN {room}.point_estimates AS points USING ({key})
    LEFT JOIN (
        SELECT {key}, count(*) AS superseded FROM {room}.superseded_forecasts GROUP BY ALL
    ) USING ({key})
    WHERE issued_at <= moment
    UNION ALL BY NAME
    SELECT {key}, revision, {ISSUED}, points.* EXCLUDE ({key}, revision)
    FROM {room}.superseded_forecasts AS ledger
    JOIN {room}.superseded_point_forecasts AS points USING ({key}, revision)
    WHERE issued_at <= moment AND superseded_at > moment
    """  # noqa: S608 - the file's own name, quoted


COUNTED = """
    SELECT training_date, count(*) FROM forecast.superseded_forecasts
    WHERE commodity = $commodity AND model_version = $model_version
    GROUP BY training_date
"""


def supersede(
    connection: Connection,
    written: Written,
    now: datetime,
    why: Mapping[date, str],
    *,
    model_name: str | None = None,
    starts: Mapping[date, date] | None = None,
) -> None:
    """Within the transaction of paths, before they are written: record the forecasts replaced.

    ``now``: when this is. ``why``: the reason by cutoff; cutoffs without a forecast are ignored.
    ``model_name``: the model of the forecasts; None for those of all models. ``starts``: by cutoff,
    a first session; the forecasts that have it already are not replaced.
    """
    if not why:
        return
    replacing = {
        "data_cutoff_date": pa.array(why.keys(), pa.date32()),
        "reason": [*why.values()],
        "moved_to": pa.array([(starts or {}).get(cutoff) for cutoff in why], pa.date32()),
    }
    connection.register("replacing", pa.table(replacing))
    header = {
        "commodity": written.commodity,
        "model_version": written.model_version,
        "model_name": model_name,
        "now": now,
        "by": written.by,
    }
    ((replaced,),) = connection.execute(SUPERSEDE[0], header).fetchall()
    for statement in SUPERSEDE[1:] if replaced else ():
        connection.execute(statement)
