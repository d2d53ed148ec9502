"""Partitions: training dates by cadence, and the forecasts that belong to a window."""

from datetime import UTC, date, datetime, timedelta
from typing import get_args

import numpy as np
import pytest

from forecast_assets.configuration.settings import Settings
from forecast_assets.defs.partitions import CADENCES, Partitions
from forecast_assets.errors import ConfigurationError
from forecast_assets.timeline.history import History
from forecast_assets.timeline.sessions import FROM_DATA
from forecast_assets.timeline.window import Origin, Window
from forecast_assets.timeline.windows import Cadence
from forecast_assets_tests.histories import make_history

NOW = datetime(2024, 6, 5, 12, tzinfo=UTC)


def partitions(cadence: str = "quarterly", start: date = date(2023, 1, 1)) -> Partitions:
    source = {"unit": "USD", "source": {"type": "sample", "name": "wti"}}
    document = {
        "model_version": "v1.0",
        "training": {"cadence": cadence, "start": start},
        "models": ["naive"],
        "commodities": {"Coffee": source, "Cocoa": source},
    }
    return Partitions(Settings.model_validate(document))


def history(*days: str) -> History:
    return History("Coffee", np.array(days, dtype="datetime64[D]"), np.ones(len(days)))


QUARTER = Window("Coffee", date(2024, 1, 1), date(2024, 4, 1))


@pytest.mark.parametrize(
    ("cadence", "start", "first", "end"),
    [
        ("annually", date(2020, 1, 1), ["2020-01-01", "2021-01-01", "2022-01-01"], "2023-01-01"),
        ("annually", date(2020, 1, 2), ["2021-01-01", "2022-01-01", "2023-01-01"], "2024-01-01"),
        ("semiannually", date(2020, 1, 2), ["2020-07-01", "2021-01-01"], "2021-07-01"),
        ("quarterly", date(2020, 1, 1), ["2020-01-01", "2020-04-01", "2020-07-01"], "2020-10-01"),
        ("quarterly", date(2020, 9, 30), ["2020-10-01", "2021-01-01"], "2021-04-01"),
        ("monthly", date(2020, 1, 15), ["2020-02-01", "2020-03-01", "2020-04-01"], "2020-05-01"),
        ("weekly", date(2020, 1, 1), ["2020-01-06", "2020-01-13", "2020-01-20"], "2020-01-27"),
        ("weekly", date(2020, 1, 6), ["2020-01-06", "2020-01-13"], "2020-01-20"),
    ],
)
def test_training_dates_are_the_cadences_first_on_or_after_the_start(
    cadence: str, start: date, first: list[str], end: str
) -> None:
    windows = partitions(cadence, start).settings.windows.of("Coffee", NOW)[: len(first)]
    assert [window.training_date.isoformat() for window in windows] == first
    assert windows[-1].end.isoformat() == end


@pytest.mark.parametrize(
    ("cadence", "count", "current", "end"),
    [
        ("annually", 2, date(2024, 1, 1), date(2025, 1, 1)),
        ("semiannually", 3, date(2024, 1, 1), date(2024, 7, 1)),
        ("quarterly", 6, date(2024, 4, 1), date(2024, 7, 1)),
        ("monthly", 18, date(2024, 6, 1), date(2024, 7, 1)),
        ("weekly", 75, date(2024, 6, 3), date(2024, 6, 10)),  # 2023-01-02 + 74 weeks
    ],
)
def test_the_current_window_is_the_last_partition(
    cadence: str, count: int, current: date, end: date
) -> None:
    windows = partitions(cadence).settings.windows.of("Coffee", NOW)
    assert len(windows) == count
    assert windows[-1] == Window("Coffee", current, end)
    assert current <= NOW.date() < end


def test_every_cadence_of_the_configuration_has_training_dates() -> None:
    assert set(CADENCES) == set(get_args(Cadence))


@pytest.mark.parametrize(
    ("now", "current"),
    [
        (datetime(2024, 6, 30, 23, 59, 59, tzinfo=UTC), date(2024, 4, 1)),
        (datetime(2024, 7, 1, tzinfo=UTC), date(2024, 7, 1)),
    ],
)
def test_a_window_begins_at_midnight_utc_of_its_training_date(now: datetime, current: date) -> None:
    assert partitions().settings.windows.of("Coffee", now)[-1].training_date == current


def test_a_start_far_ahead_has_no_window_yet() -> None:
    assert partitions(start=date(2025, 1, 1)).settings.windows.of("Coffee", NOW) == []


@pytest.mark.parametrize(
    ("cadence", "first"),
    [
        ("annually", date(2025, 1, 1)),
        ("semiannually", date(2024, 7, 1)),
        ("quarterly", date(2024, 7, 1)),
        ("monthly", date(2024, 7, 1)),
        ("weekly", date(2024, 6, 24)),
    ],
)
@pytest.mark.parametrize("years", [0, 20])
def test_no_window_has_begun_while_the_first_training_date_is_ahead(
    cadence: str, first: date, years: int
) -> None:
    now = datetime(2024 - years, 6, 20, tzinfo=UTC)
    ahead = partitions(cadence, start=date(2024, 6, 18))
    assert ahead.settings.windows.of("Coffee", now) == []
    assert ahead.settings.windows.first == first


@pytest.mark.parametrize("start", [date(datetime.now(UTC).year, 1, 2), date(2090, 2, 1)])
def test_the_window_of_a_training_date_to_come_is_refused(start: date) -> None:
    ahead = partitions("annually", start=start)
    first = f"{start.year + 1}-01-01"  # a partition of Dagster's as soon as the start has come
    with pytest.raises(ConfigurationError, match=f"{first}.* that have come"):
        ahead.window("Coffee", first)


@pytest.mark.parametrize("cadence", CADENCES)
def test_training_dates_are_those_of_dagsters_partitions(cadence: str) -> None:
    both = partitions(cadence, start=date(1990, 3, 5))
    keys = both.training_dates.get_partition_keys(current_time=NOW)
    assert keys == [str(day) for day in both.settings.windows.begun(NOW)]
    bounds = [both.training_dates.time_window_for_partition_key(key) for key in keys]
    windows = both.settings.windows.of("Coffee", NOW)
    assert [(x.training_date, x.end) for x in windows] == [
        (each.start.date(), each.end.date()) for each in bounds
    ]


@pytest.mark.parametrize("cadence", CADENCES)
def test_windows_meet_without_gap_or_overlap(cadence: str) -> None:
    windows = partitions(cadence).settings.windows.of("Coffee", NOW)
    assert [each.end for each in windows[:-1]] == [each.training_date for each in windows[1:]]
    assert windows == sorted(windows)


def test_a_key_leads_to_its_window_and_back() -> None:
    window = partitions().window_of("Coffee|2024-01-01")
    assert window == QUARTER == partitions().window("Coffee", "2024-01-01")
    assert window.key == "Coffee|2024-01-01"


def test_partitions_are_the_product_of_commodities_and_training_dates() -> None:
    product = partitions(start=date(2023, 10, 1))
    keys = product.windows.get_partition_keys(current_time=NOW)
    windows = [
        each for name in ("Coffee", "Cocoa") for each in product.settings.windows.of(name, NOW)
    ]
    assert product.commodities.get_partition_keys() == ["Coffee", "Cocoa"]
    assert sorted(keys) == sorted(window.key for window in windows)
    assert len(keys) == 2 * 3  # October, January, April


def test_the_current_window_is_a_partition_of_the_product_and_the_next_is_not() -> None:
    product = partitions()
    current = product.settings.windows.of("Coffee", NOW)[-1]
    keys = product.windows.get_partition_keys(current_time=NOW)
    assert current.key in keys
    assert f"Coffee|{current.end}" not in keys


def test_a_window_has_one_origin_a_session_and_the_first_cutoff_lies_before_it() -> None:
    observed = history("2023-12-28", "2023-12-29", "2024-01-02", "2024-01-03", "2024-04-01")
    assert QUARTER.origins(observed, FROM_DATA) == [
        Origin(cutoff=date(2023, 12, 29), start=date(2024, 1, 2)),
        Origin(cutoff=date(2024, 1, 2), start=date(2024, 1, 3)),
    ]


def test_a_session_on_the_training_date_belongs_to_the_window_that_begins() -> None:
    observed = history("2024-03-29", "2024-04-01", "2024-04-02")
    following = Window("Coffee", date(2024, 4, 1), date(2024, 7, 1))
    assert QUARTER.origins(observed, FROM_DATA) == []
    assert following.origins(observed, FROM_DATA)[0] == Origin(date(2024, 3, 29), date(2024, 4, 1))


def test_the_newest_origin_starts_at_a_session_without_a_price() -> None:
    observed = history("2024-01-11", "2024-01-12")  # Thursday and Friday
    assert QUARTER.origins(observed, FROM_DATA) == [
        Origin(date(2024, 1, 11), date(2024, 1, 12)),
        Origin(date(2024, 1, 12), date(2024, 1, 15)),
    ]


@pytest.mark.parametrize(
    ("calendar", "start"), [(FROM_DATA, date(2024, 3, 29)), ("XLON", date(2024, 4, 2))]
)
def test_the_calendar_decides_in_which_window_the_newest_origin_falls(
    calendar: str, start: date
) -> None:
    # 2024-03-29 is Good Friday and 2024-04-01 Easter Monday.
    observed = history("2024-03-27", "2024-03-28")
    following = Window("Coffee", date(2024, 4, 1), date(2024, 7, 1))
    newest = Origin(date(2024, 3, 28), start)
    assert (newest in QUARTER.origins(observed, calendar)) == (calendar == FROM_DATA)
    assert (newest in following.origins(observed, calendar)) == (calendar == "XLON")


def test_one_session_gives_the_one_origin_after_it() -> None:
    assert QUARTER.origins(history("2024-01-12"), FROM_DATA) == [
        Origin(date(2024, 1, 12), date(2024, 1, 15))
    ]


@pytest.mark.parametrize(
    "observed",
    [
        history(),
        history("2023-12-27", "2023-12-28"),  # the next session is still in December
        history("2024-04-01", "2024-04-02"),
    ],
    ids=["empty", "before", "after"],
)
def test_a_window_that_no_data_reaches_has_no_origin(observed: History) -> None:
    assert QUARTER.origins(observed, FROM_DATA) == []


def test_the_first_session_ever_has_no_origin_of_its_own() -> None:
    starts = [
        each.start for each in QUARTER.origins(history("2024-01-02", "2024-01-03"), FROM_DATA)
    ]
    assert starts == [date(2024, 1, 3), date(2024, 1, 4)]


@pytest.mark.parametrize("cadence", CADENCES)
def test_windows_tile_so_that_every_session_belongs_to_exactly_one(cadence: str) -> None:
    observed = make_history(sessions=371, first="2023-01-02")
    assert observed.newest == date(2024, 6, 3)
    windows = partitions(cadence, date(2023, 1, 1)).settings.windows.of("Coffee", NOW)
    origins = [origin for window in windows for origin in window.origins(observed, FROM_DATA)]
    sessions = observed.dates.tolist()
    assert [origin.cutoff for origin in origins] == sessions
    assert [origin.start for origin in origins] == [*sessions[1:], date(2024, 6, 4)]


@pytest.mark.parametrize("cadence", CADENCES)
def test_no_origin_of_a_window_knows_its_own_start(cadence: str) -> None:
    observed = make_history(sessions=371, first="2023-01-02")
    for window in partitions(cadence).settings.windows.of("Coffee", NOW):
        origins = window.origins(observed, FROM_DATA)
        assert all(origin.cutoff < origin.start for origin in origins)
        assert all(window.training_date <= origin.start < window.end for origin in origins)
        assert all(origin.cutoff >= window.training_date for origin in origins[1:])


def test_an_origin_given_a_new_close_keeps_its_start() -> None:
    observed = make_history(sessions=30, first="2024-01-01")
    earlier = observed.known_before(observed.newest)
    later = observed.known_before(observed.newest + timedelta(days=1))
    before, after = QUARTER.origins(earlier, FROM_DATA), QUARTER.origins(later, FROM_DATA)
    assert after[:-1] == before


@pytest.mark.parametrize("cadence", get_args(Cadence))
def test_the_chain_of_a_window_does_not_depend_on_where_training_starts(cadence: str) -> None:
    early, late = (partitions(cadence, date(year, 1, 1)) for year in (2016, 2020))
    later = late.settings.windows.of("Coffee", NOW)
    same = {window: window.chain for window in early.settings.windows.of("Coffee", NOW)}
    assert [window.chain for window in later] == [same[window] for window in later]
    assert {len(window.chain) for window in later} <= {1, 2, 3, 4}
