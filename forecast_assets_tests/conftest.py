"""What tests share: closes drawn from a named seed, configurations, and the graph over them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from dagster import DagsterInstance, ExecuteInProcessResult

from forecast_assets.configuration import Settings
from forecast_assets.definitions import build_definitions
from forecast_assets.history import History
from forecast_assets.store.duckdb import DuckDBStore

ROOT = Path(__file__).parent.parent
QUIET = {"console": {"config": {"log_level": "CRITICAL"}}}


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test sees the configuration, data or instance of the one who runs it."""
    monkeypatch.setenv("FORECAST_CONFIG", str(ROOT / "forecast.yaml"))
    monkeypatch.setenv("FORECAST_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))


def closes(sessions: int, seed: int = 1, volatility: float = 0.02) -> np.ndarray:
    """A geometric random walk from 50."""
    returns = np.random.default_rng(seed).standard_normal(sessions) * volatility
    walk: np.ndarray = 50 * np.exp(np.cumsum(returns))
    return walk


def make_history(
    sessions: int = 700, seed: int = 1, commodity: str = "Coffee", first: str = "2018-01-01"
) -> History:
    """Closes on every weekday from ``first`` on."""
    days = np.busday_offset(np.datetime64(first), np.arange(sessions), roll="forward")
    return History(commodity, days, closes(sessions, seed))


def with_features(history: History, names: tuple[str, ...] = ("rain", "vix")) -> History:
    """The same closes beside covariates that wander, each from a seed of its own name."""
    columns = [closes(len(history), seed=sum(name.encode()), volatility=0.05) for name in names]
    return replace(history, features=np.column_stack(columns), feature_names=names)


def write_covariate(path: Path, history: History, name: str, column: str = "close") -> None:
    """A CSV file that a covariate can be read from: its values, dated as the sessions are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    values = history.features[:, history.feature_names.index(name)]
    pd.DataFrame({"date": history.dates, column: values}).to_csv(path, index=False)


def write_prices(path: Path, history: History) -> None:
    """A CSV file that a file source can read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame({"date": history.dates, "close": history.closes}).to_csv(path, index=False)


@dataclass(frozen=True)
class Graph:
    """A configuration with its graph, tables and Dagster instance."""

    settings: Settings
    instance: DagsterInstance

    @property
    def store(self) -> DuckDBStore:
        """The tables."""
        return DuckDBStore.of(self.settings)

    def run(
        self,
        job: str,
        first: str,
        last: str | None = None,
        config: Mapping[str, Any] | None = None,
        *,
        raise_on_error: bool = True,
    ) -> ExecuteInProcessResult:
        """Execute a job on one partition, or on the range from ``first`` to ``last``."""
        asset = {
            "load_prices": "prices",
            "train": "trained_models",
            "forecast": "distributions",
            "score": "scores",
        }
        bounds = {
            "dagster/asset_partition_range_start": first,
            "dagster/asset_partition_range_end": last or first,
        }
        return (
            build_definitions(self.settings)
            .resolve_job_def(job)
            .execute_in_process(
                instance=self.instance,
                partition_key=None if last else first,
                tags=bounds if last else None,
                run_config={
                    "ops": {asset[job]: {"config": dict(config)}} if config else {},
                    "loggers": QUIET,
                },
                raise_on_error=raise_on_error,
            )
        )


MakeGraph = Callable[..., Graph]


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
