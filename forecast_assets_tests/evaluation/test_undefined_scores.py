"""A score that no number can hold is missing for its forecast alone, and means leave it out."""

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecast_assets.evaluation.evaluation import Tolerance, standings
from forecast_assets.evaluation.leaderboard import panel_test, rows_of
from forecast_assets.evaluation.scoring import (
    ALWAYS_DEFINED,
    PATH_SCORES,
    SESSION_SCORES,
    score,
)
from forecast_assets.record.verification import verify
from forecast_assets.timeline.history import History
from forecast_assets_tests.desk import desk
from forecast_assets_tests.histories import make_history
from forecast_assets_tests.rows import framed

TOLERANCE = Tolerance(0.05, 0.03, 0.01)

rng = np.random.default_rng(7)
PATHS = (50 + rng.standard_normal((2, 40, 3)).cumsum(axis=2)).astype(np.float32)
CLOSES = np.array([50.0, 50.0])
OUTCOMES = np.array([[50.5, 51.0, 50.0], [50.2, 49.0, 51.0]])


@pytest.mark.parametrize("far", [1e308, -1e308, 1.7e308, 1e200, 1e155, 3.4e38])
def test_a_close_too_far_away_costs_only_its_own_forecast_its_scores(far: float) -> None:
    outcomes = OUTCOMES.copy()
    outcomes[1, 1] = far
    found, alone = score(PATHS, CLOSES, outcomes), score(PATHS, CLOSES, OUTCOMES)
    for name in SESSION_SCORES:
        assert np.array_equal(found.sessions[name][0], alone.sessions[name][0], equal_nan=True)
        assert not np.isinf(found.sessions[name]).any()
    for name in PATH_SCORES:
        assert np.array_equal(found.paths[name][0], alone.paths[name][0], equal_nan=True)
        assert not np.isinf(found.paths[name]).any()
    for name in ("covered_80", "covered_95", "width_80", "width_95", "pit"):
        assert np.isfinite(found.sessions[name]).all()
    assert np.isfinite(found.sessions["absolute_error"][1, [0, 2]]).all()
    assert found.undefined.tolist() == [False, abs(far) > 1e150]
    assert not alone.undefined.any()


def test_paths_that_are_all_equal_have_every_score_but_a_density() -> None:
    still = np.full((1, 40, 3), 50.0, dtype=np.float32)
    found = score(still, CLOSES[:1], OUTCOMES[:1])
    for name in set(SESSION_SCORES) - {"log_score"}:
        assert np.isfinite(found.sessions[name]).all(), name
    assert np.isnan(found.sessions["log_score"]).all()
    assert found.sessions["crps"][0].tolist() == [0.5, 1.0, 0.0]
    assert not found.undefined.any()


def test_paths_near_the_end_of_float32_have_scores() -> None:
    found = score(PATHS * np.float32(5e36), CLOSES * 5e36, OUTCOMES * 5e36)
    for name in ALWAYS_DEFINED:
        assert np.isfinite(found.sessions[name]).all(), name


def records(n: int) -> pd.DataFrame:
    """Records of two models, one session apart, of which one CRPS in three is not defined."""
    days = [date(2024, 1, 1) + timedelta(days=place) for place in range(n)]
    frames = []
    for name, crps in (("naive", 2.0), ("walk", 1.0)):
        mine = pd.DataFrame({"model_name": name, "data_cutoff_date": pd.to_datetime(days)})
        mine["first_session"] = mine.data_cutoff_date + pd.Timedelta(days=1)
        mine["last_session"] = mine.first_session
        for score_name in PATH_SCORES:
            mine[score_name] = 0.5
        mine["crps"] = crps + rng.standard_normal(n) / 10
        frames.append(mine)
    frames[1].loc[::3, ["crps", "squared_error"]] = np.nan
    return pd.concat(frames, ignore_index=True)


def test_means_skill_and_tests_leave_it_out_and_say_so() -> None:
    found = records(90)
    defined = found[found.groupby("data_cutoff_date").crps.transform("count") == 2]
    (naive, walk), (_, alone) = standings(found, TOLERANCE), standings(defined, TOLERANCE)
    assert (walk.forecasts, alone.forecasts, naive.forecasts) == (90, 60, 90)
    assert walk.skill == pytest.approx(alone.skill)
    assert walk.dm_statistic == pytest.approx(alone.dm_statistic)
    rows = rows_of(found, TOLERANCE).set_index("model_name")
    assert rows.undefined_forecasts.to_dict() == {"naive": 0, "walk": 30}
    assert rows.crps["walk"] == pytest.approx(alone_mean(defined))
    panel, less = {("Gas", "v1"): found}, {("Gas", "v1"): defined}
    assert panel_test(panel, "v1", "walk") == pytest.approx(panel_test(less, "v1", "walk"))


def alone_mean(defined: pd.DataFrame) -> float:
    return float(defined[defined.model_name == "walk"].crps.mean())


@pytest.mark.filterwarnings("ignore:overflow encountered")  # in the models, which decline it
@pytest.mark.filterwarnings("ignore:invalid value")
def test_tables_with_such_a_close_are_scored_ranked_and_sound(tmp_path: Path) -> None:
    made, coffee = desk(tmp_path, models=["naive"]), make_history(545)
    closes = coffee.closes.copy()
    closes[-1] = 1e308
    made.told(History("Coffee", coffee.dates, closes))
    made.work()
    scores = framed(made.store, "forecast.scores")
    lost = scores[scores.actual == 1e308]
    assert len(lost) == 3
    assert lost.squared_error.isna().all()
    kept = scores[scores.actual < 1e308]
    assert len(kept) > 50
    assert kept[list(ALWAYS_DEFINED)].notna().all(axis=None)
    (board,) = (
        framed(made.store, "forecast.leaderboard").query("commodity == 'Coffee'").itertuples()
    )
    assert (board.undefined_forecasts, np.isfinite(board.crps)) == (1, True)
    assert verify(made.settings, made.store).damages == []
    made.told(coffee)
    made.work()
    assert framed(made.store, "forecast.scores").crps.notna().all()
    assert verify(made.settings, made.store).damages == []
