"""Rows that break a declaration are counted, paths by their columns, and paths are put back."""

from datetime import date

import pytest

from forecast_assets.errors import StoreError
from forecast_assets.forecast.records import Draw, Restoration, WindowChange
from forecast_assets.store.contract import Store
from forecast_assets.timeline.outcomes import Outcomes
from forecast_assets_tests.records import AT, DAYS, WRITTEN, draw
from forecast_assets_tests.rows import keep, rows

ISSUED = ("data_cutoff_date", "issued_at")
DRAWN = ("distributions", "point_estimates", "forecasts")


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


def restoration(store: Store, drawn: Draw) -> Restoration:
    """As forecasts of the ledger of now."""
    moments = [moment for _, moment in rows(store, "forecast.forecasts", *ISSUED)]
    outcomes = Outcomes.none(3)
    return Restoration(
        "Coffee", "naive", "v1.0", drawn.cutoffs, moments, drawn.paths, drawn.points, outcomes
    )


def test_paths_and_points_are_put_back_and_the_ledger_stays(written: Store) -> None:
    before = {name: rows(written, f"forecast.{name}") for name in DRAWN}
    keep(written, "forecast.distributions", lambda row: row["path_id"] not in (1, 3))
    keep(written, "forecast.point_estimates", lambda row: row["day_ahead"] != 2)
    written.paths.restore(restoration(written, draw()), AT)
    assert {name: rows(written, f"forecast.{name}") for name in DRAWN} == before


def test_what_the_ledger_does_not_have_is_not_put_back(written: Store) -> None:
    before = {name: rows(written, f"forecast.{name}") for name in DRAWN}
    with pytest.raises(StoreError, match="the ledger has other forecasts"):
        written.paths.restore(restoration(written, draw(n_paths=5)), AT)
    assert {name: rows(written, f"forecast.{name}") for name in DRAWN} == before


def test_what_was_superseded_in_the_meantime_is_not_put_back(written: Store) -> None:
    old = restoration(written, draw())
    written.paths.apply(WRITTEN, WindowChange([draw(DAYS[1:2], 9.0)]))
    before = {name: rows(written, f"forecast.{name}") for name in DRAWN}
    with pytest.raises(StoreError, match="the ledger has other forecasts"):
        written.paths.restore(old, AT)
    assert {name: rows(written, f"forecast.{name}") for name in DRAWN} == before
