"""Scores against slow loops, closed forms and examples by hand."""

import math
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pytest
import scoringrules
from numpy.typing import NDArray
from scipy import stats

from forecast_assets.evaluation.scoring import (
    PATH_SCORES,
    SESSION_SCORES,
    bandwidth,
    energy_scores,
    permuted,
    pit,
    score,
    summary_horizons,
)
from forecast_assets.forecast.points import LEVELS, in_order, points_of

Floats = NDArray[np.float64]


def forecasts(
    n_origins: int, n_paths: int, horizon: int, close: float = 50.0
) -> tuple[NDArray[np.float32], Floats, Floats]:
    """Random walks from ``close``, the closes, and outcomes drawn alike."""
    rng = np.random.default_rng([n_origins, n_paths, horizon])
    walks = close + rng.standard_normal((n_origins, n_paths + 1, horizon)).cumsum(axis=2)
    paths, outcomes = walks[:, :-1].astype(np.float32), walks[:, -1].copy()
    return paths, np.full(n_origins, close), outcomes


def slow_session(members: list[float], close: float, y: float) -> dict[str, float]:
    """Scores of one session in plain arithmetic; members in any order."""
    m, x = len(members), sorted(members)

    def quantile(level: float) -> float:
        place = level * (m - 1)
        low = min(int(place), m - 2)
        return x[low] + (x[low + 1] - x[low]) * (place - low)

    mean = math.fsum(x) / m
    deviation = math.sqrt(math.fsum((v - mean) ** 2 for v in x) / m)
    bandwidth = 1.06 * min(deviation, (quantile(0.75) - quantile(0.25)) / 1.34) * m**-0.2
    kernels = [math.exp(-(((y - v) / bandwidth) ** 2) / 2) for v in x]
    density = math.fsum(kernels) / (m * bandwidth * math.sqrt(2 * math.pi))
    spread = math.fsum(abs(a - b) for a in x for b in x) / (m * (m - 1))
    losses = [(y - quantile(p)) * (p if y > quantile(p) else p - 1) for p in LEVELS]
    moved, came = quantile(0.5) - close, y - close
    held = float(np.float32(y))  # ties and bounds are met by an outcome as float32
    return {
        "absolute_error": abs(quantile(0.5) - y),
        "squared_error": (mean - y) ** 2,
        "absolute_percentage_error": 100 * abs(quantile(0.5) - y) / abs(y),
        "pinball_loss": math.fsum(losses) / len(LEVELS),
        "crps": math.fsum(abs(v - y) for v in x) / m - spread / 2,
        "log_score": -math.log(density) if density > 0 else math.nan,
        "covered_80": float(quantile(0.1) <= held <= quantile(0.9)),
        "covered_95": float(quantile(0.025) <= held <= quantile(0.975)),
        "width_80": quantile(0.9) - quantile(0.1),
        "width_95": quantile(0.975) - quantile(0.025),
        "pit": (sum(v < held for v in x) + (sum(v == held for v in x) + 1) / 2) / (m + 1),
        "directional_accuracy": 0.5 if moved * came == 0 else float(moved * came > 0),
    }


def slow_energy(block: Floats, outcome: Floats, pairs: list[tuple[int, int]]) -> float:
    """Of paths (n_paths, sessions): mean distance, less half of the mean over ``pairs``."""
    far = sum(math.dist(path, outcome) for path in block) / len(block)
    return far - sum(math.dist(block[a], block[b]) for a, b in pairs) / len(pairs) / 2


def slow_variogram(block: Floats, outcome: Floats) -> float:
    total = 0.0
    for i in range(len(outcome)):
        for j in range(len(outcome)):
            expected = sum(abs(path[i] - path[j]) ** 0.5 for path in block) / len(block)
            total += (abs(outcome[i] - outcome[j]) ** 0.5 - expected) ** 2
    return total


@pytest.mark.parametrize("close", [50.0, -3.0, 100_000.0])
@pytest.mark.parametrize(("n_paths", "horizon"), [(2, 3), (40, 1), (41, 3), (30, 5), (11, 20)])
def test_scores_are_those_of_a_slow_loop(n_paths: int, horizon: int, close: float) -> None:
    paths, closes, outcomes = forecasts(9, n_paths, horizon, close)
    found = score(paths, closes, outcomes)
    exact = paths.astype(np.float64)
    slow = [
        [
            slow_session(exact[d, :, h].tolist(), close, float(outcomes[d, h]))
            for h in range(horizon)
        ]
        for d in range(9)
    ]
    for name in SESSION_SCORES:
        expected = np.array([[cell[name] for cell in row] for row in slow])
        np.testing.assert_allclose(found.sessions[name], expected, rtol=1e-6, err_msg=name)
    assert found.horizons == summary_horizons(horizon)
    for place, upto in enumerate(found.horizons):
        for name in (*SESSION_SCORES, "directional_accuracy"):
            values = np.array([[cell[name] for cell in row[:upto]] for row in slow])
            expected = values[:, -1] if name == "pit" else values.mean(axis=1)
            np.testing.assert_allclose(
                found.paths[name][:, place], expected, rtol=1e-6, err_msg=name
            )


@pytest.mark.parametrize(("n_paths", "horizon"), [(2, 3), (25, 1), (10, 5), (7, 20)])
@pytest.mark.parametrize("close", [50.0, -3.0, 100_000.0])
def test_energy_and_variogram_scores_are_those_of_slow_loops(
    n_paths: int, horizon: int, close: float
) -> None:
    paths, closes, outcomes = forecasts(3, n_paths, horizon, close)
    found = score(paths, closes, outcomes)
    blocks = permuted(paths).astype(np.float64).transpose(0, 2, 1)
    neighbours = [(m, m - 1) for m in range(n_paths)]
    for place, upto in enumerate(found.horizons):
        for d in range(3):
            block, outcome = blocks[d, :, :upto], outcomes[d, :upto]
            assert found.paths["energy_score"][d, place] == pytest.approx(
                slow_energy(block, outcome, neighbours), rel=1e-9
            )
            assert found.paths["variogram_score"][d, place] == pytest.approx(
                slow_variogram(block, outcome), rel=1e-4, abs=1e-6
            )


@pytest.mark.parametrize("close", [0.5, 50.0, -3.0, 100_000.0])
def test_scores_are_those_of_a_library(close: float) -> None:
    paths, closes, outcomes = forecasts(11, 200, 14, close)
    found = score(paths, closes, outcomes)
    members = paths.transpose(0, 2, 1).astype(np.float64)
    crps = scoringrules.crps_ensemble(outcomes, members, estimator="pwm")
    widths = bandwidth(points_of(in_order(paths)), 200)
    log_score = scoringrules.logs_ensemble(outcomes, members, bw=widths)
    np.testing.assert_allclose(found.sessions["crps"], crps, rtol=1e-6)
    np.testing.assert_allclose(found.sessions["log_score"], log_score, rtol=1e-6)
    blocks = permuted(paths).astype(np.float64)
    for place, end in enumerate(found.horizons):
        some = outcomes[:, :end], blocks[:, :end]
        energy = scoringrules.es_ensemble(*some, m_axis=-1, v_axis=-2, estimator="akr")
        variogram = scoringrules.vs_ensemble(*some, m_axis=-1, v_axis=-2, p=0.5)
        np.testing.assert_allclose(found.paths["energy_score"][:, place], energy, rtol=1e-6)
        np.testing.assert_allclose(found.paths["variogram_score"][:, place], variogram, rtol=2e-6)


def test_paths_kept_together_by_member_need_the_permutation() -> None:
    rng = np.random.default_rng(3)
    low, high = rng.standard_normal((150, 4)), 20 + rng.standard_normal((150, 4))
    pooled = np.concatenate([low, high])[None].astype(np.float32)
    outcome = np.full((1, 4), 10.0)
    every_pair = [(a, b) for a in range(300) for b in range(300) if a != b]
    exact = slow_energy(pooled[0].astype(np.float64), outcome[0], every_pair)
    shuffled = score(pooled, np.array([10.0]), outcome).paths["energy_score"][0, -1]
    as_stored = energy_scores(outcome, pooled.astype(np.float64).transpose(0, 2, 1), [3]).item()
    # Half of all pairs are 40 apart, sqrt(4 * 20**2): the exact score is near 20 - 10. Of 300
    # neighbours some 150 are such pairs, give or take sqrt(300) / 2, each of which weighs 40 / 600.
    assert exact == pytest.approx(10, abs=1)
    assert shuffled == pytest.approx(exact, abs=3 * math.sqrt(300) / 2 * 40 / 600)
    assert as_stored > exact + 8


def test_a_permutation_keeps_whole_paths() -> None:
    paths = forecasts(2, 6, 3)[0]
    for before, after in zip(paths, permuted(paths), strict=True):
        assert sorted(map(tuple, before.tolist())) == sorted(map(tuple, after.T.tolist()))
    assert [list(x) for x in permuted(paths)[0].T] != [list(x) for x in paths[0]]


def test_crps_and_log_score_of_many_normal_paths_are_near_their_closed_forms() -> None:
    # CRPS of N(0, 1) at y: y (2 Phi(y) - 1) + 2 phi(y) - 1 / sqrt(pi). Evenly spaced quantiles.
    n_paths = 20_000
    normal = stats.norm.ppf((np.arange(n_paths) + 0.5) / n_paths)
    for y in (0.0, 0.7, -2.0):
        closed = y * (2 * stats.norm.cdf(y) - 1) + 2 * stats.norm.pdf(y) - 1 / math.sqrt(math.pi)
        paths = normal.reshape(1, n_paths, 1).astype(np.float32)
        found = score(paths, np.array([0.0]), np.array([[y]]))
        assert found.sessions["crps"].item() == pytest.approx(closed, abs=1e-3)
        # The kernels widen N(0, 1) to N(0, 1 + b**2), b = 1.06 * 1 * n_paths**-0.2.
        variance = 1 + (1.06 * n_paths**-0.2) ** 2
        log_score = (y**2 / variance + math.log(2 * math.pi * variance)) / 2
        assert found.sessions["log_score"].item() == pytest.approx(log_score, abs=1e-3)


def test_pit_of_two_paths_by_hand() -> None:
    ordered = in_order(np.array([[[2.0], [1.0]]], dtype=np.float32))
    # Of the ranks 1, 2, 3 over 3 + 0.5: below both (0 + 0.5) / 3; at the first (0 + 1) / 3.
    cases = {0.5: 0.5 / 3, 1.0: 1 / 3, 1.5: 1.5 / 3, 2.0: 2 / 3, 9.0: 2.5 / 3}
    for outcome, expected in cases.items():
        assert pit(ordered, np.array([[outcome]])).item() == pytest.approx(expected)


def test_an_outcome_that_float32_rounds_equals_the_paths_that_hold_it() -> None:
    paths = np.full((1, 4, 1), 1.1, dtype=np.float32)
    found = score(paths, np.array([1.1]), np.array([[1.1]]))
    assert found.sessions["pit"].item() == 0.5  # (0 + (4 + 1) / 2) / 5
    assert found.sessions["covered_80"].item() == 1.0


def test_paths_that_are_all_equal_have_an_error_and_no_density() -> None:
    found = score(np.full((1, 5, 2), 4, dtype=np.float32), np.array([4.0]), np.array([[4.0, 7.0]]))
    sessions = {name: values[0].tolist() for name, values in found.sessions.items()}
    assert sessions["crps"] == sessions["absolute_error"] == [0.0, 3.0]
    assert sessions["squared_error"] == [0.0, 9.0]
    assert sessions["covered_95"] == [1.0, 0.0]
    assert sessions["width_95"] == [0.0, 0.0]
    assert np.isnan(sessions["log_score"]).all()
    assert np.isnan(found.paths["log_score"]).all()
    # Paths distances: |(4, 4) - (4, 7)| = 3; variogram: 2 * (sqrt(3) - 0)^2 = 6.
    assert found.paths["energy_score"][0].tolist() == [0.0, 3.0]
    assert found.paths["variogram_score"][0] == pytest.approx([0, 6])


def test_a_log_score_is_not_defined_where_the_density_vanishes() -> None:
    paths, closes, outcomes = forecasts(1, 50, 3)
    outcomes[0, 1] = 1e6
    found = score(paths, closes, outcomes)
    assert np.isnan(found.sessions["log_score"]).tolist() == [[False, True, False]]
    assert np.isnan(found.paths["log_score"]).tolist() == [[False, True]]
    assert np.isfinite(found.sessions["crps"]).all()


def test_a_percentage_of_an_outcome_of_zero_is_not_defined() -> None:
    paths, closes, outcomes = forecasts(1, 20, 2, close=0.0)
    outcomes[0] = [-2.0, 0.0]
    found = score(paths, closes, outcomes)
    median = float(np.median(paths[0, :, 0].astype(np.float64)))
    error = found.sessions["absolute_percentage_error"][0]
    assert error[0] == pytest.approx(100 * abs(median + 2) / 2)
    assert np.isnan(error[1])
    assert np.isnan(found.paths["absolute_percentage_error"]).tolist() == [[False, True]]
    assert np.isfinite(found.paths["absolute_error"]).all()


def test_what_does_not_move_has_half_of_a_direction() -> None:
    # Medians up, at the close, up, down; outcomes up, up, unchanged, up: 1, 0.5, 0.5, 0.
    paths = np.array([[[2, 1.1, 2, 0]] * 3], dtype=np.float32)
    found = score(paths, np.array([1.1]), np.array([[3.0, 3.0, 1.1, 3.0]]))
    assert found.horizons == (1, 4)
    assert found.paths["directional_accuracy"].tolist() == [[1.0, 0.5]]


def test_sessions_that_are_not_known_have_no_scores_and_change_no_others() -> None:
    paths, closes, outcomes = forecasts(20, 30, 16)
    whole = score(paths, closes, outcomes)
    known = np.array([*range(17), 0, 7, 16])
    outcomes[np.arange(16) >= known[:, None]] = np.nan
    found = score(paths, closes, outcomes)
    there = np.arange(16) < known[:, None]
    reached = known[:, None] >= np.array([1, 7, 14, 16])
    assert found.horizons == (1, 7, 14, 16)
    for name in SESSION_SCORES:
        expected = np.where(there, whole.sessions[name], np.nan)
        np.testing.assert_allclose(found.sessions[name], expected, rtol=1e-12, err_msg=name)
    for name in PATH_SCORES:
        expected = np.where(reached, whole.paths[name], np.nan)
        np.testing.assert_allclose(found.paths[name], expected, rtol=1e-12, err_msg=name)


def test_nothing_known_is_nothing_scored() -> None:
    paths, closes, outcomes = forecasts(2, 5, 3)
    found = score(paths, closes, np.full_like(outcomes, np.nan))
    assert list(found.sessions) == list(SESSION_SCORES)
    assert list(found.paths) == list(PATH_SCORES)
    assert all(np.isnan(values).all() for values in found.sessions.values())
    assert all(np.isnan(values).all() for values in found.paths.values())


def test_threads_give_the_same_bytes() -> None:
    paths, closes, outcomes = forecasts(37, 50, 8)
    outcomes[30:, 5:] = np.nan
    alone = score(paths, closes, outcomes)
    with ThreadPoolExecutor(4) as threads:
        spread = score(paths, closes, outcomes, threads.map)
    for name in SESSION_SCORES:
        assert alone.sessions[name].tobytes() == spread.sessions[name].tobytes(), name
    for name in PATH_SCORES:
        assert alone.paths[name].tobytes() == spread.paths[name].tobytes(), name


def test_an_origin_has_the_same_scores_whatever_the_others_are() -> None:
    paths, closes, outcomes = forecasts(12, 50, 8)
    whole, alone = (score(paths[x], closes[x], outcomes[x]) for x in (slice(None), slice(9, 10)))
    for name in PATH_SCORES:
        assert whole.paths[name][9].tobytes() == alone.paths[name][0].tobytes(), name


def test_a_view_of_another_layout_has_the_same_scores() -> None:
    paths, closes, outcomes = forecasts(3, 20, 4)
    blocks = np.ascontiguousarray(paths.transpose(0, 2, 1)).transpose(0, 2, 1)
    here, there = score(paths, closes, outcomes), score(blocks, closes, outcomes)
    for name in PATH_SCORES:
        np.testing.assert_array_equal(here.paths[name], there.paths[name], err_msg=name)


@pytest.mark.parametrize(
    ("horizon", "expected"),
    [(1, (1,)), (3, (1, 3)), (7, (1, 7)), (14, (1, 7, 14)), (20, (1, 7, 14, 20))],
)
def test_a_path_is_scored_to_its_end(horizon: int, expected: tuple[int, ...]) -> None:
    assert summary_horizons(horizon) == expected
    assert all(a < b for a, b in pairwise(expected))


def test_shapes_that_do_not_fit_are_refused() -> None:
    paths, closes, outcomes = forecasts(3, 5, 4)
    with pytest.raises(ValueError, match="outcomes"):
        score(paths, closes, outcomes[:, :3])
    with pytest.raises(ValueError, match="closes"):
        score(paths, closes[:2], outcomes)
