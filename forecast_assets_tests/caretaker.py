"""A daemon in small: looks at both sensors, and executes what they ask for in this process."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from dagster import (
    AssetKey,
    DagsterInstance,
    Definitions,
    ExecuteInProcessResult,
    RunRequest,
    SensorDefinition,
    SensorResult,
    build_sensor_context,
)

from forecast_assets.automation.listener import Collector
from forecast_assets.automation.results import NotShown
from forecast_assets.configuration.settings import Settings
from forecast_assets.defs.build import build_definitions
from forecast_assets.defs.sensors import due_work, new_market_data
from forecast_assets.store.contract import Store
from forecast_assets.store.opening import open_store
from forecast_assets.timeline.history import History
from forecast_assets_tests.beginnings import Beginnings, at_home
from forecast_assets_tests.graphs import QUIET

Drops = Mapping[str, Sequence[History]]

RANGE = "dagster/asset_partition_range_"

MOST_TICKS = 12
"""What is due is done after fewer ticks than this."""


@dataclass
class Caretaker:
    """A configuration, its instance, and the sensors over them."""

    settings: Settings
    instance: DagsterInstance
    cursors: dict[str, str | None] = field(default_factory=dict)
    keys: set[str] = field(default_factory=set)
    heard: Collector = field(default_factory=Collector)
    built: tuple[Settings, Definitions] | None = None

    @property
    def store(self) -> Store:
        """The tables."""
        return open_store(self.settings)

    @property
    def landing(self) -> Path:
        """The landing folder."""
        return self.settings.home / "landing"

    def drop(self, name: str, *histories: History) -> Path:
        """A whole file in the landing folder: long, with a column commodity."""
        self.landing.mkdir(parents=True, exist_ok=True)
        tables = [
            pd.DataFrame({"date": x.dates, "commodity": x.commodity, "close": x.closes})
            for x in histories
        ]
        pd.concat(tables).to_csv(self.landing / name, index=False)
        return self.landing / name

    def look(self, sensor: SensorDefinition) -> SensorResult:
        """One tick of a sensor; its cursor is kept."""
        with build_sensor_context(self.instance, cursor=self.cursors.get(sensor.name)) as context:
            found = sensor(context)
        assert isinstance(found, SensorResult)
        self.cursors[sensor.name] = found.cursor
        return found

    def land(self) -> SensorResult:
        """A tick of the sensor of files."""
        return self.look(new_market_data(self.settings))

    def due(self) -> SensorResult:
        """A tick of the sensor of work."""
        return self.look(due_work(self.settings))

    def execute(self, request: RunRequest) -> ExecuteInProcessResult:
        """A run as the daemon would launch it: a key is good for one."""
        assert request.run_key is not None
        assert request.run_key not in self.keys
        self.keys.add(request.run_key)
        job = self.definitions().resolve_job_def(request.job_name or "land")
        return job.execute_in_process(
            instance=self.instance,
            tags=request.tags,
            asset_selection=request.asset_selection,
            run_config={"loggers": QUIET},
            raise_on_error=False,
        )

    def definitions(self) -> Definitions:
        """The graph; it is built again when a test has changed the configuration."""
        if self.built is None or self.built[0] is not self.settings:
            self.built = self.settings, build_definitions(self.settings, listener=self.heard)
        return self.built[1]

    def tick(self) -> list[tuple[RunRequest, bool]]:
        """Look at both sensors and run what they ask for: requests, and whether they went well."""
        return [
            (request, self.execute(request).success)
            for look in (self.land, self.due)
            for request in look().run_requests or []
        ]

    def settle(self) -> list[tuple[RunRequest, bool]]:
        """Tick until nothing is asked for."""
        return until_rest(self.tick)

    def said(self) -> str:
        """Why nothing is due."""
        reason = self.due().skip_reason
        assert reason is not None
        return str(reason.skip_message)

    def cutoffs(self, commodity: str, model: str = "naive") -> list[date]:
        """The cutoffs of a model's forecasts."""
        issued = self.store.paths.issued(commodity, self.settings.model_version)
        return [x.data_cutoff_date for x in issued if x.model_name == model]


SHOWN = ("leaderboard", "published_distributions", "report")
"""What follows from forecasts and scores."""


def draw_due(keeper: Caretaker) -> list[tuple[RunRequest, bool]]:
    """A tick whose runs leave out the ranking and the page; it costs half as much as ``tick``.

    Returns what was executed, as it was asked for.
    """
    done = []
    for look in (keeper.land, keeper.due):
        for request in look().run_requests or []:
            assets = [x for x in request.asset_selection or [] if x.path[-1] not in SHOWN]
            if request.asset_selection and not assets:
                continue
            some = RunRequest(
                run_key=request.run_key,
                job_name=request.job_name,
                tags=request.tags,
                asset_selection=assets or None,
            )
            done.append((request, keeper.execute(some).success))
    return done


def draw_all(keeper: Caretaker) -> list[tuple[RunRequest, bool]]:
    """The same until nothing is asked for but to rank and to publish."""
    return until_rest(lambda: draw_due(keeper))


def until_rest(tick: Callable[[], list[tuple[RunRequest, bool]]]) -> list[tuple[RunRequest, bool]]:
    """All that is done by ticks until one has nothing to do."""
    done: list[tuple[RunRequest, bool]] = []
    for _ in range(MOST_TICKS):
        if not (more := tick()):
            return done
        done += more
    raise AssertionError(f"still asking after {MOST_TICKS} ticks: {described(done)}")


def described(done: Sequence[tuple[RunRequest, bool]]) -> list[tuple[str, str, str, list[str]]]:
    """Job, first and last partition, and assets of each request."""
    return [
        (
            request.job_name or "land",
            request.tags.get(f"{RANGE}start", ""),
            request.tags.get(f"{RANGE}end", ""),
            [AssetKey(key.path).to_user_string() for key in request.asset_selection or []],
        )
        for request, _ in done
    ]


def caretaker(folder: Path, *names: str, **keys: Any) -> Caretaker:
    """Commodities whose prices land, of two quick models; three sessions ahead, 20 paths."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "forecast.yaml"
    path.write_text(configuration(*names, **keys))
    instance = DagsterInstance.ephemeral(tempdir=str(folder / "instance"))
    return Caretaker(Settings.load(path), instance)


def settled(
    beginnings: Beginnings, folder: Path, drops: Drops, *names: str, **keys: Any
) -> Caretaker:
    """The same after these files, by name, were dropped and all that was due was done.

    It is done once for all tests that begin so. The sensors remember nothing of it, and neither
    does the instance.
    """

    def settle(made: Caretaker) -> None:
        assert all(success for _, success in made.settle())
        assert not [each for each in made.heard.take() if isinstance(each, NotShown)]
        assert "not drawn" not in made.settings.report_path.read_text()

    return _after(settle, beginnings, folder, drops, *names, **keys)


def landed(
    beginnings: Beginnings, folder: Path, drops: Drops, *names: str, **keys: Any
) -> Caretaker:
    """The same where they have landed and nothing more was done."""

    def land(made: Caretaker) -> None:
        (request,) = made.land().run_requests or []
        assert made.execute(request).success

    return _after(land, beginnings, folder, drops, *names, **keys)


def drawn(
    beginnings: Beginnings, folder: Path, drops: Drops, *names: str, **keys: Any
) -> Caretaker:
    """The same where forecasts were drawn and scored, and nothing was ranked."""

    def draw(made: Caretaker) -> None:
        assert all(success for _, success in draw_due(made))
        assert not draw_due(made)

    return _after(draw, beginnings, folder, drops, *names, **keys)


def _after(
    work: Callable[[Caretaker], None],
    beginnings: Beginnings,
    folder: Path,
    drops: Drops,
    *names: str,
    **keys: Any,
) -> Caretaker:
    """A caretaker of a folder in which files were dropped, and some work was done."""

    def begin(place: Path) -> None:
        with at_home(place):
            made = caretaker(place, *names, **keys)
            for name, histories in drops.items():
                made.drop(name, *histories)
            work(made)

    dropped = {name: [x.fingerprint for x in histories] for name, histories in drops.items()}
    source = f"{work.__qualname__} {configuration(*names, **keys)} {dropped}"
    beginnings.copy(source, begin, folder)
    return caretaker(folder, *names, **keys)


def configuration(*names: str, **keys: Any) -> str:
    """The text of a configuration of these commodities."""
    document = {
        "model_version": "v1.0",
        "horizon": 3,
        "paths": 20,
        "training": {"cadence": "quarterly", "start": date(2020, 1, 1)},
        "models": ["naive", "random_walk"],
        "commodities": {
            name: {"unit": "USc/lb", "source": {"type": "landing"}} for name in names or ("Coffee",)
        },
        "landing": {"settle_seconds": 0, "incomplete_seconds": 0},
        "automation": {"retry_seconds": 0},
        "parallel": {"processes": 1},
    }
    return yaml.safe_dump(document | keys, sort_keys=False)


def utc(text: str) -> datetime:
    """A moment in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
