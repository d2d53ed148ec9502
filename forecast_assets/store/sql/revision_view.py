"""``commodity.forecast.revised_forecasts``: forecasts that used closes which were revised since."""

REVISED = """
    WITH origins AS (
        SELECT DISTINCT commodity, generation_timestamp, data_cutoff_date FROM forecast.forecasts
    ),
    closes AS (
        SELECT commodity, date, revision, close, ingested_at
        FROM market.price_revisions
        QUALIFY close IS DISTINCT FROM lag(close) OVER (
            PARTITION BY commodity, date ORDER BY revision)
    ),
    held AS (
        SELECT commodity, date, close, ingested_at AS since,
            lead(ingested_at) OVER revisions AS until,
            last_value(close) OVER whole AS newest,
            last_value(ingested_at) OVER whole AS revised_at
        FROM closes
        WINDOW revisions AS (PARTITION BY commodity, date ORDER BY revision),
            whole AS (revisions ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
        UNION ALL BY NAME
        SELECT commodity, date, NULL AS close, '-infinity'::TIMESTAMP AS since,
            arg_min(ingested_at, revision) AS until, arg_max_null(close, revision) AS newest,
            arg_max(ingested_at, revision) AS revised_at
        FROM closes GROUP BY commodity, date
    ),
    superseded AS (
        FROM held JOIN (
            SELECT commodity, min(generation_timestamp) AS first_moment FROM origins GROUP BY ALL
        ) USING (commodity)
        WHERE until > first_moment AND close IS DISTINCT FROM newest
    ),
    changed AS (
        SELECT commodity, generation_timestamp, data_cutoff_date,
            count(*) AS revised_sessions, min(date) AS first_revised, max(date) AS last_revised,
            max(revised_at) AS revised_at
        FROM origins JOIN superseded USING (commodity)
        WHERE since <= generation_timestamp AND generation_timestamp < until
            AND date <= data_cutoff_date
        GROUP BY ALL
    )
    SELECT commodity, model_name, model_version, data_cutoff_date, forecast_start_date,
        training_date, generation_timestamp,
        changed.* EXCLUDE (commodity, data_cutoff_date, generation_timestamp)
    FROM forecast.forecasts JOIN changed
        USING (commodity, data_cutoff_date, generation_timestamp)
    """
"""The view compares the closes that were known when a forecast was drawn with those of now.

A close was known from its ingestion until that of the next revision. For speed, three things are
left out early: closes that were replaced before the first forecast, which are most; closes that
have their old value again; and repeated comparisons, since models that drew from a cutoff at the
same moment used the same closes.
"""
