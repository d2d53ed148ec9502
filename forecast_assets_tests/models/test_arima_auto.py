"""The automatic order: the best of all by full maximum likelihood, and said when it is naive."""

from functools import cache
from itertools import product
from typing import Literal

import numpy as np
import pytest
from scipy.stats import ks_2samp
from statsmodels.tsa.statespace.sarimax import SARIMAX

from forecast_assets.models.arima_auto import DISGUISED, ArimaAuto, FittedArimaAuto
from forecast_assets.models.base import FitMetrics
from forecast_assets.models.elements.arma import Order, likeliest, nearby, unit_returns
from forecast_assets.models.simulation import seed_of
from forecast_assets.timeline.history import History
from forecast_assets_tests.histories import make_history
from forecast_assets_tests.processes import arma_history

pytestmark = pytest.mark.long

HORIZON = 14
ORDERS: list[Order] = list(product(range(3), range(3)))
SERIES: dict[str, tuple[History, Order]] = {
    "white": (make_history(900, seed=1), (0, 0)),
    "AR(1)": (arma_history([0.35], [], 900, seed=11), (1, 0)),
    "MA(1)": (arma_history([], [-0.4], 900, seed=12), (0, 1)),
    "AR(2)": (arma_history([0.1, 0.4], [], 900, seed=13), (2, 0)),
    "MA(2)": (arma_history([], [0.2, 0.35], 900, seed=14), (0, 2)),
    "ARMA(2, 2)": (arma_history([0.4, -0.5], [0.3, 0.4], 900, seed=16), (2, 2)),
}
"""Series and the order that they were drawn from."""


def fit(history: History, **options: Literal["aic", "bic", "gaussian"] | int) -> FittedArimaAuto:
    return ArimaAuto.model_validate(options).estimate(history, None)


@cache
def fitted(series: str) -> FittedArimaAuto:
    """With the usual options."""
    return fit(SERIES[series][0])


@cache
def by_full_likelihood(series: str) -> dict[Order, FitMetrics]:
    """The metrics of every order's maximum of the likelihood."""
    history, _ = SERIES[series]
    begins = {order: nearby(unit_returns(history), order) for order in ORDERS}
    return {order: likeliest(history, "arma", each).metrics for order, each in begins.items()}


def criterion(series: str, which: Literal["aic", "bic"]) -> dict[Order, float]:
    found = by_full_likelihood(series)
    return {order: getattr(metrics, which) for order, metrics in found.items()}


@pytest.mark.parametrize("series", SERIES)
def test_the_order_has_the_least_bic_of_full_maximum_likelihood_over_all(series: str) -> None:
    model, bics = fitted(series), criterion(series, "bic")
    assert model.order == min(bics, key=lambda order: bics[order]) == SERIES[series][1]
    assert model.metrics.bic == pytest.approx(bics[model.order], abs=1e-6)


@pytest.mark.parametrize("series", ["white", "AR(2)", "ARMA(2, 2)"])
def test_aic_chooses_an_order_as_good_as_the_best_of_all(series: str) -> None:
    model, aics = fit(SERIES[series][0], criterion="aic"), criterion(series, "aic")
    assert aics[model.order] == pytest.approx(min(aics.values()), abs=0.5)
    assert sum(model.order) >= sum(fitted(series).order)


def test_an_order_without_terms_says_that_it_expects_what_the_naive_model_does() -> None:
    model = fitted("white")
    assert model.order == (0, 0)
    assert model.metrics.warnings == (DISGUISED,)
    assert "(0, 1, 0)" in DISGUISED
    assert "naive" in DISGUISED
    expected = model.run(np.log(SERIES["white"][0].closes), HORIZON).expected
    assert not expected.any()
    assert (model.responses(HORIZON) == 1).all()


def test_an_order_with_terms_gives_no_warning() -> None:
    model = fitted("AR(2)")
    assert model.metrics.warnings == ()
    assert set(model.parameters) >= {"ar1", "ar2", "variance"}


def test_the_largest_order_is_a_limit() -> None:
    history, _ = SERIES["AR(2)"]
    assert max(fit(history, largest_order=1).order) == 1
    long = arma_history([0.1, 0.0, 0.45], [], 900, seed=17)
    assert fit(long, largest_order=3).order == (3, 0)


def test_an_earlier_fit_to_begin_with_changes_neither_order_nor_optimum() -> None:
    for series, (history, _) in SERIES.items():
        earlier = fit(history.known_at(history.dates[800].item()))
        cold, warm = fitted(series), ArimaAuto().estimate(history, earlier)
        assert warm.order == cold.order
        assert warm.metrics.log_likelihood == pytest.approx(cold.metrics.log_likelihood, abs=1e-3)


def test_gaussian_paths_are_distributed_as_statsmodels_forecasts_them() -> None:
    history, _ = SERIES["ARMA(2, 2)"]
    model, n_paths = fit(history, shocks="gaussian"), 40_000
    drawn = model.simulate(
        history, [history.newest], horizon=HORIZON, n_paths=n_paths, seeds=[seed_of("auto")]
    )
    logs = np.log(drawn[0].astype(np.float64))
    parameters = [*model.ar, *model.ma, model.variance]
    oracle = SARIMAX(np.log(history.closes), order=(2, 1, 2)).filter(parameters)
    theirs = oracle.get_forecast(HORIZON)
    deviation = np.sqrt(theirs.var_pred_mean)
    error = np.abs(logs.mean(axis=0) - theirs.predicted_mean) / deviation
    assert error.max() < 5 / np.sqrt(n_paths)
    assert logs.std(axis=0) == pytest.approx(deviation, rel=5 / np.sqrt(2 * n_paths))
    paths = oracle.simulate(
        HORIZON, repetitions=4000, anchor="end", rng=np.random.default_rng(3)
    ).reshape(HORIZON, 4000)
    for session in (0, 6, 13):
        assert ks_2samp(logs[:4000, session], paths[session]).pvalue > 0.001
