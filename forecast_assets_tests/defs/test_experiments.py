"""The walk-through of docs/experiments.md, word for word, on small data."""

import re
from datetime import date
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest
import yaml
from dagster import ExecuteInProcessResult

from forecast_assets.configuration.settings import Settings
from forecast_assets.defs.build import build_definitions
from forecast_assets.store.contract import Condition
from forecast_assets.timeline.history import History
from forecast_assets_tests.graphs import QUIET, ROOT, Graph, MakeGraph, load
from forecast_assets_tests.histories import (
    make_history,
    with_features,
    write_covariate,
    write_prices,
)
from forecast_assets_tests.rows import table

PAGE = (ROOT / "docs" / "experiments.md").read_text()
CONFIGURATION, *RUNS = (yaml.safe_load(x) for x in re.findall(r"```yaml\n(.*?)```", PAGE, re.S))
QUERIES = re.findall(r"```sql\n(.*?)```", PAGE, re.S)
JOBS = {"trained_models": "train", "distributions": "forecast", "scores": "score"}
KEY = "Coffee|2020-07-01"


@pytest.fixture
def graph(make_graph: MakeGraph) -> Graph:
    """The configuration of the page, with fewer paths, over files that it names."""
    beside = make_graph()
    folder = beside.settings.folder
    history = with_features(make_history(680))
    write_prices(folder / "prices" / "coffee.csv", history)
    write_covariate(folder / "covariates" / "vix.csv", history, "vix")
    weights = CONFIGURATION["commodities"]["Coffee"]["covariates"]["rain"]["weights"]
    rain = np.random.default_rng(3).gamma(2.0, 2.0, (len(history), len(weights)))
    weather = pd.DataFrame(rain, index=pd.Index(history.dates, name="date"), columns=list(weights))
    weather.melt(ignore_index=False, var_name="region", value_name="precipitation_mm").to_csv(
        folder / "covariates" / "weather.csv"
    )
    path = folder / "forecast.yaml"
    path.write_text(yaml.safe_dump(CONFIGURATION | {"paths": 50}))
    made = Graph(Settings.load(path), beside.instance)
    load(made)
    return made


def launch(graph: Graph, config: dict[str, Any]) -> ExecuteInProcessResult:
    """A run as the launchpad starts it."""
    (asset,) = config["ops"]
    job = build_definitions(graph.settings).resolve_job_def(JOBS[asset])
    return job.execute_in_process(
        instance=graph.instance,
        partition_key=KEY,
        run_config=config | {"loggers": QUIET},
        raise_on_error=False,
    )


def test_two_experiments_run_beside_the_models_in_use_and_are_scored_as_by_a_loop_over_pairs(
    graph: Graph,
) -> None:
    graph.run("train", KEY)
    graph.run("forecast", KEY)
    in_use: list[Condition] = [("model_version", "=", "v1.0")]
    before = table(graph.store, "forecast.distributions", where=in_use)
    assert len(RUNS) == 6
    for config in RUNS:
        assert launch(graph, config).success
    assert table(graph.store, "forecast.distributions", where=in_use).equals(before)
    with duckdb.connect(graph.settings.database_path, read_only=True) as connection:
        estimates, scores = (connection.execute(query).fetchall() for query in QUERIES)
        drawn = connection.execute(
            "SELECT data_cutoff_date, list(day_5) FROM commodity.forecast.distributions"
            " WHERE model_version = 'experiment_vix' AND NOT is_actuals GROUP BY ALL"
        ).fetchall()
    assert [row[0] for row in estimates] == ["experiment_rain", "experiment_vix"]
    assert [(row[3] is None, row[4] is None) for row in estimates] == [(True, False), (False, True)]
    assert [row[:2] for row in scores] == [("experiment_rain", 24), ("experiment_vix", 24)]
    assert all(0 < row[2] < 10 for row in scores)
    slow = slow_score(graph.store.prices.history("Coffee"), drawn)
    assert scores[1][2] == pytest.approx(slow, rel=1e-5)


def slow_score(history: History, drawn: list[tuple[date, list[float]]]) -> float:
    """The mean CRPS of the fifth session, over all pairs of paths of each cutoff."""
    found = []
    for cutoff, prices in drawn:
        place = int(history.positions([cutoff])[0]) + 5
        if place < len(history):
            paths = np.array(prices)
            pairs = np.abs(np.subtract.outer(paths, paths)).sum() / (len(paths) * (len(paths) - 1))
            found.append(np.abs(paths - history.closes[place]).mean() - pairs / 2)
    return float(np.mean(found))


def test_models_without_a_version_of_their_own_retire_nothing(graph: Graph) -> None:
    graph.run("train", KEY)
    before = graph.store.models.find("Coffee")
    for named in ({}, {"model_version": "v1.0"}):
        config = {"models": ["naive"]} | named
        for asset in ("trained_models", "distributions"):
            result = launch(graph, {"ops": {asset: {"config": config}}})
            data = result.failure_data_for_node(asset)
            assert data is not None
            assert "allowed: a version of its own" in str(data.error)
        assert graph.store.models.find("Coffee") == before


def test_a_wrong_model_of_a_run_is_told_as_in_the_configuration(graph: Graph) -> None:
    config = {"models": [{"sarimax": {"features": "macro"}}], "model_version": "x"}
    data = launch(graph, {"ops": {"trained_models": {"config": config}}}).failure_data_for_node(
        "trained_models"
    )
    assert "found 'macro', allowed: a name of feature_sets: market, weather" in str(data)
    assert graph.store.models.find("Coffee") == []
