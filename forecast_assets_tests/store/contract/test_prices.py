"""Prices: added, revised, withdrawn, and known as they were at a moment; nothing is lost."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from forecast_assets.errors import StoreError
from forecast_assets.market.observations import Observations
from forecast_assets.market.price_contract import COLUMNS
from forecast_assets.market.rows import Rejection
from forecast_assets.store.contract import Store
from forecast_assets.store.price_revisions import closes_known, newest_closes
from forecast_assets_tests import revisions
from forecast_assets_tests.records import AT
from forecast_assets_tests.rows import add, rows

OTHERS = ("open", "high", "low", "volume")

WEEK = pd.date_range("2024-01-01", "2024-01-28")


def said(origin: str, days: pd.DatetimeIndex, *, weekdays: bool = False) -> Observations:
    """What a source says of some days: a close for each."""
    values = {"close": 50.0 + np.arange(len(days)), **dict.fromkeys(OTHERS, np.nan)}
    prices = pd.DataFrame({"date": days.astype("datetime64[s]"), **values})
    complete = origin.startswith("file")
    return Observations("Coffee", origin, prices, complete=complete, weekdays=weekdays)


def observations(closes: dict[str, float], rejected: int = 0) -> Observations:
    prices = pd.DataFrame({"date": pd.to_datetime(list(closes)), "close": list(closes.values())})
    refused = [Rejection("Coffee", "a.csv", 2, "close", "x", "no")] * rejected
    return Observations("Coffee", "file:a.csv", prices.reindex(columns=list(COLUMNS)), refused)


def test_prices_are_added_revised_and_withdrawn_and_nothing_is_lost(store: Store) -> None:
    first = store.prices.write(observations({"2024-01-01": 1, "2024-01-02": 2}), AT, "one")
    assert (first.added, first.revised, first.withdrawn, first.unchanged) == (2, 0, 0, 0)
    later = observations({"2024-01-02": 2.5, "2024-01-03": 3})
    second = store.prices.write(later, AT, "two", allow_withdrawals=True)
    assert (second.added, second.revised, second.withdrawn, second.unchanged) == (1, 1, 1, 0)
    third = store.prices.write(observations({"2024-01-02": 2.5, "2024-01-03": 3}), AT, "three")
    assert (third.added, third.revised, third.withdrawn, third.unchanged) == (0, 0, 0, 2)
    history = store.prices.history("Coffee")
    assert history.dates.tolist() == [date(2024, 1, 2), date(2024, 1, 3)]
    assert history.closes.tolist() == [2.5, 3.0]
    earlier = observations({"2024-01-01": 1, "2024-01-02": 2.5})
    back = store.prices.write(earlier, AT, "four", allow_withdrawals=True)
    assert (back.added, back.withdrawn, back.unchanged) == (1, 1, 1)
    columns = ("date", "revision", "close", "ingested_by")
    assert rows(store, "market.price_revisions", *columns) == [
        (date(2024, 1, 1), 1, 1.0, "one"),
        (date(2024, 1, 1), 2, None, "two"),
        (date(2024, 1, 1), 3, 1.0, "four"),
        (date(2024, 1, 2), 1, 2.0, "one"),
        (date(2024, 1, 2), 2, 2.5, "two"),
        (date(2024, 1, 3), 1, 3.0, "two"),
        (date(2024, 1, 3), 2, None, "four"),
    ]


def test_a_source_with_refused_rows_withdraws_nothing(store: Store) -> None:
    store.prices.write(observations({"2024-01-01": 1, "2024-01-02": 2}), AT, "one")
    changes = store.prices.write(observations({"2024-01-02": 2.5}, rejected=1), AT, "two")
    assert (changes.revised, changes.withdrawn) == (1, 0)
    assert len(store.prices.history("Coffee")) == 2


def test_no_prices_at_all_are_refused(store: Store) -> None:
    with pytest.raises(StoreError, match="refusing to write no prices"):
        store.prices.write(observations({}), AT, "one")


def test_half_a_file_takes_nothing_back_unless_it_is_meant(store: Store) -> None:
    whole = {f"2024-01-{day:02}": float(day) for day in range(1, 21)}
    half = dict(list(whole.items())[:10]) | {"2024-02-01": 9.0}
    store.prices.write(observations(whole), AT, "one")
    kept = store.prices.write(observations(half), AT, "two")
    assert (kept.added, kept.withdrawn, kept.missing) == (1, 0, 10)
    assert len(store.prices.history("Coffee")) == 21
    meant = store.prices.write(observations(half), AT, "three", allow_withdrawals=True)
    assert (meant.withdrawn, meant.missing) == (10, 0)
    assert len(store.prices.history("Coffee")) == 11


@pytest.mark.parametrize("dropped", [WEEK[5:7], WEEK[12:28], WEEK[26:28]])
def test_weekends_that_were_stored_go_when_they_are_no_sessions_any_more(
    store: Store, dropped: pd.DatetimeIndex
) -> None:
    weekdays = WEEK[WEEK.day_of_week < 5]
    store.prices.write(said("file:a.csv", weekdays), AT, "run")
    store.prices.write(said("landing:b.csv", dropped), AT, "run")
    weekends = dropped[dropped.day_of_week > 4]
    changes = store.prices.write(said("file:a.csv", weekdays, weekdays=True), AT, "run")
    assert changes.withdrawn == len(weekends)
    assert changes.lacking.weekends == [day.date() for day in weekends]
    assert changes.lacking.kept == []
    (line,) = changes.lacking.notes("Coffee")
    assert line.startswith("Coffee: weekends are no sessions (`weekends: drop`): ")
    assert store.prices.history("Coffee").dates.tolist() == [day.date() for day in weekdays]


def test_a_source_whose_own_weekends_are_left_out_is_no_half_file(store: Store) -> None:
    weekdays = WEEK[WEEK.day_of_week < 5]
    store.prices.write(said("file:a.csv", WEEK), AT, "run")
    changes = store.prices.write(said("file:a.csv", weekdays, weekdays=True), AT, "run")
    assert (changes.withdrawn, changes.missing, changes.lacking.many) == (8, 0, False)
    assert len(store.prices.history("Coffee")) == 20


def test_a_landing_folder_that_leaves_out_weekends_takes_stored_ones_back(
    store: Store,
) -> None:
    store.prices.write(said("landing:a.csv", WEEK), AT, "run")
    nothing = said("landing", WEEK[:0], weekdays=True)
    changes = store.prices.write(nothing, AT, "run")
    assert (changes.added, changes.withdrawn) == (0, 8)
    assert len(store.prices.history("Coffee")) == 20


@pytest.mark.parametrize("seed", range(3))
def test_closes_are_known_as_they_were_at_a_moment(store: Store, seed: int) -> None:
    told = revisions.revisions(seed)
    add(store, "market.price_revisions", told)
    found = []
    for hours in (-1, 0, 30, 99, 150, 200):
        moment = revisions.AT + timedelta(hours=hours)
        with store.reading() as tables:
            closes = newest_closes(tables, "Coffee", moment).to_pylist()
        then = [row for row in revisions.known_at(told, moment) if row[0] == "Coffee"]
        assert [(row["date"], row["close"]) for row in closes] == [(row[1], row[5]) for row in then]
        found.append(len(closes))
    assert found[0] == 0
    assert len(set(found)) > 2


def test_each_close_is_known_as_it_was_at_a_moment_of_its_own(store: Store) -> None:
    day, other = date(2024, 1, 1), date(2024, 1, 2)
    for hour, close in enumerate((70.0, 71.0)):
        said_then = observations({"2024-01-01": close})
        store.prices.write(said_then, AT + timedelta(hours=hour), f"run {hour}")
    cutoffs = np.array([day, other], dtype="datetime64[D]")
    for hours, known in ((-1, np.nan), (0, 70.0), (0.5, 70.0), (1, 71.0), (9, 71.0)):
        moments = np.array([AT + timedelta(hours=hours)] * 2, dtype="datetime64[us]")
        with store.reading() as tables:
            found = closes_known(tables, "Coffee", cutoffs, moments)
        np.testing.assert_array_equal(found, [known, np.nan])
