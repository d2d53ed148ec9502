"""A write of paths that lands other rows than were due, or whose rows fail, is taken back."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

from forecast_assets.errors import StoreError
from forecast_assets.forecast.records import WindowChange, Written
from forecast_assets.store.duckdb.store import DuckDBStore
from forecast_assets.store.sql import path_rows, window_change
from forecast_assets.store.sql.path_rows import PathRows
from forecast_assets_tests.records import WRITTEN, draw


class Fewer(PathRows):
    """Rows of which the first is missing."""

    def reader(self) -> pa.Table:
        return super().reader().read_all().slice(1)


def test_a_write_that_lands_too_few_rows_is_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = DuckDBStore(tmp_path / "commodity.duckdb", 3, "256MB", lock_timeout_seconds=5)
    store.paths.apply(WRITTEN, WindowChange([draw()]))
    monkeypatch.setattr(window_change, "PathRows", Fewer)
    with pytest.raises(StoreError, match=r"\[\(11, 3\)\] paths .* \(12, 3\); nothing was kept"):
        store.paths.apply(WRITTEN, WindowChange([draw(value=9.0)]))
    table = store.paths.read("Coffee", [date(2024, 1, 1)])
    assert (len(table), table.column("day_1").to_pylist()[:2]) == (12 + 3, [None, 1.0])


@pytest.mark.parametrize("error", [MemoryError("no room"), KeyboardInterrupt()])
def test_what_goes_wrong_while_rows_are_made_is_raised_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    store = DuckDBStore(tmp_path / "commodity.duckdb", 3, "256MB", lock_timeout_seconds=5)
    store.paths.apply(WRITTEN, WindowChange([draw()]))
    monkeypatch.setattr(path_rows, "ROW_GROUP", 5)
    batch = path_rows._batch

    def failing(written: Written, some: list[path_rows.Piece]) -> pa.RecordBatch:
        if some[0].rows.start:  # a later one than the first
            raise error
        return batch(written, some)

    monkeypatch.setattr(path_rows, "_batch", failing)
    with pytest.raises(type(error)) as raised:
        store.paths.apply(WRITTEN, WindowChange([draw(value=9.0)]))
    assert raised.value is error
    table = store.paths.read("Coffee", [date(2024, 1, 1)])
    assert (len(table), table.column("day_1").to_pylist()[:2]) == (12 + 3, [None, 1.0])


def test_what_the_tables_refuse_is_told_though_rows_are_left_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = DuckDBStore(tmp_path / "commodity.duckdb", 3, "256MB", lock_timeout_seconds=5)
    monkeypatch.setattr(path_rows, "ROW_GROUP", 1)
    some = draw(n_paths=4000)
    with pytest.raises(StoreError, match="CHECK constraint"):
        store.paths.apply(WRITTEN, WindowChange([replace(some, starts=some.cutoffs)]))
