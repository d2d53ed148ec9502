"""Volatility that shocks raise and that returns to its long-run level with time.

The variance known after a shock is an exponentially weighted mean of squared shocks (RiskMetrics
1996). In it one shock counts as at most ``bound`` standard deviations, so that a large shock raises
the next volatility only within limits. The forecast for session j ahead mixes the known and the
long-run variance; ``w[j] = weight * persistence**j`` is the share of the known one. These shares
are the term structure.
"""

from dataclasses import asdict, dataclass
from itertools import product
from typing import Self

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from pydantic import Field

from forecast_assets.models.saved import SavedState, Share, Variance

DECAYS = (0.9, 0.94, 0.97, 0.985)
BOUNDS = (2.5, 3.0, 4.0, 6.0, None)
WEIGHTS = (0.5, 0.7, 0.85, 1.0)
PERSISTENCES = (1.0, 0.97, 0.93)
"""The values from which a fit chooses; a finer grid would gain little, as likelihoods are flat."""

LEAST_SHARE = 0.1
"""The recursion's volatility never falls below this share of its starting value."""

SETTLING = 50
"""After this many shocks the starting value of the recursion no longer matters."""

FITTED_SESSIONS, FITTED_EVERY = 14, 3
"""The term structure is fitted to absolute shocks up to 14 sessions ahead, from every third session
only, since neighbouring sessions have 13 of these shocks in common."""


def bounded_variance(
    shocks: NDArray[np.float64], decay: float, bound: float | None, start: float
) -> NDArray[np.float64]:
    """The variance known before each shock and after the last, shape (n + 1,).

    ``v[t+1] = decay * v[t] + (1 - decay) * min(e[t]**2, bound**2 * v[t])``, from ``start``, and
    never below ``LEAST_SHARE**2 * start``, since a price that does not change for weeks will move
    again.
    """
    limit = np.inf if bound is None else bound**2
    least = LEAST_SHARE**2 * start
    variances, variance = [start], start
    for square in (shocks**2).tolist():
        variance = decay * variance + (1 - decay) * min(square, limit * variance)
        variance = max(variance, least)
        variances.append(variance)
    return np.array(variances)


class SavedVolatility(SavedState):
    """The five parameters of a volatility."""

    decay: Share
    bound: float | None = Field(gt=0)
    weight: Share
    persistence: Share
    long_run: Variance

    def volatility(self) -> "Volatility":
        """The volatility that was saved."""
        return Volatility(**self.values())


@dataclass(frozen=True)
class Volatility:
    """The parameters of the volatility.

    ``decay`` and ``bound``: those of the variance recursion. ``weight`` and ``persistence``: those
    of the term structure. ``long_run``: standard deviation of a shock over the whole sample.
    """

    decay: float
    bound: float | None
    weight: float
    persistence: float
    long_run: float

    def known(self, shocks: NDArray[np.float64]) -> NDArray[np.float64]:
        """The variance known before each shock and after the last, shape (n + 1,)."""
        return bounded_variance(shocks, self.decay, self.bound, self.long_run**2)

    def ahead(self, variances: NDArray[np.float64], horizon: int) -> NDArray[np.float64]:
        """The standard deviation of a shock at each session ahead, shape (n, horizon)."""
        weights = self.weight * self.persistence ** np.arange(horizon)
        mixed: NDArray[np.float64] = np.sqrt(
            weights * variances[:, None] + (1 - weights) * self.long_run**2
        )
        return mixed

    def state(self) -> dict[str, float | None]:
        """The five parameters as plain JSON values."""
        return asdict(self)

    @classmethod
    def fit(cls, shocks: NDArray[np.float64]) -> Self:
        """Choose the parameters with the highest Laplace likelihood from a grid.

        With a Laplace distribution a few large shocks do not decide alone. The likelihood is that
        of the absolute shocks of the next ``FITTED_SESSIONS`` sessions, with their common scale
        concentrated out. If shocks are too few, the volatility stays at its long-run level.
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
