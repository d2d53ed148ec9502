"""Linear pools of trials: their CRPS, the weights that minimise it, and the paths of members."""

from collections.abc import Sequence

import numpy as np
import scipy
from numpy.typing import NDArray

from forecast_assets.errors import CannotFit
from forecast_assets.models.hold_out import N_QUANTILES, Trial

TOWARDS_EQUAL = 0.02
"""The penalty on the squared distance from equal weights, in units of the members' mean CRPS."""


def crps_form(trials: Sequence[Trial]) -> NDArray[np.float64]:
    """The matrix A for which a pool with weights w has the mean CRPS ``w @ A @ w``.

    Shape (n_members, n_members). ``A[i, j]`` is the mean of the integral of (F_i - H)(F_j - H),
    where F_i is a member's distribution function and H the step at the outcome. All trials must
    have the same origins.
    """
    count, (n_origins, sessions) = len(trials), trials[0].outcomes.shape
    form: NDArray[np.float64] = np.zeros((count, count))
    for session in range(sessions):
        columns = [trial.quantiles[:, session] for trial in trials]
        values = np.concatenate([*columns, trials[0].outcomes[:, [session]]], axis=1)
        order = np.argsort(values, axis=1, kind="stable")
        owners = order // N_QUANTILES  # the member that a value is of; ``count`` for the outcome
        widths = np.diff(np.take_along_axis(values, order, axis=1))
        step = np.cumsum(owners == count, axis=1)[:, :-1]
        steps = [
            np.cumsum(owners == one, axis=1)[:, :-1] / N_QUANTILES - step for one in range(count)
        ]
        rows = np.stack([(each * np.sqrt(widths)).ravel() for each in steps])
        form += rows @ rows.T
    form /= n_origins * sessions
    return form


def least_crps(form: NDArray[np.float64]) -> NDArray[np.float64]:
    """The weights that minimise the mean CRPS of a pool; none is negative, and their sum is 1.

    They are pulled slightly towards equal weights, so that members with nearly the same forecasts
    have nearly the same weight. Raises CannotFit if the optimizer does not converge.
    """
    equal = np.full(len(form), 1 / len(form))
    scaled = form / (form.diagonal().mean() or 1.0)  # the mean is 0 if all forecasts were exact

    def loss(weights: NDArray[np.float64]) -> float:
        return float(weights @ scaled @ weights + TOWARDS_EQUAL * np.sum((weights - equal) ** 2))

    def slope(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        slopes: NDArray[np.float64] = 2 * scaled @ weights + 2 * TOWARDS_EQUAL * (weights - equal)
        return slopes

    found = scipy.optimize.minimize(
        loss,
        equal,
        jac=slope,
        method="SLSQP",
        bounds=[(0, 1)] * len(form),
        constraints={"type": "eq", "fun": lambda weights: weights.sum() - 1},
        options={"ftol": 1e-12, "maxiter": 500},
    )
    if not found.success:
        raise CannotFit(f"the pool's weights have no optimum that is reached: {found.message}")
    weights: NDArray[np.float64] = np.clip(found.x, 0, 1)
    weights /= weights.sum()
    return weights


def pooled(trials: Sequence[Trial], weights: NDArray[np.float64]) -> Trial:
    """The trial of the pool with these weights."""
    values = np.concatenate([trial.quantiles for trial in trials], axis=2)
    masses = np.repeat(weights / N_QUANTILES, N_QUANTILES)
    order = np.argsort(values, axis=2, kind="stable")
    ascending = np.take_along_axis(values, order, axis=2)
    reached = np.cumsum(masses[order], axis=2)
    levels = (np.arange(N_QUANTILES) + 0.5) / N_QUANTILES
    places = np.array([np.searchsorted(row, levels) for row in reached.reshape(-1, len(masses))])
    places = places.reshape(*reached.shape[:2], N_QUANTILES).clip(max=len(masses) - 1)
    return Trial(np.take_along_axis(ascending, places, axis=2), trials[0].outcomes)


def slots(weights: NDArray[np.float64], n_paths: int) -> list[NDArray[np.intp]]:
    """The numbers of the paths that each member draws, by its weight and spread evenly.

    Shares are rounded by the method of largest remainders, so that they add up to ``n_paths``.
    """
    exact = weights / weights.sum() * n_paths
    counts = np.floor(exact).astype(int)
    rest = np.argsort(counts - exact, kind="stable")[: n_paths - counts.sum()]
    counts[rest] += 1
    places = np.concatenate([(np.arange(count) + 0.5) / max(count, 1) for count in counts])
    owners = np.repeat(np.arange(len(weights)), counts)[np.argsort(places, kind="stable")]
    return [np.flatnonzero(owners == owner) for owner in range(len(weights))]
