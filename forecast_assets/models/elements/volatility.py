"""Volatility that news moves and time takes back to its long-run level.

The variance known after a shock is an exponentially weighted mean of squared shocks (RiskMetrics
1996), in which one shock counts as at most ``bound`` standard deviations: a storm raises tomorrow's
volatility, but not without limit. What is forecast for session j ahead is a mix of that and the
long-run variance, ``w[j] = weight * persistence**j``: the term structure.
"""

from dataclasses import asdict, dataclass
from itertools import product
from typing import Self

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

DECAYS = (0.9, 0.94, 0.97, 0.985)
BOUNDS = (2.5, 3.0, 4.0, 6.0, None)
WEIGHTS = (0.5, 0.7, 0.85, 1.0)
PERSISTENCES = (1.0, 0.97, 0.93)
"""The values that a fit chooses from: likelihoods are flat between them."""

LEAST_SHARE = 0.1
"""Of the volatility that the recursion starts from, what it never falls below."""

SETTLING = 50
"""Shocks before the recursion has forgotten where it started."""

FITTED_SESSIONS, FITTED_EVERY = 14, 3
"""Sessions ahead whose absolute shocks the term structure is fitted to, and the steps between
the sessions that they are counted from: neighbours share 13 of them."""


def bounded_variance(
    shocks: NDArray[np.float64], decay: float, bound: float | None, start: float
) -> NDArray[np.float64]:
    """Variance known before each shock and after the last, shape (n + 1,).

    ``v[t+1] = decay * v[t] + (1 - decay) * min(e[t]**2, bound**2 * v[t])``, from ``start``, and
    never below ``LEAST_SHARE**2 * start``: a price that stands still for weeks has not stopped for
    good.
    """
    limit = np.inf if bound is None else bound**2
    least = LEAST_SHARE**2 * start
    variances, variance = [start], start
    for square in (shocks**2).tolist():
        variance = decay * variance + (1 - decay) * min(square, limit * variance)
        variance = max(variance, least)
        variances.append(variance)
    return np.array(variances)


@dataclass(frozen=True)
class Volatility:
    """``decay`` and ``bound`` of the news, ``weight`` and ``persistence`` of the term structure.

    ``long_run``: standard deviation of a shock over the whole sample.
    """

    decay: float
    bound: float | None
    weight: float
    persistence: float
    long_run: float

    def known(self, shocks: NDArray[np.float64]) -> NDArray[np.float64]:
        """Variance known before each shock and after the last, shape (n + 1,)."""
        return bounded_variance(shocks, self.decay, self.bound, self.long_run**2)

    def ahead(self, variances: NDArray[np.float64], horizon: int) -> NDArray[np.float64]:
        """Standard deviation of each session ahead, shape (n, horizon)."""
        weights = self.weight * self.persistence ** np.arange(horizon)
        mixed: NDArray[np.float64] = np.sqrt(
            weights * variances[:, None] + (1 - weights) * self.long_run**2
        )
        return mixed

    def state(self) -> dict[str, float | None]:
        """The five numbers."""
        return asdict(self)

    @classmethod
    def fit(cls, shocks: NDArray[np.float64]) -> Self:
        """The likeliest of a grid, were shocks Laplace-distributed: storms do not decide alone.

        Likelihood of the absolute shocks of ``FITTED_SESSIONS`` sessions after every session,
        their common scale concentrated out. It stays at the long run where shocks are too few.
        """
        long_run = float(np.sqrt(np.mean(shocks**2)))
        constant = cls(DECAYS[1], None, 0.0, 1.0, long_run)
        if len(shocks) < SETTLING + FITTED_SESSIONS:
            return constant
        origins = np.arange(SETTLING, len(shocks) - FITTED_SESSIONS + 1, FITTED_EVERY)
        later = np.abs(sliding_window_view(shocks, FITTED_SESSIONS)[origins])
        best, chosen = np.inf, constant
        for decay, bound in product(DECAYS, BOUNDS):
            known = bounded_variance(shocks, decay, bound, long_run**2)[origins]
            for weight, persistence in product(WEIGHTS, PERSISTENCES):
                candidate = cls(decay, bound, weight, persistence, long_run)
                expected = candidate.ahead(known, FITTED_SESSIONS)
                loss = float(np.log(expected).mean() + np.log((later / expected).mean()))
                if loss < best:
                    best, chosen = loss, candidate
        return chosen
