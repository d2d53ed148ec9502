"""Pins: what a version means, revision by revision, in one transaction with its first models."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from forecast_assets.configuration.version_meaning import VersionMeaning
from forecast_assets.errors import StoreError
from forecast_assets.forecast.records import TrainedModel
from forecast_assets.forecast.version_pins import Pin
from forecast_assets.store.contract import Store
from forecast_assets_tests.records import AT, WRITTEN, model
from forecast_assets_tests.rows import rows

MEANING = VersionMeaning(
    2000,
    3,
    {"naive": {"decay": 0.94, "form": "auto"}, "ensemble": {"members": {"naive": {"decay": 0.1}}}},
    {"weather": ["rain", "snow"]},
    {"Coffee": {"rain": {"delay_days": 1, "region": None}}, "Sugar": {}},
    {"Coffee": 0.05},
)
FIRST = Pin("v1.0", 1, "first", "first training", MEANING, AT, "a run")
SECOND = replace(
    FIRST,
    revision=2,
    kind="rewrite",
    reason='a "better" number; of paths',
    meaning=replace(MEANING, paths=3000, ticks={"Coffee": 1.0, "Sugar": 0.01}),
    pinned_at=AT + timedelta(microseconds=1),
)


def test_a_version_without_a_pin_has_none(store: Store) -> None:
    assert store.pins.find("v1.0") == []


def test_revisions_are_read_as_they_were_written_and_in_order(store: Store) -> None:
    store.pins.append(FIRST)
    store.pins.append(replace(FIRST, model_version="v2.0"))
    store.pins.append(SECOND)
    assert store.pins.find("v1.0") == [FIRST, SECOND]
    assert store.pins.find("v2.0") == [replace(FIRST, model_version="v2.0")]
    assert store.pins.find("v") == []


def test_the_same_revision_of_two_runs_is_added_once(store: Store) -> None:
    store.pins.append(FIRST)
    store.pins.append(replace(FIRST, pinned_at=AT + timedelta(seconds=1), pinned_by="another"))
    assert store.pins.find("v1.0") == [FIRST]


@pytest.mark.parametrize("pin", [replace(SECOND, revision=1), replace(SECOND, revision=3)])
def test_a_revision_that_another_run_has_not_seen_is_refused(store: Store, pin: Pin) -> None:
    store.pins.append(FIRST)
    with pytest.raises(StoreError, match=r"v1\.0: another run has pinned"):
        store.pins.append(pin)
    assert store.pins.find("v1.0") == [FIRST]


def test_models_and_their_pin_are_one_write(store: Store) -> None:
    store.models.append(WRITTEN, [model()], [], FIRST)
    assert store.pins.find("v1.0") == [FIRST]
    refused = [model(sha256="two", second=1)]
    with pytest.raises(StoreError, match="another run"):
        store.models.append(WRITTEN, refused, [], replace(SECOND, revision=1))
    assert store.models.find() == [model()]


def test_a_write_of_models_that_fails_pins_nothing(store: Store) -> None:
    twice: list[TrainedModel] = [model(), replace(model(), created_by="twice")]
    with pytest.raises(StoreError):
        store.models.append(WRITTEN, twice, [], FIRST)
    assert store.pins.find("v1.0") == []
    assert store.models.find() == []


def test_a_commodity_is_renamed_in_every_revision(store: Store) -> None:
    store.pins.append(FIRST)
    store.pins.append(SECOND)
    assert store.names.rename("Coffee", "Beans", {})["forecast.versions"] == 2
    covariates = {"Beans": MEANING.covariates["Coffee"], "Sugar": {}}
    assert [pin.meaning.covariates for pin in store.pins.find("v1.0")] == [covariates] * 2
    ticks = [pin.meaning.ticks for pin in store.pins.find("v1.0")]
    assert ticks == [{"Beans": 0.05}, {"Beans": 1.0, "Sugar": 0.01}]
    assert store.names.rename("Tea", "Leaves", {}) == {}


def test_a_tick_stands_among_the_covariates_and_its_absence_is_what_it_was_before(
    store: Store,
) -> None:
    store.pins.append(replace(FIRST, meaning=replace(MEANING, ticks={})))
    store.pins.append(SECOND)
    held = dict(rows(store, "forecast.versions", "revision", "covariates"))
    assert json.loads(held[1]) == MEANING.covariates
    assert json.loads(held[2]) == {
        "Coffee": {**MEANING.covariates["Coffee"], "(tick)": 1.0},
        "Sugar": {"(tick)": 0.01},
    }


def test_what_is_pinned_can_be_asked_by_its_columns(store: Store) -> None:
    store.pins.append(FIRST)
    found = rows(store, "forecast.versions", "model_version", "revision", "n_paths", "horizon")
    assert found == [("v1.0", 1, 2000, 3)]
