"""The asset of landed files: what it says, what it leaves, and that killing it loses nothing."""

import multiprocessing
import os
import random
import time
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from dagster import AssetKey, ExecuteInProcessResult

from forecast_assets.configuration.settings import load_settings
from forecast_assets.defs.assets import landed_files
from forecast_assets.defs.build import build_definitions
from forecast_assets.defs.progress import Lines, TerminalProgress
from forecast_assets.errors import Interrupted, StoreError, StoreLocked
from forecast_assets.market import reception
from forecast_assets.market.dropped_files import read_dropped
from forecast_assets.market.landing import LandingFolder
from forecast_assets.market.reception import receive
from forecast_assets.report.plots import price_plot
from forecast_assets.store.opening import open_store
from forecast_assets.store.sql.price_table import DuckDBPriceTable
from forecast_assets_tests.caretaker import Caretaker, caretaker
from forecast_assets_tests.histories import make_history
from forecast_assets_tests.records import AT
from forecast_assets_tests.rows import rows


def landed(keeper: Caretaker) -> ExecuteInProcessResult:
    (request,) = keeper.land().run_requests or []
    return keeper.execute(request)


def metadata(result: ExecuteInProcessResult, asset: str) -> list[tuple[str | None, dict[str, Any]]]:
    events = [event.materialization for event in result.get_asset_materialization_events()]
    return [
        (event.partition, {name: value.value for name, value in event.metadata.items()})
        for event in events
        if event.asset_key.to_user_string() == asset
    ]


def test_a_run_says_what_became_of_each_file_and_of_each_commodity(tmp_path: Path) -> None:
    keeper = caretaker(tmp_path, "Coffee", "Sugar")
    keeper.drop("a.csv", make_history(5), make_history(6, 2, "Sugar"))
    path = keeper.drop("b.csv", make_history(7))
    path.write_text(path.read_text() + "2030-13-01,Coffee,1\n")
    (keeper.landing / "c.doc").write_text("x")
    result = landed(keeper)
    ((_, said),) = metadata(result, "landed_files")
    assert (said["files_accepted"], said["files_rejected"], said["rows_rejected"]) == (2, 1, 1)
    assert [(name, x["sessions_added"]) for name, x in metadata(result, "prices")] == [
        ("Coffee", 7),
        ("Sugar", 6),
    ]
    checks = {x.check_name: x.passed for x in result.get_asset_check_evaluations()}
    assert set(checks) == {"no_missing_sessions", "no_strange_prices", "price_freshness"}


def test_landing_is_shown_until_all_of_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper = caretaker(tmp_path, "Coffee", "Sugar")
    keeper.drop("a.csv", make_history(5), make_history(6, 2, "Sugar"))
    shown: list[list[str]] = []
    progress = TerminalProgress(Lines(lambda line: None), Event())
    drawn = price_plot

    def plot(*given: Any) -> str:
        shown.append([*progress.stages])
        return drawn(*given)

    monkeypatch.setattr(landed_files, "price_plot", plot)
    keeper.built = keeper.settings, build_definitions(keeper.settings, progress)
    landed(keeper)
    assert shown == [["landing"], ["landing"]]


def test_refused_values_of_many_unknown_commodities_are_a_line(tmp_path: Path) -> None:
    keeper = caretaker(tmp_path, "Coffee")
    rows = [f"2026-11-02,X{place},1" for place in range(60)]
    keeper.landing.mkdir(parents=True, exist_ok=True)
    text = "\n".join(["date,commodity,close", "2026-11-02,Coffee,1", *rows, ""])
    (keeper.landing / "all.csv").write_text(text)
    landed(keeper)
    (line,) = [line for each in keeper.heard.take() for line in each.problems]
    assert line.startswith("all.csv: all.csv, lines 3 to 62, column commodity: first found 'X0'")


@pytest.mark.parametrize(("others", "each", "more"), [(14, 2, 16), (15, 9, 27), (3, 100, 0)])
def test_refused_values_that_are_not_shown_are_counted(
    tmp_path: Path, others: int, each: int, more: int
) -> None:
    names = [f"X{place}" for place in range(others)]
    keeper = caretaker(tmp_path, "Coffee", *names)
    days = [f"2026-{month:02}-{day:02}" for month in (1, 2, 3, 4) for day in range(1, 29)]
    rows = [f"{day},{name},1x," for name in names for day in days[:each]]
    text = "\n".join(["date,commodity,close,volume", "2026-11-02,Coffee,1,y", *rows, ""])
    keeper.landing.mkdir(parents=True, exist_ok=True)
    (keeper.landing / "all.csv").write_text(text)
    landed(keeper)
    heard = keeper.heard.take()
    lines = [line for each in heard for line in each.problems]
    assert len(lines) == min(12, others * each if each <= 3 else others) + (more > 0)
    assert [line for line in lines if "more refused" in line] == (
        [f"X0: and {more} more refused values"] if more else []
    )
    noted = [line for each in heard for line in each.notes]
    assert noted == [noted[0]] * len(noted)
    assert "all.csv, line 2, column volume" in noted[0]


def test_a_file_that_breaks_the_run_stays_and_the_others_land(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper = caretaker(tmp_path, "Coffee", "Sugar")
    keeper.drop("coffee.csv", make_history(5))
    keeper.drop("sugar.csv", make_history(6, 2, "Sugar"))

    def failing(folder: Any, arrival: Any, *others: Any) -> Any:
        if arrival.name == "coffee.csv":
            raise StoreError("the disk is full")
        return receive(folder, arrival, *others)

    with monkeypatch.context() as patch:
        patch.setattr(landed_files, "receive", failing)
        result = landed(keeper)
    assert not result.success
    (failed,) = result.get_step_failure_events()
    assert "coffee.csv: the disk is full" in str(failed.event_specific_data)
    assert (keeper.landing / "coffee.csv").exists()
    assert len(keeper.store.prices.history("Sugar")) == 6
    assert landed(keeper).success
    assert len(keeper.store.prices.history("Coffee")) == 5


def test_what_goes_wrong_with_one_file_hides_nothing_of_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper = caretaker(tmp_path, "Coffee", "Sugar")
    keeper.drop("sugar.csv", make_history(6, 2, "Sugar"))
    bad = "date,close\n2026-11-17,one\n2026-11-18,51\n"
    names = b"coffee.csv", b"lost.csv", b"odd\xff\n.csv", b"coffee " + b"2" * 244 + b".csv"
    for number, name in enumerate(names):
        (keeper.landing / os.fsdecode(name)).write_text(bad + "\n" * number)
    (keeper.landing / "broken.csv").write_text("date,close\n2026-11-17,1\n")
    (keeper.landing / "link.csv").symlink_to("/etc/passwd")
    os.mkfifo(keeper.landing / "fifo.csv")

    def failing(folder: Any, arrival: Any, *others: Any) -> Any:
        if arrival.name == "lost.csv":
            raise StoreError("the disk is full")
        return receive(folder, arrival, *others)

    def breaking(name: str, *others: Any) -> Any:
        if name == "broken.csv":
            raise RecursionError("too deep")
        return read_dropped(name, *others)

    with monkeypatch.context() as patch:
        patch.setattr(landed_files, "receive", failing)
        patch.setattr(reception, "read_dropped", breaking)
        result = landed(keeper)
    assert not result.success
    left = {each.name for each in keeper.landing.iterdir()}
    assert left == {"accepted", "held", "rejected", "lost.csv"}
    told = "\n".join(line for each in keeper.heard.take() for line in each.problems)
    for said in (
        "coffee.csv, line 2, column close: found 'one': not a finite number",
        "odd\\udcff\\n.csv: whose prices are these?",
        "broken.csv: RecursionError: too deep: none of it was merged",
        "link.csv: is a link, and no file",
        "fifo.csv: is a FIFO, and no file",
    ):
        assert said in told
    (record,) = keeper.instance.fetch_observations(AssetKey("landed_files"), limit=2).records
    observed = record.asset_observation
    assert observed is not None
    assert observed.metadata["files_failed"].value == 1
    assert observed.metadata["files_rejected"].value == 4
    assert observed.metadata["files_accepted"].value == 3
    files = {row[0] for row in rows(keeper.store, "market.landings", "file")}
    assert "coffee.csv" in files
    assert len(files) == 3
    assert landed(keeper).success


def test_a_file_that_always_breaks_the_run_is_given_up_and_stops_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper = caretaker(tmp_path, "Coffee", "Sugar")
    keeper.drop("coffee.csv", make_history(5))

    def failing(*_: Any) -> Any:
        raise StoreError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(landed_files, "receive", failing)
        assert [landed(keeper).success for _ in range(3)] == [False] * 3
    reason = keeper.land().skip_reason
    assert reason is not None
    assert str(reason.skip_message).startswith("1 files waiting; land coffee.csv: given up after 3")
    keeper.drop("sugar.csv", make_history(6, 2, "Sugar"))
    assert landed(keeper).success
    assert len(keeper.store.prices.history("Sugar")) == 6


PRICE = ("commodity", "date", "close", "revision")

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload([__name__])  # a process begins with everything loaded


def land_all(places: dict[str, str], said: Connection) -> None:
    """Receive all files that wait, and say so; in a process that is killed."""
    os.environ.update(places)
    settings = load_settings()
    folder, store = LandingFolder(settings), open_store(settings)
    folder.make()
    for arrival in folder.waiting(time.time() + 1).whole:
        said.send("begins")
        receive(folder, arrival, store.landings, AT, "run")
    said.send("done")


def test_a_landing_that_is_killed_again_and_again_ends_as_one_that_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = []
    for name, deaths in (("killed", 12), ("spared", 0)):
        monkeypatch.setenv("FORECAST_HOME", str(tmp_path / name / "home"))
        monkeypatch.setenv("FORECAST_CONFIG", str(tmp_path / name / "forecast.yaml"))
        keeper = caretaker(tmp_path / name, "Coffee", "Sugar")
        for place in range(8):
            history = make_history(200 + 10 * place)
            keeper.drop(f"{place}.csv", history, make_history(150, 2, "Sugar"))
        (keeper.landing / "9.csv").write_text("nothing\n")
        kills = land_in_another_process(keeper, deaths)
        assert kills >= min(deaths, 3)
        ends.append(
            (
                sorted(str(x.relative_to(keeper.landing)) for x in keeper.landing.rglob("*")),
                keeper.store.prices.history("Coffee").fingerprint,
                rows(keeper.store, "market.price_revisions", *PRICE),
                rows(keeper.store, "market.landings", "commodity", "sha256", "rows_used"),
            )
        )
    assert ends[0] == ends[1]


def land_in_another_process(keeper: Caretaker, deaths: int) -> int:
    """Land all that waits; kill it so many times. How often it was hit before it was done."""
    chance, kills = random.Random(1), 0  # noqa: S311 - moments of death
    places = {name: os.environ[name] for name in ("FORECAST_HOME", "FORECAST_CONFIG")}
    for attempt in range(deaths + 1):
        hears, says = FORKS.Pipe(duplex=False)
        process = FORKS.Process(target=land_all, args=(places, says))
        process.start()
        says.close()
        said = []
        if attempt < deaths:
            said = [hears.recv()]  # a file begins to be received, or all is done
            wait_for(chance.choice(MOMENTS), keeper, process)
            process.kill()
        with suppress(EOFError):
            while True:
                said.append(hears.recv())
        process.join()
        kills += "done" not in said
    return kills


MOMENTS = "at once", "the tables have changed", "a file has moved"


def wait_for(moment: str, keeper: Caretaker, process: BaseProcess) -> None:
    """Wait for a moment of the landing in another process, or until that has ended."""

    def seen() -> object:
        files = sorted(keeper.landing.rglob("*")) if moment == "a file has moved" else []
        return files or keeper.store.token()

    before = seen()
    while moment != "at once" and seen() == before and process.is_alive():
        time.sleep(0.003)


REFUSED = "2030-13-01,Coffee,1\n"
"""A row whose refusal is told once, since its file is put away."""


def drop_two(tmp_path: Path) -> Caretaker:
    keeper = caretaker(tmp_path, "Coffee", "Sugar")
    path = keeper.drop("a.csv", make_history(5))
    path.write_text(path.read_text() + REFUSED)
    keeper.drop("b.csv", make_history(6, 2, "Sugar"))
    return keeper


def told_of(keeper: Caretaker) -> str:
    return "\n".join(line for each in keeper.heard.take() for line in each.problems)


def test_refused_rows_are_told_although_the_prices_cannot_be_read_any_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper = drop_two(tmp_path)

    def locked(*_: Any) -> Any:
        raise StoreLocked("another process kept this file")

    with monkeypatch.context() as patch:
        patch.setattr(DuckDBPriceTable, "history", locked)
        result = landed(keeper)
    assert "landed_files" not in {each.step_key for each in result.get_step_failure_events()}
    ((_, said),) = metadata(result, "landed_files")
    assert (said["files_accepted"], said["rows_rejected"]) == (2, 1)
    assert "a.csv, line 7" in told_of(keeper)


@pytest.mark.parametrize("stop", [Interrupted("interrupted"), KeyboardInterrupt()], ids=repr)
def test_who_stops_a_landing_is_told_of_the_files_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: BaseException
) -> None:
    keeper = drop_two(tmp_path)

    def stopped(folder: Any, arrival: Any, *others: Any) -> Any:
        if arrival.name == "b.csv":
            raise stop
        return receive(folder, arrival, *others)

    with monkeypatch.context() as patch, suppress(KeyboardInterrupt):
        patch.setattr(landed_files, "receive", stopped)
        assert not landed(keeper).success
    assert "a.csv, line 7" in told_of(keeper)
    (record,) = keeper.instance.fetch_observations(AssetKey("landed_files"), limit=2).records
    observed = record.asset_observation
    assert observed is not None
    assert observed.metadata["rows_rejected"].value == 1
    shown = keeper.instance.get_latest_materialization_event(AssetKey("prices"))
    assert shown is not None
