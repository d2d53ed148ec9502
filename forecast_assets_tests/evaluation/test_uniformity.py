"""The test of uniformity is SciPy's, for all samples at once."""

import numpy as np
import pytest
from scipy import stats

from forecast_assets.evaluation.uniformity import p_values, statistic


@pytest.mark.parametrize("power", [0.3, 0.9, 1.0, 1.1, 4.0])
def test_p_values_of_growing_samples_are_those_of_scipy(power: float) -> None:
    values = np.random.default_rng(5).random(300) ** power
    counts = np.array([2, 3, 4, 30, 31, 100, 299, 300])
    found = p_values(np.array([statistic(values[:count]) for count in counts]), counts)
    wanted = [stats.cramervonmises(values[:count], "uniform").pvalue for count in counts]
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-13)


def test_the_ends_of_the_distribution_are_those_of_scipy() -> None:
    best, worst = (np.arange(30) + 0.5) / 30, np.zeros(30)
    found = p_values(np.array([statistic(best), statistic(worst)]), np.array([30, 30]))
    wanted = [stats.cramervonmises(some, "uniform").pvalue for some in (best, worst)]
    assert found.tolist() == wanted == [1.0, 0.0]


def test_no_sample_has_no_p_value() -> None:
    assert p_values(np.empty(0), np.empty(0, dtype=np.intp)).tolist() == []
