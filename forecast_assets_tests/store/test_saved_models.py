from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from forecast_assets.configuration.settings import load_settings
from forecast_assets.errors import (
    ArtifactMissing,
    ConfigurationError,
    LookAheadError,
    ModelNotFound,
    PayloadCorrupted,
    SchemaTooNew,
    UnknownModel,
)
from forecast_assets.models.garch import FittedGarch, Garch
from forecast_assets.models.naive import Naive
from forecast_assets.models.roster import dump
from forecast_assets.store.artifacts import ArtifactStore
from forecast_assets.store.saved_models import ModelStore, load_model, save_model
from forecast_assets.timeline.history import History
from forecast_assets_tests.histories import make_history
from forecast_assets_tests.rows import change

HISTORY = make_history(520, commodity="WTI")  # up to 2019-12-27
MODEL = replace(Garch().fit(HISTORY), tick=0.01)
"""With the tick that the project's configuration has for WTI."""


@pytest.fixture
def models() -> ModelStore:
    return ModelStore.of(load_settings())


def overwrite(models: ModelStore, column: str, value: object) -> None:
    change(models.store, "forecast.trained_models", lambda row: {column: value})


def save() -> None:
    save_model(MODEL, history=HISTORY, training_date="2020-01-01", model_version="notebook")


def load(models: ModelStore | None = None) -> FittedGarch:
    model = load_model(
        commodity="WTI",
        model_name="garch",
        training_date="2020-01-01",
        model_version="notebook",
        models=models,
    )
    assert isinstance(model, FittedGarch)
    return model


def test_a_saved_model_loads_as_it_was() -> None:
    save()
    assert dump(load()) == dump(MODEL)


def test_a_model_without_a_tick_is_saved_with_that_of_its_commodity(models: ModelStore) -> None:
    untold = replace(MODEL, tick=None)
    row = save_model(untold, history=HISTORY, training_date="2020-01-01", model_version="notebook")
    assert dump(load()) == dump(MODEL)
    assert row.options == '{"tick":0.01}'
    other = replace(MODEL, tick=0.5)
    row = save_model(other, history=HISTORY, training_date="2020-01-01", model_version="notebook")
    assert dump(load()) == dump(other)
    assert row.options == '{"tick":0.5}'


def test_the_row_says_what_the_model_is(models: ModelStore) -> None:
    save()
    (row,) = models.store.models.find()
    assert row.model_id == "WTI_garch_2020-01-01_notebook"
    assert (row.training_start_date, row.training_end_date) == (HISTORY.first, HISTORY.newest)
    assert (row.training_samples, row.year, row.month) == (520, 2020, 1)
    assert row.data_fingerprint == HISTORY.fingerprint
    assert row.fitted_model_json is not None
    assert row.model_size_bytes == len(row.fitted_model_json)
    assert '"converged":true' in row.fit_metrics
    assert '"arch":' in row.library_versions


@pytest.mark.parametrize("below", [0, 1, 3])
def test_a_log_model_counts_the_sessions_that_it_was_fitted_on(
    models: ModelStore, below: int
) -> None:
    closes = HISTORY.closes.copy()
    closes[100 : 100 + below] = -36.98
    history = replace(HISTORY, closes=closes)
    save_model(MODEL, history=history, training_date="2020-01-01", model_version="notebook")
    (row,) = models.store.models.find()
    assert row.training_samples == 520 - below


def test_a_large_payload_goes_to_the_artifact_store(models: ModelStore, tmp_path: Path) -> None:
    small_table = ModelStore(models.store, ArtifactStore((tmp_path / "far").as_uri()), 1000)
    save_model(
        MODEL,
        history=HISTORY,
        training_date=date(2020, 1, 1),
        model_version="notebook",
        models=small_table,
    )
    (row,) = models.store.models.find()
    assert row.fitted_model_json is None
    assert row.fitted_model_uri is not None
    folder = tmp_path / "far" / "WTI" / "garch" / "2020-01-01" / "notebook"
    assert [file.name for file in folder.iterdir()] == [f"{row.payload_sha256}.json"]
    assert dump(load(small_table)) == dump(MODEL)
    with pytest.raises(PayloadCorrupted, match="cannot be read"):
        load()  # the configured store lacks it
    next(folder.iterdir()).write_bytes(b"{}")
    with pytest.raises(PayloadCorrupted, match="train this window again"):
        load(small_table)
    next(folder.iterdir()).unlink()
    with pytest.raises(PayloadCorrupted, match="cannot be read"):
        load(small_table)


def test_artifacts_are_read_only_where_the_store_is_now(tmp_path: Path) -> None:
    place = ("Coffee/naive/2024-01-01/v1.0", "0" * 64)
    old = ArtifactStore((tmp_path / "old").as_uri())
    address = old.write(*place, b"{}")
    assert address == f"{place[0]}/{place[1]}.json"
    (tmp_path / "old").rename(tmp_path / "new")
    moved = ArtifactStore((tmp_path / "new").as_uri())
    assert moved.read(address, 2) == b"{}"
    assert old.write(*place, b"changed") == address
    whole = f"{old.url}/{address}"  # as older releases wrote it
    assert moved.read(whole, 2) == b"{}"
    with pytest.raises(ArtifactMissing, match="there is no such file"):
        ArtifactStore((tmp_path / "empty").as_uri()).read(whole, 7)
    with pytest.raises(ArtifactMissing, match="cannot be read"):
        moved.read(address.replace("v1.0", "v2.0"), 2)


def test_an_artifact_store_may_be_anywhere_that_fsspec_reaches() -> None:
    store = ArtifactStore("memory://models")
    address = store.write("WTI/garch/2020-01-01/v1.0", "abc", b"payload")
    assert address == "WTI/garch/2020-01-01/v1.0/abc.json"
    assert store.read(f"memory://models/{address}", 7) == b"payload"
    assert store.write("WTI/garch/2020-01-01/v1.0", "abc", b"payload") == address


def test_a_model_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(
        ModelNotFound, match=r"no active garch of WTI for 2020-01-01.*there are none"
    ):
        load()
    save()
    with pytest.raises(ModelNotFound, match=r"version v1.0; there are: notebook \(2020-01-01\)"):
        load_model(commodity="WTI", model_name="garch", training_date="2020-01-01")
    with pytest.raises(ModelNotFound, match="for 2021-01-01, version notebook"):
        load_model(
            commodity="WTI",
            model_name="garch",
            training_date="2021-01-01",
            model_version="notebook",
        )


def test_a_payload_with_another_hash_is_refused(models: ModelStore) -> None:
    save()
    (row,) = models.store.models.find()
    overwrite(models, "fitted_model_json", (row.fitted_model_json or "").replace("1", "2", 1))
    with pytest.raises(PayloadCorrupted, match="WTI_garch_2020-01-01_notebook: the payload"):
        load()


@pytest.mark.parametrize(
    ("text", "becomes", "error"),
    [
        (f'"schema_version":{MODEL.schema_version}', '"schema_version":9', SchemaTooNew),
        ('"model":"garch"', '"model":"lstm"', UnknownModel),
    ],
)
def test_a_payload_of_another_release_is_refused_by_name(
    models: ModelStore, text: str, becomes: str, error: type[Exception]
) -> None:
    import hashlib

    save()
    (row,) = models.store.models.find()
    payload = (row.fitted_model_json or "").replace(text, becomes)
    overwrite(models, "fitted_model_json", payload)
    overwrite(models, "payload_sha256", hashlib.sha256(payload.encode()).hexdigest())
    with pytest.raises(error):
        load()


def test_a_model_that_knows_its_own_future_cannot_be_saved() -> None:
    with pytest.raises(LookAheadError, match="fitted on a close of 2019-12-27"):
        save_model(MODEL, history=HISTORY, training_date="2019-12-27")


@pytest.mark.parametrize("version", ["a|b", "../up", "", "x" * 65, "é"])
def test_an_unsafe_version_is_refused_at_the_door(version: str) -> None:
    with pytest.raises(ConfigurationError, match="model_version: found"):
        save_model(MODEL, history=HISTORY, training_date="2020-01-01", model_version=version)


def test_an_unknown_commodity_is_refused_at_the_door() -> None:
    other = History("Tea", HISTORY.dates, HISTORY.closes)
    with pytest.raises(ConfigurationError, match="found 'Tea', allowed: WTI, Gold"):
        save_model(Naive().fit(other), history=other, training_date="2020-01-01")
