"""Training dates are those of a plain loop, and take no more memory for each day that asks."""

from datetime import date, timedelta

import pytest

from forecast_assets.timeline import windows
from forecast_assets.timeline.windows import EPOCH, MONTHS, Cadence, dates_until, next_date

CADENCES: list[Cadence] = [*MONTHS, "weekly"]


@pytest.mark.parametrize("cadence", CADENCES)
@pytest.mark.parametrize(
    "day",
    [
        EPOCH - timedelta(days=9),
        EPOCH,
        date(2024, 1, 1),
        date(2024, 6, 30),
        date(2024, 12, 30),
        date(2024, 12, 31),
    ],
)
def test_dates_reach_the_first_one_after_a_day(cadence: Cadence, day: date) -> None:
    expected = [next_date(cadence, EPOCH - timedelta(days=1))]
    while expected[-1] <= day:
        expected.append(next_date(cadence, expected[-1]))
    assert list(dates_until(cadence, day)) == expected


def test_a_process_that_asks_each_day_keeps_one_list_a_year() -> None:
    windows._dates_through.cache_clear()
    for place in range(2 * 365):
        dates_until("weekly", date(2025, 1, 1) + timedelta(days=place))
    assert windows._dates_through.cache_info().currsize == 2
