"""Publications: only what differs is written, and one version of a commodity is published."""

from datetime import date, datetime
from typing import Any

import pytest

from forecast_assets.errors import StoreError
from forecast_assets.evaluation.records import Publication, PublicationChanges
from forecast_assets.store.contract import Store
from forecast_assets_tests.rows import rows

AT = datetime(2024, 1, 2)  # noqa: DTZ001 - the tables keep UTC without a zone
LATER = datetime(2024, 1, 3)  # noqa: DTZ001
ONE = Publication(date(2024, 1, 1), "naive", "first")
TWO = Publication(date(2024, 1, 2), "garch", "best")


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
