"""A write of features that lands other rows than were due is taken back."""

from pathlib import Path

import pytest

from forecast_assets.errors import StoreError
from forecast_assets.market.features import Feature, Features
from forecast_assets.store.duckdb.store import DuckDBStore
from forecast_assets.store.sql import feature_table
from forecast_assets.timeline.history import History
from forecast_assets_tests.histories import make_history, with_features
from forecast_assets_tests.records import AT
from forecast_assets_tests.rows import rows


def features(history: History, names: list[str]) -> Features:
    columns = [history.features[:, history.feature_names.index(name)] for name in names]
    present = [
        Feature(name, values, history.dates) for name, values in zip(names, columns, strict=True)
    ]
    return Features("Coffee", history.dates, present)


def test_a_failed_write_leaves_the_table_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = DuckDBStore(tmp_path / "commodity.duckdb", 14, "256MB", 5.0)
    history = with_features(make_history(50))
    store.features.write(features(history, ["rain", "vix"]), AT, "me")
    before = rows(store, "market.features")
    monkeypatch.setattr(feature_table, "WITHDRAW", f"{feature_table.WITHDRAW} AND FALSE")
    with pytest.raises(StoreError, match=r"100 rows in .* where 50 were due"):
        store.features.write(features(history, ["rain"]), AT, "you")
    assert rows(store, "market.features") == before
