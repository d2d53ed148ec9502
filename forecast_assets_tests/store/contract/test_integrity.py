"""Rows that break a declaration are counted by kind, and paths by their columns."""

from datetime import date

import pytest

from forecast_assets.forecast.records import WindowChange
from forecast_assets.store.contract import Store
from forecast_assets_tests.records import DAYS, WRITTEN, draw


@pytest.fixture
def written(store: Store) -> Store:
    store.paths.apply(WRITTEN, WindowChange([draw()]))
    return store


def test_paths_are_counted_by_forecast_and_paths_0_apart(written: Store) -> None:
    counted = written.paths.tally("Coffee").to_pylist()
    assert [
        (x["data_cutoff_date"], x["is_outcome"], x["paths"], x["lowest"], x["highest"])
        for x in counted
    ] == [each for day in DAYS for each in ((day, False, 4, 1, 4), (day, True, 1, 0, 0))]
    assert {x["training_date"] for x in counted} == {date(2024, 1, 1)}
    assert len(written.paths.tally("Sugar")) == 0


def test_what_the_store_wrote_breaks_nothing(written: Store) -> None:
    assert written.integrity.commodities() == ["Coffee"]
    assert written.integrity.broken(None).to_pylist() == []
    assert written.integrity.broken("Coffee").to_pylist() == []
