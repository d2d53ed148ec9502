"""Compaction: fewer files with the same rows, and what was replaced goes when its time is over."""

import os
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from forecast_assets.configuration.settings import Settings
from forecast_assets.defs.build import build_definitions
from forecast_assets.defs.schedules import schedules
from forecast_assets.forecast.records import WindowChange
from forecast_assets.store.delta import compaction
from forecast_assets.store.delta.compaction import QUIET, folders
from forecast_assets.store.delta.store import DeltaStore
from forecast_assets.store.patience import Patience
from forecast_assets.timeline import clock
from forecast_assets_tests.caretaker import configuration
from forecast_assets_tests.commands import forecast
from forecast_assets_tests.engines import open_delta
from forecast_assets_tests.records import DAYS, WRITTEN, draw

pytestmark = pytest.mark.engine

WEEK = timedelta(days=7)

PATHS = "forecast.distributions"


def write(store: DeltaStore, commodity: str = "Coffee") -> None:
    """Three forecasts, each by a write of its own."""
    for hours, day in enumerate(DAYS):
        written = replace(WRITTEN, commodity=commodity, at=WRITTEN.at + timedelta(hours=hours))
        drawn = draw([day])
        drawn = replace(drawn, model=replace(drawn.model, commodity=commodity))
        store.paths.apply(written, WindowChange([drawn]))


def all_rows(store: DeltaStore) -> dict[str, list[str]]:
    with store.reading() as tables:
        return {
            name: sorted(map(str, tables.read(f"commodity.{name}").to_pylist()))
            for name in store.lake.declared
        }


def later(monkeypatch: pytest.MonkeyPatch, by: timedelta) -> None:
    monkeypatch.setattr(compaction, "now", lambda: clock.now() + by)


def age(folder: Path, by: timedelta) -> None:
    """Let the files of tables be older, and what their logs say of when files were replaced."""
    for file in folder.rglob("*.parquet"):
        at = file.stat().st_mtime - by.total_seconds()
        os.utime(file, (at, at))


def files_of(store: DeltaStore, name: str) -> int:
    return len(store.lake.stored.open(name).file_uris())


def test_small_files_become_one_and_every_row_stays(store: DeltaStore) -> None:
    write(store)
    write(store, "Gold")
    before = all_rows(store)
    assert files_of(store, "forecast.forecasts") == 6
    done = {each.table: each for each in store.compact(WEEK)}
    assert files_of(store, "forecast.forecasts") == 2
    told = done["commodity.forecast.forecasts"]
    assert (told.before, told.after, told.deleted) == (6, 2, 0)
    assert all_rows(store) == before
    assert all_rows(open_delta(Path(store.lake.url).parent, 3)) == before


def test_paths_are_merged_when_their_window_has_come_to_rest(
    store: DeltaStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(store)
    before, files = all_rows(store), files_of(store, PATHS)
    store.compact(WEEK)
    assert files_of(store, PATHS) == files
    later(monkeypatch, QUIET + timedelta(hours=1))
    store.compact(WEEK)
    assert files_of(store, PATHS) == 1
    assert all_rows(store) == before


def test_what_was_replaced_goes_when_its_time_is_over_and_what_is_used_stays(
    store: DeltaStore, tmp_path: Path
) -> None:
    write(store)
    store.compact(WEEK)
    stray = tmp_path / "lake" / "forecast" / "forecasts" / "commodity=Coffee" / "stray.parquet"
    stray.write_bytes(b"what a killed program left")
    assert sum(each.deleted for each in store.compact(WEEK)) == 0
    assert stray.exists()
    age(tmp_path / "lake", 2 * WEEK)
    before = all_rows(store)
    wait_for_another_second()
    done = store.compact(timedelta())
    assert sum(each.deleted for each in done) >= 4
    assert not stray.exists()
    assert all_rows(open_delta(tmp_path, 3)) == before


def wait_for_another_second() -> None:
    """Files are only deleted if they are older than what is kept, and ages are of seconds."""
    began = int(time.time())
    while int(time.time()) == began:
        time.sleep(0.05)


def test_who_reads_meanwhile_reads_on_and_the_next_write_goes_well(
    store: DeltaStore, tmp_path: Path
) -> None:
    write(store)
    other = open_delta(tmp_path, 3)
    with other.reading() as tables:
        store.compact(WEEK)
        assert len(tables.read("commodity.forecast.forecasts")) == 3
    write(other, "Gold")
    assert len(all_rows(store)["forecast.forecasts"]) == 6


def test_a_folder_is_told_by_its_values_and_its_newest_file(store: DeltaStore) -> None:
    write(store)
    (found,) = folders(store.lake.stored.open("forecast.forecasts"))
    assert found.values == {"commodity": "Coffee"}
    assert found.files == 3
    assert abs(clock.now() - found.newest) < timedelta(minutes=5)
    (whole,) = folders(store.lake.stored.open("market.marks"))
    assert whole.values == {}


def test_no_tables_are_no_error(tmp_path: Path) -> None:
    assert open_delta(tmp_path, 3).compact(WEEK) == []


def test_a_command_a_job_and_a_schedule_compact_the_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = {"horizon": 3, "paths": 4, "models": ["naive"]}
    file = tmp_path / "forecast.yaml"
    file.write_text(configuration("Coffee", **keys))
    monkeypatch.setenv("FORECAST_CONFIG", str(file))
    monkeypatch.setenv("FORECAST_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))
    assert "DuckDB tables need no compaction" in forecast("compact").output
    assert "compact_tables" not in [each.name for each in schedules(Settings.load(file))]

    file.write_text(configuration("Coffee", **keys, store={"type": "delta", "url": "lake"}))
    settings = Settings.load(file)
    store = DeltaStore(settings.tables_at, 3, "256MB", Patience(30.0))
    write(store)
    said = forecast("compact")
    assert said.exit_code == 0
    assert "commodity.forecast.forecasts" in said.output
    assert files_of(store, "forecast.forecasts") == 1
    write(store, "Gold")
    definitions = build_definitions(settings)
    assert definitions.resolve_schedule_def("compact_tables").job_name == "compact"
    assert definitions.resolve_job_def("compact").execute_in_process().success
    assert files_of(store, "forecast.forecasts") == 2
