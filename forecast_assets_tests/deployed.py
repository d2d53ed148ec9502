"""A folder of one of several machines: what ``deploy/several_machines`` has, over a history."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from dagster import DagsterEventType, DagsterInstance, RunRecord

from forecast_assets.cli.serving import workspace
from forecast_assets_tests.daemons import Home, end_group, within
from forecast_assets_tests.histories import make_history, write_prices
from forecast_assets_tests.units import DEPLOY, start

SEVERAL = DEPLOY / "several_machines"

PATIENCE_SECONDS = 900
"""How long anything is waited for: a machine may have other things to do."""

NONE: Mapping[str, str] = {}

SESSIONS = 620
"""From 2018-01-01 to 2020-05-15: the windows of 2020-01-01 and 2020-04-01."""


@dataclass(frozen=True)
class Machine(Home):
    """A machine. ``servers``: the environment in which it finds what it shares with others."""

    servers: Mapping[str, str]

    def build(
        self,
        names: list[str],
        dagster: Path = SEVERAL / "dagster.yaml",
        sessions: int = SESSIONS,
        **keys: Any,
    ) -> None:
        """Write a configuration of some commodities with its files, and Dagster's home."""
        commodities = {}
        for seed, name in enumerate(names, 1):
            write_prices(self.folder / f"{name}.csv", make_history(sessions, seed, name))
            commodities[name] = {"unit": "USD/t", "source": {"type": "file", "path": f"{name}.csv"}}
        document = {
            "model_version": "v1.0",
            "horizon": 3,
            "paths": 20,
            "training": {"cadence": "quarterly", "start": date(2020, 1, 1)},
            "models": ["naive", "random_walk"],
            "commodities": commodities,
            "automation": {"running": False},
            "parallel": {"processes": 1},
        }
        (self.folder / "forecast.yaml").write_text(yaml.safe_dump(document | keys, sort_keys=False))
        (self.folder / "dagster").mkdir()
        (self.folder / "dagster" / "dagster.yaml").write_text(dagster.read_text())
        for file in (SEVERAL / "dagster_celery_config.py", workspace()):
            (self.folder / file.name).write_text(file.read_text())

    @property
    def whole_environment(self) -> dict[str, str]:
        """What its programs are started with."""
        unhurried = {"DAGSTER_GRPC_TIMEOUT_SECONDS": str(PATIENCE_SECONDS)}
        return self.environment | dict(self.servers) | unhurried

    @cached_property
    def instance(self) -> DagsterInstance:
        """The history, which asks for the servers' secrets in the environment of this process."""
        return DagsterInstance.from_config(str(self.folder / "dagster"))

    def launch(self, job: str, first: str, last: str, tags: Mapping[str, str] = NONE) -> str:
        """Put a run into the queue as a user's program would; return its id."""
        bounds = {
            f"dagster/asset_partition_range_{x}": y
            for x, y in zip(("start", "end"), (first, last), strict=True)
        }
        before = {run.run_id for run in self.instance.get_runs()}
        said = json.dumps(bounds | dict(tags))
        command = [sys.executable, "-m", "dagster", "job", "launch", "-w", str(workspace())]
        ended = subprocess.run(
            [*command, "-j", job, "--tags", said],
            env=os.environ | self.whole_environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_SECONDS,
        )
        assert ended.returncode == 0, ended.stderr
        (launched,) = {run.run_id for run in self.instance.get_runs()} - before
        return launched

    @contextmanager
    def daemon(self) -> Iterator[None]:
        """Dagster's daemon on this machine, with its code server and run processes."""
        unit = SEVERAL / "forecast-daemon.service"
        process = start(unit, self.folder, self.whole_environment)
        try:
            yield
        finally:
            end_group(process)

    def record(self, run_id: str) -> RunRecord:
        record = self.instance.get_run_record_by_id(run_id)
        assert record is not None
        return record

    def ended(self, run_id: str) -> str:
        """How a run ends."""

        def ask() -> str:
            run = self.record(run_id).dagster_run
            return run.status.value if run.is_finished else ""

        return str(within(PATIENCE_SECONDS, f"run {run_id}", ask))

    def lasted(self, run_id: str) -> tuple[float, float]:
        """When a run left the queue, and when it ended."""
        launched = self.instance.get_run_stats(run_id).launch_time
        ended = self.record(run_id).end_time
        assert launched is not None
        assert ended is not None
        return launched, ended

    def process_of(self, run_id: str) -> int | None:
        """The process of a run, once it has begun."""
        if self.record(run_id).start_time is None:
            return None
        for record in self.instance.all_logs(run_id, of_type=DagsterEventType.ENGINE_EVENT):
            event = record.dagster_event
            pid = event.engine_event_data.metadata.get("pid") if event else None
            if pid is not None:
                return int(str(pid.value))
        return None
