"""``commodity.forecast.revised_forecasts``: what was said from closes that have changed since."""

DEFINITIONS = (
    """
    CREATE VIEW IF NOT EXISTS forecast.revised_forecasts AS
    WITH told AS (
        SELECT commodity, date, close, ingested_at,
            lead(ingested_at) OVER (PARTITION BY commodity, date ORDER BY revision) AS until
        FROM market.price_revisions
    ), later AS (
        SELECT commodity, date, close, ingested_at FROM told
        WHERE until IS NULL
            AND ingested_at > (SELECT min(generation_timestamp) FROM forecast.forecasts)
    )
    SELECT forecasts.commodity, forecasts.model_name, forecasts.model_version,
        forecasts.data_cutoff_date, forecasts.forecast_start_date, forecasts.training_date,
        forecasts.generation_timestamp, count(*) AS revised_sessions,
        min(later.date) AS first_revised, max(later.date) AS last_revised,
        max(later.ingested_at) AS revised_at
    FROM forecast.forecasts
    JOIN later ON later.commodity = forecasts.commodity
        AND later.date <= forecasts.data_cutoff_date
        AND later.ingested_at > forecasts.generation_timestamp
    LEFT JOIN told ON told.commodity = later.commodity AND told.date = later.date
        AND told.ingested_at <= forecasts.generation_timestamp
        AND (told.until IS NULL OR told.until > forecasts.generation_timestamp)
    WHERE later.close IS DISTINCT FROM told.close
    GROUP BY ALL
    """,
)
"""A forecast is compared with the closes that it could see: those ingested before it was drawn."""
