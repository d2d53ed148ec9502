"""Secrets of addresses: the graph that Dagster shows has none, nor has a broken configuration."""

import json
import traceback
from pathlib import Path

import pytest
import yaml
from dagster import Definitions
from dagster._core.remote_representation.external_data import RepositorySnap
from dagster_shared.serdes import serialize_value

from forecast_assets.configuration.settings import Settings
from forecast_assets.defs.build import build_definitions
from forecast_assets.errors import ConfigurationError
from forecast_assets_tests.graphs import ROOT
from forecast_assets_tests.hostile.cases import document

ADDRESSES = {
    "alerts.webhook": "https://hooks.example.com/services/HIDDEN",
    "artifacts.url": "ftp://user:HIDDEN@example.com/models?token=HIDDEN",
    "landing.url": "ftp://user:HIDDEN@example.com/drop",
    "docs_url": "https://user:HIDDEN@docs.example.com/main?token=HIDDEN",
}


@pytest.mark.filterwarnings(
    "ignore:Property `ScheduleDefinition.environment_vars`"
)  # Dagster's own
def test_the_graph_that_dagster_shows_has_no_secret() -> None:
    graph: Definitions = build_definitions(Settings.model_validate(document(ADDRESSES)))
    shown = serialize_value(RepositorySnap.from_def(graph.get_repository_def()))
    assert "https://docs.example.com/main/tables.md" in shown
    assert "model_io_manager" in shown
    assert "HIDDEN" not in shown
    assert json.loads(shown)


def test_dagster_loads_no_graph_of_a_broken_configuration_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "forecast.yaml"
    path.write_text(yaml.safe_dump(document(ADDRESSES | {"horizon": 0, "alerts.port": "HIDDEN"})))
    monkeypatch.setenv("FORECAST_CONFIG", str(path))
    source = (ROOT / "forecast_assets" / "definitions.py").read_text()
    with pytest.raises(ConfigurationError) as caught:
        exec(compile(source, "definitions.py", "exec"), {"__name__": "definitions"})  # noqa: S102
    seen = "".join(traceback.format_exception(caught.value))
    assert f"ConfigurationError: {path}: not a valid configuration" in seen
    assert "horizon: found 0; Input should be greater than or equal to 1" in seen
    assert "HIDDEN" not in seen
