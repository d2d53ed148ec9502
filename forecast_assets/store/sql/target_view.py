"""``commodity.forecast.point_forecasts_by_target``, and the sessions that are expected."""

from collections.abc import Sequence
from datetime import date

from forecast_assets.store.sql.database import Connection

BY_TARGET = """
    WITH newest AS (
        SELECT commodity, max(date) AS day FROM market.prices GROUP BY commodity
    ),
    expected AS (
        FROM forecast.expected_sessions
        UNION
        SELECT commodity, forecast_start_date
        FROM forecast.forecasts ANTI JOIN forecast.expected_sessions USING (commodity)
    ),
    sessions AS (
        SELECT *, row_number() OVER (PARTITION BY commodity ORDER BY session) AS place
        FROM (
            SELECT commodity, date AS session, close FROM market.prices
            UNION ALL BY NAME
            SELECT commodity, session
            FROM expected JOIN newest USING (commodity) WHERE session > newest.day
        )
    )
    SELECT points.commodity, model_name, model_version, targets.session, day_ahead,
        data_cutoff_date, mean, median, standard_deviation, lower_95, lower_80, lower_50,
        upper_50, upper_80, upper_95, targets.close AS actual
    FROM forecast.point_estimates AS points
    LEFT JOIN sessions AS cutoffs
        ON cutoffs.commodity = points.commodity AND cutoffs.session = data_cutoff_date
    LEFT JOIN sessions AS targets
        ON targets.commodity = points.commodity AND targets.place = cutoffs.place + day_ahead
    """
"""The k-th session after a cutoff is the k-th that came, or that is expected after the newest one.

An expected session that passed without a price is left out, so that an unexpected holiday moves all
later sessions. Tables of older releases have no expected sessions until prices are forecast again;
until then only the first session of each forecast is expected.
"""

EXPECT = (
    """
    DELETE FROM forecast.expected_sessions
    WHERE commodity = $commodity AND NOT list_contains($sessions::DATE[], session)
    """,
    """
    INSERT OR IGNORE INTO forecast.expected_sessions BY NAME
    SELECT $commodity AS commodity, unnest($sessions::DATE[]) AS session
    """,
)


def expect(connection: Connection, commodity: str, sessions: Sequence[date]) -> None:
    """Within the transaction of paths: replace the expected sessions; none leaves them."""
    if sessions:
        for statement in EXPECT:
            connection.execute(statement, {"commodity": commodity, "sessions": list(sessions)})
