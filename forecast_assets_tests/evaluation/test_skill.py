"""The one formula of skill."""

import numpy as np

from forecast_assets.evaluation.skill import skill


def test_skill_is_the_share_that_is_missing_from_the_naive_crps() -> None:
    assert skill(3.0, 4.0) == 0.25
    assert skill(5.0, 4.0) == -0.25
    assert skill([1.0, 2.0], [2.0, 2.0]).tolist() == [0.5, 0.0]


def test_there_is_no_skill_against_a_naive_crps_of_zero_or_none() -> None:
    found = skill([1.0, 0.0, 1.0, np.nan], [0.0, 0.0, np.nan, 2.0])
    assert np.isnan(found).all()
