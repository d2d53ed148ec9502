"""A daemon that is left alone while files arrive: late, twice, corrected, half, broken, strange.

Afterwards the tables hold exactly what they should, by exactly the runs that were due; and killing
the daemon and its runs, in an order by chance and in the midst of their work, changes nothing in
the tables.
"""

import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
import yaml
from dagster import DagsterEventType, DagsterInstance

from forecast_assets.configuration.settings import Settings
from forecast_assets.defs.pulse import Pulses
from forecast_assets.store.duckdb.store import DuckDBStore
from forecast_assets.timeline.history import History
from forecast_assets_tests.daemons import INSTANCE, Home, end_group, kill_group, start, within
from forecast_assets_tests.histories import make_history

pytestmark = pytest.mark.long

MODELS = ["naive", "random_walk"]
COFFEE, SUGAR = make_history(610, 1, "Coffee"), make_history(610, 2, "Sugar")
"""From 2018-01-01 to 2020-05-01: the windows of 2020-01-01 and 2020-04-01."""

OLD, LATE, REVISED = 580, 590, 585
"""Sessions of the first files; the place of one that comes late; of one that is corrected."""

BAD = {
    582: "2020-03-2x,Sugar,50,,,",
    583: "{day},Sugar,fifty,,,",
    584: "{day},Sugar,50,40,60,",
    585: "2031-01-01,Sugar,50,,,",
    586: "{day},Sugar,50,,,-3",
}
"""Rows in place of sessions: no date, no number, high below low, the future, a volume below 0."""

HARMLESS = (584, 586)
"""Those of them whose close is sound: it lands without the columns that no model reads."""

PATIENCE_SECONDS = 900
"""How long anything is waited for: a machine may have other things to do."""


class Site(Home):
    """A folder with a configuration, a landing folder and a Dagster instance."""

    @property
    def landing(self) -> Path:
        return self.folder / "home" / "landing"

    def build(self, silence_seconds: float) -> None:
        """Make it. ``silence_seconds``: after how long a run without a pulse is dead."""
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
                "silence_seconds": silence_seconds,
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
            ended = [record.end_time or 0.0 for record in records]
            said = dict(said_since(self.instance, max([dropped, *ended])))
            return (
                all(record.dagster_run.is_finished for record in records)
                and said.get("new_market_data") == "no file is waiting"
                and "nothing due until" in said.get("due_work", "")
            )

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


def rows(history: History, first: int, stop: int, but: tuple[int, ...] = ()) -> str:
    """Sessions as a file has them: long, with a header."""
    text = "date,commodity,close,high,low,volume\n"
    for place in range(first, stop):
        if place not in but:
            text += f"{history.dates[place]},{history.commodity},{history.closes[place]!r},,,\n"
    return text.replace("np.float64(", "").replace(")", "")


def bad_rows() -> str:
    """Sugar's next sessions, some of them spoilt in five ways."""
    lines = rows(SUGAR, OLD, 600).splitlines()
    for place, line in BAD.items():
        lines[place - OLD + 1] = line.format(day=SUGAR.dates[place])
    return "\n".join(lines) + "\n"


def corrected() -> str:
    """Coffee's second file again, with another close."""
    closes = COFFEE.closes.copy()
    closes[REVISED] = 38.5
    return rows(History("Coffee", COFFEE.dates, closes), OLD, 600, but=(LATE,))


def slowly(site: Site, name: str, text: str) -> Callable[[], None]:
    """Begin to copy a file; the function given back ends the copy."""
    done = threading.Event()

    def copy() -> None:
        with (site.landing / name).open("w") as file:
            file.write(text[: len(text) // 2])
            file.flush()
            done.wait(PATIENCE_SECONDS)
            file.write(text[len(text) // 2 :])

    thread = threading.Thread(target=copy)
    thread.start()

    def finish() -> None:
        done.set()
        thread.join()

    return finish


def expected_history(name: str) -> History:
    """What the files amount to."""
    if name == "Coffee":
        closes = COFFEE.closes.copy()
        closes[REVISED] = 38.5
        kept = np.arange(len(COFFEE)) < 600
        return History("Coffee", COFFEE.dates[kept], closes[kept])
    closes = SUGAR.closes.copy()
    closes[list(HARMLESS)] = 50
    kept = ~np.isin(np.arange(len(SUGAR)), [place for place in BAD if place not in HARMLESS])
    return History("Sugar", SUGAR.dates[kept], closes[kept])


def expected_closes() -> list[tuple[Any, ...]]:
    return [
        (name, day, close)
        for name in ("Coffee", "Sugar")
        for day, close in zip(
            expected_history(name).dates.tolist(), expected_history(name).closes, strict=True
        )
    ]


def expected_forecasts(settings: Settings) -> list[tuple[Any, ...]]:
    """Key and number of paths of every forecast that is due."""
    return sorted(
        (name, model, origin.cutoff, origin.start, window.training_date, 20)
        for name in ("Coffee", "Sugar")
        for model in MODELS
        for window in settings.windows.of(name)
        for origin in window.origins(expected_history(name), "from_data")
    )


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    made = Site(tmp_path)
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)
    yield made
    made.instance.dispose()


def test_files_that_arrive_while_the_daemon_runs_are_landed_and_forecast_by_the_due_runs(
    site: Site,
) -> None:
    site.build(silence_seconds=PATIENCE_SECONDS)
    site.drop("coffee.csv", rows(COFFEE, 0, OLD))
    site.drop("sugar.csv", rows(SUGAR, 0, OLD))
    daemon = site.start()
    try:
        assert site.quiet()
        finish = slowly(site, "sugar_new.csv", rows(SUGAR, 600, 610))
        site.drop("late.csv", rows(COFFEE, LATE, LATE + 1))
        site.drop("coffee_new.csv", rows(COFFEE, OLD, 600, but=(LATE,)))
        site.drop("sugar_again.csv", rows(SUGAR, 0, OLD))
        site.drop("bad.csv", bad_rows())
        site.drop("cocoa.csv", rows(make_history(30, 3, "Cocoa"), 0, 30))
        within(PATIENCE_SECONDS, "second landing", lambda: len(site.runs()) == 4)
        within(PATIENCE_SECONDS, "runs end", lambda: {run[1] for run in site.runs()} == {"SUCCESS"})
        assert (site.landing / "sugar_new.csv").exists()
        finish()
        assert site.quiet()
        site.drop("coffee_new.csv", corrected())
        assert site.quiet()
    finally:
        end_group(daemon)
    assert site.runs() == [("land", "SUCCESS"), ("catch_up", "SUCCESS")] * 4
    assert site.closes() == expected_closes()
    assert [row[:-1] for row in site.forecasts()] == expected_forecasts(site.settings)
    assert_put_away(site)
    assert site.sql(
        "SELECT date, close, revision FROM market.price_revisions WHERE revision > 1"
    ) == [(COFFEE.dates[REVISED].item(), 38.5, 2)]


def assert_put_away(site: Site) -> None:
    """Every file is in its place, with a note that says what became of it."""
    put_away = {
        folder: sorted(
            file.name for file in (site.landing / folder).iterdir() if file.suffix == ".csv"
        )
        for folder in ("accepted", "rejected")
    }
    assert put_away == {
        "accepted": sorted(
            f"{name}.csv"
            for name in (
                *("bad", "coffee", "coffee_new", "coffee_new.2", "late"),
                *("sugar", "sugar_again", "sugar_new"),
            )
        ),
        "rejected": ["cocoa.csv"],
    }
    assert [x for x in site.landing.iterdir() if x.is_file()] == []
    note = (site.landing / "accepted" / "bad.csv.txt").read_text()
    for place, (column, rule) in {
        582: ("date", "not a date"),
        583: ("close", "not a finite number"),
        584: ("high", "the high is below the low"),
        585: ("date", "later than today"),
        586: ("volume", "below zero"),
    }.items():
        line = place - OLD + 2
        assert any(
            f"bad.csv, line {line}, column {column}" in row and rule in row
            for row in note.splitlines()
        ), (place, note)
    assert "Cocoa" in (site.landing / "rejected" / "cocoa.csv.txt").read_text()


def test_killing_the_daemon_and_its_runs_in_the_midst_changes_nothing_in_the_tables(
    site: Site,
) -> None:
    site.build(silence_seconds=10)
    deaths = [(victim, moment) for victim in ("run", "daemon") for moment in MOMENTS]
    random.Random(4).shuffle(deaths)  # noqa: S311 - an order of deaths
    drops = [
        {"coffee.csv": rows(COFFEE, 0, OLD), "sugar.csv": rows(SUGAR, 0, OLD)},
        {
            "late.csv": rows(COFFEE, LATE, LATE + 1),
            "coffee_new.csv": rows(COFFEE, OLD, 600, but=(LATE,)),
        },
        {"sugar_again.csv": rows(SUGAR, 0, OLD), "bad.csv": bad_rows()},
        {
            "cocoa.csv": rows(make_history(30, 3, "Cocoa"), 0, 30),
            "sugar_new.csv": rows(SUGAR, 600, 610),
        },
    ]
    daemon = site.start()
    try:
        for files, (victim, moment) in zip(drops, deaths, strict=True):
            has_come = MOMENTS[moment](site)
            for name, text in files.items():
                site.drop(name, text)
            process = within(PATIENCE_SECONDS, moment, has_come, pause=0.02)
            if victim == "run":
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
            else:
                kill_group(daemon)
                daemon = site.start()
        within(PATIENCE_SECONDS, "landed", lambda: not list(site.landing.glob("*.csv")))
        site.drop("coffee_new.csv", corrected())
        assert site.quiet()
    finally:
        end_group(daemon)
    assert site.closes() == expected_closes()
    assert [row[:-1] for row in site.forecasts()] == expected_forecasts(site.settings)
    assert_put_away(site)
    statuses = [status for _, status in site.runs()]
    assert statuses.count("FAILURE") >= 2  # or nothing was hit, and this test says nothing
    assert set(statuses) <= {"SUCCESS", "FAILURE"}


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
