from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from arch import arch_model
from scipy.stats import ks_2samp

from forecast_assets.models import roster
from forecast_assets.models.garch import FittedGarch, Garch, news
from forecast_assets.models.simulation import seed_of, standard_normal
from forecast_assets.timeline.history import History
from forecast_assets_tests.processes import clustered_returns, from_returns

HORIZON = 14
HISTORY = from_returns(clustered_returns(2499))
RETURNS = np.diff(np.log(HISTORY.closes))
MODEL = Garch().estimate(HISTORY, None)
BOUNDS = (None, 1.5, 4.0)
MODELS = {bound: Garch(news_bound=bound).estimate(HISTORY, None) for bound in BOUNDS}


def slow_news(returns: np.ndarray, bound: float | None, first: float) -> list[float]:
    """Each return, or ``bound`` times the volatility of decay 0.94 known before it."""
    known, heard = first, []
    for move in returns:
        limit = np.inf if bound is None else bound * np.sqrt(known)
        heard.append(max(-limit, min(move, limit)))
        known = 0.94 * known + 0.06 * heard[-1] ** 2
    return heard


def slow_variances(model: FittedGarch, returns: np.ndarray) -> np.ndarray:
    variances = [model.first_variance]
    for move in slow_news(returns, model.news_bound, model.first_variance):
        slope = model.alpha + model.gamma * (move < 0)
        variances.append(model.omega + slope * move**2 + model.beta * variances[-1])
    return np.array(variances)


def storm(deviations: float, at: int = -1) -> np.ndarray:
    """The returns, one of them as many deviations large."""
    returns = RETURNS.copy()
    returns[at] = deviations * RETURNS.std()
    return returns


@pytest.mark.parametrize("bound", BOUNDS)
def test_news_are_returns_within_the_bound(bound: float | None) -> None:
    returns = storm(20, at=1000)
    found = news(returns, bound, 4e-4)
    assert found == pytest.approx(slow_news(returns, bound, 4e-4), rel=1e-9)
    cut = np.flatnonzero(found != returns)
    assert (1000 in cut) == (bound is not None)
    assert len(cut) == {None: 0, 1.5: len(cut), 4.0: 1}[bound]
    assert (np.sign(found) == np.sign(returns)).all()


@pytest.mark.parametrize("bound", BOUNDS)
@pytest.mark.parametrize("at", [0, 1000])
def test_the_filter_equals_a_slow_loop(bound: float | None, at: int) -> None:
    model, returns = MODELS[bound], storm(20, at=at)
    assert model.variances(returns) == pytest.approx(slow_variances(model, returns), rel=1e-9)


def test_later_returns_change_no_earlier_variance() -> None:
    before, after = MODEL.variances(RETURNS), MODEL.variances(storm(30, at=1000))
    assert before[:1001].tobytes() == after[:1001].tobytes()
    assert (after[1001:1100] > before[1001:1100]).all()


def test_the_filter_equals_the_conditional_volatility_of_arch() -> None:
    """No return of this sample is above four deviations, so a bound changes nothing."""
    assert news(RETURNS, 4.0, float(np.mean(RETURNS**2))).tobytes() == RETURNS.tobytes()
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


@pytest.mark.parametrize("bound", BOUNDS)
def test_the_long_run_variance_of_a_bounded_model_is_that_of_its_news(bound: float | None) -> None:
    heard = slow_news(RETURNS, bound, float(np.mean(RETURNS**2)))
    found = MODELS[bound].parameters["long_run_volatility"]
    assert found == pytest.approx(np.sqrt(np.mean(np.square(heard))), rel=1e-9)


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
    capped = Garch(persistence_cap=cap).estimate(HISTORY, None)
    assert capped.parameters["persistence"] == pytest.approx(cap)


@pytest.mark.parametrize("bound", [None, 4.0])
def test_storms_leave_no_negative_term(bound: float | None) -> None:
    returns = RETURNS.copy()
    returns[::400] *= 40
    stormy = History("Gas", HISTORY.dates, np.r_[3.0, 3.0 * np.exp(np.cumsum(returns))])
    model = Garch(news_bound=bound).estimate(stormy, None)
    assert min(model.omega, model.alpha, model.beta, model.alpha + model.gamma) >= 0
    assert model.parameters["persistence"] < 1


@pytest.mark.parametrize("bound", BOUNDS)
def test_paths_equal_a_slow_loop_over_the_same_shocks(bound: float | None) -> None:
    model = MODELS[bound]
    origins: list[date] = HISTORY.dates[[2000, 2499]].tolist()
    seeds = [seed_of("garch", str(day)) for day in origins]
    drawn = model.simulate(HISTORY, origins, horizon=HORIZON, n_paths=50, seeds=seeds)
    shocks = model.resample(seeds, HORIZON, 50)
    loud = 0
    for row, position in enumerate((2000, 2499)):
        known = RETURNS[:position]
        furthest = np.abs(known).max()
        for path in range(50):
            variance, level = slow_variances(model, known)[-1], np.log(HISTORY.closes[position])
            for session in range(HORIZON):
                move = np.sqrt(variance) * shocks[row, session, path]
                move = min(max(move, -furthest), furthest)
                level += move
                limit = np.inf if bound is None else bound * np.sqrt(variance)
                loud += abs(move) > limit
                slope = model.alpha + model.gamma * (move < 0)
                heard = min(abs(move), limit)
                variance = model.omega + slope * heard**2 + model.beta * variance
                assert drawn[row, path, session] == pytest.approx(np.exp(level), rel=2e-5)
    assert (loud > 50) == (bound == 1.5)


def normal_moves(model: FittedGarch, first: float, n_paths: int) -> np.ndarray:
    """Steps of paths with the shocks that arch assumes, shape (HORIZON, n_paths)."""
    shocks = standard_normal([seed_of("arch")], HORIZON, n_paths)
    moves = model.moves(shocks, np.array([first]), np.array([np.inf]))[0].astype(np.float64)
    return np.diff(moves, axis=0, prepend=0)


@pytest.mark.parametrize("origin", [1200, 2499])
def test_without_a_bound_paths_are_distributed_as_arch_forecasts_and_simulates_them(
    origin: int,
) -> None:
    model, known, n_paths = MODELS[None], RETURNS[:origin], 20_000
    arch = arch_model(known / 0.02, mean="Zero", vol="GARCH", p=1, o=1, q=1, rescale=False)
    fixed = arch.fix([model.omega / 0.02**2, model.alpha, model.gamma, model.beta])
    steps = normal_moves(model, model.variances(known)[-1], n_paths)
    analytic = 0.02**2 * fixed.forecast(horizon=HORIZON).variance.to_numpy()[-1]
    assert (steps**2).mean(axis=1) == pytest.approx(analytic, rel=0.04)
    simulated = fixed.forecast(
        horizon=HORIZON,
        method="simulation",
        simulations=n_paths,
        rng=np.random.default_rng(8).standard_normal,
    ).simulations
    theirs = 0.02 * np.asarray(simulated.values)[-1].T
    for session in (0, 6, 13):
        assert ks_2samp(steps[session], theirs[session]).pvalue > 0.001
        assert (
            ks_2samp(steps[: session + 1].sum(axis=0), theirs[: session + 1].sum(axis=0)).pvalue
            > 0.001
        )
    ours, others = (np.corrcoef(np.square(moves[[12, 13]]))[0, 1] for moves in (steps, theirs))
    assert ours == pytest.approx(others, abs=0.05)  # storms go on


def paths_after(model: FittedGarch, returns: np.ndarray) -> np.ndarray:
    """Log moves since the newest close, shape (20_000, HORIZON)."""
    history = from_returns(returns)
    drawn = model.simulate(
        history, [history.newest], horizon=HORIZON, n_paths=20_000, seeds=[seed_of("storm")]
    )
    moves: np.ndarray = np.log(drawn[0].astype(np.float64) / history.closes[-1])
    return moves


def test_right_after_a_return_of_twenty_deviations_paths_are_a_fifth_wider_at_most() -> None:
    """Its news counts as four: without a bound they would be nearly three times as wide."""
    usual = paths_after(MODEL, RETURNS)[:, -1]
    bounded = paths_after(MODEL, storm(20))[:, -1]
    free = paths_after(MODELS[None], storm(20))[:, -1]
    assert 1 < bounded.std() / usual.std() < 1.2
    assert free.std() / usual.std() > 2.5
    assert np.quantile(np.abs(bounded), 0.999) < 0.32  # a third of the price; the storm was 0.4
    assert np.quantile(np.abs(free), 0.999) > 0.7


@pytest.mark.parametrize("at", [1000, -1])
def test_a_fit_on_a_storm_has_paths_within_a_factor_of_the_usual_ones(at: int) -> None:
    stormy = Garch().estimate(from_returns(storm(20, at=at)), None)
    usual, after = paths_after(MODEL, RETURNS), paths_after(stormy, storm(20, at=at))
    assert after[:, -1].std() < 1.3 * usual[:, -1].std()
    assert np.quantile(np.abs(after[:, -1]), 0.99) < 1.3 * np.quantile(np.abs(usual[:, -1]), 0.99)
    assert np.abs(after).max() < 1.0  # where two storms come in fourteen sessions
    for name in ("alpha", "gamma", "beta", "long_run_volatility"):
        assert stormy.parameters[name] == pytest.approx(MODEL.parameters[name], abs=0.03)


def test_no_session_moves_further_than_the_largest_move_known() -> None:
    shocks = MODEL.resample([seed_of("storm")], 14, 500)
    free = MODEL.moves(shocks.copy(), np.array([4e-4]), np.array([np.inf]))
    bounded = MODEL.moves(shocks.copy(), np.array([4e-4]), np.array([0.03]))
    assert np.abs(np.diff(free, axis=1)).max() > 0.06
    assert np.abs(np.diff(bounded, axis=1)).max() == pytest.approx(0.03, rel=1e-4)


@pytest.mark.parametrize("bound", BOUNDS)
def test_residuals_are_whole_returns_over_their_volatility_and_drawn_from_the_sample(
    bound: float | None,
) -> None:
    model = MODELS[bound]
    standardized = RETURNS / np.sqrt(slow_variances(model, RETURNS)[:-1])
    expected = standardized - standardized.mean()
    # The fit bounds the first news by another volatility than the filter; 0.94**500 is 4e-14.
    settled, tolerance = (500, 1e-4) if bound == 1.5 else (0, 1e-6)
    assert model.residuals[settled:] == pytest.approx(expected[settled:], abs=tolerance)
    assert model.residuals.mean() == pytest.approx(0, abs=1e-6)
    drawn = model.resample([seed_of("pool")], HORIZON, 2000)
    assert set(np.unique(drawn)) <= set(model.residuals.astype(np.float32))
    assert drawn.std() == pytest.approx(model.residuals.std(), abs=0.03)


def test_where_no_news_is_bounded_residuals_have_nearly_unit_deviation() -> None:
    assert MODEL.residuals.std() == pytest.approx(1, abs=0.01)


def test_an_earlier_fit_to_begin_with_leads_to_the_same_optimum() -> None:
    earlier = Garch().estimate(HISTORY.known_at(HISTORY.dates[2000].item()), None)
    warm = Garch().estimate(HISTORY, earlier)
    assert warm.metrics.log_likelihood == pytest.approx(MODEL.metrics.log_likelihood, abs=1e-3)
    assert warm.parameters == pytest.approx(MODEL.parameters, abs=5e-3)


def test_a_payload_of_version_1_has_no_bound_on_news() -> None:
    state = {name: value for name, value in MODEL.state().items() if name != "news_bound"}
    model = roster.load({"model": "garch", "schema_version": 1, "state": state})
    assert isinstance(model, FittedGarch)
    assert model == replace(MODEL, news_bound=None)
    assert model.variances(RETURNS).tobytes() == MODELS[None].variances(RETURNS).tobytes()


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
