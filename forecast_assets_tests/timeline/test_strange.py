"""Strange closes: spikes, and other scales that are told from them."""

from datetime import date

import numpy as np
import pytest

from forecast_assets.timeline.history import History
from forecast_assets.timeline.strange import Strange, scales, strange
from forecast_assets_tests.histories import make_history

COFFEE = make_history(400, seed=4)
"""Around 50, with moves of 2 %; to 2019-07-12."""


def changed(places: slice | list[int], factor: float, history: History = COFFEE) -> History:
    closes = history.closes.copy()
    closes[places] *= factor
    return History(history.commodity, history.dates, closes)


def look(history: History) -> Strange:
    return strange(history, 0.25)


def only(history: History) -> str:
    """The one change of scale of a history without any other strange move."""
    found = look(history)
    assert found.moves == []
    (one,) = found.rescaled
    return str(one)


def test_nothing_is_strange_about_ordinary_prices() -> None:
    assert not look(COFFEE)
    assert str(look(COFFEE)) == ""


@pytest.mark.parametrize("factor", [0.01, 100.0, 1000.0, 0.001, 10.0, 1e6, 0.0118])
def test_a_unit_that_changes_and_stays_is_asked_about(factor: float) -> None:
    said = only(changed(slice(383, None), factor))
    assert said.startswith(f"{COFFEE.dates[383]}: ")
    power = 10 ** abs(round(np.log10(factor)))
    size = "large" if factor > 1 else "small"
    assert said.endswith(f": another unit? (17 closes from then on look {power} times too {size})")


def test_the_newest_close_alone_is_asked_about() -> None:
    said = only(changed([399], 0.01))
    assert said.startswith(f"{COFFEE.dates[399]}: {COFFEE.closes[399] / 100:g} after ")
    assert said.endswith(", -99 %: another unit?")


@pytest.mark.parametrize("factor", [100.0, 0.01, 10.0])
def test_a_stretch_in_between_is_counted_from_first_to_last(factor: float) -> None:
    said = only(changed(slice(200, 221), factor))
    assert said.startswith(f"21 closes from {COFFEE.dates[200]} to {COFFEE.dates[220]} look ")
    assert said.endswith("another unit, or a slipped decimal point?")


def test_one_bad_tick_is_one_close() -> None:
    said = only(changed([300], 10.0))
    assert said.startswith(f"1 close of {COFFEE.dates[300]} looks 10 times too large (")


def test_a_separator_flips_many_times_and_is_one_line() -> None:
    flips = [150, 151, 152, 170, 171, 250, 251, 300, 399]
    said = only(changed(flips, 0.001))
    assert said.startswith(f"9 closes from {COFFEE.dates[150]} to {COFFEE.dates[399]} look 1000")
    assert said.endswith(": a separator?")


def test_a_decimal_comma_that_was_lost_has_several_scales() -> None:
    """73,45 became 7345, and 73,5 became 735."""
    history = changed(slice(None), 100.0)
    mixed = changed([30, 31, 90, 160, 161, 240], 0.1, history)
    found = look(changed([200], 0.01, mixed)).rescaled
    assert [each.power for each in found] == [-1, -2]
    assert str(found[0]).endswith(": a separator?")


def test_the_older_closes_may_be_the_few() -> None:
    """A currency that lost six zeros, thirty sessions after the first."""
    said = only(changed(slice(0, 30), 1e6))
    assert said.startswith(f"30 closes up to {COFFEE.dates[29]} look 1000000 times too large, ")
    assert f"then {COFFEE.dates[30]}: " in said


@pytest.mark.parametrize(
    "peak",
    [
        [23.0 / 3.0],
        [7.5, 4.0, 2.0],
        [4.19],
        [9.3, 5.0, 2.5, 1.2],  # tenfold for a day, and back in steps
        [14.0, 13.0, 14.5],  # another contract
    ],
)
def test_a_spike_is_a_spike(peak: list[float]) -> None:
    closes = COFFEE.closes.copy()
    closes[250 : 250 + len(peak)] *= peak
    found = look(History("Gas", COFFEE.dates, closes))
    assert found.rescaled == []
    assert found.moves[0].date == COFFEE.dates[250].item()


def test_closes_that_leap_around_zero_are_on_no_other_scale() -> None:
    spread = np.random.default_rng(3).normal(0, 1, 400)
    found = look(History("Spread", COFFEE.dates, spread))
    assert found.rescaled == []
    assert "to zero or below" in str(found)
    calm = COFFEE.closes.copy()
    calm[100:103] = (18.3, -37.0, 10.0)
    assert not scales(calm).any()


def test_a_close_below_zero_hides_no_change_of_scale() -> None:
    closes = changed(slice(200, None), 0.01).closes.copy()
    closes[[199, 200]] = -1.0
    powers = scales(closes)
    assert set(powers[:201]) == {0}
    assert set(powers[201:]) == {-2}


def test_many_spikes_are_a_line_with_the_largest_and_the_newest() -> None:
    history = changed([50, 120, 300], 1.6)
    said = str(look(changed([120], 1.5, history)))
    assert said.startswith(f"6 moves beyond 25 %: the largest {COFFEE.dates[120]}: ")
    assert f", the newest {COFFEE.dates[301]}: " in said
    assert "\n" not in said


def test_what_somebody_accepted_is_told_no_more() -> None:
    history = changed([50], 1.6, changed(slice(380, None), 0.01))
    days = look(history).days
    assert days == [each.item() for each in COFFEE.dates[[50, 51, 380]]]
    assert not strange(history, 0.25, days)
    assert [x.date for x in strange(history, 0.25, days[2:]).moves] == days[:2]
    assert [x.power for x in strange(history, 0.25, days[:2]).rescaled] == [-2]


def test_a_stretch_is_accepted_by_its_first_close() -> None:
    history = changed([100, 101, 200], 0.001)
    kept = strange(history, 0.25, {COFFEE.dates[100].item()})
    assert str(kept.rescaled[0]).startswith(f"1 close of {COFFEE.dates[200]} looks 1000 times")
    oldest = changed(slice(0, 30), 100.0)
    assert not strange(oldest, 0.25, look(oldest).days)


@pytest.mark.parametrize("sessions", [0, 1, 2])
def test_a_history_of_hardly_anything_is_not_strange(sessions: int) -> None:
    assert not look(History("New", COFFEE.dates[:sessions], COFFEE.closes[:sessions]))


def test_a_bound_of_the_configuration_counts_for_moves_and_not_for_scales() -> None:
    history = changed([100], 1.6, changed(slice(380, None), 0.01))
    found = strange(history, 20.0)
    assert list(found.moves) == []
    assert [stretch.first for x in found.rescaled for stretch in x.stretches] == [
        date.fromisoformat(str(COFFEE.dates[380]))
    ]
