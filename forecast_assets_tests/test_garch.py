from datetime import date

import numpy as np
import pytest
from arch import arch_model

from forecast_assets.history import History
from forecast_assets.models.garch import FittedGarch, Garch
from forecast_assets.simulation import seed_of


def clustered(sessions: int = 2500) -> History:
    """Closes whose volatility follows a GJR-GARCH."""
    shocks = np.random.default_rng(3).standard_normal(sessions)
    variance, returns = 4e-4, np.zeros(sessions)
    for t in range(sessions):
        returns[t] = np.sqrt(variance) * shocks[t]
        alpha = 0.05 + 0.06 * (returns[t] < 0)
        variance = 4e-4 * 0.05 + alpha * returns[t] ** 2 + 0.87 * variance
    days = np.busday_offset(np.datetime64("2012-01-02"), np.arange(sessions), roll="forward")
    return History("Coffee", days, 50 * np.exp(np.cumsum(returns)))


HISTORY = clustered()
RETURNS = np.diff(np.log(HISTORY.closes))
MODEL = Garch().fit(HISTORY)


def slow_variances(model: FittedGarch, returns: np.ndarray) -> np.ndarray:
    variances = [model.first_variance]
    for move in returns:
        news = model.alpha + model.gamma * (move < 0)
        variances.append(model.omega + news * move**2 + model.beta * variances[-1])
    return np.array(variances)


def test_the_filter_equals_a_slow_loop() -> None:
    assert MODEL.variances(RETURNS) == pytest.approx(slow_variances(MODEL, RETURNS), rel=1e-9)


def test_the_filter_equals_the_conditional_volatility_of_arch() -> None:
    scale = np.sqrt(np.mean(RETURNS**2))
    fixed = arch_model(RETURNS / scale, mean="Zero", vol="GARCH", p=1, o=1, q=1, rescale=False).fix(
        [MODEL.omega / scale**2, MODEL.alpha, MODEL.gamma, MODEL.beta]
    )
    theirs = fixed.conditional_volatility * scale
    assert np.sqrt(MODEL.variances(RETURNS)[:-1]) == pytest.approx(theirs, rel=1e-9)
    assert MODEL.metrics.log_likelihood == pytest.approx(
        fixed.loglikelihood - len(RETURNS) * np.log(scale), rel=1e-9
    )


def test_the_long_run_variance_is_the_samples() -> None:
    found = MODEL.parameters["long_run_volatility"]
    assert found == pytest.approx(np.sqrt(np.mean(RETURNS**2)), rel=1e-9)


def test_targeting_costs_little_likelihood_against_a_free_fit() -> None:
    scale = np.sqrt(np.mean(RETURNS**2))
    free = arch_model(RETURNS / scale, mean="Zero", vol="GARCH", p=1, o=1, q=1, rescale=False).fit(
        disp="off"
    )
    ours = MODEL.metrics.log_likelihood
    assert ours is not None
    assert ours == pytest.approx(free.loglikelihood - len(RETURNS) * np.log(scale), abs=3)
    assert ours <= free.loglikelihood - len(RETURNS) * np.log(scale) + 1e-3


@pytest.mark.parametrize("cap", [0.8, 0.9])
def test_persistence_stops_at_the_cap_where_a_free_fit_goes_beyond(cap: float) -> None:
    free = arch_model(RETURNS * 50, mean="Zero", o=1, rescale=False).fit(disp="off").params
    assert free["alpha[1]"] + free["gamma[1]"] / 2 + free["beta[1]"] > 0.91
    assert Garch(persistence_cap=cap).fit(HISTORY).parameters["persistence"] == pytest.approx(cap)


def test_storms_leave_no_negative_term() -> None:
    returns = RETURNS.copy()
    returns[::400] *= 40
    stormy = History("Gas", HISTORY.dates, np.r_[3.0, 3.0 * np.exp(np.cumsum(returns))])
    model = Garch().fit(stormy)
    assert min(model.omega, model.alpha, model.beta, model.alpha + model.gamma) >= 0
    assert model.parameters["persistence"] < 1


def test_paths_equal_a_slow_loop_over_the_same_shocks() -> None:
    origins: list[date] = HISTORY.dates[[2000, 2499]].tolist()
    seeds = [seed_of("garch", str(day)) for day in origins]
    drawn = MODEL.simulate(HISTORY, origins, horizon=14, n_paths=50, seeds=seeds)
    shocks = MODEL.resample(seeds, 14, 50)
    for row, position in enumerate((2000, 2499)):
        known = RETURNS[:position]
        bound = np.abs(known).max()
        for path in range(50):
            variance, level = slow_variances(MODEL, known)[-1], np.log(HISTORY.closes[position])
            for session in range(14):
                move = np.sqrt(variance) * shocks[row, session, path]
                move = min(max(move, -bound), bound)
                level += move
                news = MODEL.alpha + MODEL.gamma * (move < 0)
                variance = MODEL.omega + news * move**2 + MODEL.beta * variance
                assert drawn[row, path, session] == pytest.approx(np.exp(level), rel=2e-5)


def test_no_session_moves_further_than_the_largest_move_known() -> None:
    shocks = MODEL.resample([seed_of("storm")], 14, 500)
    free = MODEL.moves(shocks.copy(), np.array([4e-4]), np.array([np.inf]))
    bounded = MODEL.moves(shocks.copy(), np.array([4e-4]), np.array([0.03]))
    assert np.abs(np.diff(free, axis=1)).max() > 0.06
    assert np.abs(np.diff(bounded, axis=1)).max() == pytest.approx(0.03, rel=1e-4)


def test_residuals_are_standardized_and_drawn_from_the_sample() -> None:
    assert MODEL.residuals.mean() == pytest.approx(0, abs=1e-6)
    assert MODEL.residuals.std() == pytest.approx(1, abs=1e-6)
    drawn = MODEL.resample([seed_of("pool")], 14, 2000)
    assert set(np.unique(drawn)) <= set(MODEL.residuals.astype(np.float32))
    assert drawn.std() == pytest.approx(1, abs=0.03)


def test_variance_ahead_reverts_as_the_closed_form_says() -> None:
    origin: date = HISTORY.dates[2300].item()
    n_paths = 60_000
    drawn = MODEL.simulate(
        HISTORY, [origin], horizon=14, n_paths=n_paths, seeds=[seed_of("reversion")]
    )
    steps = np.diff(
        np.log(drawn[0].astype(np.float64)), axis=1, prepend=np.log(HISTORY.closes[2300])
    )
    first = slow_variances(MODEL, RETURNS[:2300])[-1]
    squares = MODEL.residuals**2
    downside = squares[MODEL.residuals < 0].sum() / squares.sum()
    persistence = MODEL.alpha + MODEL.gamma * downside + MODEL.beta
    expected = [first]
    for _ in range(13):
        expected.append(MODEL.omega + persistence * expected[-1])
    assert (steps**2).mean(axis=0) == pytest.approx(np.array(expected), rel=0.05)
