"""Sessions that somebody takes back: one more revision, which a source cannot undo by repeating."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import count

import pandas as pd
import pytest

from forecast_assets.market.reception import line_of
from forecast_assets.market.records import FileMerge, WithdrawnPrice
from forecast_assets.store.contract import Store
from forecast_assets.store.past_histories import PastHistories
from forecast_assets.store.price_revisions import newest_closes
from forecast_assets.timeline.scrutiny import Scrutiny
from forecast_assets_tests.observed import said
from forecast_assets_tests.rows import rows

DAYS = [date(2026, 9, 1) + timedelta(days=place) for place in range(60)]
CLOSES = {day: 50.0 + place / 10 for place, day in enumerate(DAYS)}
DAY = DAYS[30]
AT = datetime(2026, 11, 20, 12)  # noqa: DTZ001 - as the tables keep it
LATER = AT + timedelta(days=1)
SCRUTINY = Scrutiny(0.25)
NUMBERS = count()


def tell(store: Store, closes: dict[date, float], origin: str = "file:a.csv", **more: float) -> int:
    """Rows that a source adds or revises."""
    changes = store.prices.write(said(closes, origin, **more), LATER, "run", scrutiny=SCRUTINY)
    return changes.added + changes.revised


def land(
    store: Store, withdrawn: Sequence[date], scrutiny: Scrutiny | None = SCRUTINY
) -> FileMerge:
    """Drop a file that withdraws sessions."""
    dropped = replace(said({}, "landing:b.csv"), withdrawn=withdrawn)
    name = str(next(NUMBERS))
    (merged,) = store.landings.merge("b.csv", name, [dropped], LATER, "run", scrutiny)
    return merged


def stored(store: Store) -> dict[date, float]:
    history = store.prices.history("Coffee")
    return dict(zip(history.dates.tolist(), history.closes.tolist(), strict=True))


def withdraw(store: Store, day: date = DAY) -> bool:
    return store.prices.withdraw("Coffee", day, "a misprint", LATER, "terminal: ann")


@pytest.fixture
def store(store: Store) -> Store:
    store.prices.write(said(CLOSES), AT, "run")
    return store


def test_a_withdrawn_session_keeps_its_revisions_with_who_when_and_why(store: Store) -> None:
    assert withdraw(store)
    assert stored(store) == {day: close for day, close in CLOSES.items() if day != DAY}
    columns = ("date", "revision", "close", "ingested_by", "reason")
    told = rows(store, "market.price_revisions", *columns)
    assert [row[1:] for row in told if row[0] == DAY] == [
        (1, CLOSES[DAY], "run", None),
        (2, None, "terminal: ann", "a misprint"),
    ]
    assert store.prices.withdrawn("Coffee") == [
        WithdrawnPrice(DAY, CLOSES[DAY], "a misprint", LATER, "terminal: ann")
    ]


@pytest.mark.parametrize("day", [date(2020, 1, 1), DAYS[0] - timedelta(days=1)])
def test_a_day_without_a_session_changes_nothing(store: Store, day: date) -> None:
    assert not withdraw(store, day)
    assert withdraw(store)
    before = rows(store, "market.price_revisions"), rows(store, "market.price_words")
    assert not withdraw(store)
    assert (rows(store, "market.price_revisions"), rows(store, "market.price_words")) == before


@pytest.mark.parametrize("origin", ["file:a.csv", "landing:a.csv", "yahoo:KC=F"])
def test_no_source_brings_the_same_close_back(store: Store, origin: str) -> None:
    withdraw(store)
    assert tell(store, CLOSES, origin) == 0
    tell(store, CLOSES, origin, volume=7.0)  # more is said of all days, and the same close
    assert DAY not in stored(store)


@pytest.mark.parametrize("origin", ["file:a.csv", "landing:a.csv", "yahoo:KC=F"])
def test_another_close_of_the_day_is_a_new_observation(store: Store, origin: str) -> None:
    withdraw(store)
    assert tell(store, CLOSES | {DAY: 51.0}, origin) == 1
    assert stored(store)[DAY] == 51.0
    assert store.prices.withdrawn("Coffee") == []
    assert tell(store, CLOSES, origin) == 0
    assert stored(store)[DAY] == 51.0


def test_an_old_statement_is_none_after_a_withdrawal(store: Store) -> None:
    assert tell(store, {DAY: 52.0}, "landing:a.csv") == 1
    withdraw(store)
    assert tell(store, CLOSES) == 0  # the file has said so before the landing file corrected it
    assert tell(store, CLOSES, "yahoo:KC=F") == 0  # nor is it new from another source
    assert DAY not in stored(store)


def test_a_withdrawn_session_comes_back_as_it_was(store: Store) -> None:
    assert not store.prices.restore("Coffee", DAY, LATER, "terminal: ann")
    withdraw(store)
    assert store.prices.restore("Coffee", DAY, LATER, "terminal: bob")
    assert stored(store) == CLOSES
    assert tell(store, CLOSES) == 0
    assert tell(store, CLOSES | {DAY: 51.0}) == 1
    assert not store.prices.restore("Coffee", DAY, LATER, "terminal: bob")


def test_a_session_that_a_source_lacks_was_not_withdrawn_for_a_reason(store: Store) -> None:
    fewer = {day: close for day, close in CLOSES.items() if day != DAY}
    tell(store, fewer)
    assert DAY not in stored(store)
    assert store.prices.withdrawn("Coffee") == []
    assert not store.prices.restore("Coffee", DAY, LATER, "terminal: ann")
    assert tell(store, CLOSES) == 1  # so it comes back with its source


def test_what_was_known_before_stays_known(store: Store) -> None:
    withdraw(store)
    with store.reading() as tables:
        then, since = (newest_closes(tables, "Coffee", moment) for moment in (AT, LATER))
        past = PastHistories.of(tables, "Coffee")
    assert (len(then), len(since)) == (60, 59)
    assert DAY in past.at(AT).dates.tolist()
    assert DAY not in past.at(LATER).dates.tolist()


def test_a_dropped_file_withdraws_sessions(store: Store) -> None:
    merged = land(store, [DAY, DAYS[31], date(2020, 1, 1)])
    assert list(merged.changes.taken_back) == [DAY, DAYS[31]]
    assert (merged.changes.withdrawn, merged.changes.not_there) == (2, 1)
    assert len(stored(store)) == 58
    (first, _) = store.prices.withdrawn("Coffee")
    assert (first.date, first.reason, first.by) == (DAY, "its close says withdrawn", "run")
    assert tell(store, CLOSES) == 0
    assert store.prices.restore("Coffee", DAY, LATER, "terminal: ann")
    assert land(store, [DAY]).changes.withdrawn == 0  # it has said so, and was overruled
    assert stored(store)[DAY] == CLOSES[DAY]


def test_a_file_withdraws_a_session_that_has_come_back_with_another_close(store: Store) -> None:
    land(store, [DAY])
    assert tell(store, {DAY: 51.0}, "yahoo:KC=F") == 1
    again = land(store, [DAY])
    assert (list(again.changes.taken_back), again.changes.not_there) == ([DAY], 0)
    assert DAY not in stored(store)
    assert tell(store, {DAY: 51.0}, "yahoo:KC=F") == 0
    store.prices.restore("Coffee", DAY, LATER, "terminal: ann")
    overruled = land(store, [DAY, date(2020, 1, 1)])
    assert stored(store)[DAY] == 51.0
    assert (overruled.changes.overruled, overruled.changes.not_there) == (1, 1)
    assert "; 1 withdrawals of days without a stored session; 1 withdrawals ignored: repeated" in (
        line_of(overruled)
    )


def test_a_close_that_a_user_accepted_once_may_be_withdrawn_by_a_file(store: Store) -> None:
    store.held.vouch("Coffee", [DAY], AT)
    assert list(land(store, [DAY]).changes.taken_back) == [DAY]


@pytest.mark.parametrize("complete", [True, False])
def test_a_weekend_may_be_withdrawn_explicitly_where_weekends_are_no_sessions(
    store: Store, complete: bool
) -> None:
    saturday = next(day for day in DAYS if day.isoweekday() == 6)
    weekends = {day for day in DAYS if day.isoweekday() > 5}
    weekdays = {day: close for day, close in CLOSES.items() if day not in weekends}
    told = replace(said(weekdays), weekdays=True, withdrawn=[saturday], complete=complete)
    changes = store.prices.write(told, LATER, "run", scrutiny=SCRUTINY)
    assert (list(changes.taken_back), changes.withdrawn) == ([saturday], len(weekends))
    assert set(changes.lacking.weekends) == weekends - {saturday}
    assert stored(store) == weekdays
    assert [each.date for each in store.prices.withdrawn("Coffee")] == [saturday]


def test_prices_of_a_withdrawn_session_are_not_called_as_they_were(store: Store) -> None:
    tell(store, {DAY: 52.0}, "landing:a.csv")
    withdraw(store)
    old = store.prices.write(said(CLOSES), LATER, "run", scrutiny=SCRUTINY)
    assert (old.added, old.unchanged, old.ignored) == (0, 59, 1)
    dropped = said({DAY: 52.0, DAYS[31]: CLOSES[DAYS[31]]}, "landing:b.csv")
    (merged,) = store.landings.merge("b.csv", "b", [dropped], LATER, "run", SCRUTINY)
    assert (merged.changes.added, merged.changes.unchanged, merged.changes.ignored) == (0, 1, 1)
    assert line_of(merged).startswith(
        "Coffee: 2 rows: 0 new, 0 revised, 1 as they were, 1 ignored: rejected or withdrawn before"
    )


@pytest.mark.parametrize(
    ("days", "words"),
    [
        (DAYS[-1:], "the newest session, 2026-10-30, would be withdrawn"),
        (DAYS[-2:], "2 of 60 stored sessions, .* withdrawn, the newest 2 among them"),
        ([DAY, DAYS[-1]], "2 of 60 stored sessions, .* withdrawn, the newest 1 among them"),
        (DAYS[20:26], "6 of 60 stored sessions, .* would be withdrawn, so many at once"),
    ],
)
def test_many_withdrawals_and_those_of_the_newest_sessions_wait(
    store: Store, days: list[date], words: str
) -> None:
    merged = land(store, days)
    assert merged.dispute is not None
    assert pd.Series([str(merged.dispute)]).str.fullmatch(words).all()
    assert stored(store) == CLOSES
    accepted = land(store, days, scrutiny=None)
    assert accepted.changes.withdrawn == len(days)
    assert len(stored(store)) == 60 - len(days)


def test_a_file_may_withdraw_the_newest_session_with_a_later_price(store: Store) -> None:
    tomorrow = DAYS[-1] + timedelta(days=1)
    dropped = replace(said({tomorrow: 56.0}, "landing:b.csv"), withdrawn=DAYS[-1:])
    (merged,) = store.landings.merge("b.csv", "x", [dropped], LATER, "run", SCRUTINY)
    assert (merged.dispute, merged.changes.added, merged.changes.withdrawn) == (None, 1, 1)
    assert store.prices.history("Coffee").newest == tomorrow
