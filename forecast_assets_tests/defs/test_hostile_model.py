"""A window of two models, one of them with a payload that a stranger wrote."""

import hashlib
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from dagster import DagsterInstance

from forecast_assets.automation.attempts import Attempts
from forecast_assets.automation.plan import plan
from forecast_assets.configuration.settings import Settings
from forecast_assets.defs.build import build_definitions
from forecast_assets.defs.failure_lines import failure_lines
from forecast_assets.errors import ArtifactsUnavailable
from forecast_assets.store.artifacts import ArtifactStore
from forecast_assets_tests.beginnings import Beginnings, at_home
from forecast_assets_tests.desk import Desk, desk
from forecast_assets_tests.graphs import Graph
from forecast_assets_tests.histories import make_history
from forecast_assets_tests.rows import change, table

TRAINED = date(2020, 1, 1)
KEY = f"Coffee|{TRAINED}"
MODELS = "forecast.trained_models"
KNOWN, LATER = 540, 542
"""Sessions before and after two days; 522 are before the training date."""

HOSTILE = '{"model":"naive","schema_version":1,"state":{"decay":0.94,"form":"auto","lookback":1e9}}'


def begin(folder: Path) -> None:
    """Two models and their forecasts; two days later two more forecasts of each are due."""
    with at_home(folder):
        made = desk(folder, "Coffee", models=["naive", "random_walk"])
        made.told(make_history(KNOWN))
        made.work(publishes=False)
        made.told(make_history(LATER))


@pytest.fixture
def trained(tmp_path: Path, beginnings: Beginnings) -> Iterator[Graph]:
    beginnings.copy("a window of two models", begin, tmp_path)
    with at_home(tmp_path), DagsterInstance.ephemeral() as instance:
        yield Graph(Settings.load(tmp_path / "forecast.yaml"), instance)


def harm(graph: Graph, **columns: Any) -> None:
    """Change columns of the row of the naive model."""
    change(graph.store, MODELS, lambda row: columns if row["model_name"] == "naive" else {})


def hostile() -> dict[str, object]:
    """Columns with a payload that no model can be made of, and its hash."""
    payload = HOSTILE.encode()
    return {
        "fitted_model_json": HOSTILE,
        "payload_sha256": hashlib.sha256(payload).hexdigest(),
        "model_size_bytes": len(payload),
    }


def due(graph: Graph) -> list[str]:
    """The trainings and forecasts that a sensor would ask for."""
    attempts = Attempts([], graph.settings.automation, graph.store.marks)
    found = plan(graph.settings, graph.store, attempts, datetime(2020, 2, 1, tzinfo=UTC))
    assert found.failures == []
    asked = {work for request in found.requests for work in request.work}
    return sorted(work.name for work in asked if work.stage in ("train", "forecast"))


def payloads(graph: Graph) -> dict[str, str]:
    """The payload of each active model."""
    return {row.model_name: str(row.fitted_model_json) for row in graph.store.models.find()}


def forecasts(graph: Graph, name: str) -> int:
    return sum(each.model_name == name for each in graph.store.paths.issued("Coffee", "v1.0"))


def test_the_other_model_forecasts_and_the_next_run_trains_the_hostile_one_again(
    trained: Graph,
) -> None:
    before, held = payloads(trained), forecasts(trained, "naive")
    assert due(trained) == [f"forecast {KEY}"]
    harm(trained, **hostile())
    assert due(trained) == [f"forecast {KEY}", f"train {KEY}"]
    result = trained.run("forecast", KEY, raise_on_error=False)
    assert not result.success
    (line,) = [line for line in failure_lines(result, "forecast") if "naive" in line]
    assert "PayloadCorrupted" in line
    assert "lookback: Input should be a valid integer: train this window again" in line
    assert (forecasts(trained, "random_walk"), forecasts(trained, "naive")) == (held + 2, held)
    Desk(trained.settings).work(publishes=False)  # trains by the same decision as a run
    assert payloads(trained) == before
    assert forecasts(trained, "naive") == held + 2
    assert due(trained) == []
    inactive = table(trained.store, MODELS, where=[("is_active", "=", False)]).to_pylist()
    assert [row["fitted_model_json"] for row in inactive] == [HOSTILE]


def test_a_model_of_a_newer_release_is_kept_and_not_trained_again(trained: Graph) -> None:
    payload = HOSTILE.replace('"schema_version":1', '"schema_version":7')
    sha256 = hashlib.sha256(payload.encode()).hexdigest()
    harm(
        trained,
        fitted_model_json=payload,
        payload_sha256=sha256,
        model_size_bytes=len(payload),
        payload_schema_version=7,
    )
    assert due(trained) == [f"forecast {KEY}"]


def test_a_store_that_does_not_answer_is_no_reason_to_train_everything_again(
    trained: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(store: ArtifactStore, uri: str, size: int) -> bytes:
        raise ArtifactsUnavailable(f"the artifact {uri} cannot be reached")

    monkeypatch.setattr(ArtifactStore, "read", unreachable)
    harm(trained, fitted_model_json=None, fitted_model_uri="Coffee/naive/2020-01-01/v1.0/a.json")
    assert due(trained) == [f"forecast {KEY}"]


def test_no_credentials_of_the_artifact_store_reach_resources_or_rows(tmp_path: Path) -> None:
    secret = "forecaster:HIDDEN@"  # noqa: S105 - it is to be looked for
    url = f"memory://{secret}models"
    with at_home(tmp_path):
        made = desk(tmp_path, "Coffee", artifacts={"url": url, "threshold_bytes": 0})
        made.told(make_history(KNOWN))
        made.work(publishes=False)
        definitions = build_definitions(made.settings)
        resources = {name: str(vars(each)) for name, each in (definitions.resources or {}).items()}
        rows = table(made.store, MODELS).to_pylist()
    assert all(row["fitted_model_uri"] for row in rows)
    assert "HIDDEN" not in str([resources, rows])
