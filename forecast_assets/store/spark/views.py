"""The queries of views in Spark's SQL: the rows of tables that are seen, and what is derived.

A derived view says the same as that of ``store/sql`` with its name, where its rules are explained.
In a query, ``{prices}`` is the table or view with this short name.
"""

from collections.abc import Mapping

from forecast_assets.store.spark.names import quoted, stored_as, within
from forecast_assets.store.tables.marked import MARKED
from forecast_assets.store.tables.table import Table

PRICES = """
    SELECT commodity, date, open, high, low, close, volume, source, ingested_at
    FROM (
        SELECT *, row_number() OVER (PARTITION BY commodity, date ORDER BY revision DESC) AS place
        FROM {price_revisions}
    )
    WHERE place = 1 AND close IS NOT NULL
"""

PRICE_MOVES = """
    SELECT commodity, date, close, previous_close,
        if(previous_close > 0, close / previous_close - 1, NULL) AS move
    FROM (
        SELECT commodity, date, close,
            lag(close) OVER (PARTITION BY commodity ORDER BY date) AS previous_close
        FROM {prices}
    )
"""

POINT_FORECASTS = """
    SELECT points.commodity, points.model_name, points.model_version, happened.training_date,
        happened.forecast_start_date, points.data_cutoff_date, day_ahead, mean, median,
        standard_deviation, lower_95, lower_80, lower_50, upper_50, upper_80, upper_95,
        element_at(array({days}), day_ahead) AS actual
    FROM {point_estimates} AS points
    JOIN {distributions} AS happened
        ON happened.path_id = 0 AND happened.commodity = points.commodity
        AND happened.model_name = points.model_name
        AND happened.model_version = points.model_version
        AND happened.data_cutoff_date = points.data_cutoff_date
"""

POINT_FORECASTS_BY_TARGET = """
    WITH newest AS (
        SELECT commodity, max(date) AS day FROM {prices} GROUP BY commodity
    ),
    expected AS (
        SELECT commodity, session FROM {expected_sessions}
        UNION
        SELECT commodity, forecast_start_date
        FROM {forecasts} LEFT ANTI JOIN {expected_sessions} USING (commodity)
    ),
    sessions AS (
        SELECT *, row_number() OVER (PARTITION BY commodity ORDER BY session) AS place
        FROM (
            SELECT commodity, date AS session, close FROM {prices}
            UNION ALL
            SELECT expected.commodity, session, CAST(NULL AS DOUBLE)
            FROM expected JOIN newest ON newest.commodity = expected.commodity
            WHERE session > newest.day
        )
    )
    SELECT points.commodity, model_name, model_version, targets.session, day_ahead,
        data_cutoff_date, mean, median, standard_deviation, lower_95, lower_80, lower_50,
        upper_50, upper_80, upper_95, targets.close AS actual
    FROM {point_estimates} AS points
    LEFT JOIN sessions AS cutoffs
        ON cutoffs.commodity = points.commodity AND cutoffs.session = data_cutoff_date
    LEFT JOIN sessions AS targets
        ON targets.commodity = points.commodity AND targets.place = cutoffs.place + day_ahead
"""

REVISED_FORECASTS = """
    WITH closes AS (
        SELECT commodity, date, revision, close, ingested_at
        FROM (
            SELECT *, row_number() OVER revisions AS place, lag(close) OVER revisions AS before
            FROM {price_revisions}
            WINDOW revisions AS (PARTITION BY commodity, date ORDER BY revision)
        )
        WHERE close IS DISTINCT FROM before
    ),
    held AS (
        SELECT commodity, date, close, ingested_at AS since,
            lead(ingested_at) OVER (PARTITION BY commodity, date ORDER BY revision) AS until,
            max_by(close, revision) OVER (PARTITION BY commodity, date) AS newest,
            max_by(ingested_at, revision) OVER (PARTITION BY commodity, date) AS revised_at
        FROM closes
        UNION ALL
        SELECT commodity, date, CAST(NULL AS DOUBLE), TIMESTAMP_NTZ '0001-01-01 00:00:00',
            min_by(ingested_at, revision), max_by(close, revision), max_by(ingested_at, revision)
        FROM closes GROUP BY commodity, date
    ),
    superseded AS (
        SELECT held.*
        FROM held JOIN (
            SELECT commodity, min(generation_timestamp) AS first_moment
            FROM {forecasts} GROUP BY commodity
        ) AS begun ON begun.commodity = held.commodity
        WHERE until > first_moment AND close IS DISTINCT FROM newest
    ),
    changed AS (
        SELECT issued.commodity, issued.model_name, issued.model_version, issued.data_cutoff_date,
            count(*) AS revised_sessions, min(date) AS first_revised, max(date) AS last_revised,
            max(revised_at) AS revised_at
        FROM {forecasts} AS issued JOIN superseded
            ON superseded.commodity = issued.commodity AND since <= generation_timestamp
            AND generation_timestamp < until AND date <= issued.data_cutoff_date
        GROUP BY ALL
    )
    SELECT issued.commodity, issued.model_name, issued.model_version, issued.data_cutoff_date,
        forecast_start_date, training_date, generation_timestamp, revised_sessions, first_revised,
        last_revised, revised_at
    FROM {forecasts} AS issued JOIN changed
        ON changed.commodity = issued.commodity AND changed.model_name = issued.model_name
        AND changed.model_version = issued.model_version
        AND changed.data_cutoff_date = issued.data_cutoff_date
"""

SKILL = """
    SELECT scored.commodity, scored.model_name, scored.model_version, scored.training_date,
        scored.forecast_start_date, scored.data_cutoff_date, scored.horizon, scored.crps,
        naive.crps AS naive_crps, 1 - scored.crps / nullif(naive.crps, 0) AS skill
    FROM {path_scores} AS scored
    JOIN {path_scores} AS naive
        ON naive.model_name = 'naive' AND naive.commodity = scored.commodity
        AND naive.model_version = scored.model_version
        AND naive.data_cutoff_date = scored.data_cutoff_date AND naive.horizon = scored.horizon
"""

PUBLICATIONS = """
    SELECT commodity, model_name, model_version, data_cutoff_date, reason, published_at, created_by
    FROM (
        SELECT *, row_number() OVER (
            PARTITION BY commodity, model_name, model_version, data_cutoff_date ORDER BY entry DESC
        ) AS place
        FROM {publication_log}
    )
    WHERE place = 1 AND is_published
"""

PUBLISHED_DISTRIBUTIONS = """
    SELECT path_id, commodity, model_name, model_name || '_' || model_version AS model_version,
        model_id, training_date, forecast_start_date, data_cutoff_date, generation_timestamp,
        {days}, is_actuals, has_data_leakage
    FROM {distributions}
    LEFT SEMI JOIN {publications} USING (commodity, model_name, model_version, data_cutoff_date)
"""

QUERIES: Mapping[str, str] = {
    "market.prices": PRICES,
    "market.price_moves": PRICE_MOVES,
    "forecast.point_forecasts": POINT_FORECASTS,
    "forecast.point_forecasts_by_target": POINT_FORECASTS_BY_TARGET,
    "forecast.revised_forecasts": REVISED_FORECASTS,
    "forecast.skill": SKILL,
    "forecast.publications": PUBLICATIONS,
    "forecast.published_distributions": PUBLISHED_DISTRIBUTIONS,
}


def seen(catalog: str | None, name: str, table: Table) -> str:
    """The rows of a table that are marked."""
    marked = MARKED[name]
    columns = ", ".join(f"stored.{quoted(each)}" for each in table.schema.names)
    same = " AND ".join(f"told.{quoted(mark)} = stored.{quoted(row)}" for row, mark in marked.pairs)
    is_told = f"EXISTS (SELECT 1 FROM {within(catalog, marked.marker)} AS told WHERE {same})"  # noqa: S608
    shown = f"NOT {is_told}" if marked.unless else is_told
    either = f"stored.{marked.always} OR {shown}" if marked.always else shown
    return f"SELECT {columns} FROM {stored_as(catalog, name)} AS stored WHERE {either}"  # noqa: S608


def derived(catalog: str | None, name: str, declared: Mapping[str, Table], horizon: int) -> str:
    """A view that is computed from others. ``declared``: all tables by names as ``name`` is."""
    places = {table.short_name: within(catalog, each) for each, table in declared.items()}
    days = ", ".join(f"day_{k}" for k in range(1, horizon + 1))
    return QUERIES[name].format(days=days, **places)
