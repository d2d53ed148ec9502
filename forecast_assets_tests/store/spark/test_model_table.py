"""Models saved and loaded by Spark, and by others beside it: the rows are the same."""

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable
from pyspark.sql import SparkSession

from forecast_assets import load_model, load_model_spark, save_model, save_model_spark
from forecast_assets.configuration.settings import load_settings
from forecast_assets.errors import (
    CannotFit,
    ConfigurationError,
    LookAheadError,
    ModelNotFound,
    PayloadCorrupted,
    StoreError,
    StoreLocked,
)
from forecast_assets.forecast.records import ModelFailure, TrainedModel
from forecast_assets.models.base import FittedForecaster
from forecast_assets.models.garch import Garch
from forecast_assets.models.naive import FittedNaive
from forecast_assets.models.roster import dump
from forecast_assets.store.contract import ModelTable
from forecast_assets.store.delta.store import DeltaStore
from forecast_assets.store.opening import models_in_spark, open_store
from forecast_assets.store.spark.registering import location, make_table
from forecast_assets.store.sql.database import Connection
from forecast_assets.store.sql.writes import MODELS
from forecast_assets_tests.histories import make_history
from forecast_assets_tests.records import WRITTEN, model
from forecast_assets_tests.rows import change, rows

pytestmark = [pytest.mark.engine, pytest.mark.long]

COMMODITY = "Crude-Oil.1"

CONFIGURATION = f"""\
model_version: v1.0
training: {{cadence: quarterly, start: 2019-01-01}}
models: [naive, garch]
store: {{type: delta, url: lake}}
commodities:
  {COMMODITY}: {{unit: USD/bbl, tick: 0.01, source: {{type: landing}}}}
"""

HISTORY = make_history(520, commodity=COMMODITY)  # up to 2019-12-27
FITTED = replace(Garch().fit(HISTORY), tick=0.01)
OF: dict[str, Any] = {"training_date": "2020-01-01", "model_version": "note-book_1.0"}
NAMES: dict[str, Any] = {"commodity": COMMODITY, "model_name": "garch", **OF}


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DeltaStore:
    """Empty tables of a configuration, which is that of the user."""
    path = tmp_path / "forecast.yaml"
    path.write_text(CONFIGURATION)
    monkeypatch.setenv("FORECAST_CONFIG", str(path))
    store = open_store(load_settings())
    assert isinstance(store, DeltaStore)
    store.make_all()
    return store


@pytest.fixture
def registered(spark: SparkSession, lake: DeltaStore) -> SparkSession:
    """A session whose catalog has the two tables that models are saved in."""
    spark.sql("CREATE SCHEMA IF NOT EXISTS forecast").collect()
    for name in ("trained_models", "failures"):
        make_table(spark, f"forecast.{name}", location(lake.place, f"forecast.{name}"))
    return spark


def save_by_spark(spark: SparkSession, fitted: FittedForecaster = FITTED) -> TrainedModel:
    return save_model_spark(
        spark=spark, fitted_model=fitted, history=HISTORY, **NAMES | {"model_name": fitted.name}
    )


def plainly(row: TrainedModel) -> TrainedModel:
    """A row without the moment of its writing."""
    return replace(row, created_at=WRITTEN.at)


def test_a_model_is_the_same_whichever_way_it_was_saved(
    registered: SparkSession, lake: DeltaStore
) -> None:
    kept = models_in_spark(registered, None, 60).models
    returned = save_by_spark(registered)
    (by_spark,) = lake.models.find()
    assert by_spark == returned  # to the microsecond
    assert kept.find() == [by_spark]
    other = replace(FITTED, tick=0.5)
    save_model(other, history=HISTORY, **OF)
    assert dump(load_model_spark(spark=registered, **NAMES)) == dump(other)
    save_by_spark(registered)
    assert dump(load_model(**NAMES)) == dump(load_model_spark(spark=registered, **NAMES))
    save_model(FITTED, history=HISTORY, **OF)  # just the same: nothing is written
    save_by_spark(registered)
    (again,) = lake.models.find()
    assert plainly(again) == plainly(by_spark)
    assert [*kept.find(COMMODITY, "garch")] == [again]
    assert kept.find(model_version="v1.0") == []
    actives = rows(lake, "forecast.trained_models", "is_active")
    assert sorted(actives) == [(False,), (False,), (True,)]


def test_what_one_way_refuses_the_other_refuses(registered: SparkSession, lake: DeltaStore) -> None:
    endless = FittedNaive(lookback=250, form="auto", decay=math.inf, tick=0.01)
    late = {**NAMES, "training_date": "2019-01-01"}
    for refused, call in (
        (CannotFit, lambda: save_by_spark(registered, endless)),
        (CannotFit, lambda: save_model(endless, history=HISTORY, **OF)),
        (
            LookAheadError,
            lambda: save_model_spark(
                spark=registered, fitted_model=FITTED, history=HISTORY, **late
            ),
        ),
        (ModelNotFound, lambda: load_model_spark(spark=registered, **NAMES)),
        (ModelNotFound, lambda: load_model(**NAMES)),
        (
            ConfigurationError,
            lambda: save_model_spark(
                spark=registered,
                fitted_model=FITTED,
                history=HISTORY,
                **NAMES | {"model_name": "naive"},
            ),
        ),
    ):
        with pytest.raises(refused):
            call()
    assert lake.models.find() == []
    save_by_spark(registered)
    change(lake, "forecast.trained_models", lambda row: {"fitted_model_json": '{"a": 1}'})
    with pytest.raises(PayloadCorrupted, match="SHA-256"):
        load_model(**NAMES)
    with pytest.raises(PayloadCorrupted, match="SHA-256"):
        load_model_spark(spark=registered, **NAMES)


def test_a_model_that_is_saved_takes_the_failures_of_its_window_away(
    registered: SparkSession, lake: DeltaStore
) -> None:
    written = replace(WRITTEN, commodity=COMMODITY)
    lake.models.append(written, [], [ModelFailure("naive", "no convergence")])
    kept = models_in_spark(registered, None, 60).models
    kept.append(written, [replace(model(), commodity=COMMODITY)], [])
    assert lake.failures.find(COMMODITY, "v1.0") == []
    with pytest.raises(StoreError, match="only models are saved"):
        kept.append(written, [], [ModelFailure("naive", "no convergence")])


def test_a_run_that_spark_was_faster_than_writes_again(
    registered: SparkSession, lake: DeltaStore
) -> None:
    kept = models_in_spark(registered, None, 60).models
    asked = []

    def change_late(connection: Connection) -> None:
        asked.append(1)
        if len(asked) == 1:
            kept.append(WRITTEN, [model(sha256="by Spark")], [])
        connection.execute("UPDATE forecast.trained_models SET is_active = FALSE")
        connection.register(
            "fitted", pa.Table.from_pylist([asdict(model(sha256="by a run", second=1))])
        )
        connection.execute("INSERT INTO forecast.trained_models BY NAME SELECT * FROM fitted")

    lake.lake.write(MODELS.of("Coffee"), change_late)
    assert len(asked) == 2
    columns = ("payload_sha256", "is_active")
    assert rows(lake, "forecast.trained_models", *columns) == [
        ("by Spark", False),
        ("by a run", True),
    ]


def test_those_who_write_the_same_at_once_leave_one_active_row(
    registered: SparkSession, lake: DeltaStore
) -> None:
    kept = models_in_spark(registered, None, 300).models
    before = DeltaTable(f"{lake.place}/forecast/trained_models").protocol()

    def save(writer: tuple[str, ModelTable, int]) -> None:
        who, table, first = writer
        for number in range(3):
            row = model(sha256=f"{who} {number}", second=first + number)
            table.append(WRITTEN, [row], [])

    writers = [("Spark", kept, 0), ("also Spark", kept, 10), ("a run", lake.models, 20)]
    with ThreadPoolExecutor(len(writers)) as pool:
        list(pool.map(save, writers))
    found = rows(lake, "forecast.trained_models", "payload_sha256", "is_active")
    assert len(found) == 9
    assert [active for _, active in found].count(True) == 1
    assert kept.find() == lake.models.find()
    table = DeltaTable(f"{lake.place}/forecast/trained_models")
    assert table.protocol() == before
    assert {each["operation"] for each in table.history()} >= {"MERGE", "WRITE"}


def test_a_writer_without_patience_says_that_others_were_faster(
    registered: SparkSession, lake: DeltaStore
) -> None:
    patient, hasty = (models_in_spark(registered, None, seconds).models for seconds in (300, 0))

    def save(number: int) -> str | None:
        try:
            (patient, hasty)[number % 2].append(
                WRITTEN, [model(sha256=str(number), second=number)], []
            )
        except StoreLocked as error:
            return str(error)
        return None

    told = []
    for turn in range(20):
        with ThreadPoolExecutor(2) as pool:
            told = [each for each in pool.map(save, (2 * turn, 2 * turn + 1)) if each]
        if told:
            break
    assert told == [
        "forecast.trained_models: Coffee: for 0 s others have written the same; nothing was"
        " written: run again"
    ]
    assert len(lake.models.find()) == 1
