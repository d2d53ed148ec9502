"""Regressors of a forecast: lags and covariates, as they were known at an origin.

All returns are in units of the volatility at the origin (RiskMetrics 1996, decay 0.97), so that
calm and turbulent years are comparable and one regression serves a whole history. The lags are
volatilities over several spans. Signed returns are left out: with the last returns and the drawdown
as regressors the mean CRPS was 0.4 % worse on Brent and 1 % on gold, the same on WTI, and 0.3 %
better on Henry Hub.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

LOOKBACK = 250
"""Regressors use this many log returns before an origin, a year of sessions."""

DECAY = 0.97
"""The weight of a squared return relative to the next one in the volatility at an origin."""

SPANS = (5, 21, 63, LOOKBACK)
"""The numbers of sessions in a week, a month, a quarter and the look-back."""

LAG_NAMES = tuple(f"volatility_{span}" for span in SPANS)


@dataclass(frozen=True, eq=False)
class Regressors:
    """The regressors at some origins, and the volatility there.

    ``volatility``: that of a log return, shape (n_origins,). ``values``: shape (n_origins, k), the
    columns of LAG_NAMES and then the covariates, NaN where one is missing.
    """

    volatility: NDArray[np.float64]
    values: NDArray[np.float64]

    @classmethod
    def at(
        cls,
        returns: NDArray[np.float64],
        covariates: NDArray[np.float64],
        positions: NDArray[np.intp],
    ) -> Self:
        """The regressors at the sessions ``positions``, each at least LOOKBACK, shape (n_origins,).

        ``returns``: log returns, shape (n - 1,); item i is from session i to i + 1. ``covariates``:
        shape (n, k). If no price moved in the look-back, volatility is 0 and lags are NaN.
        """
        known = returns[positions[:, None] + np.arange(-LOOKBACK, 0)]
        volatility = exponential_volatility(known)
        unit = np.where(volatility > 0, volatility, np.nan)
        lags = [np.sqrt((known[:, -span:] ** 2).mean(axis=1)) / unit for span in SPANS]
        return cls(volatility, np.column_stack([*lags, covariates[positions]]))

    def rows(self, horizon: int) -> NDArray[np.float64]:
        """A row for each origin and session ahead: the number of the session, then the values.

        Shape (n_origins * horizon, 1 + k); the rows of an origin stand together.
        """
        sessions = np.tile(np.arange(1.0, horizon + 1), len(self.values))
        return np.column_stack([sessions, np.repeat(self.values, horizon, axis=0)])

    def scale(self, horizon: int) -> NDArray[np.float64]:
        """The volatility of the log return over each number of sessions, (n_origins, horizon)."""
        return self.volatility[:, None] * np.sqrt(np.arange(1, horizon + 1))


def exponential_volatility(known: NDArray[np.float64]) -> NDArray[np.float64]:
    """The root of the weighted mean square of each row; ``known``: shape (n_origins, LOOKBACK)."""
    weights = DECAY ** np.arange(LOOKBACK - 1, -1, -1)
    volatility: NDArray[np.float64] = np.sqrt((known**2 * (weights / weights.sum())).sum(axis=1))
    return volatility


def outcomes(
    returns: NDArray[np.float64], positions: NDArray[np.intp], horizon: int
) -> NDArray[np.float64]:
    """The log return from each position to each session ahead, shape (n_origins, horizon).

    It is NaN if the session is after the end of the sample, so that its outcome is not known.
    """
    ahead = np.concatenate([returns, np.full(horizon, np.nan)])
    moves: NDArray[np.float64] = np.cumsum(ahead[positions[:, None] + np.arange(horizon)], axis=1)
    return moves
