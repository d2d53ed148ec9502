"""Fitted models: one of each is in use, and those before it are kept."""

from forecast_assets.forecast.records import ModelFailure
from forecast_assets.store.contract import Store
from forecast_assets_tests.records import WRITTEN, model
from forecast_assets_tests.rows import rows


def test_a_model_trained_again_keeps_the_old_row_inactive(store: Store) -> None:
    store.models.append(WRITTEN, [model()], [])
    store.models.append(WRITTEN, [model(sha256="two", second=1), model("garch")], [])
    assert [row.payload_sha256 for row in store.models.find()] == ["one", "two"]
    assert store.models.find(model_name="naive") == [model(sha256="two", second=1)]
    columns = ("payload_sha256", "is_active")
    found = rows(store, "forecast.trained_models", *columns, where=[("model_name", "=", "naive")])
    assert found == [("one", False), ("two", True)]


def test_a_model_that_fails_now_is_retired_and_named(store: Store) -> None:
    store.models.append(WRITTEN, [model()], [])
    store.models.append(WRITTEN, [], [ModelFailure("naive", "no convergence")])
    assert store.models.find() == []
    (failure,) = store.failures.find("Coffee", "v1.0")
    assert (failure.model_name, failure.stage, failure.reason) == (
        "naive",
        "train",
        "no convergence",
    )
    store.models.append(WRITTEN, [model(second=1)], [])
    assert store.failures.find("Coffee", "v1.0") == []


def test_the_very_same_model_saved_twice_is_one_row(store: Store) -> None:
    store.models.append(WRITTEN, [model()], [])
    store.models.append(WRITTEN, [model(second=1)], [])
    assert len(rows(store, "forecast.trained_models")) == 1
