"""The GJR-GARCH(1, 1) process of ``arch`` with a target for its variance, and its estimation.

Variance targeting: Engle and Mezrich (1996). This module is separate from the model because only a
fit needs ``arch``, which takes a second to load.
"""

from typing import Any

import numpy as np
from arch.univariate import GARCH, ZeroMean
from arch.univariate.base import ARCHModelResult
from numpy.typing import NDArray

BOUND_MARGIN = 1e-3
"""The least distance of a starting value from its bounds."""

STARTS = np.array([(0.04, 0.04, 0.9), (0.1, 0.0, 0.8), (0.02, 0.1, 0.8), (0.2, 0.0, 0.5)])
"""Starting points of the optimizer in order: (alpha, gamma, beta) as shares of the cap."""


class TargetedGJR(GARCH):
    """The GJR process of ``arch`` without the parameter omega, which follows from the target.

    The parameters are (alpha, gamma, beta); omega = target * (1 - alpha - gamma / 2 - beta).
    """

    def __init__(self, target: float, persistence_cap: float) -> None:
        super().__init__(p=1, o=1, q=1)
        self._num_params = 3
        self.target = target
        self.persistence_cap = persistence_cap

    def omega(self, parameters: NDArray[np.float64]) -> float:
        """The constant that makes the long-run variance the target."""
        alpha, gamma, beta = parameters
        return float(self.target * (1 - alpha - gamma / 2 - beta))

    @staticmethod
    def feasible(parameters: NDArray[np.float64]) -> NDArray[np.float64]:
        """The nearest parameters without a negative term.

        An optimizer may stop slightly outside the bounds.
        """
        alpha, gamma, beta = parameters
        alpha = max(alpha, 0.0)
        return np.array([alpha, max(gamma, -alpha), max(beta, 0.0)])

    def inside(self, parameters: NDArray[np.float64]) -> NDArray[np.float64]:
        """The parameters, moved away from their bounds, where an optimizer cannot start."""
        alpha, gamma, beta = parameters
        alpha = max(alpha, BOUND_MARGIN)
        moved = np.array([alpha, max(gamma, BOUND_MARGIN - alpha), max(beta, BOUND_MARGIN)])
        persistence = moved[0] + moved[1] / 2 + moved[2]
        begin: NDArray[np.float64] = moved * min(
            1.0, (1 - BOUND_MARGIN) * self.persistence_cap / persistence
        )
        return begin

    def compute_variance(  # noqa: D102 - documented by arch
        self, parameters: NDArray[np.float64], *series: Any
    ) -> Any:
        return super().compute_variance(np.r_[self.omega(parameters), parameters], *series)

    def bounds(self, resids: Any) -> Any:  # noqa: D102 - documented by arch
        return super().bounds(resids)[1:]

    def constraints(self) -> Any:  # noqa: D102 - documented by arch
        slopes, least = super().constraints()
        least[-1] = -self.persistence_cap
        return slopes[1:, 1:], least[1:]

    def starting_values(self, resids: Any) -> NDArray[np.float64]:  # noqa: D102
        start: NDArray[np.float64] = self.persistence_cap * STARTS[0]
        return start

    def parameter_names(self) -> list[str]:  # noqa: D102
        return super().parameter_names()[1:]

    def optimum(
        self, returns: NDArray[np.float64], begin: tuple[float, float, float] | None
    ) -> ARCHModelResult:
        """Estimate from several starting points in turn, until the optimizer converges.

        The result is that of the last attempt if none converges. ``returns``: of unit variance,
        shape (n,). ``begin``: a point to try before ``STARTS``, or None.
        """
        model = ZeroMean(returns, volatility=self, rescale=False)
        begins = list(self.persistence_cap * STARTS)
        if begin is not None:
            begins.insert(0, self.inside(np.array(begin)))
        for first in begins:
            results = model.fit(disp="off", show_warning=False, starting_values=first)
            if results.convergence_flag == 0:
                break
        return results
