"""Runs queue as the tables allow: any number of commodities at once, or one run for one file."""

import os
import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from dagster import AssetKey

from forecast_assets.defs.pruning import pruned
from forecast_assets.defs.run_history import COMMODITY
from forecast_assets.store.opening import open_store
from forecast_assets_tests.daemons import within
from forecast_assets_tests.deployed import PATIENCE_SECONDS, Machine
from forecast_assets_tests.graphs import ROOT, Graph
from forecast_assets_tests.postgres import Postgres, postgres

pytestmark = [pytest.mark.engine, pytest.mark.long]

NAMES = ["Coffee", "Sugar"]

WINDOWS = ("2020-01-01", "2020-04-01")


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with postgres() as made:
        yield made


@pytest.fixture
def machine(server: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """One on the history in PostgreSQL, with the tables in a folder."""
    made = Machine(tmp_path, server.environment)
    for name, value in made.whole_environment.items():
        monkeypatch.setenv(name, value)
    made.build(NAMES, store={"type": "delta", "url": "lake"})
    return made


def windows(name: str) -> tuple[str, str]:
    """The first and the last partition of a commodity."""
    return f"{name}|{WINDOWS[0]}", f"{name}|{WINDOWS[1]}"


def test_runs_of_a_commodity_queue_and_a_killed_one_leaves_its_place_to_the_next(
    machine: Machine,
) -> None:
    Graph(machine.settings, machine.instance).run("load_prices", NAMES[0], NAMES[1])
    coffee, sugar = ({COMMODITY: name} for name in NAMES)
    first = machine.launch("train", *windows("Coffee"), coffee)
    second = machine.launch("train", *windows("Coffee"), coffee)
    other = machine.launch("train", *windows("Sugar"), sugar)
    with machine.daemon():
        process = within(PATIENCE_SECONDS, "begins", lambda: machine.process_of(first), 0.1)
        os.kill(process, signal.SIGKILL)
        ends = [machine.ended(run_id) for run_id in (first, second, other)]
    assert ends == ["FAILURE", "SUCCESS", "SUCCESS"]
    _, killed = machine.lasted(first)
    assert machine.lasted(second)[0] >= killed > machine.lasted(other)[0]
    assert not (machine.settings.home / ".runs").exists()
    models = open_store(machine.settings).models
    assert [len(models.find(name, model_version="v1.0")) for name in NAMES] == [4, 4]

    history, trained = machine.instance, AssetKey("trained_models")
    shown = history.get_materialized_partitions(trained)
    assert pruned(history, datetime.now(UTC)).deleted == 1
    left = {run.run_id for run in history.get_runs()}
    assert {second, other} <= left
    assert first not in left
    assert history.all_logs(first) == []
    assert history.get_materialized_partitions(trained) == shown


def test_runs_that_write_one_file_queue_whatever_their_commodities_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Machine(tmp_path, {})
    for name, value in machine.whole_environment.items():
        monkeypatch.setenv(name, value)
    machine.build(
        NAMES,
        ROOT / "forecast_assets" / "dagster.yaml",
        execution={"executor": "multiprocess"},
    )
    loads = machine.launch("load_prices", NAMES[0], NAMES[1])
    with machine.daemon():
        assert machine.ended(loads) == "SUCCESS"  # Dagster limits a pool from its first run on
    runs = [machine.launch("train", *windows(name)) for name in NAMES]
    with machine.daemon():
        assert [machine.ended(run_id) for run_id in runs] == ["SUCCESS", "SUCCESS"]
    (_, end), (begin, _) = map(machine.lasted, runs)
    assert begin >= end
    assert "store: one run at a time writes" in (machine.folder / "forecast-daemon.log").read_text()
