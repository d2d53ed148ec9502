"""What a source lacks: taken back between others, kept at both ends unless it is meant."""

from datetime import date, timedelta

import pytest

from forecast_assets.market.lacking import Lacking, lacking

DAYS = [date(2026, 1, 1) + timedelta(days=each) for each in range(800)]


def sorted_out(held: list[date], *, sound: bool = True, allowed: bool = False) -> Lacking:
    missing = sorted(set(DAYS) - set(held))
    return lacking(missing, held[0], held[-1], len(held), sound=sound, allowed=allowed)


@pytest.mark.parametrize("lost", [1, 4, 7])
def test_the_newest_sessions_are_kept_however_few(lost: int) -> None:
    found = sorted_out(DAYS[:-lost])
    assert (list(found.newest), list(found.taken_back), found.many) == (DAYS[-lost:], [], False)
    assert found.problem("Tea") == ""
    (said,) = found.notes("Tea")
    assert said.startswith("Tea: its source lacks the newest ")
    assert str(DAYS[-lost]) in said
    assert str(DAYS[-1]) in said
    assert "`forecast run --commodity Tea --allow-withdrawals`" in said


def test_half_a_file_is_a_problem() -> None:
    found = sorted_out(DAYS[:400])
    assert found.notes("Tea") == []
    assert found.problem("Tea").startswith(
        f"Tea: its source lacks the newest 400 sessions, {DAYS[400]} to {DAYS[-1]}, which were kept"
    )


@pytest.mark.parametrize("places", [[400], [10, 500, 501], [1, 798]])
def test_a_few_between_are_taken_back_and_told(places: list[int]) -> None:
    found = sorted_out([day for place, day in enumerate(DAYS) if place not in places])
    assert found.taken_back == [DAYS[place] for place in places]
    assert found.kept == []
    (said,) = found.notes("Tea")
    assert said.startswith("Tea: its source took back ")
    assert all(str(DAYS[place]) in said for place in places)


def test_many_between_are_kept() -> None:
    found = sorted_out([*DAYS[:300], *DAYS[320:]])
    assert (list(found.taken_back), found.between) == ([], DAYS[300:320])
    assert found.problem("Tea").startswith(
        f"Tea: its source lacks 20 sessions, {DAYS[300]} to {DAYS[319]}, of those that are stored"
    )


@pytest.mark.parametrize("lost", [1, 300])
def test_a_file_of_the_last_years_keeps_what_came_before_it(lost: int) -> None:
    found = sorted_out(DAYS[lost:])
    assert (found.oldest, found.many) == (DAYS[:lost], False)
    (said,) = found.notes("Tea")
    assert said.startswith("Tea: its source begins later than what is stored, and lacks ")


def test_all_of_these_at_once() -> None:
    held = [day for place, day in enumerate(DAYS[2:-3]) if place not in (100, 200)]
    found = sorted_out(held)
    assert list(found.taken_back) == [DAYS[102], DAYS[202]]
    assert found.kept == [*DAYS[:2], *DAYS[-3:]]
    assert len(found.notes("Tea")) == 3


def test_what_was_refused_is_not_taken_back() -> None:
    found = sorted_out([*DAYS[:300], *DAYS[301:-1]], sound=False)
    assert (list(found.taken_back), found.kept) == ([], [DAYS[300], DAYS[-1]])
    assert len(found.notes("Tea")) == 1


def test_all_is_taken_back_where_it_is_meant() -> None:
    found = sorted_out(DAYS[100:400], allowed=True)
    assert found.taken_back == DAYS[:100] + DAYS[400:]
    assert found.kept == []
    assert found.notes("Tea") == [
        f"Tea: its source took back 500 sessions, {DAYS[0]} to {DAYS[-1]}: withdrawn, with the"
        " forecasts from there"
    ]
