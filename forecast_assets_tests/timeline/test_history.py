"""History: where it is cut, what it refuses, and how its prefixes are told apart."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from forecast_assets.errors import LookAheadError, MissingCovariate
from forecast_assets.timeline.history import History, as_days
from forecast_assets_tests.histories import make_history

DAYS = ["2024-01-02", "2024-01-03", "2024-01-05", "2024-01-08"]
CLOSES = [1.0, 2.0, 3.0, 4.0]
BEFORE_ALL, HOLIDAY, AFTER_ALL = date(2024, 1, 1), date(2024, 1, 4), date(2024, 1, 9)


def history(
    closes: list[float] = CLOSES, days: list[str] = DAYS, commodity: str = "Coffee"
) -> History:
    return History(commodity, np.array(days, dtype="datetime64[D]"), np.array(closes))


def changed(index: int) -> History:
    closes = list(CLOSES)
    closes[index] = np.nextafter(closes[index], np.inf)
    return history(closes)


@pytest.mark.parametrize(
    ("day", "before", "at"),
    [
        (BEFORE_ALL, [], []),
        (date(2024, 1, 2), [], [1.0]),
        (date(2024, 1, 3), [1.0], [1.0, 2.0]),
        (HOLIDAY, [1.0, 2.0], [1.0, 2.0]),
        (date(2024, 1, 8), [1.0, 2.0, 3.0], CLOSES),
        (AFTER_ALL, CLOSES, CLOSES),
    ],
)
def test_before_excludes_its_day_at_includes_it_and_since_is_the_rest(
    day: date, before: list[float], at: list[float]
) -> None:
    whole = history()
    assert whole.known_before(day).closes.tolist() == before
    assert whole.known_at(day).closes.tolist() == at
    assert whole.since(day).closes.tolist() == CLOSES[len(before) :]


def test_no_cut_at_any_day_lets_the_future_in() -> None:
    whole = make_history(sessions=60)
    for offset in range(-3, 90):
        day = whole.first + timedelta(days=offset)
        known, later = whole.known_before(day), whole.since(day)
        assert all(session < day for session in known.dates.tolist())
        assert all(session <= day for session in whole.known_at(day).dates.tolist())
        assert known.dates.tolist() + later.dates.tolist() == whole.dates.tolist()


def test_a_cut_keeps_dates_with_their_closes_and_the_commodity() -> None:
    cut = history().known_at(HOLIDAY)
    assert cut.commodity == "Coffee"
    assert cut.dates.tolist() == [date(2024, 1, 2), date(2024, 1, 3)]
    assert (cut.first, cut.newest, len(cut)) == (date(2024, 1, 2), date(2024, 1, 3), 2)


@pytest.mark.parametrize(
    ("closes", "kept"),
    [
        ([1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0]),
        ([1.0, -37.63, 10.01, 4.0], [1.0, 10.01, 4.0]),
        ([0.0, 2.0, 0.0, 4.0], [2.0, 4.0]),
        ([1.0, 2.0, 3.0, -0.01], [1.0, 2.0, 3.0]),
        ([0.0, -1.0, -0.0, -0.01], []),
    ],
)
def test_positive_leaves_out_the_sessions_without_a_logarithm_and_no_other(
    closes: list[float], kept: list[float]
) -> None:
    found = history(closes).positive()
    assert found.closes.tolist() == kept
    days = [day for day, close in zip(history().dates.tolist(), closes, strict=True) if close > 0]
    assert found.dates.tolist() == days
    assert found.commodity == "Coffee"


@pytest.mark.parametrize("days", [[], [date.min, date(1969, 12, 31), AFTER_ALL, date.max]])
def test_days_are_those_of_numpy(days: list[date]) -> None:
    found = as_days(days)
    assert found.dtype == "datetime64[D]"
    assert found.tolist() == days


def test_positions_follow_the_order_of_the_origins() -> None:
    origins = [date(2024, 1, 8), date(2024, 1, 2), date(2024, 1, 5)]
    assert history().positions(origins).tolist() == [3, 0, 2]
    assert history().positions([]).tolist() == []


@pytest.mark.parametrize("origins", [[AFTER_ALL], [date(2024, 1, 2), AFTER_ALL]])
def test_an_origin_past_the_end_looks_ahead(origins: list[date]) -> None:
    with pytest.raises(LookAheadError, match=r"^Coffee: .*2024-01-09 is later"):
        history().positions(origins)


def test_an_origin_that_was_cut_away_looks_ahead() -> None:
    with pytest.raises(LookAheadError, match="2024-01-05"):
        history().known_before(date(2024, 1, 5)).positions([date(2024, 1, 5)])


def test_any_origin_of_an_empty_history_looks_ahead() -> None:
    with pytest.raises(LookAheadError, match="2024-01-02"):
        history().known_before(BEFORE_ALL).positions([date(2024, 1, 2)])


@pytest.mark.parametrize("day", [BEFORE_ALL, HOLIDAY])
def test_an_origin_that_is_no_session_is_refused(day: date) -> None:
    with pytest.raises(ValueError, match=f"Coffee: {day} is not a session"):
        history().positions([date(2024, 1, 2), day])


@pytest.mark.parametrize(
    ("days", "closes", "reason"),
    [
        (["2024-01-03", "2024-01-02"], [1.0, 2.0], "not strictly increasing"),
        (["2024-01-02", "2024-01-02"], [1.0, 1.0], "not strictly increasing"),
        (["2024-01-02", "NaT"], [1.0, 1.0], "not strictly increasing"),
        (["2024-01-02"], [1.0, 2.0], r"\(1,\) dates and \(2,\) closes"),
        (["2024-01-02"], [np.nan], "missing, or infinite"),
        (["2024-01-02"], [np.inf], "missing, or infinite"),
        (["2024-01-02"], [-np.inf], "missing, or infinite"),
    ],
)
def test_what_is_not_a_history_is_refused_by_name(
    days: list[str], closes: list[float], reason: str
) -> None:
    with pytest.raises(ValueError, match=f"^Coffee: .*{reason}"):
        history(closes, days)


def test_tables_are_no_history() -> None:
    with pytest.raises(ValueError, match=r"\(1, 2\) dates"):
        History("Coffee", np.array([["2024-01-02", "2024-01-03"]], "M8[D]"), np.ones((1, 2)))


@pytest.mark.parametrize(
    "cut",
    [
        history(),
        history().known_at(HOLIDAY),
        history().since(HOLIDAY),
        history([1.0, -1.0, 3.0, 4.0]).positive(),
    ],
)
def test_arrays_are_read_only_in_a_history_and_in_its_cuts(cut: History) -> None:
    with pytest.raises(ValueError, match="read-only"):
        cut.closes[0] = 9.0
    with pytest.raises(ValueError, match="read-only"):
        cut.dates[0] = np.datetime64("2030-01-01")


def test_a_history_is_its_own_copy_and_leaves_the_given_arrays_writeable() -> None:
    days, closes = np.array(DAYS, dtype="datetime64[D]"), np.array(CLOSES)
    whole = History("Coffee", days, closes)
    days[0], closes[0] = np.datetime64("1999-01-01"), 99.0
    assert (whole.first, whole.closes[0]) == (date(2024, 1, 2), 1.0)


@pytest.mark.parametrize("index", range(len(CLOSES)))
def test_a_changed_close_changes_the_fingerprints_from_it_on_and_none_before(index: int) -> None:
    pairs = zip(history().fingerprints, changed(index).fingerprints, strict=True)
    same = [mine == other for mine, other in pairs]
    assert same == [position < index for position in range(len(CLOSES))]


@pytest.mark.parametrize("length", range(1, len(CLOSES) + 1))
def test_the_fingerprint_of_a_prefix_is_the_prefix_of_the_fingerprints(length: int) -> None:
    prefix = history(CLOSES[:length], DAYS[:length])
    assert prefix.fingerprints == history().fingerprints[:length]
    assert prefix.fingerprint == history().fingerprints[length - 1]


def test_fingerprints_of_one_history_all_differ_even_where_closes_repeat() -> None:
    assert len(set(history([5.0, 5.0, 5.0, 5.0]).fingerprints)) == len(DAYS)


def test_commodity_and_date_are_part_of_the_fingerprint() -> None:
    moved = history(days=[*DAYS[:-1], "2024-01-09"])
    assert moved.fingerprints[:-1] == history().fingerprints[:-1]
    assert moved.fingerprint != history().fingerprint
    assert not set(history(commodity="Cocoa").fingerprints) & set(history().fingerprints)


def test_a_fingerprint_stored_by_an_earlier_release_still_holds() -> None:
    # sha256(b"Coffee" + struct.pack("<qd", 19724, 1.0)): 2024-01-02 is day 19724 since 1970.
    stored = "eb61a3d1a2c7d09ef5fac9cb6af165cf45403454dfc7b7c54519210f6536c267"
    assert history().fingerprints[0] == stored


def test_an_empty_history_has_no_fingerprint() -> None:
    empty = history().known_before(BEFORE_ALL)
    assert empty.fingerprints == []
    with pytest.raises(IndexError):
        _ = empty.fingerprint


def featured(values: np.ndarray, names: tuple[str, ...] = ("rain", "vix")) -> History:
    return replace(make_history(6), features=values, feature_names=names)


VALUES = np.arange(12.0).reshape(6, 2)


def test_every_cut_takes_the_covariates_along() -> None:
    history = featured(VALUES)
    day: date = history.dates[2].item()
    assert history.known_before(day).features.tolist() == VALUES[:2].tolist()
    assert history.known_at(day).features.tolist() == VALUES[:3].tolist()
    assert history.since(day).features.tolist() == VALUES[2:].tolist()
    assert history.known_at(day).feature_names == ("rain", "vix")
    negative = replace(history, closes=np.array([1.0, -1, 1, 1, 1, 1]))
    assert negative.positive().features.tolist() == VALUES[[0, 2, 3, 4, 5]].tolist()


def test_the_sample_begins_after_the_last_session_with_a_missing_covariate() -> None:
    gaps = VALUES.copy()
    gaps[0, 0] = gaps[3, 1] = np.nan
    assert featured(gaps).since_missing().features.tolist() == VALUES[4:].tolist()
    assert featured(gaps).select(("rain",)).since_missing().dates[0] == featured(gaps).dates[1]
    assert len(make_history(6).since_missing()) == 6


def test_select_keeps_columns_in_the_order_asked_for() -> None:
    history = featured(VALUES)
    assert history.select(("vix", "rain")).features.tolist() == VALUES[:, ::-1].tolist()
    assert history.select(()).features.shape == (6, 0)
    assert history.select(("rain", "vix")) is history
    with pytest.raises(MissingCovariate) as caught:
        history.select(("gdelt",))
    assert str(caught.value) == (
        "Coffee: no covariate 'gdelt'; it has: rain, vix: give it one at"
        " commodities.Coffee.covariates.gdelt and materialize `features`"
    )


def test_a_fingerprint_covers_names_and_values_of_covariates_and_nothing_without_them() -> None:
    plain, history = make_history(6), featured(VALUES)
    assert history.select(()).fingerprints == plain.fingerprints
    assert plain.fingerprint == "eaa8516c0f3424656186148169dda7b9072bae8c1dc73a326b0636c53dff19c2"
    prints = {history.fingerprint, plain.fingerprint, featured(VALUES, ("rain", "b")).fingerprint}
    prints |= {history.select(("rain",)).fingerprint, history.select(("vix", "rain")).fingerprint}
    assert len(prints) == 5
    later = VALUES.copy()
    later[4, 1] = -1
    assert featured(later).fingerprints[:4] == history.fingerprints[:4]
    assert featured(later).fingerprints[4] != history.fingerprints[4]
    assert history.known_at(history.dates[3].item()).fingerprint == history.fingerprints[3]


def test_any_nan_is_the_same_missing_value() -> None:
    one, other = VALUES.copy(), VALUES.copy()
    one[2, 0] = np.nan
    other.view(np.uint64)[2, 0] = 0xFFF8000000000123  # a NaN of other bits
    assert featured(one).fingerprint == featured(other).fingerprint


@pytest.mark.parametrize(
    ("values", "names"),
    [(VALUES[:5], ("a", "b")), (VALUES, ("a",)), (VALUES, ("a", "a")), (np.empty((0, 0)), ("a",))],
)
def test_covariates_that_do_not_fit_the_sessions_are_refused(
    values: np.ndarray, names: tuple[str, ...]
) -> None:
    with pytest.raises(ValueError, match="features for"):
        featured(values, names)


def test_covariates_cannot_be_written_to() -> None:
    with pytest.raises(ValueError, match="read-only"):
        featured(VALUES).features[0, 0] = 1.0


def test_a_cut_shares_the_memory_of_what_it_is_cut_from_and_nobody_can_write_to_it() -> None:
    history = make_history(50)
    cut = history.known_before(history.dates[20].item()).known_at(history.dates[10].item())
    assert np.shares_memory(cut.closes, history.closes)
    assert np.shares_memory(cut.dates, history.dates)
    with pytest.raises(ValueError, match="read-only"):
        cut.closes[0] = 1.0


def test_a_history_does_not_change_with_the_arrays_that_it_was_made_from() -> None:
    closes = np.arange(1.0, 6.0)
    dates = np.arange("2024-01-01", "2024-01-06", dtype="datetime64[D]")
    seen = closes[:]
    seen.flags.writeable = False  # a view that cannot be written to, of an array that can
    history = History("Coffee", dates, seen)
    closes[0] = 77.0
    dates[0] = np.datetime64("2020-01-01")
    assert history.closes[0] == 1.0
    assert history.first == date(2024, 1, 1)
