"""A walk of filtered blocks: paths against a slow loop, and storms and calms that fade."""

from datetime import date

import numpy as np
import pytest
from numpy.typing import NDArray

from forecast_assets.models.elements.volatility import Volatility
from forecast_assets.models.reverting_volatility import RevertingVolatility
from forecast_assets.models.simulation import seed_of
from forecast_assets_tests.processes import clustered_returns, from_returns

HORIZON = 14
HISTORY = from_returns(clustered_returns(2000))
RETURNS = np.diff(np.log(HISTORY.closes))
TRAINED: date = HISTORY.dates[1500].item()
MODEL = RevertingVolatility().estimate(HISTORY.known_before(TRAINED), None)


def moves(origin: int, n_paths: int, returns: NDArray[np.float64] = RETURNS) -> NDArray[np.float64]:
    """Log returns of every path from a session, shape (n_paths, HORIZON)."""
    history = from_returns(returns)
    day: date = history.dates[origin].item()
    paths = MODEL.simulate(history, [day], horizon=HORIZON, n_paths=n_paths, seeds=[seed_of("rv")])
    logs = np.log(paths[0].astype(np.float64) / history.closes[origin])
    steps: NDArray[np.float64] = np.diff(logs, axis=1, prepend=0)
    return steps


def volatility() -> Volatility:
    found = MODEL.shocks.volatility
    assert found is not None
    return found


def test_shocks_are_the_returns_themselves_and_nothing_is_expected() -> None:
    done = MODEL.run(np.log(HISTORY.closes), HORIZON)
    assert done.errors == pytest.approx(RETURNS, abs=1e-12)
    assert not done.expected.any()
    assert done.expected.shape == (2001, HORIZON)
    assert MODEL.responses(HORIZON).tolist() == [1.0] * HORIZON
    assert MODEL.shocks.kind == "blocks"
    assert MODEL.shocks.past == pytest.approx(RETURNS[:1499] - RETURNS[:1499].mean(), rel=1e-5)


def test_paths_are_runs_times_the_volatility_known_at_the_origin() -> None:
    fitted = volatility()
    for origin in (1500, 1999):
        variance = fitted.long_run**2
        limit = np.inf if fitted.bound is None else fitted.bound**2
        for move in RETURNS[:origin]:
            news = min(move**2, limit * variance)
            variance = fitted.decay * variance + (1 - fitted.decay) * news
        weights = fitted.weight * fitted.persistence ** np.arange(HORIZON)
        scale = np.sqrt(weights * variance + (1 - weights) * fitted.long_run**2)
        runs = MODEL.shocks.runs(HORIZON)
        for path in moves(origin, 30) / scale:
            nearest = runs[np.abs(runs - path).max(axis=1).argmin()]
            assert path == pytest.approx(nearest, abs=2e-3)


def test_mean_and_spread_of_paths_are_those_of_the_runs() -> None:
    n_paths = 40_000
    steps = moves(1800, n_paths)
    known = volatility().known(RETURNS[:1800])[-1:]
    scaled = MODEL.shocks.runs(HORIZON) * volatility().ahead(known, HORIZON)[0]
    for found, expected in ((steps, scaled), (steps.cumsum(axis=1), scaled.cumsum(axis=1))):
        error = 5 * expected.std(axis=0) / np.sqrt(n_paths)
        assert (np.abs(found.mean(axis=0) - expected.mean(axis=0)) < error).all()
        assert found.std(axis=0) == pytest.approx(expected.std(axis=0), rel=0.03)


def test_after_a_storm_paths_are_wider_and_after_a_calm_narrower_at_first() -> None:
    storm, calm = RETURNS.copy(), RETURNS.copy()
    storm[1795:1800] *= 6
    calm[1700:1800] *= 0.1
    usual, wide, narrow = (
        moves(1800, 8000, series).std(axis=0) for series in (RETURNS, storm, calm)
    )
    assert wide[0] > 1.5 * usual[0]
    assert narrow[0] < 0.75 * usual[0]
    assert wide[-1] / usual[-1] < 0.85 * wide[0] / usual[0]
    assert narrow[-1] / usual[-1] > 1.1 * narrow[0] / usual[0]


@pytest.mark.parametrize("size", [20, 200, 1000])
def test_one_return_of_any_size_widens_paths_by_no_more_than_its_bound(size: float) -> None:
    """A return of 20 deviations, or of 1,000, doubles the volatility at most."""
    bound = volatility().bound
    assert bound is not None
    stormy = RETURNS.copy()
    known = volatility().known(RETURNS[:1799])[-1]
    stormy[1799] = size * np.sqrt(known)
    news = volatility().known(stormy[:1800])[-1] / known
    assert news == pytest.approx(volatility().decay + (1 - volatility().decay) * bound**2)
    before, after = moves(1799, 8000), moves(1800, 8000, stormy)
    assert np.abs(after).max() < 2 * np.abs(before).max()
    assert after.std() < 2 * before.std()


def test_parameters_are_those_of_the_volatility() -> None:
    named = {"deviation", "decay", "bound", "weight", "persistence", "long_run"}
    assert set(MODEL.parameters) == named
    assert MODEL.parameters["long_run"] == pytest.approx(0.02, rel=0.1)
    assert MODEL.metrics.log_likelihood is None
