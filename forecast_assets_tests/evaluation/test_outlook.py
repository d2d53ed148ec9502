"""Outlooks: the numbers of a page, against those read off by hand and those of single paths."""

import numpy as np
import pytest

from forecast_assets.evaluation.outlook import outlooks


def test_an_outlook_is_read_off_the_paths() -> None:
    prices = np.arange(101, dtype=np.float32)
    paths = np.broadcast_to(prices[None, :, None], (1, 101, 7))
    ((said,),) = outlooks(paths, [60.0])
    assert (said.sessions, said.median) == (7, 50.0)
    assert (said.lower_80, said.upper_80) == (10.0, 90.0)
    assert (said.lower_95, said.upper_95) == (2.5, 97.5)
    assert said.value_at_risk == pytest.approx(60 - 5)
    # The worst 5 % of 101 paths: 0 to 4, and a twentieth of path 5.
    assert said.expected_shortfall == pytest.approx(60 - (0 + 1 + 2 + 3 + 4 + 0.05 * 5) / 5.05)
    assert said.probability_above == pytest.approx((40 + 0.5) / 101)


def test_many_origins_have_the_numbers_that_each_has_alone() -> None:
    chance = np.random.default_rng(3)
    paths = chance.normal(50, 5, (4, 40, 14)).astype(np.float32)
    closes = [48.0, 50.0, 52.0, 40.0]
    together = outlooks(paths, closes)
    assert [[each.sessions for each in some] for some in together] == [[7, 14]] * 4
    for place, some in enumerate(together):
        assert outlooks(paths[place : place + 1], closes[place : place + 1]) == [some]
