"""The tables together: empty ones, what changes their token, and marks."""

from datetime import timedelta

from forecast_assets.store.contract import Store
from forecast_assets_tests.records import AT, WRITTEN, model


def test_empty_tables_read_as_empty(store: Store) -> None:
    assert len(store.prices.history("Coffee")) == 0
    assert store.models.find() == []
    assert store.paths.issued("Coffee", "v1.0") == []
    assert store.failures.find("Coffee", "v1.0") == []


def test_a_token_changes_with_every_write_and_not_by_reading(store: Store) -> None:
    seen = [store.token()]
    for number in (1, 2):
        store.models.append(WRITTEN, [model(sha256=str(number), second=number)], [])
        seen.append(store.token())
        assert len(store.models.find()) == 1
        assert store.token() == seen[-1]
    assert len(set(seen)) == 3


def test_a_compaction_changes_no_row_and_the_next_write_goes_well(store: Store) -> None:
    for number in (1, 2):
        store.models.append(WRITTEN, [model(sha256=str(number), second=number)], [])
        before = store.models.find()
        store.compact(timedelta(days=1))
        assert store.models.find() == before


def test_marks_are_kept_in_the_order_in_which_they_were_left(store: Store) -> None:
    for mark in ("b", "a", "b"):
        store.marks.leave(mark, AT)
    first, *others = store.marks.found()
    assert others == ["b", "a"]
    assert first not in others
