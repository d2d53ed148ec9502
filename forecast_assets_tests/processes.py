"""Closes drawn from processes whose parameters are known, for the models that estimate them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from forecast_assets.timeline.history import History
from forecast_assets_tests.histories import make_history


def arma_series(
    ar: Sequence[float], ma: Sequence[float], n: int, seed: int, deviation: float = 0.02
) -> NDArray[np.float64]:
    """``x[t] = sum_i ar[i] * x[t-1-i] + e[t] + sum_i ma[i] * e[t-1-i]``, from zeros."""
    shocks = np.random.default_rng(seed).standard_normal(n) * deviation
    series = np.zeros(n)
    for t in range(n):
        series[t] = shocks[t]
        series[t] += sum(a * series[t - 1 - i] for i, a in enumerate(ar) if t > i)
        series[t] += sum(m * shocks[t - 1 - i] for i, m in enumerate(ma) if t > i)
    return series


def from_returns(returns: NDArray[np.float64], commodity: str = "Coffee") -> History:
    """Closes on weekdays, from 50, that move by these log returns."""
    dates = make_history(len(returns) + 1).dates
    return History(commodity, dates, 50 * np.exp(np.cumsum(np.r_[0.0, returns])))


def arma_history(ar: Sequence[float], ma: Sequence[float], sessions: int, seed: int) -> History:
    """Closes whose log returns follow an ARMA process."""
    return from_returns(arma_series(ar, ma, sessions - 1, seed))


def clustered_returns(n: int, seed: int = 3) -> NDArray[np.float64]:
    """Returns of a GJR-GARCH: alpha 0.05, gamma 0.06, beta 0.87, long-run deviation 0.02."""
    shocks = np.random.default_rng(seed).standard_normal(n)
    variance, returns = 4e-4, np.zeros(n)
    for t in range(n):
        returns[t] = np.sqrt(variance) * shocks[t]
        alpha = 0.05 + 0.06 * (returns[t] < 0)
        variance = 4e-4 * 0.05 + alpha * returns[t] ** 2 + 0.87 * variance
    return returns
