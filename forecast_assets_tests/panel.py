"""Small configurations that are trained, forecast, scored, ranked and published at once."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
import yaml
from dagster import DagsterInstance, ExecuteInProcessResult

from forecast_assets.configuration.settings import Settings
from forecast_assets.timeline.history import History
from forecast_assets_tests.graphs import QUIET, Graph, catch_up, load
from forecast_assets_tests.histories import write_prices

TOLERANCE = {"coverage_80": 0.07, "coverage_95": 0.05, "pit_p_value": 0.001}
"""Within these some walks of 100 paths are calibrated after 30 forecasts, and some are not."""

FIRST, LAST = "2020-01-01", "2020-07-01"
"""Training dates: those of closes from 2018-01-01 to 2020-09-04."""


CAUGHT_UP = ("trained_models", "distributions", "scores")


@dataclass(frozen=True)
class Panel:
    """A configuration in a folder of its own, whatever FORECAST_HOME a test has."""

    folder: Path
    graph: Graph

    @property
    def settings(self) -> Settings:
        """The configuration."""
        return self.graph.settings

    @property
    def database(self) -> Path:
        """The file of all tables."""
        return self.folder / "home" / "commodity.duckdb"

    @contextmanager
    def at_home(self) -> Iterator[Graph]:
        """The graph, while the data folder is this panel's."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("FORECAST_HOME", str(self.folder / "home"))
            yield self.graph

    def made(self) -> "Panel":
        """Read every commodity, train, forecast and score what reaches a window, and publish."""
        with self.at_home() as graph:
            for name in self.settings.commodities:
                graph.run("load_prices", name)
                if graph.store.prices.history(name).newest < date.fromisoformat(FIRST):
                    continue
                for job in ("train", "forecast", "score"):
                    graph.run(job, f"{name}|{FIRST}", f"{name}|{LAST}")
            report(graph)
        return self

    def frame(self, query: str, **named: Any) -> pd.DataFrame:
        """What plain SQL says of the tables."""
        with duckdb.connect(self.database, read_only=True) as connection:
            return connection.execute(query, named).df()


def caught_up(made: Panel, last: str = LAST, *, publish: bool = True) -> Panel:
    """The same as ``made`` in one run a commodity, and without the page.

    ``last``: the training date of the last window. Without ``publish`` nothing is ranked either.
    """
    assets: tuple[str, ...] = CAUGHT_UP
    ranked = ("leaderboard", "published_distributions")
    with made.at_home() as graph:
        for name in made.settings.commodities:
            load(graph, name)
        known = [
            name
            for name in made.settings.commodities
            if graph.store.prices.history(name).newest >= date.fromisoformat(FIRST)
        ]
        for name in known:
            if publish and name == known[-1]:
                assets = CAUGHT_UP + ranked
            catch_up(graph, assets, f"{name}|{FIRST}", f"{name}|{last}")
    return made


def report(graph: Graph, *, raise_on_error: bool = True) -> ExecuteInProcessResult:
    """Execute the job that ranks and publishes."""
    job = graph.definitions.resolve_job_def("publish")
    return job.execute_in_process(
        instance=graph.instance,
        run_config={"loggers": QUIET},
        raise_on_error=raise_on_error,
    )


def panel(folder: Path, histories: Sequence[History], **keys: Any) -> Panel:
    """A configuration over some commodities: three sessions ahead, 100 paths, quarterly."""
    document = {
        "model_version": "v1.0",
        "horizon": 3,
        "paths": 100,
        "training": {"cadence": "quarterly", "start": date(2020, 1, 1)},
        "models": ["naive", "random_walk", "reverting_volatility"],
        "commodities": {
            history.commodity: {
                "unit": "USc/lb",
                "source": {"type": "file", "path": f"prices/{history.commodity}.csv"},
            }
            for history in histories
        },
        "calibration": TOLERANCE,
        "parallel": {"processes": 1},
    }
    for history in histories:
        write_prices(folder / "prices" / f"{history.commodity}.csv", history)
    path = folder / "forecast.yaml"
    path.write_text(yaml.safe_dump(document | keys))
    instance = DagsterInstance.ephemeral(tempdir=str(folder / "instance"))
    return Panel(folder, Graph(Settings.load(path), instance))
