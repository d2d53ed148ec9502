"""Outlooks: a forecast's numbers at the few sessions ahead that its page shows."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecast_assets.evaluation.scoring import summary_horizons
from forecast_assets.forecast.points import LEVELS
from forecast_assets.forecast.risk import expected_shortfall, probability_above, value_at_risk

RISK_LEVEL = 0.95
"""The level of value-at-risk and expected shortfall."""


@dataclass(frozen=True)
class Outlook:
    """A forecast at one session ahead, in the commodity's unit; probabilities are shares.

    ``value_at_risk`` and ``expected_shortfall``: losses of a long position of one unit, bought at
    the close from which the forecast was drawn, at 95 %. ``probability_above``: the probability of
    a price above that close.
    """

    sessions: int
    median: float
    lower_80: float
    upper_80: float
    lower_95: float
    upper_95: float
    value_at_risk: float
    expected_shortfall: float
    probability_above: float


def outlook_sessions(horizon: int) -> list[int]:
    """The sessions ahead that a page shows of forecasts that reach so far, in order."""
    return [sessions for sessions in summary_horizons(horizon) if sessions > 1] or [horizon]


def outlooks(paths: NDArray[np.float32], closes: Sequence[float]) -> list[list[Outlook]]:
    """For each origin, its numbers at one week and two weeks ahead, and at its last session.

    ``paths``: shape (n_origins, n_paths, horizon). ``closes``: one for each origin.
    """
    ahead = outlook_sessions(paths.shape[2])
    by_session = [_at(sessions, paths[:, :, sessions - 1], closes) for sessions in ahead]
    return [list(of_origin) for of_origin in zip(*by_session, strict=True)]


def _at(sessions: int, prices: NDArray[np.float32], closes: Sequence[float]) -> list[Outlook]:
    """The numbers of each origin at one session ahead; ``prices``: shape (n_origins, n_paths)."""
    lower_95, lower_80, _, median, _, upper_80, upper_95 = np.quantile(
        prices.astype(np.float64), LEVELS, axis=1
    )
    columns = (
        *(median, lower_80, upper_80, lower_95, upper_95),
        value_at_risk(prices, closes, RISK_LEVEL),
        expected_shortfall(prices, closes, RISK_LEVEL),
        probability_above(prices, closes),
    )
    return [Outlook(sessions, *row) for row in np.stack(columns, axis=1).tolist()]
