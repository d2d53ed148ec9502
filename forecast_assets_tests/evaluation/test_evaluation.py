"""Standings of models: by hand, against slow loops, and under the null by simulation."""

import math
import time
from dataclasses import asdict, replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from forecast_assets.evaluation.evaluation import (
    COLUMNS,
    MINIMUM,
    Tolerance,
    as_of,
    diebold_mariano,
    non_overlapping,
    standings,
)

TOLERANCE = Tolerance(coverage_80=0.05, coverage_95=0.03, pit_p_value=0.01)


def days(*numbers: int) -> np.ndarray:
    found: np.ndarray = np.datetime64("2020-01-01") + np.array(numbers, dtype=np.int64)
    return found


def records_of(
    model_name: str, count: int, horizon: int = 14, seed: int = 0, every: int = 1
) -> pd.DataFrame:
    """A forecast each ``every`` sessions, every day a session, as calibrated as can be."""
    rng = np.random.default_rng([seed, *model_name.encode()])
    cutoffs = days(*range(0, count * every, every))
    return pd.DataFrame(
        {
            "model_name": model_name,
            "data_cutoff_date": cutoffs,
            "first_session": cutoffs + 1,
            "last_session": cutoffs + horizon,
            "crps": rng.gamma(4, size=count),
            "covered_80": 0.8,
            "covered_95": 0.95,
            "pit": rng.permuted((np.arange(count) + 0.5) / count),
        }
    )


def independent(model_name: str, count: int = 40, seed: int = 0) -> pd.DataFrame:
    """Forecasts of one session, none of which has a session of another."""
    return records_of(model_name, count, horizon=1, seed=seed)


def test_forecasts_are_taken_from_the_first_on_without_a_common_session() -> None:
    # Sessions 1-3, 2-4, 3-5, 4-6, 7-9, 8-10, 10-12: 4 is the first after 3, 7 after 6, 10 after 9.
    taken = non_overlapping(days(1, 2, 3, 4, 7, 8, 10), days(3, 4, 5, 6, 9, 10, 12))
    assert taken.tolist() == [True, False, False, True, True, False, True]
    assert non_overlapping(days(), days()).tolist() == []


def test_later_forecasts_change_nothing_of_what_is_taken() -> None:
    starts = np.cumsum(np.random.default_rng(5).integers(1, 5, size=60))
    first, last = days(*starts), days(*(starts + 6))
    whole = non_overlapping(first, last)
    for count in range(60):
        assert non_overlapping(first[:count], last[:count]).tolist() == whole[:count].tolist()


@pytest.mark.parametrize("shift", [-0.3, 0.0, 0.5])
def test_diebold_mariano_is_the_corrected_statistic_and_students_t(shift: float) -> None:
    differences = np.random.default_rng(2).standard_normal(MINIMUM) + shift
    n, h = MINIMUM, 1
    mean = math.fsum(differences) / n
    variance = math.fsum((d - mean) ** 2 for d in differences) / n
    uncorrected = mean / math.sqrt(variance / n)
    corrected = uncorrected * math.sqrt((n + 1 - 2 * h + h * (h - 1) / n) / n)
    statistic, p_value = diebold_mariano(differences)
    assert statistic == pytest.approx(corrected, rel=1e-9)
    assert p_value == pytest.approx(2 * stats.t.sf(abs(corrected), n - 1), rel=1e-9)


@pytest.mark.parametrize("differences", [np.zeros(50), np.full(50, 0.1), np.arange(29.0)])
def test_too_few_differences_or_all_the_same_are_not_tested(differences: np.ndarray) -> None:
    assert np.isnan(diebold_mariano(differences)).all()


def test_a_standing_by_hand() -> None:
    naive = independent("naive", 3).assign(crps=[2.0, 2.0, 4.0])
    mine = independent("theta", 4).assign(
        crps=[1.0, 2.0, 3.0, 100.0], covered_80=[1.0, 1.0, 0.0, 1.0], covered_95=[1.0, 1.0, 1.0, 0]
    )
    first, second = standings(pd.concat([mine, naive]), TOLERANCE)
    assert (first.model_name, second.model_name) == ("naive", "theta")
    assert (first.skill, first.dm_verdict, first.forecasts) == (0.0, "is naive", 3)
    assert (second.forecasts, second.effective_forecasts) == (4, 4)
    assert second.skill == pytest.approx(1 - 6 / 8)  # the fourth has no naive one beside it
    assert (second.coverage_80, second.coverage_95) == (0.75, 0.75)
    assert second.coverage_error_80 == pytest.approx(-0.05)
    assert second.coverage_error_95 == pytest.approx(-0.2)
    assert (second.calibration, second.dm_verdict) == ("too few", "too few")
    assert np.isnan([second.pit_p_value, second.dm_statistic, second.dm_p_value]).all()


def test_tests_see_only_forecasts_without_a_common_session() -> None:
    naive, mine = records_of("naive", 600), records_of("theta", 600, seed=1)
    found = standings(pd.concat([naive, mine]), TOLERANCE)[1]
    assert (found.forecasts, found.effective_forecasts) == (600, 43)  # 0, 14, ..., 588
    pit, differences = mine["pit"][::14], (mine["crps"] - naive["crps"])[::14]
    uniform = stats.cramervonmises(pit, "uniform")
    assert found.pit_p_value == pytest.approx(uniform.pvalue)
    assert (found.dm_statistic, found.dm_p_value) == pytest.approx(
        diebold_mariano(differences.to_numpy())
    )


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "calibrated"),
        ({"covered_80": 0.75}, "calibrated"),  # just at the tolerance
        ({"covered_80": 0.85, "covered_95": 0.98}, "calibrated"),
        ({"covered_80": 0.74}, "too narrow"),
        ({"covered_95": 0.91}, "too narrow"),
        ({"covered_80": 0.86}, "too wide"),
        ({"covered_95": 0.99}, "too wide"),
        ({"covered_80": 0.86, "covered_95": 0.91}, "too narrow"),
        ({"pit": 0.5}, "not uniform"),
        ({"covered_80": 0.86, "pit": 0.5}, "too wide"),
    ],
)
def test_calibration_is_the_first_word_that_is_true(
    changes: dict[str, float], expected: str
) -> None:
    [found] = standings(independent("theta").assign(**changes), TOLERANCE)
    assert found.calibration == expected
    [fewer] = standings(independent("theta", MINIMUM - 1).assign(**changes), TOLERANCE)
    assert fewer.calibration == "too few"


@pytest.mark.parametrize(
    ("shift", "expected"), [(-1.0, "better"), (1.0, "worse"), (0.0, "no difference")]
)
def test_a_verdict_says_who_has_the_smaller_loss(shift: float, expected: str) -> None:
    naive = independent("naive")
    noise = np.resize([0.1, -0.1], len(naive))
    mine = naive.assign(model_name="theta", crps=naive["crps"] + shift + noise)
    assert standings(pd.concat([naive, mine]), TOLERANCE)[1].dm_verdict == expected
    few = pd.concat([naive[: MINIMUM - 1], mine])
    assert standings(few, TOLERANCE)[1].dm_verdict == "too few"


def test_a_model_that_is_the_naive_one_in_disguise_makes_no_difference() -> None:
    naive = independent("naive")
    found = standings(pd.concat([naive, naive.assign(model_name="theta")]), TOLERANCE)[1]
    assert (found.skill, found.dm_verdict) == (0.0, "no difference")
    assert np.isnan(found.dm_p_value)


def test_without_the_naive_model_there_is_no_skill() -> None:
    [found] = standings(independent("theta"), TOLERANCE)
    assert np.isnan([found.skill, found.dm_statistic, found.dm_p_value]).all()
    assert found.dm_verdict == "too few"


def test_the_order_of_records_does_not_matter() -> None:
    records = pd.concat([records_of("naive", 500), records_of("theta", 450, seed=1)])
    shuffled = records.sample(frac=1, random_state=3)
    found, expected = (pd.DataFrame(standings(x, TOLERANCE)) for x in (shuffled, records))
    pd.testing.assert_frame_equal(found, expected, check_exact=True)


def test_records_that_contradict_each_other_are_refused() -> None:
    records = independent("theta", 5)
    with pytest.raises(ValueError, match="theta: two records have one cutoff"):
        standings(pd.concat([records, records[:1]]), TOLERANCE)


def test_a_score_that_ends_before_an_earlier_one_waits_for_being_made_anew() -> None:
    records = records_of("theta", 60)
    crossed = records.copy()
    crossed.loc[40, "last_session"] = records.loc[20, "last_session"]
    without = records.drop(index=40)
    assert str(standings(crossed, TOLERANCE)) == str(standings(without, TOLERANCE))


def mixed_records() -> pd.DataFrame:
    """Three models: one starts later than the naive one and skips, one has other coverage."""
    late = records_of("theta", 480, seed=2)[40:].iloc[np.arange(440) % 7 != 3]
    wide = records_of("arima_111", 500, seed=3).assign(
        covered_80=np.random.default_rng(4).integers(10, 15, size=500) / 14
    )
    return pd.concat([late, records_of("naive", 480), wide], ignore_index=True)


def test_as_of_a_date_is_the_standing_on_what_had_ended_by_then() -> None:
    records = mixed_records()
    dates = days(*range(0, 560, 9))
    found = as_of(records, dates, TOLERANCE)
    expected = pd.DataFrame(
        {"date": day, **asdict(standing)}
        for day in dates
        for standing in standings(records[records["last_session"] <= day], TOLERANCE)
    )
    assert list(found) == ["date", *COLUMNS]
    pd.testing.assert_frame_equal(found, expected, check_dtype=False)
    assert {"too few", "calibrated", "too wide"} <= set(found["calibration"])


def test_a_record_that_ends_after_a_date_changes_no_row_up_to_it() -> None:
    records, day = mixed_records(), days(450)[0]
    dates = days(*range(400, 520))
    later = records["last_session"] > day
    changed = records.copy()
    changed.loc[later, ["crps", "covered_80", "covered_95", "pit"]] = [1e6, 0.0, 0.0, 0.999]
    kept = changed[~later | (changed.index % 2 == 0)]
    before = as_of(records, dates, TOLERANCE)
    upto = before[before["date"] <= day]
    for other in (changed, kept):
        after = as_of(other, dates, TOLERANCE)
        pd.testing.assert_frame_equal(after[after["date"] <= day], upto)
        assert not after[after["date"] > day].equals(before[before["date"] > day])


def test_before_the_first_end_there_is_no_standing() -> None:
    found = as_of(records_of("naive", 5), days(3, 13), TOLERANCE)
    assert len(found) == 0
    assert list(found) == ["date", *COLUMNS]
    assert as_of(records_of("naive", 5), days(14), TOLERANCE)["forecasts"].tolist() == [1]
    nothing = as_of(records_of("naive", 0), days(14), TOLERANCE)
    assert (len(nothing), list(nothing)) == (0, ["date", *COLUMNS])
    assert nothing["date"].dtype == found["date"].dtype  # dates even where there are none
    assert standings(records_of("naive", 0), TOLERANCE) == []


def test_tolerances_are_the_ones_given() -> None:
    records = independent("theta").assign(covered_80=0.7)
    wider = replace(TOLERANCE, coverage_80=0.11)
    assert standings(records, TOLERANCE)[0].calibration == "too narrow"
    assert standings(records, wider)[0].calibration == "calibrated"
    stricter = replace(wider, pit_p_value=1.0 + 1e-9)
    assert standings(records, stricter)[0].calibration == "not uniform"


def test_two_thousand_dates_of_six_models_take_less_than_two_seconds() -> None:
    names = ["naive", "a", "b", "c", "d", "e"]
    records = pd.concat([records_of(name, 2000) for name in names], ignore_index=True)
    begun = time.process_time()
    found = as_of(records, days(*range(14, 2014)), TOLERANCE)
    assert time.process_time() - begun < 2
    assert len(found) == 6 * 2000


def test_equally_good_models_are_told_apart_in_one_of_twenty_and_only_without_overlap() -> None:
    """Losses of 14 sessions, a forecast a session: neighbours share 13 of them."""
    rng = np.random.default_rng(11)
    series, count, horizon = 400, 700, 14
    first, last = days(*range(1, count + 1)), days(*range(horizon, count + horizon))
    taken = non_overlapping(first, last)
    apart = overlapping = 0
    for _ in range(series):
        losses = rng.standard_normal((2, count + horizon - 1)) ** 2
        by_path = np.lib.stride_tricks.sliding_window_view(losses, horizon, axis=1).mean(axis=2)
        differences = by_path[0] - by_path[1]
        apart += diebold_mariano(differences[taken])[1] < 0.05
        overlapping += diebold_mariano(differences)[1] < 0.05
    assert taken.sum() == 50
    assert 0.02 <= apart / series <= 0.09
    assert overlapping / series > 0.30
