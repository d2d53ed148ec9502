"""Files of older releases get the tables and columns that they lack, and their rows are read."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from forecast_assets.forecast.records import WindowChange
from forecast_assets.store.duckdb.database import Database
from forecast_assets.store.duckdb.store import DuckDBStore
from forecast_assets_tests.histories import make_history
from forecast_assets_tests.records import WRITTEN, draw
from forecast_assets_tests.revisions import AT, revisions
from forecast_assets_tests.rows import add, rows


@pytest.fixture
def store(tmp_path: Path) -> DuckDBStore:
    return DuckDBStore(tmp_path / "commodity.duckdb", 3, "256MB", lock_timeout_seconds=5)


def test_a_file_without_one_of_the_tables_gets_it(store: DuckDBStore) -> None:
    older = tuple(x for x in store.database.definitions if "market.features" not in x)
    with Database(store.database.path, older).writing():
        pass
    assert store.features.read(make_history(50)).feature_names == ()


def test_a_file_without_held_prices_gets_them(store: DuckDBStore) -> None:
    store.marks.leave("a run", AT)
    with duckdb.connect(store.database.path) as connection:
        connection.execute("DROP TABLE market.held_prices")
        connection.execute("DROP TABLE market.price_words")
    assert store.held.waiting("Coffee") == []
    store.held.vouch("Coffee", [], AT)
    assert store.held.accepted("Coffee") == set()


def test_a_file_of_the_release_before_gets_the_tables_and_the_closes_used(
    store: DuckDBStore,
) -> None:
    days = sorted({row["date"] for row in revisions(0) if row["commodity"] == "Coffee"})[:2]
    told = [
        row | {"ingested_at": AT + timedelta(hours=row["revision"])}
        for row in revisions(0)
        if row["commodity"] == "Coffee" and row["date"] in days
    ]
    add(store, "market.price_revisions", told)
    after_first = replace(WRITTEN, at=AT + timedelta(hours=1, minutes=30))
    store.paths.apply(after_first, WindowChange([draw(days, 1.0)]))
    with duckdb.connect(store.database.path) as connection:
        connection.execute("ALTER TABLE forecast.forecasts DROP COLUMN cutoff_close")
        connection.execute("DROP TABLE forecast.superseded_forecasts")
        connection.execute("DROP TABLE forecast.superseded_point_forecasts")
    known = {row["date"]: row["close"] for row in told if row["revision"] == 1}
    issued = store.paths.issued("Coffee", "v1.0")
    assert [row.cutoff_close for row in issued] == [known[day] for day in days]
    later = replace(WRITTEN, at=AT + timedelta(days=9))
    store.paths.apply(later, WindowChange([draw(days, 2.0)]))
    assert rows(store, "forecast.superseded_forecasts", "cutoff_close") == [
        (close,) for close in sorted(known[day] for day in days)
    ]
    assert [row.cutoff_close for row in store.paths.issued("Coffee", "v1.0")] == [70.0] * 2
