"""The harness of growth tells a day that costs more than before, in each of what it measures."""

import csv
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from forecast_assets_tests.growth import FILES, LARGER, STRETCH, Day, bounds, broken, read

DAY = Day(1, 2.0, 400_000_000, 500_000_000, 9, 300, 10**7, 10**6, 1.5e9)

WITHIN = replace(DAY, seconds=2.19, memory=DAY.memory + int(LARGER), files=DAY.files + FILES)
"""A day at the bounds."""

BEYOND = {
    "a late day takes 1.11 times as long": replace(DAY, seconds=2.22),
    "memory grew by 33 MB": replace(DAY, memory=DAY.memory + 33_000_000),
    "a run's memory grew by 40 MB": replace(DAY, run=DAY.run + 40_000_000),
    "1 more handles are open": replace(DAY, handles=10),
    "101 more files are kept": replace(DAY, files=401),
}


@pytest.mark.parametrize("told", BEYOND)
def test_what_a_late_day_costs_more_is_told(told: str) -> None:
    (line,) = bounds([DAY] * 3, [BEYOND[told]] * 3)
    assert line.startswith(told)


def test_a_day_within_the_bounds_is_none() -> None:
    assert bounds([DAY] * 3, [WITHIN] * 3) == []
    assert bounds([DAY] * 3, [DAY, replace(DAY, seconds=9.0, memory=10**9), DAY]) == []


def test_the_last_days_are_compared_with_those_from_the_101st_on() -> None:
    slow = replace(DAY, seconds=3.0)
    assert broken([slow] * STRETCH + [DAY] * 2 * STRETCH) == []
    (line,) = broken([DAY] * 2 * STRETCH + [slow] * STRETCH)
    assert line.startswith("a late day takes 1.50 times")
    (line,) = broken([DAY] * (3 * STRETCH - 1))
    assert line.startswith("299 days are too few")


def test_days_are_read_as_they_were_and_a_row_that_is_not_whole_comes_again(
    tmp_path: Path,
) -> None:
    days = [DAY, replace(DAY, day=2, seconds=2.5)]
    file = tmp_path / "days.csv"
    with file.open("w") as rows:
        write = csv.DictWriter(rows, asdict(DAY))
        write.writeheader()
        write.writerows(asdict(day) for day in days)
    assert read(file) == days
    file.write_text(file.read_text() + "3,2.0,4000")
    assert read(file) == days
