"""A folder with a configuration, a landing folder and a Dagster instance that a daemon works in."""

import time
from collections.abc import Callable, Iterator
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb
import yaml
from dagster import DagsterEventType, DagsterInstance

from forecast_assets.configuration.settings import Settings
from forecast_assets.defs.pulse import Pulses
from forecast_assets.store.duckdb.store import DuckDBStore
from forecast_assets_tests.daemons import INSTANCE, Home, start, within

MODELS = ["naive", "random_walk"]

PATIENCE_SECONDS = 900
"""How long anything is waited for: a machine may have other things to do."""


class Site(Home):
    """A folder with a configuration, a landing folder and a Dagster instance."""

    @property
    def landing(self) -> Path:
        return self.folder / "home" / "landing"

    def build(self) -> None:
        """Make it; no run without a pulse is taken for dead."""
        source = {"unit": "USc/lb", "source": {"type": "landing"}}
        document = {
            "model_version": "v1.0",
            "horizon": 3,
            "paths": 20,
            "training": {"cadence": "quarterly", "start": date(2020, 1, 1)},
            "models": MODELS,
            "commodities": {"Coffee": source, "Sugar": source},
            "landing": {"settle_seconds": 1, "incomplete_seconds": 2},
            "automation": {
                "interval_seconds": 1,
                "attempts": 20,
                "retry_seconds": 0.1,
                "silence_seconds": PATIENCE_SECONDS,
            },
            "parallel": {"processes": 1},
        }
        (self.folder / "forecast.yaml").write_text(yaml.safe_dump(document))
        (self.folder / "dagster").mkdir()
        (self.folder / "dagster" / "dagster.yaml").write_text(yaml.safe_dump(INSTANCE))
        self.landing.mkdir(parents=True)
        self.instance.get_runs(limit=1)  # makes its databases, before two processes do it at once

    def drop(self, name: str, text: str) -> None:
        """A file that appears whole, as by an atomic rename."""
        hidden = self.landing / f".{name}"
        hidden.write_text(text)
        hidden.rename(self.landing / name)

    @cached_property
    def settings(self) -> Settings:
        """As they are in the folder: they are asked for many times a second."""
        return Settings.load(self.folder / "forecast.yaml")

    @cached_property
    def instance(self) -> DagsterInstance:
        """Opened once, for the same reason."""
        return DagsterInstance.from_config(str(self.folder / "dagster"))

    def start(self) -> Any:
        return start(self.folder, self.environment, "dagster._daemon", "run")

    def quiet(self) -> bool:
        """Whether both sensors, after all that was dropped and every run, found nothing to do."""
        dropped = time.time()

        def ask() -> bool:
            records = self.instance.get_run_records()
            if not all(record.dagster_run.is_finished for record in records):
                return False
            ended = [record.end_time or 0.0 for record in records]
            said = dict(said_since(self.instance, max([dropped, *ended])))
            return said.get(
                "new_market_data"
            ) == "no file is waiting" and "nothing due until" in said.get("due_work", "")

        return bool(within(PATIENCE_SECONDS, "quiet", ask))

    def runs(self) -> list[tuple[str, str]]:
        """Job and status of each run that a sensor asked for, the oldest first."""
        runs = [run for run in self.instance.get_runs() if "dagster/sensor_name" in run.tags]
        return [(run.job_name, run.status.value) for run in reversed(runs)]

    def working(self) -> list[str]:
        """The runs that have a pulse: their processes are alive."""
        return Pulses(self.settings.home / ".runs").alive()

    def process_of(self, run_id: str) -> int | None:
        """The process that the daemon started for a run, once it has said which."""
        for record in self.instance.all_logs(run_id, of_type=DagsterEventType.ENGINE_EVENT):
            event = record.dagster_event
            pid = event.engine_event_data.metadata.get("pid") if event else None
            if pid is not None:
                return int(str(pid.value))
        return None

    def sql(self, query: str) -> list[tuple[Any, ...]]:
        database = self.folder / "home" / "commodity.duckdb"
        with duckdb.connect(database, read_only=True) as connection:
            return connection.execute(query).fetchall()

    def forecasts(self) -> list[tuple[Any, ...]]:
        """Every forecast, with a hash over its paths."""
        days = ", ".join(f"day_{day}" for day in (1, 2, 3))
        return self.sql(
            "SELECT commodity, model_name, data_cutoff_date, forecast_start_date, training_date,"  # noqa: S608 - names of columns
            f" count(*), bit_xor(hash(path_id, {days})) FROM forecast.distributions"
            " WHERE NOT is_actuals GROUP BY ALL ORDER BY ALL"
        )

    def closes(self) -> list[tuple[Any, ...]]:
        return self.sql("SELECT commodity, date, close FROM market.prices ORDER BY ALL")


def said_since(instance: DagsterInstance, since: float) -> Iterator[tuple[str, str]]:
    """What each sensor said at its newest look, if it looked since."""
    for state in instance.all_instigator_state():
        for tick in instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=1):
            if tick.timestamp > since:
                yield state.instigator_name, tick.skip_reason or ""


def beginning(site: Site) -> Callable[[], int | None]:
    """Ask for the process of a run that has begun since now, as soon as it has its pulse."""
    before = set(site.working())

    def ask() -> int | None:
        begun = [run_id for run_id in site.working() if run_id not in before]
        return site.process_of(begun[0]) if begun else None

    return ask


def writing(site: Site) -> Callable[[], int | None]:
    """Ask for the process of a run in whose time the tables have changed."""
    begun, tables = beginning(site), list[str]()

    def ask() -> int | None:
        if (process := begun()) is None:
            tables.clear()
            return None
        tables.append(DuckDBStore.of(site.settings).token())
        return process if tables[0] != tables[-1] else None

    return ask


MOMENTS = {"a run begins": beginning, "a run writes": writing}
"""Moments in which something is killed."""
