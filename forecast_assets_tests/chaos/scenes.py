"""What is run: each scene is a folder as it is before, and what is done in it."""

import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from dagster import DagsterInstance, DagsterRunStatus, RunRequest, RunsFilter

from forecast_assets.cli import app
from forecast_assets.configuration.settings import Settings
from forecast_assets.defs.launching import instance
from forecast_assets.errors import ForecastAssetsError
from forecast_assets.market.observations import Observations
from forecast_assets.market.price_contract import COLUMNS
from forecast_assets.store.opening import open_store
from forecast_assets.timeline.clock import now
from forecast_assets.timeline.history import History
from forecast_assets.timeline.scrutiny import Scrutiny
from forecast_assets_tests import desk
from forecast_assets_tests.caretaker import Caretaker, until_rest
from forecast_assets_tests.chaos import work
from forecast_assets_tests.chaos.invariants import DUE
from forecast_assets_tests.graphs import Graph, load
from forecast_assets_tests.histories import make_history, write_prices
from forecast_assets_tests.rows import keep
from forecast_assets_tests.store.duckdb.older import older_file

COFFEE, SUGAR = make_history(560, 1, "Coffee"), make_history(560, 2, "Sugar")
"""From 2018-01-01 to 2020-02-21."""

FEW, MORE = 530, 531
"""Sessions before and after a day: up to 2020-01-13, in the window of January."""

ALL_DAY = 550
"""Sessions up to 2020-02-07: two windows."""

CONFIGURATION: Mapping[str, Any] = {
    "model_version": "v1.0",
    "horizon": 3,
    "paths": 20,
    "training": {"cadence": "monthly", "start": date(2020, 1, 1)},
    "models": ["naive", "random_walk", "arima_111"],
    "artifacts": {"threshold_bytes": 1000},
    "landing": {"settle_seconds": 0, "incomplete_seconds": 0},
    "automation": {"retry_seconds": 0, "silence_seconds": 0, "attempts": 20},
    "database": {"lock_timeout_seconds": 20},
    "parallel": {"processes": 1},
}

Act = Callable[[Path], int | None]
"""What is done in a folder; returns the exit code of a command."""


@dataclass(frozen=True)
class Scene:
    """Something that is done.

    ``begin``: fills an empty folder, in which the scene is then played, or one as it is after the
    scene ``after``. ``act``: what is done; done once more, it ends what was cut off. ``runs``:
    whether it is done by runs of Dagster. ``robs``: what it can be robbed of. ``due``: how the
    commands begin that do what may be due before the end. ``idle``: what it says if all of it was
    done before. ``only_reads``: whether it writes nothing to tables of this release.
    ``weight``: how often it is played, beside the others.
    """

    name: str
    begin: Act
    act: Act
    runs: bool = False
    robs: tuple[str, ...] = ()
    weight: float = 1.0
    due: tuple[str, ...] = DUE
    after: str | None = None
    idle: str | None = None
    only_reads: bool = False


def write_configuration(folder: Path, names: Mapping[str, str], **keys: Any) -> None:
    """A configuration of commodities, each with its kind of source."""
    sources: dict[str, Any] = {
        "file": lambda name: {"type": "file", "path": f"prices/{name}.csv"},
        "landing": lambda name: {"type": "landing"},
    }
    commodities = {
        name: {"unit": "USc/lb", "source": sources[kind](name)} for name, kind in names.items()
    }
    document = dict(CONFIGURATION) | {"commodities": commodities} | keys
    (folder / "forecast.yaml").write_text(yaml.safe_dump(document, sort_keys=False))


def settings_of(folder: Path) -> Settings:
    """The settings of a folder."""
    return Settings.load(folder / "forecast.yaml")


def upto(history: History, sessions: int) -> History:
    """The first sessions of a history."""
    return history.known_at(history.dates[sessions - 1].item())


def command(*arguments: str) -> int:
    """A command of the console script; returns its exit code."""
    return int(app(list(arguments), standalone_mode=False) or 0)


def from_files(folder: Path, **keys: Any) -> None:
    """Two commodities from files, and nothing done."""
    write_configuration(folder, {"Coffee": "file", "Sugar": "file"}, **keys)
    write_prices(folder / "prices" / "Coffee.csv", upto(COFFEE, FEW))
    write_prices(folder / "prices" / "Sugar.csv", upto(SUGAR, FEW))


def drop(folder: Path, name: str, history: History) -> Path:
    """A long file in the landing folder."""
    landing = folder / "home" / "landing"
    landing.mkdir(parents=True, exist_ok=True)
    rows = {"date": history.dates, "commodity": history.commodity, "close": history.closes}
    pd.DataFrame(rows).to_csv(landing / name, index=False)
    return landing / name


def one_from_a_file(folder: Path) -> None:
    """One commodity, whose runs are the quickest, after all of it was done."""
    write_configuration(folder, {"Coffee": "file"}, models=["naive", "arima_111"])
    write_prices(folder / "prices" / "Coffee.csv", upto(COFFEE, FEW))
    command("run")


def another_day(folder: Path) -> None:
    one_from_a_file(folder)
    write_prices(folder / "prices" / "Coffee.csv", upto(COFFEE, MORE))


def corrected(folder: Path) -> None:
    """The same after a close was corrected, from which forecasts were drawn."""
    one_from_a_file(folder)
    closes = upto(COFFEE, FEW).closes.copy()
    closes[-3] *= 1.004
    history = upto(COFFEE, FEW)
    write_prices(folder / "prices" / "Coffee.csv", History("Coffee", history.dates, closes))


def dropped(folder: Path) -> None:
    """A commodity that lands, with a good file, one that is refused, and one that must wait."""
    write_configuration(folder, {"Sugar": "landing"}, models=["naive", "arima_111"])
    drop(folder, "sugar.csv", upto(SUGAR, FEW))
    command("run")
    history = upto(SUGAR, MORE)
    drop(folder, "sugar_day.csv", history.since(history.dates[-1].item()))
    closes = history.closes.copy()
    closes[-9] *= 2
    waits = History("Sugar", history.dates, closes).since(history.dates[-10].item())
    drop(folder, "sugar_waits.csv", waits.known_at(history.dates[-2].item()))
    (folder / "home" / "landing" / "cocoa.csv").write_text("date,close\n2020-01-02,1\n")


def dropped_first(folder: Path) -> None:
    """Commodities that land, before anything has."""
    write_configuration(folder, {"Coffee": "landing", "Sugar": "landing"}, models=["naive"])
    drop(folder, "coffee.csv", upto(COFFEE, FEW))
    drop(folder, "sugar.csv", upto(SUGAR, FEW))


def loaded(folder: Path) -> None:
    """Prices of two windows are in the tables, and nothing else."""
    write_configuration(folder, {"Coffee": "file"})
    write_prices(folder / "prices" / "Coffee.csv", upto(COFFEE, ALL_DAY))
    load(Graph(settings_of(folder), DagsterInstance.ephemeral(str(folder / "instance"))))


def as_it_is(folder: Path) -> None:
    """Nothing more is done before."""


def held(folder: Path) -> None:
    """Strange closes wait for a word."""
    store, days = open_store(settings_of(folder)), make_history(ALL_DAY + 3).dates[-3:]
    rows = pd.DataFrame({"date": days, "close": [900.0, 910.0, 920.0]})
    said = Observations("Coffee", "file:prices.csv", rows.reindex(columns=list(COLUMNS)))
    store.prices.write(said, now(), desk.BY, scrutiny=Scrutiny(0.25, frozenset({"Coffee"})))
    assert len(store.held.waiting("Coffee")) == 3


def holed(folder: Path) -> None:
    """Paths are lost that can be drawn again."""
    keep(
        open_store(settings_of(folder)),
        "forecast.distributions",
        lambda row: row["path_id"] != 7,
    )


def renamed(folder: Path) -> None:
    """Coffee is called Kaffee in the configuration, and not yet in the tables."""
    write_configuration(folder, {"Kaffee": "file"})
    shutil.move(folder / "prices" / "Coffee.csv", folder / "prices" / "Kaffee.csv")


def old(folder: Path) -> None:
    """The tables are of the first release."""
    write_configuration(folder, {"Coffee": "landing"})
    older_file(folder / "home" / "commodity.duckdb")


def exported(folder: Path) -> None:
    """All is in files, and there are no tables."""
    command("export", "--to", "csv", str(folder / "export"))
    for file in (folder / "home").glob("commodity.*"):
        file.unlink()
    shutil.rmtree(folder / "home" / "artifacts")


def backfill(folder: Path) -> None:
    """Train, draw and score a range of windows in runs of their own, as the UI asks for them."""
    settings = settings_of(folder)
    settings.places.prepare()
    with instance(settings.places) as dagster:
        graph = Graph(settings, dagster)
        for job in ("train", "forecast", "score"):
            graph.run(job, "Coffee|2020-01-01", "Coffee|2020-02-01")


NOTHING_DUE = "no sensor asks for a run"


def tick(folder: Path) -> None:
    """Look at the sensors, and execute what they ask for, until nothing is due."""
    settings = settings_of(folder)
    settings.places.prepare()
    with instance(settings.places) as dagster:
        keeper = Caretaker(settings, dagster)

        def ticked() -> list[tuple[RunRequest, bool]]:
            done = keeper.tick()
            if not all(success for _, success in done):
                raise ForecastAssetsError(*failures_of(dagster))
            return done

        if not until_rest(ticked):
            sys.stdout.write(f"{NOTHING_DUE}\n")  # what a run would clean up is left over


def failures_of(dagster: DagsterInstance) -> list[str]:
    """Why the steps of a history's runs have failed."""
    failed = dagster.get_runs(RunsFilter(statuses=[DagsterRunStatus.FAILURE]))
    logs = [each.dagster_event for run in failed for each in dagster.all_logs(run.run_id)]
    return [
        event.step_failure_data.error_display_string
        for event in logs
        if event is not None and event.is_step_failure
    ]


FILES = ("the tables are deleted", "the tables are those of before", "an artifact is deleted")


def forecast(folder: Path) -> None:
    work.forecast(settings_of(folder))


def score(folder: Path) -> None:
    work.score(settings_of(folder))


def publish(folder: Path) -> None:
    work.publish(settings_of(folder))


def accept(_folder: Path) -> int:
    return command("prices", "accept", "Coffee")


def restore(_folder: Path) -> int:
    return command("redraw", "Coffee", "--restore")


def import_all(folder: Path) -> int:
    return command("import", str(folder / "export"))


def rename(_folder: Path) -> int:
    return command("rename", "Coffee", "Kaffee")


SCENES = (
    Scene("first run", from_files, lambda f: command("run"), True, FILES, 0.2),
    Scene("a day's run", another_day, lambda f: command("run"), True, FILES, 0.8),
    Scene("recompute", corrected, lambda f: command("run", "--recompute"), True, (), 0.4),
    Scene("landing", dropped, lambda f: command("run"), True, ("a file is deleted",), 0.8),
    Scene("report", as_it_is, lambda f: command("report"), True, FILES[1:2], 0.4, after="scoring"),
    Scene("backfill", loaded, backfill, True, FILES[1:], 0.3),
    Scene("sensors", dropped_first, tick, True, (), 0.3, idle=NOTHING_DUE),
    Scene("training", loaded, lambda f: work.train(settings_of(f)), robs=FILES[1:], weight=2.0),
    Scene("forecasting", as_it_is, forecast, weight=2.0, after="training"),
    Scene("scoring", as_it_is, score, weight=1.5, after="forecasting"),
    Scene("publishing", as_it_is, publish, weight=1.5, after="scoring"),
    Scene("prices accept", held, accept, after="publishing", idle="nothing waits"),
    Scene(
        "redraw --restore",
        holed,
        restore,
        due=(*DUE, "forecast redraw"),
        after="publishing",
        idle=": 0 forecasts put back",
    ),
    Scene("rename", renamed, rename, after="publishing", idle="what has rows and"),
    Scene("import", exported, import_all, after="publishing"),
    Scene("upgrade", old, lambda f: command("status"), only_reads=True),
    Scene("snapshot", as_it_is, lambda f: command("snapshot"), after="publishing"),
)
