"""A classic session, in a process that is Spark itself: the same functions do the same."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from forecast_assets.configuration.settings import load_settings
from forecast_assets.store.delta.store import DeltaStore
from forecast_assets.store.opening import open_store
from forecast_assets_tests.graphs import ROOT
from forecast_assets_tests.spark_server import LONGEST_SECONDS, environment, settings

pytestmark = [pytest.mark.engine, pytest.mark.long]

CONFIGURATION = """\
model_version: v1.0
training: {cadence: quarterly, start: 2019-01-01}
models: [naive]
store: {type: delta, url: lake}
commodities:
  Coffee: {unit: USc/lb, tick: 0.01, source: {type: landing}}
"""

PROGRAM = """
import json, sys
from pyspark.sql import SparkSession
from forecast_assets import load_model_spark, register_spark, save_model_spark
from forecast_assets.models.naive import Naive
from forecast_assets.models.roster import dump
from forecast_assets.store.saved_models import save_model
from forecast_assets_tests.histories import make_history

history = make_history(520)
fitted = Naive().fit(history)
save_model(fitted, history=history, training_date="2020-01-01", model_version="before")
builder = SparkSession.builder
for name, value in json.loads(sys.argv[1]).items():
    builder = builder.config(name, value)
spark = builder.getOrCreate()
register_spark(spark=spark)
which = dict(
    spark=spark,
    commodity="Coffee",
    model_name="naive",
    model_version="notebook",
    training_date="2020-01-01",
)
row = save_model_spark(fitted_model=fitted, history=history, **which)
loaded = dump(load_model_spark(**which))
found = spark.sql("SELECT model_id FROM forecast.trained_models ORDER BY model_id").collect()
print(json.dumps([row.payload_sha256, loaded["state"], [each["model_id"] for each in found]]))
spark.stop()
"""


def test_a_classic_session_registers_saves_and_loads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "forecast.yaml"
    path.write_text(CONFIGURATION)
    monkeypatch.setenv("FORECAST_CONFIG", str(path))
    store = open_store(load_settings())
    assert isinstance(store, DeltaStore)
    store.make_all()
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(settings(tmp_path))],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=2 * LONGEST_SECONDS,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    sha256, state, ids = json.loads(done.stdout.splitlines()[-1])
    assert ids == ["Coffee_naive_2020-01-01_before", "Coffee_naive_2020-01-01_notebook"]
    before, saved = store.models.find()
    assert (before.model_version, saved.model_version) == ("before", "notebook")
    assert before.payload_sha256 == saved.payload_sha256 == sha256
    assert json.loads(saved.fitted_model_json or "")["state"] == state
