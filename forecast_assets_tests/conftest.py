"""What tests share: closes drawn from a named seed, configurations, and the graph over them."""

import gc
import os
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from dagster import DagsterInstance
from hypothesis import settings as hypothesis_settings

from forecast_assets.configuration.settings import Settings
from forecast_assets.timeline.history import History
from forecast_assets_tests import quick
from forecast_assets_tests.beginnings import Beginnings, at_home
from forecast_assets_tests.graphs import ROOT, Graph, MakeGraph, Run
from forecast_assets_tests.histories import make_history, write_covariate, write_prices
from forecast_assets_tests.seaweed import Seaweed, seaweed


def pytest_configure() -> None:
    """Let the folders of tests be in memory, and let hypothesis try the same examples each time."""
    hypothesis_settings.register_profile(
        "repeatable", derandomize=True, deadline=None, database=None, max_examples=50
    )
    hypothesis_settings.load_profile("repeatable")
    if memory := quick.in_memory():
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(memory))


def pytest_collection_finish() -> None:
    """Keep what was imported out of the garbage collector's rounds, and let these be rare."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes long, so that no process is left alone with it at the end."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test sees the configuration, data or instance of the one who runs it."""
    monkeypatch.setenv("FORECAST_CONFIG", str(ROOT / "forecast.yaml"))
    monkeypatch.setenv("FORECAST_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))


@pytest.fixture(scope="session", autouse=True)
def _quick() -> Iterator[None]:
    """Runs in the process of a test are quick; figures are drawn only for ``pictures``."""
    with (
        quick.blank_pictures(),
        quick.kept_engines(),
        quick.plain_memory(),
        quick.no_mirrors(),
    ):
        yield


@pytest.fixture
def pictures() -> Iterator[None]:
    """Pictures are drawn, as they are for users."""
    with quick.drawn_pictures():
        yield


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seaweed]:
    """A store of S3, and an environment in which programs find it."""
    with seaweed(tmp_path_factory.mktemp("s3")) as server, pytest.MonkeyPatch.context() as patch:
        for name, value in server.environment.items():
            patch.setenv(name, value)
        yield server


@pytest.fixture(scope="session")
def beginnings(tmp_path_factory: pytest.TempPathFactory) -> Beginnings:
    """What several tests begin with."""
    return Beginnings(tmp_path_factory.mktemp("beginnings"))


@pytest.fixture
def make_graph(tmp_path: Path, beginnings: Beginnings) -> MakeGraph:
    """Build a graph over prices: one commodity from a file unless the keys say otherwise.

    The covariates of the history are files of their own, known the day after. No processes are
    started for its models. ``after``: runs that the tables are after. They are made once for all
    tests that begin with them, and the Dagster instance of the graph does not know of them.
    """

    def build(history: History | None = None, after: Sequence[Run] = (), **keys: Any) -> Graph:
        known = history or make_history()
        said = configure(tmp_path, known, keys)

        def begin(folder: Path) -> None:
            with at_home(folder):
                configure(folder, known, keys)
                made = graph_in(folder)
                for run in after:
                    made.run(*run)

        if after:
            beginnings.copy(f"{said} {known.fingerprint} {after}", begin, tmp_path)
        return graph_in(tmp_path)

    return build


def graph_in(folder: Path) -> Graph:
    """A graph over the configuration in a folder, with an instance in memory."""
    instance = DagsterInstance.ephemeral(str(folder / "instance"))
    return Graph(Settings.load(folder / "forecast.yaml"), instance)


def configure(folder: Path, history: History, keys: dict[str, Any]) -> str:
    """Write a configuration, and the files that it names; return the configuration."""
    write_prices(folder / "prices" / f"{history.commodity}.csv", history)
    source = {"type": "file", "path": f"prices/{history.commodity}.csv"}
    covariates = {}
    for name in history.feature_names:
        write_covariate(folder / "covariates" / f"{name}.csv", history, name)
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
    text = yaml.safe_dump(document | keys)
    (folder / "forecast.yaml").write_text(text)
    return text
