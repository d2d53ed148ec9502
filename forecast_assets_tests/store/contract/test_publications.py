"""Publications: only what differs is written, and one version of a commodity is published."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from forecast_assets.errors import StoreError
from forecast_assets.evaluation.outlook import Outlook
from forecast_assets.evaluation.records import Publication, PublicationChanges
from forecast_assets.forecast.records import WindowChange
from forecast_assets.store.contract import Store
from forecast_assets.store.publication_log import published_at
from forecast_assets_tests.records import WRITTEN, draw
from forecast_assets_tests.rows import rows

AT = datetime(2024, 1, 2)  # noqa: DTZ001 - the tables keep UTC without a zone
LATER = datetime(2024, 1, 3)  # noqa: DTZ001
ONE = Publication(date(2024, 1, 1), "naive", "first")
TWO = Publication(date(2024, 1, 2), "garch", "best")
MODEL, VERSION = "naive", "v1.0"


def held(store: Store) -> list[tuple[Any, ...]]:
    columns = ("data_cutoff_date", "model_name", "reason", "published_at", "created_by")
    return rows(store, "forecast.publications", "commodity", "model_version", *columns)


def test_only_what_differs_is_written(store: Store) -> None:
    assert store.publications.find("Coffee", "v1") == []
    first = store.publications.replace("Coffee", "v1", [ONE, TWO], AT, "a")
    assert first == PublicationChanges(added=2, withdrawn=0, unchanged=0)
    three = Publication(date(2024, 1, 3), "naive", "first")
    second = store.publications.replace("Coffee", "v1", [TWO, three], LATER, "b")
    assert second == PublicationChanges(added=1, withdrawn=1, unchanged=1)
    assert held(store) == [
        ("Coffee", "v1", date(2024, 1, 2), "garch", "best", AT, "a"),
        ("Coffee", "v1", date(2024, 1, 3), "naive", "first", LATER, "b"),
    ]
    assert store.publications.find("Coffee", "v1") == [TWO, three]


def test_the_same_again_writes_nothing(store: Store) -> None:
    store.publications.replace("Coffee", "v1", [ONE, TWO], AT, "a")
    before = held(store)
    again = store.publications.replace("Coffee", "v1", [TWO, ONE], LATER, "b")
    assert again == PublicationChanges(added=0, withdrawn=0, unchanged=2)
    assert held(store) == before


def test_another_reason_or_model_for_a_date_replaces_the_row(store: Store) -> None:
    store.publications.replace("Coffee", "v1", [ONE, TWO], AT, "a")
    other = [Publication(ONE.data_cutoff_date, "naive", "second"),
             Publication(TWO.data_cutoff_date, "theta", "best")]  # fmt: skip
    changes = store.publications.replace("Coffee", "v1", other, LATER, "b")
    assert changes == PublicationChanges(added=2, withdrawn=2, unchanged=0)
    assert store.publications.find("Coffee", "v1") == other


def test_commodities_are_apart_and_one_version_of_each_is_published(store: Store) -> None:
    for name in ("Coffee", "Sugar"):
        store.publications.replace(name, "v1", [ONE], AT, "a")
    changes = store.publications.replace("Coffee", "v2", [ONE, TWO], LATER, "b")
    assert changes == PublicationChanges(added=2, withdrawn=1, unchanged=0)
    assert store.publications.find("Coffee", "v1") == []
    assert store.publications.find("Coffee", "v2") == [ONE, TWO]
    assert store.publications.find("Sugar", "v1") == [ONE]
    assert store.publications.replace("Coffee", "v2", [], LATER, "c").withdrawn == 2
    assert store.publications.find("Coffee", "v2") == []


def test_a_forecast_is_published_once(store: Store) -> None:
    twice = [ONE, Publication(ONE.data_cutoff_date, ONE.model_name, "again")]
    with pytest.raises(StoreError):
        store.publications.replace("Coffee", "v1", [*twice, TWO], AT, "a")
    assert store.publications.find("Coffee", "v1") == []


def issue(store: Store, days: list[date], at: datetime, level: float = 1.0) -> None:
    """Draw forecasts of ``naive`` from some cutoffs."""
    store.paths.apply(replace(WRITTEN, at=at), WindowChange([draw(days, level)]))


def test_the_log_keeps_what_was_published_at_every_moment(store: Store) -> None:
    moments = [AT + timedelta(days=n) for n in range(5)]
    other = Publication(ONE.data_cutoff_date, "naive", "second")
    stories: list[list[Publication]] = [[ONE], [ONE, TWO], [other, TWO], [TWO], [ONE, TWO]]
    for at, chosen in zip(moments, stories, strict=True):
        store.publications.replace("Coffee", "v1", chosen, at, "a")
        entries = rows(store, "forecast.publication_log", "data_cutoff_date", "entry")
        with store.reading() as tables:  # of every moment so far, not only of the newest
            for then, said in zip(moments, stories, strict=True):
                if then <= at:
                    shelf = published_at(tables, "Coffee", then)
                    assert [
                        Publication(row.data_cutoff_date.date(), row.model_name, row.reason)
                        for row in shelf.itertuples()
                    ] == said
        assert set(entries) <= set(
            rows(store, "forecast.publication_log", "data_cutoff_date", "entry")
        )
    assert len(rows(store, "forecast.publication_log", "entry")) == 5
    assert store.publications.find("Coffee", "v1") == [ONE, TWO]


def test_nothing_was_published_before_the_first_entry(store: Store) -> None:
    store.publications.replace("Coffee", "v1", [ONE], AT, "a")
    with store.reading() as tables:
        assert published_at(tables, "Coffee", AT - timedelta(microseconds=1)).empty
        assert published_at(tables, "Sugar", AT).empty
        assert len(published_at(tables, "Coffee", AT)) == 1


def test_a_forecast_that_was_drawn_again_is_published_again_with_its_numbers(store: Store) -> None:
    days = [ONE.data_cutoff_date, TWO.data_cutoff_date]
    both = [Publication(day, MODEL, "named") for day in days]
    issue(store, days, AT)
    assert store.publications.lacking("Coffee", VERSION, both) == both
    numbers = {(MODEL, day): [Outlook(3, *map(float, range(8)))] for day in days}
    store.publications.replace("Coffee", VERSION, both, AT, "a", numbers)
    assert store.publications.lacking("Coffee", VERSION, both) == []
    issue(store, days[1:], LATER, 2.0)
    assert store.publications.lacking("Coffee", VERSION, both) == both[1:]
    changed = {(MODEL, day): [Outlook(3, *map(float, range(1, 9)))] for day in days}
    changes = store.publications.replace("Coffee", VERSION, both, LATER, "b", changed)
    assert changes == PublicationChanges(added=1, withdrawn=1, unchanged=1)
    log = ("data_cutoff_date", "entry", "is_published", "generation_timestamp")
    assert rows(store, "forecast.publication_log", *log) == [
        (days[0], 1, True, AT),
        (days[1], 1, True, AT),
        (days[1], 2, True, LATER),
    ]
    shown = ("data_cutoff_date", "entry", "day_ahead", "median", "probability_above")
    assert rows(store, "forecast.published_outlooks", *shown) == [
        (days[0], 1, 3, 0.0, 7.0),
        (days[1], 1, 3, 0.0, 7.0),
        (days[1], 2, 3, 1.0, 8.0),
    ]


def test_a_start_that_moves_is_an_entry_with_the_sessions_of_then_and_of_now(store: Store) -> None:
    day, both = ONE.data_cutoff_date, [Publication(ONE.data_cutoff_date, MODEL, "named")]
    issue(store, [day], AT)
    store.publications.replace("Coffee", VERSION, both, AT, "a")
    said = rows(store, "forecast.publication_log", "forecast_start_date")
    later = date.fromordinal(said[0][0].toordinal() + 3)
    store.paths.apply(replace(WRITTEN, at=LATER), WindowChange(moved=[(day, later)]))
    assert store.publications.lacking("Coffee", VERSION, both) == both
    store.publications.replace("Coffee", VERSION, both, LATER, "b")
    columns = ("entry", "forecast_start_date", "generation_timestamp")
    assert rows(store, "forecast.publication_log", *columns) == [
        (1, said[0][0], AT),
        (2, later, AT),
    ]
    assert store.publications.lacking("Coffee", VERSION, both) == []
