"""Trainings of a run: each window gets its own, in whatever order they are asked for."""

from collections.abc import Iterator
from datetime import date
from itertools import pairwise, permutations
from typing import Any, cast

import pytest

from forecast_assets.defs.assets.trained_models import Trainings
from forecast_assets.errors import ModelsFailed
from forecast_assets.forecast.training import Training
from forecast_assets.timeline.window import Window
from forecast_assets_tests.histories import make_history

DAYS = [date(2020, 1, 1), date(2020, 4, 1), date(2020, 7, 1), date(2020, 10, 1)]
WINDOWS = [Window("Coffee", first, end) for first, end in pairwise(DAYS)]
TRAINED = {window: Training(make_history(30), not_due=window.key) for window in WINDOWS}


def trainings(given: Iterator[tuple[Window, Training]]) -> Trainings:
    unused = cast(Any, None)  # the trainings have begun: nothing else is asked
    return Trainings(unused, unused, unused, unused, unused, begun={"Coffee": given})


@pytest.mark.parametrize("order", list(permutations(WINDOWS)))
def test_a_window_gets_its_own_training_in_any_order(order: tuple[Window, ...]) -> None:
    made = trainings(iter(TRAINED.items()))
    assert [made.of(window).not_due for window in order] == [window.key for window in order]
    assert made.early == {}


def test_in_order_only_what_is_asked_for_is_trained() -> None:
    begun: list[str] = []

    def given() -> Iterator[tuple[Window, Training]]:
        for window in WINDOWS:
            begun.append(window.key)
            yield window, TRAINED[window]

    made = trainings(given())
    made.of(WINDOWS[0])
    assert begun == [WINDOWS[0].key]


def test_after_an_error_the_later_windows_say_that_an_earlier_one_ended_them() -> None:
    def given() -> Iterator[tuple[Window, Training]]:
        yield WINDOWS[0], TRAINED[WINDOWS[0]]
        raise ValueError("out of order")

    made = trainings(given())
    made.of(WINDOWS[0])
    with pytest.raises(ValueError, match="out of order"):
        made.of(WINDOWS[1])
    with pytest.raises(ModelsFailed, match="an earlier partition's error ended it"):
        made.of(WINDOWS[2])
