"""Forecasts by the day that they are of: as it came, or as it is expected."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import numpy as np

from forecast_assets.forecast.records import WindowChange
from forecast_assets.store.contract import Condition, Store
from forecast_assets_tests.records import AT, DAYS, WRITTEN, draw
from forecast_assets_tests.rows import add, put, rows, table

FIRST, SECOND, THIRD = DAYS  # 2024-01-01 to 2024-01-03: a draw is three sessions long
EXPECTED = [date(2024, 1, day) for day in (4, 5, 8, 9, 10, 11)]

Targets = dict[date, list[date | None]]


def price(store: Store, days: Sequence[date], commodity: str = "Coffee") -> None:
    """Have the day of the month as the close of some sessions."""
    said = {"commodity": commodity, "source": "s", "revision": 1, "ingested_by": "run"}
    told = [said | {"date": day, "close": float(day.day), "ingested_at": AT} for day in days]
    add(store, "market.price_revisions", told)


def targets(store: Store, commodity: str = "Coffee") -> Targets:
    """The day of each session ahead, by cutoff."""
    found: Targets = {}
    where: list[Condition] = [("commodity", "=", commodity)]
    columns = ("data_cutoff_date", "day_ahead", "session")
    for cutoff, _, session in rows(
        store, "forecast.point_forecasts_by_target", *columns, where=where
    ):
        found.setdefault(cutoff, []).append(session)
    return found


def test_each_number_has_the_day_that_it_is_of_and_the_close_that_came(store: Store) -> None:
    price(store, DAYS)
    store.paths.apply(WRITTEN, WindowChange([draw()], expected=EXPECTED))
    assert targets(store) == {
        FIRST: [SECOND, THIRD, EXPECTED[0]],
        SECOND: [THIRD, *EXPECTED[:2]],
        THIRD: EXPECTED[:3],
    }
    found = table(store, "forecast.point_forecasts_by_target").to_pylist()
    actual = {(row["session"], row["actual"]) for row in found}
    assert actual == {(day, float(day.day)) for day in (SECOND, THIRD)} | {
        (day, None) for day in EXPECTED[:3]
    }
    points = draw().points
    columns = ("data_cutoff_date", "day_ahead", "median", "lower_80", "upper_95")
    said = rows(store, "forecast.point_forecasts_by_target", *columns)
    np.testing.assert_array_equal([row[2] for row in said], points.median.reshape(-1))
    assert rows(store, "forecast.point_estimates", *columns) == said


def test_a_holiday_that_nobody_expected_moves_all_later_days(store: Store) -> None:
    price(store, DAYS)
    store.paths.apply(WRITTEN, WindowChange([draw()], expected=EXPECTED))
    price(store, [date(2024, 1, 5)])  # there was no session on the 4th
    assert targets(store) == {
        FIRST: [SECOND, THIRD, date(2024, 1, 5)],
        SECOND: [THIRD, date(2024, 1, 5), date(2024, 1, 8)],
        THIRD: [date(2024, 1, 5), date(2024, 1, 8), date(2024, 1, 9)],
    }


def test_a_session_that_nobody_expected_moves_them_too(store: Store) -> None:
    price(store, DAYS)
    store.paths.apply(WRITTEN, WindowChange([draw()], expected=EXPECTED))
    price(store, [date(2024, 1, 4), date(2024, 1, 6)])  # a Saturday, and none on the 5th
    assert targets(store)[THIRD] == [date(2024, 1, 4), date(2024, 1, 6), date(2024, 1, 8)]


def test_a_session_that_is_told_late_is_counted(store: Store) -> None:
    price(store, [FIRST, THIRD])
    store.paths.apply(WRITTEN, WindowChange([draw([FIRST, THIRD])], expected=EXPECTED))
    assert targets(store)[FIRST] == [THIRD, *EXPECTED[:2]]
    price(store, [SECOND])
    assert targets(store)[FIRST] == [SECOND, THIRD, EXPECTED[0]]


def test_a_later_change_replaces_what_is_expected_of_its_commodity_only(store: Store) -> None:
    other = replace(WRITTEN, commodity="Sugar")
    store.paths.apply(other, WindowChange(expected=EXPECTED))
    store.paths.apply(WRITTEN, WindowChange(expected=EXPECTED[:3]))
    store.paths.apply(WRITTEN, WindowChange(expected=EXPECTED[1:4]))
    store.paths.apply(WRITTEN, WindowChange())
    assert rows(store, "forecast.expected_sessions") == [
        *(("Coffee", day) for day in EXPECTED[1:4]),
        *(("Sugar", day) for day in EXPECTED),
    ]


def test_tables_that_lack_what_is_expected_know_what_came_and_the_first_session(
    store: Store,
) -> None:
    price(store, DAYS)
    store.paths.apply(WRITTEN, WindowChange([draw()], expected=EXPECTED))
    expected = table(store, "forecast.expected_sessions")
    put(store, "forecast.expected_sessions", expected.slice(0, 0))  # as an older release left them
    start = draw().starts[-1]
    assert targets(store) == {
        FIRST: [SECOND, THIRD, start],
        SECOND: [THIRD, start, None],
        THIRD: [start, None, None],
    }
