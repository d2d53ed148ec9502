"""Every table of the contract, as data: what an engine makes, and what pages say of it.

``tables(14)["commodity.forecast.scores"].columns`` are the columns of one of them.
"""

from forecast_assets.store.tables import evaluation, forecast, market
from forecast_assets.store.tables.table import Table


def tables(horizon: int) -> dict[str, Table]:
    """Every table by its full name, where forecasts are ``horizon`` sessions long.

    A view follows the tables that it is worked out from.
    """
    found = (
        *market.MARKET,
        forecast.TRAINED_MODELS,
        forecast.distributions(horizon),
        forecast.FORECASTS,
        forecast.POINT_ESTIMATES,
        forecast.POINT_FORECASTS,
        forecast.SUPERSEDED_FORECASTS,
        forecast.SUPERSEDED_POINT_FORECASTS,
        forecast.REVISED_FORECASTS,
        evaluation.SCORES,
        evaluation.PATH_SCORES,
        evaluation.SKILL,
        evaluation.LEADERBOARD,
        forecast.PUBLICATIONS,
        forecast.published_distributions(horizon),
        forecast.FAILURES,
    )
    return {table.name: table for table in found}
