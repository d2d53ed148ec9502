"""The tables of the contract, declared as data: engines make them, and documents describe them.

``tables(14)["commodity.forecast.scores"].columns`` are the columns of one table.
"""

from forecast_assets.store.tables import evaluation, forecast, market
from forecast_assets.store.tables.table import Table


def tables(horizon: int) -> dict[str, Table]:
    """All tables by their full names; ``horizon``: how many sessions a forecast has.

    A view comes after the tables from which it is computed.
    """
    found = (
        *market.MARKET,
        forecast.VERSIONS,
        forecast.TRAINED_MODELS,
        forecast.distributions(horizon),
        forecast.FORECASTS,
        forecast.POINT_ESTIMATES,
        forecast.POINT_FORECASTS,
        forecast.EXPECTED_SESSIONS,
        forecast.POINT_FORECASTS_BY_TARGET,
        forecast.SUPERSEDED_FORECASTS,
        forecast.SUPERSEDED_POINT_FORECASTS,
        forecast.REVISED_FORECASTS,
        evaluation.SCORES,
        evaluation.PATH_SCORES,
        evaluation.SKILL,
        evaluation.LEADERBOARD,
        forecast.PUBLICATION_LOG,
        forecast.PUBLISHED_OUTLOOKS,
        forecast.PUBLICATIONS,
        forecast.published_distributions(horizon),
        forecast.FAILURES,
    )
    return {table.name: table for table in found}
