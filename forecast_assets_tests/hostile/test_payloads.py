"""Whatever a stranger stores as a model ends as a failure of that model, in words and in time."""

import json
import re
import tracemalloc
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import pytest
import yaml
from fsspec.implementations.memory import MemoryFileSystem

from forecast_assets import errors
from forecast_assets.errors import PayloadCorrupted
from forecast_assets.forecast.records import TrainedModel
from forecast_assets.store.artifacts import ArtifactStore
from forecast_assets.store.payloads import Payloads, model_of
from forecast_assets_tests.alarm import at_most
from forecast_assets_tests.fuzz.payload import drawn, row_of
from forecast_assets_tests.hostile.cases import LONGEST_SECONDS
from forecast_assets_tests.hostile.stored import changed, golden, harmed, stored_row

CASES: list[dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("payloads.yaml").read_text())

SILENT_SECONDS = 0.1
"""How long a store has that never answers."""

DRAWN_SECONDS = 60.0
"""How long a drawing may take, of which the first loads libraries."""

MOST_BYTES = 25_000_000
"""Most memory for a payload of half a megabyte."""


@pytest.fixture
def never_answered(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Files in memory that are not opened before the test ends."""
    ended = Event()
    monkeypatch.setattr(MemoryFileSystem, "_open", lambda *_, **__: ended.wait())
    yield
    ended.set()


def stored(case: dict[str, Any], folder: Path) -> tuple[Payloads, TrainedModel]:
    """A row with its payload, and the door through which it is read."""
    payload = changed(case)
    row = stored_row(case, payload)
    outside = folder / "outside"
    outside.mkdir()
    url = case.get("url", (folder / "artifacts").as_uri())
    store = ArtifactStore(url, SILENT_SECONDS if "silent" in url else LONGEST_SECONDS)
    if "file" in case:
        row = replace(row, fitted_model_uri=harmed(store, outside, case["file"], payload))
    if row.fitted_model_uri is not None:
        row = replace(row, fitted_model_json=None)
    elif row.fitted_model_json is not None and not row.fitted_model_json.isprintable():
        (folder / "artifacts").mkdir()
        address = store.write("Coffee/garch/2024-01-01/v1.0", row.payload_sha256, payload)
        row = replace(row, fitted_model_json=None, fitted_model_uri=address)
    return Payloads(store, 1_000_000), row


def some(*, drawn: bool) -> list[Any]:
    """The cases that are let in and drawn from, or the others."""
    return [pytest.param(x, id=x["name"]) for x in CASES if x.get("drawn", False) == drawn]


@pytest.mark.parametrize("case", some(drawn=True))
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_an_absurd_state_is_a_failure_of_its_model(case: dict[str, Any]) -> None:
    payload = changed(case)
    row = row_of(payload)
    with at_most(DRAWN_SECONDS):
        said = " ".join(drawn(row, model_of(row, payload)))
    assert [part for part in case["message"] if part not in said] == [], said


@pytest.mark.parametrize("case", some(drawn=False))
def test_a_hostile_payload_is_refused_by_name_and_in_time(
    case: dict[str, Any], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    payloads, row = stored(case, tmp_path)
    if "silent" in case.get("url", ""):
        request.getfixturevalue("never_answered")
    refused = pytest.raises(getattr(errors, case.get("error", "PayloadCorrupted")))
    with at_most(LONGEST_SECONDS):
        with refused as caught:
            payloads.rebuild(row)
        intact = payloads.intact([row])
    said = str(caught.value)
    assert [part for part in case["message"] if part not in said] == [], said
    assert said.startswith(f"{row.model_id}: ")
    assert len(said) < 1500
    assert said.isprintable()
    assert "hidden" not in case or case["hidden"] not in said
    assert intact == ([row] if case.get("kept") else [])


@pytest.mark.parametrize(
    ("case", "told"),
    [
        (
            {"set": {"state": {f"k{n}": 0 for n in range(50_000)}}},
            "no JSON: 50,000 keys in one object, allowed: 1,000",
        ),
        (
            {"of": "theta", "fill": {"state.shocks.past": ["x", 50_000]}},
            "shocks.past.0: Input should be a valid number: ",
        ),
    ],
)
def test_a_payload_of_many_faults_takes_little_memory(case: dict[str, Any], told: str) -> None:
    payload = changed(case)
    tracemalloc.start()
    with pytest.raises(PayloadCorrupted, match=re.escape(told)):
        model_of(row_of(payload), payload)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < MOST_BYTES


def test_metrics_of_many_faults_are_read_to_the_first(tmp_path: Path) -> None:
    case = {"row": {"fit_metrics": json.dumps({"warnings": [1] * 20_000})}}
    payloads, row = stored(case, tmp_path)
    with pytest.raises(PayloadCorrupted, match=r"warnings.0: Input should be a valid string: "):
        payloads.rebuild(row)


def test_each_case_has_a_name_of_its_own() -> None:
    names = [case["name"] for case in CASES]
    assert len(set(names)) == len(names) >= 45


@pytest.mark.parametrize("of", ["garch", "arima_111_v1", "boosted_quantiles", "ensemble"])
def test_without_harm_the_same_payload_is_sound(of: str, tmp_path: Path) -> None:
    case = {"of": of, "row": {"payload_schema_version": 1} if of.endswith("_v1") else {}}
    payloads, row = stored(case, tmp_path)
    assert payloads.rebuild(row).name == row.model_name
    assert payloads.intact([row]) == [row]
    assert golden(of).encode() == payloads.read(row)
