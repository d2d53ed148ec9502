"""Scrutiny: which revisions wait for a word, and which are corrections."""

from collections.abc import Mapping
from datetime import date, timedelta

import numpy as np
import pytest

from forecast_assets.timeline.history import History
from forecast_assets.timeline.scrutiny import (
    Change,
    dispute,
    doubted_withdrawals,
    strange_changes,
)
from forecast_assets_tests.histories import make_history

COFFEE = make_history(600, seed=6)
DAYS: list[date] = COFFEE.dates.tolist()
BOUND = 0.25


def news(factors: Mapping[int, float], stored: History = COFFEE) -> list[Change]:
    """Revisions of the closes at some places, by so much."""
    closes = stored.closes.tolist()
    return [Change(DAYS[at], closes[at] * x, closes[at]) for at, x in sorted(factors.items())]


def changed(factors: Mapping[int, float]) -> History:
    closes = COFFEE.closes.copy()
    closes[list(factors)] *= list(factors.values())
    return History("Coffee", COFFEE.dates, closes)


@pytest.mark.parametrize(
    "factors",
    [
        {599: 64 / 70},  # the settlement
        {599: 1.24, 598: 0.8},
        {10: 0.99, 200: 1.01, 300: 1.02, 301: 0.9, 302: 1.1},  # five
        dict.fromkeys(range(600), 1.0004),  # rounded otherwise
    ],
)
def test_everyday_corrections_are_believed(factors: Mapping[int, float]) -> None:
    assert dispute(COFFEE, news(factors), BOUND) is None


@pytest.mark.parametrize("factor", [1.3, 0.7, 0.01, 1000.0, -1.0])
def test_one_close_that_moves_too_far_waits_alone(factor: float) -> None:
    found = dispute(COFFEE, news({300: factor, 299: 1.01}), BOUND)
    assert found is not None
    assert (found.many, [each.date for each in found.revisions]) == (False, [DAYS[300]])
    assert str(found).startswith(f"1 of 600 stored closes would change ({DAYS[300]}: ")


@pytest.mark.parametrize("places", [range(590, 600), range(600), range(100, 107)])
def test_many_closes_at_once_wait_together(places: range) -> None:
    """Another currency, another contract, a series that was adjusted anew."""
    found = dispute(COFFEE, news(dict.fromkeys(places, 0.86)), BOUND)
    assert found is not None
    assert (found.many, len(found.revisions)) == (True, len(places))
    days = f"{DAYS[places[0]]} to {DAYS[places[-1]]}"
    assert str(found).startswith(f"{len(places)} of 600 stored closes, {days}, would change (most:")
    assert str(found).endswith(", -14 %)")


@pytest.mark.parametrize(
    "wrong",
    [
        {300: 10.0},  # a bad tick
        dict.fromkeys(range(583, 600), 0.01),  # pounds for pence, to the end
        dict.fromkeys(range(100, 130), 14.0),  # another contract for a while
        dict.fromkeys((50, 51, 52, 200, 201, 400, 401, 402), 0.001),  # a separator
        dict.fromkeys(range(40), 1e6),  # before a currency lost its zeros
    ],
)
def test_what_brings_strange_closes_back_in_line_is_a_correction(
    wrong: Mapping[int, float],
) -> None:
    stored = changed(wrong)
    mending = news({at: 1 / factor for at, factor in wrong.items()}, stored)
    assert dispute(stored, mending, BOUND) is None
    assert dispute(COFFEE, news(wrong), BOUND) is not None


def test_a_correction_that_leaves_a_leap_is_none() -> None:
    stored = changed(dict.fromkeys(range(583, 600), 0.01))
    half = news(dict.fromkeys(range(583, 600), 10.0), stored)
    found = dispute(stored, half, BOUND)
    assert found is not None
    assert len(found.revisions) == 17


def test_closes_at_zero_and_below_can_be_revised_a_little() -> None:
    closes = COFFEE.closes.copy()
    closes[[300, 301]] = (-37.0, 0.0)
    stored = History("Oil", COFFEE.dates, closes)
    assert dispute(stored, [Change(DAYS[300], -36.98, -37.0)], BOUND) is None
    assert dispute(stored, [Change(DAYS[300], 37.0, -37.0)], BOUND) is not None
    assert dispute(stored, [Change(DAYS[301], 30.0, 0.0)], BOUND) is not None


class Counted(date):
    """A day that counts how often it is asked whether it is later than another."""

    asked = 0

    def __gt__(self, other: date) -> bool:
        Counted.asked += 1
        return super().__gt__(other)


def test_each_withdrawal_is_compared_with_the_last_session_that_remains() -> None:
    days = [Counted(day.year, day.month, day.day) for day in DAYS[300:]]
    found = doubted_withdrawals(COFFEE, days, [])
    assert found is not None
    assert (found.newest, Counted.asked) == (300, 300)
    kept = doubted_withdrawals(COFFEE, DAYS[300:], [DAYS[-1] + timedelta(days=1)])
    assert kept is not None
    assert kept.newest == 0
    every = doubted_withdrawals(COFFEE, DAYS, [])
    assert every is not None
    assert every.newest == 600


def test_new_sessions_are_no_revisions() -> None:
    new = [Change(date(2030, 1, 1 + day), 9999.0, None) for day in range(20)]
    assert dispute(COFFEE, new, BOUND) is None


def test_strange_changes_are_measured_from_the_last_close_that_is_let_in() -> None:
    last = float(COFFEE.closes[-1])
    days = [date(2030, 1, day) for day in range(1, 6)]
    new = [
        Change(day, last * x, None)
        for day, x in zip(days, (1, 0.01, 0.0101, 1.02, 1.5), strict=True)
    ]
    found = strange_changes(COFFEE, new, BOUND, set())
    assert [each.date for each in found] == [days[1], days[2], days[4]]
    accepted = strange_changes(COFFEE, new, BOUND, {days[1]})
    assert [each.date for each in accepted] == [days[3], days[4]]


def test_the_first_close_of_all_is_let_in() -> None:
    empty = History("New", np.array([], dtype="datetime64[D]"), np.array([]))
    new = [Change(DAYS[0], 50.0, None), Change(DAYS[1], 0.5, None)]
    assert [x.date for x in strange_changes(empty, new, BOUND, set())] == [DAYS[1]]
