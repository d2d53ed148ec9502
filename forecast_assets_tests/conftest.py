"""What tests share: closes drawn from a named seed, configurations, and the graph over them."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from dagster import DagsterInstance

from forecast_assets.configuration.settings import Settings
from forecast_assets.timeline.history import History
from forecast_assets_tests.graphs import ROOT, Graph, MakeGraph
from forecast_assets_tests.histories import make_history, write_covariate, write_prices


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test sees the configuration, data or instance of the one who runs it."""
    monkeypatch.setenv("FORECAST_CONFIG", str(ROOT / "forecast.yaml"))
    monkeypatch.setenv("FORECAST_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))


@pytest.fixture
def make_graph(tmp_path: Path) -> MakeGraph:
    """Build a graph over prices: one commodity from a file unless the keys say otherwise.

    The covariates of the history are files of their own, known the day after. No processes are
    started for its models.
    """

    def build(history: History | None = None, **keys: Any) -> Graph:
        history = history or make_history()
        write_prices(tmp_path / "prices" / f"{history.commodity}.csv", history)
        source = {"type": "file", "path": f"prices/{history.commodity}.csv"}
        covariates = {}
        for name in history.feature_names:
            write_covariate(tmp_path / "covariates" / f"{name}.csv", history, name)
            covariates[name] = {"path": f"covariates/{name}.csv", "column": "close"}
        document: dict[str, Any] = {
            "model_version": "v1.0",
            "horizon": 14,
            "paths": 20,
            "training": {"cadence": "quarterly", "start": date(2020, 1, 1)},
            "models": ["naive", "random_walk", "arima_111", "garch"],
            "commodities": {
                history.commodity: {"unit": "USc/lb", "source": source, "covariates": covariates}
            },
            "parallel": {"processes": 1},
        }
        path = tmp_path / "forecast.yaml"
        path.write_text(yaml.safe_dump(document | keys))
        return Graph(Settings.load(path), DagsterInstance.ephemeral(str(tmp_path / "instance")))

    return build
