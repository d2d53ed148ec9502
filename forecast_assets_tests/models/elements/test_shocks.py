"""Shocks: what is drawn is distributed as the past, in its order where blocks are asked for."""

import json
from collections.abc import Sequence
from typing import Literal

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import ks_2samp, kstest

from forecast_assets.errors import CannotForecast
from forecast_assets.models.elements.shocks import SIGNIFICANT, SavedShocks, Shocks, rounded
from forecast_assets.models.elements.volatility import SETTLING, Volatility
from forecast_assets.models.saved import checked
from forecast_assets.models.simulation import Seeds, seed_of
from forecast_assets_tests.processes import arma_series, clustered_returns

HORIZON = 14
ERRORS = clustered_returns(800) + 0.001
KINDS: tuple[Literal["gaussian", "bootstrap", "blocks"], ...] = ("gaussian", "bootstrap", "blocks")
NO_CHANGE = Volatility(0.94, None, weight=0.0, persistence=1.0, long_run=0.02)
"""A volatility that stays at its long run, so that a run is the past as it was."""


def seeds(*names: str) -> Seeds:
    return [seed_of("shocks", name) for name in names]


def test_gaussian_shocks_keep_the_deviation_and_nothing_else() -> None:
    shocks = Shocks.fit("gaussian", ERRORS)
    assert shocks.deviation == float(ERRORS.std())
    assert (len(shocks.past), shocks.volatility) == (0, None)
    drawn = shocks.draw(seeds("a"), HORIZON, 3000)
    assert kstest(drawn.ravel(), "norm").pvalue > 0.001
    assert drawn.std() == pytest.approx(1, abs=5 / np.sqrt(2 * drawn.size))


def test_bootstrap_draws_past_shocks_evenly_and_no_other() -> None:
    shocks = Shocks.fit("bootstrap", ERRORS)
    pool = (shocks.past / shocks.deviation).astype(np.float32)
    drawn = shocks.draw(seeds("a", "b"), HORIZON, 20_000)
    assert drawn.shape == (2, HORIZON, 20_000)
    values, counts = np.unique(drawn, return_counts=True)
    assert set(values.tolist()) == set(pool.tolist())
    expected = drawn.size / len(pool)
    assert np.abs(counts - expected).max() < 5 * np.sqrt(expected)


def test_bootstrapped_shocks_have_mean_zero_unit_deviation_and_no_memory() -> None:
    shocks = Shocks.fit("bootstrap", ERRORS)
    assert shocks.past.mean() == pytest.approx(0, abs=1e-8)
    (drawn,) = shocks.draw(seeds("a"), HORIZON, 20_000).astype(np.float64)
    error = 1 / np.sqrt(drawn.size)
    assert drawn.mean() == pytest.approx(0, abs=5 * error)
    assert drawn.std() == pytest.approx(1, abs=0.01)
    between = np.corrcoef(drawn)[np.triu_indices(HORIZON, k=1)]
    assert np.abs(between).max() < 5 / np.sqrt(20_000)


def slow_runs(shocks: Shocks, horizon: int) -> NDArray[np.float64]:
    """Every run after settling, over the volatility that was known before it, centred."""
    volatility = shocks.volatility
    assert volatility is not None
    rows = []
    for first in range(SETTLING, len(shocks.past) - horizon + 1):
        variance = volatility.long_run**2
        limit = np.inf if volatility.bound is None else volatility.bound**2
        for shock in shocks.past[:first]:
            news = min(shock**2, limit * variance)
            variance = volatility.decay * variance + (1 - volatility.decay) * news
        weights = volatility.weight * volatility.persistence ** np.arange(horizon)
        known = np.sqrt(weights * variance + (1 - weights) * volatility.long_run**2)
        rows.append(shocks.past[first : first + horizon] / known)
    runs = np.array(rows)
    centred: NDArray[np.float64] = runs - runs.mean()
    return centred


@pytest.mark.parametrize("horizon", [1, 14])
def test_runs_equal_a_slow_loop(horizon: int) -> None:
    shocks = Shocks.fit("blocks", ERRORS[:200])
    found = shocks.runs(horizon)
    assert found.shape == (200 - SETTLING - horizon + 1, horizon)
    assert found == pytest.approx(slow_runs(shocks, horizon), rel=1e-9)


def test_blocks_draw_whole_runs_in_their_order_evenly() -> None:
    shocks = Shocks.fit("blocks", ERRORS[:120])
    runs = shocks.runs(HORIZON).astype(np.float32)
    n_paths = 10_000
    drawn = shocks.draw(seeds("a"), HORIZON, n_paths)[0].T
    places = {run.tobytes(): place for place, run in enumerate(runs)}
    found = np.array([places[np.ascontiguousarray(path).tobytes()] for path in drawn])
    counts, expected = np.bincount(found, minlength=len(runs)), n_paths / len(runs)
    assert np.abs(counts - expected).max() < 5 * np.sqrt(expected)


def test_blocks_keep_the_dependence_that_the_bootstrap_loses() -> None:
    past = arma_series([0.6], [], 3000, seed=2)
    (drawn,) = Shocks("blocks", 0.02, past, NO_CHANGE).draw(seeds("a"), 5, 20_000)
    after_one, after_two = np.corrcoef(drawn[0], drawn[1])[0, 1], np.corrcoef(drawn[0], drawn[2])
    assert after_one == pytest.approx(0.6, abs=0.06)
    assert after_two[0, 1] == pytest.approx(0.36, abs=0.06)


def test_every_session_of_a_block_has_the_distribution_of_the_past() -> None:
    past = np.random.default_rng(3).standard_t(4, 3000) * 0.02
    past -= past.mean()
    (drawn,) = Shocks("blocks", 0.02, past, NO_CHANGE).draw(seeds("a"), HORIZON, 5000)
    for session in (0, 7, 13):
        assert ks_2samp(drawn[session] * 0.02, past).pvalue > 0.001


def test_filtered_blocks_have_the_same_spread_after_calm_and_after_storm() -> None:
    shocks = Shocks.fit("blocks", clustered_returns(4000))
    assert shocks.volatility is not None
    runs = shocks.runs(HORIZON)
    known = shocks.volatility.known(shocks.past)[SETTLING : SETTLING + len(runs)]
    calm, storm = known < np.median(known), known >= np.median(known)
    ratio = runs[storm].std() / runs[calm].std()
    raw = np.lib.stride_tricks.sliding_window_view(shocks.past, HORIZON)[SETTLING:]
    assert raw[storm].std() / raw[calm].std() > 1.1
    assert ratio == pytest.approx(1, abs=0.07)
    assert runs.std() == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("kind", ["gaussian", "bootstrap"])
def test_without_volatility_every_session_has_the_deviation(
    kind: Literal["gaussian", "bootstrap"],
) -> None:
    shocks = Shocks.fit(kind, ERRORS)
    scales = shocks.scales(ERRORS, np.array([10, 700]), HORIZON)
    assert scales == pytest.approx(np.full((2, HORIZON), ERRORS.std()))


def test_the_scale_at_an_origin_is_the_volatility_after_the_shocks_known_there() -> None:
    shocks = Shocks.fit("blocks", ERRORS)
    volatility = shocks.volatility
    assert volatility is not None
    at = np.array([60, 500, 800])
    scales = shocks.scales(ERRORS, at, HORIZON)
    for row, known in enumerate(at):
        after = volatility.known(ERRORS[:known])[-1:]
        assert scales[row] == pytest.approx(volatility.ahead(after, HORIZON)[0], rel=1e-12)
    revised = ERRORS.copy()
    revised[500:] *= 10
    changed = shocks.scales(revised, at, HORIZON)
    assert changed[:2].tobytes() == scales[:2].tobytes()
    assert (changed[2] > scales[2]).all()


@pytest.mark.parametrize("kind", KINDS)
def test_an_origin_is_drawn_by_its_own_seed_alone(
    kind: Literal["gaussian", "bootstrap", "blocks"],
) -> None:
    shocks = Shocks.fit(kind, ERRORS)
    batch = shocks.draw(seeds("a", "b", "c"), HORIZON, 50)
    alone = shocks.draw(seeds("c"), HORIZON, 50)
    assert batch.dtype == np.float32
    assert alone[0].tobytes() == batch[2].tobytes()
    assert not np.array_equal(batch[0], batch[1])


@pytest.mark.parametrize("kind", KINDS)
def test_state_through_json_rebuilds_them_bit_for_bit(
    kind: Literal["gaussian", "bootstrap", "blocks"],
) -> None:
    shocks = Shocks.fit(kind, ERRORS)
    rebuilt = checked(
        SavedShocks, json.loads(json.dumps(shocks.state(), allow_nan=False)), "shocks"
    ).shocks()
    assert rebuilt == shocks
    assert rebuilt.past.tobytes() == shocks.past.tobytes()
    again = rebuilt.draw(seeds("a"), HORIZON, 50)
    assert again.tobytes() == shocks.draw(seeds("a"), HORIZON, 50).tobytes()


def test_parameters_name_what_a_user_may_ask_for() -> None:
    assert set(Shocks.fit("bootstrap", ERRORS).parameters) == {"deviation"}
    found = Shocks("blocks", 0.03, ERRORS, Volatility(0.94, None, 0.7, 0.97, 0.02)).parameters
    assert found == {
        "deviation": 0.03,
        "decay": 0.94,
        "weight": 0.7,
        "persistence": 0.97,
        "long_run": 0.02,
    }


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.123456789, -0.00123456789], [0.123457, -0.00123457]),
        ([1234567.0, 0.0, 1e-12], [1234570.0, 0.0, 1e-12]),
    ],
)
def test_past_shocks_are_kept_with_six_digits(
    values: Sequence[float], expected: Sequence[float]
) -> None:
    assert SIGNIFICANT == 6
    assert rounded(np.array(values)).tolist() == expected


def test_rounding_moves_no_shock_by_more_than_its_digits() -> None:
    past = Shocks.fit("bootstrap", ERRORS).past
    exact = ERRORS - ERRORS.mean()
    assert np.abs(past / exact - 1).max() <= 5e-6
    assert rounded(past).tobytes() == past.tobytes()


@pytest.mark.parametrize(("known", "runs"), [(14, 1), (29, 9), (63, 26), (64, 26), (114, 51)])
def test_of_few_past_shocks_half_the_runs_are_used_at_least(known: int, runs: int) -> None:
    shocks = Shocks.fit("blocks", ERRORS[:known])
    assert shocks.runs(HORIZON).shape == (runs, HORIZON)
    assert runs >= (known - HORIZON + 1) / 2
    assert np.isfinite(shocks.draw(seeds("a"), HORIZON, 50)).all()


def test_a_horizon_longer_than_the_past_says_what_to_do() -> None:
    shocks = Shocks.fit("blocks", ERRORS[:29])
    with pytest.raises(CannotForecast, match=r"29 are known: raise training.min_observations"):
        shocks.draw(seeds("a"), 30, 50)


@pytest.mark.parametrize("kind", ["gaussian", "bootstrap"])
def test_only_blocks_have_runs(kind: Literal["gaussian", "bootstrap"]) -> None:
    with pytest.raises(ValueError, match=f"{kind} shocks have no runs"):
        Shocks.fit(kind, ERRORS).runs(HORIZON)
