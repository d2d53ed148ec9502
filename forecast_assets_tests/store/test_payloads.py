"""What is stored can be rebuilt, and what was rebuilt once is not rebuilt to see that it can be."""

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import pytest

from forecast_assets.configuration.settings import load_settings
from forecast_assets.errors import CannotFit, PayloadCorrupted
from forecast_assets.forecast.training import Fit
from forecast_assets.models.base import FitMetrics, FittedForecaster
from forecast_assets.models.naive import FittedNaive, Naive
from forecast_assets.models.random_walk import RandomWalk
from forecast_assets.store import payloads as door
from forecast_assets.store.payloads import SoundPayloads
from forecast_assets.store.saved_models import ModelStore
from forecast_assets_tests.histories import make_history
from forecast_assets_tests.records import WRITTEN, model

HISTORY = make_history(520)
SOUND = RandomWalk().fit(HISTORY)
ABSURD = FittedNaive(lookback=10**9, form="auto", decay=0.94)
"""A model that could not be rebuilt."""


def fits(models: Sequence[FittedForecaster]) -> list[Fit]:
    return [Fit(each, {}, HISTORY.first, ()) for each in models]


def test_a_model_that_could_not_be_rebuilt_is_a_failure_and_no_row() -> None:
    shelf = ModelStore.of(load_settings())
    rows, failures = shelf.rows(fits([ABSURD, SOUND]), WRITTEN, HISTORY)
    assert [row.model_name for row in rows] == ["random_walk"]
    (failure,) = failures
    assert failure.model_name == "naive"
    assert failure.reason == (
        "Coffee|2024-01-01: naive: its estimates cannot be stored: naive: its state:"
        " lookback: Input should be less than or equal to 5000"
    )
    with pytest.raises(CannotFit, match="cannot be stored"):
        shelf.row(fits([ABSURD])[0], WRITTEN, HISTORY)


ENDLESS = FittedNaive(lookback=250, form="auto", decay=math.inf)
"""A model with an estimate that JSON does not have."""

AIMLESS = replace(SOUND, metrics=FitMetrics(log_likelihood=math.nan))
"""A model that can be drawn from, of whose fit a number is lacking."""


@pytest.mark.parametrize("absurd", [ENDLESS, AIMLESS])
def test_a_number_that_json_does_not_have_is_a_failure_of_its_model_alone(
    absurd: FittedForecaster,
) -> None:
    shelf = ModelStore.of(load_settings())
    sound = Naive().fit(HISTORY)
    rows, failures = shelf.rows(fits([absurd, sound]), WRITTEN, HISTORY)
    assert rows == [shelf.row(fits([sound])[0], WRITTEN, HISTORY)]
    assert [failure.model_name for failure in failures] == [absurd.name]
    assert "its estimates cannot be stored: Out of range float values" in failures[0].reason


def test_a_payload_of_another_format_is_not_known_to_be_sound() -> None:
    shelf = ModelStore.of(load_settings())
    row = shelf.row(fits([SOUND])[0], WRITTEN, HISTORY)
    assert shelf.intact([row]) == [row]
    odd = replace(row, payload_format="odd")
    assert shelf.intact([odd]) == []
    with pytest.raises(PayloadCorrupted, match="its row says odd"):
        shelf.rebuild(odd)


def test_a_sound_payload_is_rebuilt_once_to_see_that_it_can_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shelf = ModelStore.of(load_settings())
    row = shelf.row(fits([SOUND])[0], WRITTEN, HISTORY)
    monkeypatch.setattr(door, "SOUND", SoundPayloads())
    assert shelf.intact([row]) == [row]
    monkeypatch.setattr(door, "model_of", lambda *_: pytest.fail("it is known to be sound"))
    later = replace(row, training_date=date(2025, 1, 1))
    assert shelf.intact([row, later]) == [row, later]
    assert shelf.intact([replace(row, fitted_model_json="{}")]) == []  # hashes are always compared


@pytest.mark.parametrize("document", ["options", "parameters", "fit_metrics"])
def test_a_document_that_cannot_be_read_is_told_though_the_payload_is_known_to_be_sound(
    document: str,
) -> None:
    shelf = ModelStore.of(load_settings())
    row = shelf.row(fits([SOUND])[0], WRITTEN, HISTORY)
    assert shelf.intact([row]) == [row]
    assert shelf.intact([replace(row, **{document: "{"})]) == []  # type: ignore[arg-type]


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "MOST_SOUND", 2)
    known = SoundPayloads()
    rows = [model(sha256=name) for name in "abc"]
    for row in rows:
        known.add(row)
    assert [row in known for row in rows] == [False, True, True]
