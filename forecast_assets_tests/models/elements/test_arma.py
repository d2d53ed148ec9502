"""ARMA: the search for a beginning, the likelihood, and the pass of the filter, against oracles."""

import warnings
from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import lfilter
from statsmodels.tsa.arima.model import ARIMA

from forecast_assets.errors import CannotFit
from forecast_assets.models.elements import arma
from forecast_assets.models.elements.arma import (
    LARGEST_ROOT,
    Estimate,
    Nearby,
    Order,
    arma_responses,
    is_stable,
    likeliest,
    nearby,
    run_arma,
    unit_returns,
)
from forecast_assets.timeline.history import History
from forecast_assets_tests.histories import make_history
from forecast_assets_tests.processes import arma_history, arma_series, from_returns

HORIZON = 14

PROCESSES: dict[Order, tuple[list[float], list[float]]] = {
    (1, 0): ([0.5], []),
    (0, 1): ([], [-0.4]),
    (1, 1): ([0.6], [-0.3]),
    (2, 1): ([0.5, -0.3], [0.4]),
    (1, 2): ([-0.7], [0.3, 0.2]),
    (2, 2): ([0.4, -0.5], [0.3, 0.4]),
}
"""Coefficients of ARMA processes, by order."""


def conditional_error(
    returns: NDArray[np.float64], ar: NDArray[np.float64], ma: NDArray[np.float64]
) -> float:
    """Mean squared error with every return and error before the first taken as zero."""
    errors = np.zeros(len(returns))
    for t in range(len(returns)):
        expected = sum(a * returns[t - 1 - i] for i, a in enumerate(ar) if t > i)
        expected += sum(m * errors[t - 1 - i] for i, m in enumerate(ma) if t > i)
        errors[t] = returns[t] - expected
    return float(np.mean(errors**2))


@pytest.mark.parametrize("order", PROCESSES)
def test_the_error_of_a_beginning_is_that_of_a_slow_loop(order: Order) -> None:
    returns = unit_returns(arma_history(*PROCESSES[order], sessions=300, seed=4))
    found = nearby(returns, order)
    ar, ma = np.split(np.asarray(found.coefficients), [order[0]])
    assert found.order == order
    assert found.error == pytest.approx(conditional_error(returns, ar, ma), rel=1e-9)


@pytest.mark.parametrize("planted", [(0.6, -0.3), (-0.5, 0.9), (0.9, -0.8), (0.0, 0.0)])
@pytest.mark.parametrize("seed", [1, 2])
def test_no_point_of_a_grid_is_better_than_the_beginning_found(
    planted: tuple[float, float], seed: int
) -> None:
    ar, ma = planted
    returns = unit_returns(arma_history([ar], [ma], sessions=250, seed=seed))
    found = nearby(returns, (1, 1))
    grid = np.linspace(-0.98, 0.98, 50)
    least = min(
        float(np.mean(lfilter([1, -a], [1, m], returns) ** 2)) for a, m in product(grid, grid)
    )
    assert 0.99 * least < found.error <= least + 1e-6


@pytest.mark.parametrize("order", PROCESSES)
def test_a_beginning_is_near_the_likeliest_coefficients(order: Order) -> None:
    history = arma_history(*PROCESSES[order], sessions=1500, seed=6)
    begin, found = nearby(unit_returns(history), order), likeliest_of(history, order)
    assert begin.coefficients == pytest.approx([*found.ar, *found.ma], abs=0.02)
    planted = PROCESSES[order]
    assert [*found.ar, *found.ma] == pytest.approx([*planted[0], *planted[1]], abs=0.2)


def test_without_terms_the_error_is_the_mean_square() -> None:
    returns = unit_returns(make_history(300))
    found = nearby(returns, (0, 0))
    assert (found.order, list(found.coefficients)) == ((0, 0), [])
    assert found.error == float(np.mean(returns**2))


def test_a_given_beginning_is_one_more_and_never_makes_it_worse() -> None:
    returns = unit_returns(arma_history([0.5, -0.3], [0.4], sessions=400, seed=9))
    cold = nearby(returns, (2, 1))
    for start in ([0.5, -0.3, 0.4], [-0.9, 0.0, 0.9], cold.coefficients):
        assert nearby(returns, (2, 1), start).error <= cold.error + 1e-12


@pytest.mark.parametrize("start", [[1.2, 0.1], [0.2, -1.0], [-1.0, 1.0]])
def test_a_beginning_outside_the_bounds_is_passed_over_without_a_word(start: list[float]) -> None:
    returns = unit_returns(arma_history([0.6], [-0.3], sessions=400, seed=9))
    assert nearby(returns, (1, 1), start) == nearby(returns, (1, 1))


@pytest.mark.parametrize(
    ("polynomial", "stable"),
    [
        ([1.0], True),
        ([1.0, -0.5], True),
        ([1.0, -1.0], False),
        ([1.0, 1.2], False),
        ([1.0, -0.9985], True),
        ([1.0, -0.9995], False),
        ([1.0, -1.8, 0.9], True),  # inverse roots 0.9 +- 0.3i, of modulus 0.949
        ([1.0, 0.0, 1.0], False),
        ([1.0, 0.5, -0.6], False),  # one root on each side
        ([2.0, -0.6, -1.3], True),
        ([1.0, -1.5, 0.9, -0.3], True),
        ([1.0, -1.5, 0.9, -0.5], False),
    ],
)
def test_stable_is_inside_the_unit_circle_and_not_just_so(
    polynomial: list[float], stable: bool
) -> None:
    assert is_stable(np.array(polynomial)) == stable
    assert np.all(np.abs(np.roots(polynomial)) < LARGEST_ROOT) == stable


def likeliest_of(history: History, order: Order, start: list[float] | None = None) -> Estimate:
    return likeliest(history, "arma", nearby(unit_returns(history), order, start))


SERIES = {
    "white": make_history(700, seed=1),
    "white, another": make_history(700, seed=6),
    "own order": arma_history([0.6], [-0.3], sessions=700, seed=5),
    "negative": arma_history([-0.95], [0.8], sessions=700, seed=8),
    "long memory": arma_history([0.95], [-0.85], sessions=700, seed=2),
    "two terms": arma_history([0.5, -0.3], [0.4], sessions=700, seed=9),
}


@pytest.mark.parametrize("order", [(0, 0), (1, 0), (0, 1), (1, 1), (2, 1)])
@pytest.mark.parametrize("series", SERIES)
def test_the_likelihood_is_at_least_that_of_the_state_space_fit(series: str, order: Order) -> None:
    history = SERIES[series]
    returns = np.diff(np.log(history.closes))
    ours = likeliest_of(history, order)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it may say that its own optimizer did not converge
        theirs = ARIMA(returns / returns.std(), order=(order[0], 0, order[1]), trend="n").fit(
            method="statespace", cov_type="none"
        )
    theirs_llf = theirs.llf - len(returns) * np.log(returns.std())
    assert ours.metrics.log_likelihood is not None
    assert ours.metrics.log_likelihood > theirs_llf - 0.01
    exact = ARIMA(returns, order=(order[0], 0, order[1]), trend="n").filter(
        [*ours.ar, *ours.ma, ours.variance]
    )
    assert ours.metrics.log_likelihood == pytest.approx(exact.llf, abs=0.01)
    parameters = sum(order) + 1
    assert ours.metrics.aic == pytest.approx(2 * parameters - 2 * exact.llf, abs=0.02)
    assert ours.metrics.bic == pytest.approx(
        parameters * np.log(len(returns)) - 2 * exact.llf, abs=0.02
    )


@pytest.mark.parametrize("order", [(1, 1), (2, 1)])
@pytest.mark.parametrize("series", SERIES)
def test_a_warm_start_reaches_the_same_optimum(series: str, order: Order) -> None:
    history = SERIES[series]
    earlier = likeliest_of(history.known_at(history.dates[600].item()), order)
    cold = likeliest_of(history, order)
    warm = likeliest_of(history, order, [*earlier.ar, *earlier.ma])
    assert warm.metrics.log_likelihood == pytest.approx(cold.metrics.log_likelihood, abs=0.01)


def test_no_optimum_is_named_with_commodity_day_and_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    history = arma_history([0.6], [-0.3], sessions=700, seed=5)
    expected = f"Coffee: arma did not converge on the 700 sessions up to {history.newest}, order"
    monkeypatch.setattr(arma, "SLOPE_ACCEPTED", 0.0)
    with pytest.raises(CannotFit, match=rf"{expected} \(1, 1\)"):
        likeliest(history, "arma", Nearby((1, 1), [0.1, 0.1], 1.0))


@pytest.mark.parametrize("order", PROCESSES)
def test_one_pass_gives_statsmodels_forecast_at_every_session(order: Order) -> None:
    ar, ma = PROCESSES[order]
    returns = arma_series(ar, ma, 120, seed=3)
    done = run_arma(returns, ar, ma, 4e-4, HORIZON)
    assert done.expected.shape == (121, HORIZON)
    model = ARIMA(returns, order=(order[0], 0, order[1]), trend="n")
    filtered = model.filter([*ar, *ma, 4e-4])
    assert done.errors == pytest.approx(filtered.resid, abs=1e-12)
    for known in (5, 60, 119, 120):
        prefix = ARIMA(returns[:known], order=(order[0], 0, order[1]), trend="n")
        theirs = prefix.filter([*ar, *ma, 4e-4]).get_forecast(HORIZON)
        assert done.expected[known] == pytest.approx(np.cumsum(theirs.predicted_mean), abs=1e-10)


@pytest.mark.parametrize("order", PROCESSES)
def test_responses_give_the_variance_of_the_integrated_forecast(order: Order) -> None:
    ar, ma = PROCESSES[order]
    levels = np.cumsum(arma_series(ar, ma, 400, seed=3))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = ARIMA(levels, order=(order[0], 1, order[1]), trend="n")
    theirs = model.filter([*ar, *ma, 4e-4]).get_forecast(HORIZON).var_pred_mean
    ours = 4e-4 * np.cumsum(arma_responses(ar, ma, HORIZON) ** 2)
    assert ours == pytest.approx(theirs, rel=1e-6)


def test_a_missing_return_is_passed_over_by_the_filter() -> None:
    returns = arma_series([0.5], [], 50, seed=3)
    returns[30] = np.nan
    done = run_arma(returns, [0.5], [], 4e-4, horizon=2)
    assert done.expected[31, 0] == pytest.approx(done.expected[30, 1] - done.expected[30, 0])
    assert np.isnan(done.errors[30])
    assert np.isfinite(np.delete(done.errors, 30)).all()


def test_no_later_return_changes_what_was_expected_before() -> None:
    returns = arma_series([0.5, -0.3], [0.4], 200, seed=3)
    revised = returns.copy()
    revised[100:] *= 5
    before = run_arma(returns, [0.5, -0.3], [0.4], 4e-4, HORIZON)
    after = run_arma(revised, [0.5, -0.3], [0.4], 4e-4, HORIZON)
    assert before.expected[:101].tobytes() == after.expected[:101].tobytes()
    assert not np.allclose(before.expected[101], after.expected[101])


def test_unit_returns_have_unit_deviation() -> None:
    series = arma_series([0.5], [], 300, seed=3)
    found = unit_returns(from_returns(series))
    assert found == pytest.approx(series / series.std(), rel=1e-9)
