"""A write of paths that lands other rows than were due is taken back."""

from datetime import date
from pathlib import Path

import pytest

from forecast_assets.errors import StoreError
from forecast_assets.forecast.records import WindowChange
from forecast_assets.store.duckdb import window_change
from forecast_assets.store.duckdb.path_rows import path_rows
from forecast_assets.store.duckdb.store import DuckDBStore
from forecast_assets_tests.records import WRITTEN, draw


def test_a_write_that_lands_too_few_rows_is_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = DuckDBStore(tmp_path / "commodity.duckdb", 3, "256MB", lock_timeout_seconds=5)
    store.paths.apply(WRITTEN, WindowChange([draw()]))
    monkeypatch.setattr(
        window_change, "path_rows", lambda *given: path_rows(*given).read_all().slice(1)
    )
    with pytest.raises(StoreError, match=r"\[\(11, 3\)\] paths .* \(12, 3\); nothing was kept"):
        store.paths.apply(WRITTEN, WindowChange([draw(value=9.0)]))
    table = store.paths.read("Coffee", [date(2024, 1, 1)])
    assert (len(table), table.column("day_1").to_pylist()[:2]) == (12 + 3, [None, 1.0])
