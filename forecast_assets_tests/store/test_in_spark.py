"""What is told before Spark is asked anything."""

import sys

import pytest

from forecast_assets.configuration.settings import load_settings
from forecast_assets.errors import StoreError
from forecast_assets.store.opening import models_in_spark, registered_in_spark, spark_at
from forecast_assets.store.patience import Patience
from forecast_assets_tests.commands import forecast
from forecast_assets_tests.loading import command, loaded_by

NO_SESSION = None
"""A session that nobody asks."""


@pytest.fixture
def without_spark(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spark's package is not installed."""
    for name in [each for each in sys.modules if each.startswith("forecast_assets.store.spark")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pyspark", None)
    monkeypatch.setitem(sys.modules, "pyspark.sql", None)
    monkeypatch.setitem(sys.modules, "pyspark.errors", None)


def test_tables_in_a_file_are_refused_with_what_to_set() -> None:
    place = load_settings().tables_at
    with pytest.raises(StoreError, match=r"Spark reads Delta tables.*store: \{type: delta"):
        registered_in_spark(NO_SESSION, place, "256MB", Patience(1.0), None)  # type: ignore[arg-type]
    done = forecast("spark", "register", "--remote", "sc://127.0.0.1:1")
    assert done.exit_code == 1
    assert "Spark reads Delta tables" in " ".join(done.output.split())


@pytest.mark.usefixtures("without_spark")
def test_without_the_package_the_error_says_what_to_install() -> None:
    with pytest.raises(StoreError, match=r"pip install 'forecast_assets\[spark\]'"):
        spark_at("sc://127.0.0.1:1")
    with pytest.raises(StoreError, match="the package pyspark"):
        models_in_spark(NO_SESSION, None, 1.0)  # type: ignore[arg-type]


def test_nothing_loads_spark_that_does_not_use_it() -> None:
    named = "import forecast_assets\nforecast_assets.Reader, forecast_assets.save_model_spark\n"
    opened = (
        "from forecast_assets.store.opening import open_store\n"
        "from forecast_assets.configuration.settings import load_settings\n"
        "open_store(load_settings()).models.find()\n"
    )
    assert "pyspark" not in loaded_by(named + opened + command("status"))
    assert "pyspark" in loaded_by("import pyspark")
