"""Recalibration: factors from coverage, and paths that are stretched by them."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import norm

from forecast_assets.models import recalibration
from forecast_assets.models.hold_out import N_QUANTILES, ORIGINS_EVERY, SESSIONS_TRIED, Trial
from forecast_assets.models.naive import FittedNaive, Naive
from forecast_assets.models.recalibration import (
    COVERAGES,
    LEAST,
    MOST,
    PRIOR_ORIGINS,
    at_level,
    stretch,
    stretched,
)
from forecast_assets.models.simulation import seed_of
from forecast_assets_tests.histories import make_history


def planted(width: float, n_origins: int = 4000, seed: int = 5) -> Trial:
    """Outcomes whose logarithm is normal, forecast with ``width`` times their true spread."""
    rng = np.random.default_rng(seed)
    spread = 0.02 * np.sqrt(np.arange(1, SESSIONS_TRIED + 1))
    levels = norm.ppf((np.arange(N_QUANTILES) + 0.5) / N_QUANTILES)
    forecast = np.exp(width * spread[:, None] * levels)
    outcomes = np.exp(spread * rng.standard_normal((n_origins, SESSIONS_TRIED)))
    return Trial(np.tile(forecast, (n_origins, 1, 1)), outcomes)


def coverage(logs: NDArray[np.float64], came: NDArray[np.float64], nominal: float) -> float:
    low, high = at_level(logs, (1 - nominal) / 2), at_level(logs, (1 + nominal) / 2)
    return float(((low <= came) & (came <= high)).mean())


def slow_stretch(quantiles: NDArray[np.float64], outcomes: NDArray[np.float64]) -> list[float]:
    found = []
    for session in range(outcomes.shape[1]):
        total = 0.0
        for nominal in COVERAGES:
            scores = []
            for row, outcome in zip(quantiles[:, session], outcomes[:, session], strict=True):
                log = [float(np.log(value)) for value in row]
                places = [(place + 0.5) / len(log) for place in range(len(log))]
                low, middle, high = np.interp(
                    [(1 - nominal) / 2, 0.5, (1 + nominal) / 2], places, log
                )
                off = np.log(outcome) - middle
                scores.append(off / (high - middle) if off > 0 else off / (low - middle))
            total += np.log(np.quantile(scores, nominal)) / len(COVERAGES)
        independent = len(outcomes) * ORIGINS_EVERY / max(ORIGINS_EVERY, session + 1)
        found.append(float(np.exp(total * independent / (independent + PRIOR_ORIGINS))))
    return found


def random_trial(n_origins: int = 60, seed: int = 1) -> Trial:
    rng = np.random.default_rng(seed)
    shape = (n_origins, SESSIONS_TRIED, N_QUANTILES)
    quantiles = np.exp(0.03 * np.sort(rng.standard_t(5, shape), axis=2))
    return Trial(quantiles, np.exp(0.04 * rng.standard_t(5, shape[:2])))


def test_factors_are_those_of_a_loop_over_sessions_and_origins() -> None:
    trial = random_trial()
    assert trial.stretch() == pytest.approx(slow_stretch(trial.quantiles, trial.outcomes), rel=1e-9)


@pytest.mark.parametrize("level", [0.025, 0.1, 0.37, 0.5, 0.9, 0.975])
def test_a_level_lies_between_its_neighbours_as_numpys_hazen_quantile_does(level: float) -> None:
    values = np.sort(np.random.default_rng(2).standard_normal((5, N_QUANTILES)), axis=1)
    wanted = np.quantile(values, level, axis=1, method="hazen")
    assert at_level(values, level) == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize("width", [1.5, 1 / 1.5, 1.0])
def test_forecasts_too_wide_or_too_narrow_get_back_to_nominal_coverage(
    width: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recalibration, "PRIOR_ORIGINS", 1.0)
    learnt, tested = planted(width), planted(width, seed=6)
    factors = np.array(learnt.stretch())
    assert factors == pytest.approx(np.full(SESSIONS_TRIED, 1 / width), rel=0.05)
    logs, came = np.log(tested.quantiles), np.log(tested.outcomes)
    middle = at_level(logs, 0.5)[..., None]
    again = middle + (logs - middle) * factors[:, None]
    for nominal in COVERAGES:
        if width != 1.0:
            assert abs(coverage(logs, came, nominal) - nominal) > 0.02
        assert coverage(again, came, nominal) == pytest.approx(nominal, abs=0.01)


def test_few_origins_pull_a_factor_towards_1() -> None:
    few, many = planted(1.5, n_origins=8), planted(1.5, n_origins=4000)
    assert all(abs(np.log(a)) < abs(np.log(b)) for a, b in
               zip(few.stretch(), many.stretch(), strict=True))  # fmt: skip


def test_later_sessions_have_fewer_independent_origins_and_are_pulled_more() -> None:
    trial = planted(1.5, n_origins=40)
    same = Trial(trial.quantiles[:, [0] * SESSIONS_TRIED], trial.outcomes[:, [0] * SESSIONS_TRIED])
    factors = same.stretch()
    assert factors[0] == factors[ORIGINS_EVERY - 1]  # an origin every four sessions
    pulls = np.abs(np.log(factors[ORIGINS_EVERY - 1 :]))
    assert (np.diff(pulls) < 0).all()


def test_an_origin_with_a_value_at_or_below_zero_is_left_out() -> None:
    trial = random_trial()
    quantiles, outcomes = trial.quantiles.copy(), trial.outcomes.copy()
    quantiles[3, 2, 0] = 0.0
    outcomes[7, 9] = -0.4
    kept = np.setdiff1d(np.arange(len(outcomes)), [3, 7])
    assert stretch(quantiles, outcomes, 4) == stretch(quantiles[kept], outcomes[kept], 4)


def test_an_origin_with_an_interval_of_no_width_is_left_out() -> None:
    trial = random_trial()
    quantiles = trial.quantiles.copy()
    quantiles[3, 2] = 1.0
    quantiles[5, 0, N_QUANTILES // 2 - 1 :] = quantiles[
        5, 0, N_QUANTILES // 2 - 1
    ]  # none above the median
    kept = np.setdiff1d(np.arange(len(quantiles)), [3, 5])
    assert stretch(quantiles, trial.outcomes, 4) == stretch(
        quantiles[kept], trial.outcomes[kept], 4
    )


ONES = np.ones((30, SESSIONS_TRIED))


@pytest.mark.parametrize(
    "trial",
    [
        Trial(np.ones((30, SESSIONS_TRIED, N_QUANTILES)), ONES),
        Trial(np.ones((30, SESSIONS_TRIED, N_QUANTILES)), 1.1 * ONES),
        Trial(np.full((30, SESSIONS_TRIED, N_QUANTILES), np.nan), ONES),
        Trial(-np.ones((30, SESSIONS_TRIED, N_QUANTILES)), ONES),
        Trial(random_trial(30).quantiles, -ONES),
        Trial(np.empty((0, SESSIONS_TRIED, N_QUANTILES)), np.empty((0, SESSIONS_TRIED))),
    ],
    ids=["no width", "no width, missed", "declined", "below zero", "came below zero", "empty"],
)
def test_a_hold_out_that_tells_nothing_of_widths_gives_no_factors(trial: Trial) -> None:
    assert trial.stretch() == ()


def test_outcomes_at_the_very_median_or_far_away_give_bounded_factors(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(recalibration, "PRIOR_ORIGINS", 1.0)
    quantiles = random_trial(5000).quantiles
    at_median = np.exp(at_level(np.log(quantiles), 0.5))
    least, most = (
        np.array(Trial(quantiles, outcomes).stretch())
        for outcomes in (at_median, np.full(at_median.shape, 1e9))
    )
    assert least == pytest.approx(np.full(SESSIONS_TRIED, LEAST), rel=0.05)
    assert most == pytest.approx(np.full(SESSIONS_TRIED, MOST), rel=0.05)
    assert (least >= LEAST).all()
    assert (most <= MOST).all()


def paths(n_paths: int = 101, horizon: int = 6) -> NDArray[np.float32]:
    moves = np.random.default_rng(4).standard_normal((3, n_paths, horizon)) * 0.1
    return (50 * np.exp(np.cumsum(moves, axis=2))).astype(np.float32)


@pytest.mark.parametrize("factors", [(0.6, 0.7, 0.8, 0.9, 1.1, 1.4), (0.25,) * 6, (4.0,) * 6])
def test_stretched_paths_keep_their_median_and_ranks_and_stay_above_zero(
    factors: tuple[float, ...],
) -> None:
    before = paths()
    after = stretched(before.copy(), factors)
    assert after.dtype == np.float32
    assert np.median(after, axis=1) == pytest.approx(np.median(before, axis=1), rel=1e-5)
    assert (after > 0).all()
    order = np.argsort(before, axis=1, kind="stable")
    assert (np.diff(np.take_along_axis(after, order, axis=1), axis=1) >= 0).all()


def test_the_distance_of_logarithms_from_their_median_is_multiplied() -> None:
    factors = (0.5, 0.8, 1.0, 1.2, 1.5, 2.0)
    before = paths()
    logs = np.log(before.astype(np.float64))
    middle = np.median(logs, axis=1, keepdims=True)
    wanted = np.exp(middle + (logs - middle) * np.array(factors))
    assert stretched(before, factors) == pytest.approx(wanted, rel=1e-5)


def test_where_an_origin_has_a_path_at_or_below_zero_its_prices_are_stretched() -> None:
    before = paths()
    before[1] -= 50
    wanted = before.astype(np.float64)
    middle = np.median(wanted[1], axis=0)
    after = stretched(before.copy(), (1.5,))
    assert after[1] == pytest.approx(middle + 1.5 * (wanted[1] - middle), rel=1e-4, abs=1e-4)
    assert np.array_equal(after[[0, 2]], stretched(before[[0, 2]].copy(), (1.5,)))


@pytest.mark.parametrize("horizon", [2, 4, 6])
def test_a_horizon_may_be_shorter_than_the_factors_or_longer(horizon: int) -> None:
    factors = (0.5, 0.7, 0.9, 1.1)
    before = paths()[:, :, :horizon].copy()
    full = (*factors, factors[-1], factors[-1])[:horizon]
    assert np.array_equal(stretched(before.copy(), factors), stretched(before.copy(), full))


def test_a_model_that_is_told_to_is_recalibrated_and_another_is_not() -> None:
    history = make_history(900)
    plain, recalibrated = Naive().fit(history), Naive(recalibrate=True).fit(history)
    assert plain.stretch == ()
    assert len(recalibrated.stretch) == SESSIONS_TRIED
    assert isinstance(recalibrated, FittedNaive)
    days = history.dates[-3:].tolist()
    seeds = [seed_of(str(day)) for day in days]
    drawn = {
        model.stretch: model.simulate(history, days, horizon=20, n_paths=200, seeds=seeds)
        for model in (plain, recalibrated)
    }
    assert np.array_equal(
        drawn[recalibrated.stretch], stretched(drawn[()].copy(), recalibrated.stretch)
    )


def test_a_history_too_short_for_a_hold_out_is_not_recalibrated() -> None:
    assert Naive(recalibrate=True).fit(make_history(749)).stretch == ()
