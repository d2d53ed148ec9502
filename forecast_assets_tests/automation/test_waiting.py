"""What waits for a word: files and prices that are held, how it is told, and the word."""

import os
import pwd
import time
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from filelock import FileLock

from forecast_assets.automation.waiting import (
    files_in_brief,
    held_files,
    held_prices,
    prices_in_brief,
    to_know,
    to_look_at,
)
from forecast_assets.cli import deciding
from forecast_assets.configuration.commodities import FileSource
from forecast_assets.configuration.settings import Settings
from forecast_assets.forecast.records import IssuedForecast
from forecast_assets.market.landing import LandingFolder
from forecast_assets.market.reception import Received, receive
from forecast_assets.market.sources import read_source
from forecast_assets.report.briefing import briefing
from forecast_assets.store import lock_file
from forecast_assets.store.contract import Store
from forecast_assets.timeline.history import History
from forecast_assets_tests.caretaker import Caretaker, caretaker
from forecast_assets_tests.commands import forecast
from forecast_assets_tests.graphs import Graph, MakeGraph, Run
from forecast_assets_tests.histories import (
    make_history,
    with_features,
    write_covariate,
    write_prices,
)

pytestmark = pytest.mark.long

COFFEE = make_history(300, seed=2)
TEA = make_history(300, seed=3, commodity="Tea")
AT = datetime(2026, 11, 20, 12)  # noqa: DTZ001 - as the tables keep it


def part(history: History, places: slice, factor: float = 1.0) -> History:
    return History(history.commodity, history.dates[places], history.closes[places] * factor)


def changed(history: History, places: slice, factor: float) -> History:
    closes = history.closes.copy()
    closes[places] *= factor
    return History(history.commodity, history.dates, closes)


@pytest.fixture
def keeper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Caretaker:
    """Coffee and Tea up to ten sessions before the end."""
    monkeypatch.setenv("FORECAST_CONFIG", str(tmp_path / "forecast.yaml"))
    made = caretaker(tmp_path, "Coffee", "Tea")
    LandingFolder(made.settings).make()
    made.drop("all.csv", part(COFFEE, slice(290)), part(TEA, slice(290)))
    assert landed(made).accepted
    return made


def landed(keeper: Caretaker) -> Received:
    folder = LandingFolder(keeper.settings)
    (arrival,) = folder.waiting(time.time() + 1).whole
    return receive(folder, arrival, keeper.store.landings, AT, "run")


WRONG = [
    pytest.param(part(COFFEE, slice(270, 300), 0.86), "20 of 290", id="another currency"),
    pytest.param(part(COFFEE, slice(280, 300), 14.0), "10 of 290", id="another contract"),
    pytest.param(part(COFFEE, slice(289, 300), 0.01), "1 of 290", id="another unit"),
    pytest.param(part(COFFEE, slice(5, 6), 1.3), "1 of 290", id="one old close"),
]


@pytest.mark.parametrize(("wrong", "count"), WRONG)
def test_a_file_that_revises_too_much_waits_and_what_else_it_holds_lands(
    keeper: Caretaker, wrong: History, count: str
) -> None:
    keeper.drop("late.csv", wrong, part(TEA, slice(288, 295)))
    received = landed(keeper)
    assert (received.held, received.accepted) == (True, False)
    held = keeper.landing / "held"
    assert sorted(path.name for path in held.iterdir()) == ["late.csv", "late.csv.txt"]
    note = (held / "late.csv.txt").read_text()
    assert f"waits: Coffee: {count} stored closes" in note
    assert "Tea: 7 rows: 5 new, 0 revised, 2 as they were" in note
    assert np.array_equal(keeper.store.prices.history("Coffee").closes, COFFEE.closes[:290])
    assert len(keeper.store.prices.history("Tea")) == 295
    (said,) = held_files(LandingFolder(keeper.settings))
    assert said.startswith(f"Coffee: late.csv waits in landing/held: {count} stored closes")
    assert said.endswith(
        "`forecast landing accept late.csv` merges it, `forecast landing reject late.csv` puts it"
        " away"
    )


def test_a_correction_of_every_day_does_not_wait(keeper: Caretaker) -> None:
    settled = part(COFFEE, slice(289, 290), 64 / 70)
    keeper.drop("coffee.csv", settled)
    assert landed(keeper).accepted
    assert keeper.store.prices.history("Coffee").closes[-1] == settled.closes[-1]
    assert held_files(LandingFolder(keeper.settings)) == []


def test_new_sessions_beyond_the_bound_land_and_are_told(keeper: Caretaker) -> None:
    keeper.drop("coffee.csv", part(COFFEE, slice(290, 300), 0.01))
    assert landed(keeper).accepted
    (said,) = to_look_at(keeper.settings, keeper.store, "Coffee")
    assert said.startswith(f"Coffee: {COFFEE.dates[290]}: ")
    assert "another unit?" in said


def test_a_file_is_accepted_by_its_name(keeper: Caretaker) -> None:
    wrong = part(COFFEE, slice(270, 300), 0.86)
    keeper.drop("my coffee.csv", wrong, part(TEA, slice(288, 295)))
    landed(keeper)
    listed = forecast("landing").output
    assert "`forecast landing accept 'my coffee.csv'`" in listed
    assert "note: Coffee: my coffee.csv waits in landing/held" in forecast("status").output
    said = forecast("landing", "accept", "my coffee.csv")
    assert said.exit_code == 0, said.output
    assert "Coffee: 30 rows: 10 new, 20 revised, 0 as they were" in said.output
    assert "Tea: 7 rows, merged before from the same file: nothing done" in said.output
    assert np.array_equal(keeper.store.prices.history("Coffee").closes[270:], wrong.closes)
    assert list((keeper.landing / "held").iterdir()) == []
    note = (keeper.landing / "accepted" / "my coffee.csv.txt").read_text()
    assert "20 revised" in note
    assert note.endswith("Accepted by hand.\n")
    assert forecast("landing").output.endswith("\nno file waits\n")


def test_a_file_is_rejected_by_its_name(keeper: Caretaker) -> None:
    for _ in range(2):
        keeper.drop("coffee.csv", part(COFFEE, slice(270, 300), 0.86))
        landed(keeper)
    said = forecast("landing", "reject", "coffee.csv", "coffee.2.csv")
    assert said.exit_code == 0, said.output
    assert len(keeper.store.prices.history("Coffee")) == 290
    assert list((keeper.landing / "held").iterdir()) == []
    note = (keeper.landing / "rejected" / "coffee.2.csv.txt").read_text()
    assert "20 of 290 stored closes" in note
    assert note.endswith("Rejected by hand: none of that is merged.\n")


def test_a_name_that_does_not_wait_is_refused_with_those_that_do(keeper: Caretaker) -> None:
    keeper.drop("coffee.csv", part(COFFEE, slice(270, 300), 0.86))
    landed(keeper)
    said = forecast("landing", "accept", "coffe.csv")
    assert said.exit_code == 1
    assert "found 'coffe.csv', allowed: coffee.csv" in said.output
    assert len(held_files(LandingFolder(keeper.settings))) == 1


def test_sensors_and_the_report_tell_while_something_waits(keeper: Caretaker) -> None:
    keeper.drop("coffee.csv", part(COFFEE, slice(270, 300), 0.86))
    landed(keeper)
    reason = keeper.land().skip_reason
    assert reason is not None
    assert reason.skip_message == (
        "no file is waiting; held for a word: coffee.csv (`forecast landing`)"
    )
    notices = briefing(keeper.settings, keeper.store, AT).notices
    (waits,) = [x for x in notices if x.text.startswith("Coffee: coffee.csv waits")]
    assert waits.level == "warning"
    forecast("landing", "reject", "coffee.csv")
    assert files_in_brief(LandingFolder(keeper.settings)) == []
    assert not any("waits" in x.text for x in briefing(keeper.settings, keeper.store, AT).notices)


def test_a_landing_folder_elsewhere_holds_files_too(tmp_path: Path) -> None:
    url = "memory://held-here"
    keeper = caretaker(tmp_path, landing={"url": url, "settle_seconds": 0, "incomplete_seconds": 0})
    folder = LandingFolder(keeper.settings)
    folder.make()
    for factor in (1.0, 1.5):
        table = pd.DataFrame({"date": COFFEE.dates, "close": COFFEE.closes * factor})
        (folder.path / "coffee.csv").write_text(table.to_csv(index=False))
        landed(keeper)
    (held,) = folder.held()
    assert held.waits[0].startswith("Coffee: 300 of 300 stored closes")


def read(graph: Graph) -> None:
    """Read the file of Coffee as a run does."""
    source = graph.settings.commodity("Coffee").source
    assert isinstance(source, FileSource)
    observations = read_source("Coffee", source, graph.settings.folder, AT)
    graph.store.prices.write(observations, AT, "run", scrutiny=graph.settings.scrutiny)


@pytest.fixture
def graph(make_graph: MakeGraph, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Graph:
    monkeypatch.setenv("FORECAST_CONFIG", str(tmp_path / "forecast.yaml"))
    made: Graph = make_graph(COFFEE, models=["naive"], training={"start": date(2019, 1, 1)})
    read(made)
    return made


def rewrite(graph: Graph, history: History) -> None:
    write_prices(graph.settings.folder / "prices" / "Coffee.csv", history)
    read(graph)


def test_a_source_of_another_series_is_told_and_keeps_the_old_closes(graph: Graph) -> None:
    rewrite(graph, changed(COFFEE, slice(None), 0.9))
    assert graph.store.prices.history("Coffee").fingerprint == COFFEE.fingerprint
    (said,) = held_prices(graph.settings, graph.store, "Coffee")
    assert said.startswith("Coffee: by its source 300 of 300 stored closes, ")
    assert "`forecast prices accept Coffee` takes them over" in said
    assert prices_in_brief(graph.settings, graph.store) == [
        "Coffee: 300 prices held for a word (`forecast prices`)"
    ]
    assert said in forecast("prices").output.replace("\n", "")
    assert "300 closes are merged" in forecast("prices", "accept", "Coffee").output
    closes = graph.store.prices.history("Coffee").closes
    assert np.allclose(closes, COFFEE.closes * 0.9)
    assert forecast("prices").output.endswith("\nno price waits, is strange or is withdrawn\n")


def test_a_revision_that_is_rejected_is_told_no_more(graph: Graph) -> None:
    rewrite(graph, changed(COFFEE, slice(100, 101), 3.0))
    assert "1 closes are rejected" in forecast("prices", "reject", "Coffee").output
    read(graph)
    assert to_look_at(graph.settings, graph.store, "Coffee") == []
    assert graph.store.prices.history("Coffee").fingerprint == COFFEE.fingerprint
    again = forecast("prices", "reject", "Coffee")
    assert (again.exit_code, "Coffee: nothing waits" in again.output) == (1, True)


def test_a_strange_move_that_is_accepted_is_told_no_more(graph: Graph) -> None:
    rewrite(graph, changed(COFFEE, slice(295, None), 1.0))
    later = make_history(306, seed=2)
    rewrite(graph, changed(later, slice(300, None), 0.001))
    (said,) = to_look_at(graph.settings, graph.store, "Coffee")
    assert said.startswith(f"Coffee: {later.dates[300]}: ")
    day = str(later.dates[300])
    assert forecast("prices", "accept", "Coffee", "2020-01-01").exit_code == 1
    assert "1 strange ones are taken" in forecast("prices", "accept", "Coffee", day).output
    assert to_look_at(graph.settings, graph.store, "Coffee") == []


def test_quarantined_closes_are_named_for_what_they_look_like(
    make_graph: MakeGraph, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FORECAST_CONFIG", str(tmp_path / "forecast.yaml"))
    source = {"type": "file", "path": "prices/Coffee.csv", "quarantine": True}
    commodities = {"Coffee": {"unit": "USc/lb", "source": source}}
    graph: Graph = make_graph(COFFEE, models=["naive"], commodities=commodities)
    rewrite(graph, changed(COFFEE, slice(283, None), 0.01))
    assert len(graph.store.prices.history("Coffee")) == 283
    (said,) = to_look_at(graph.settings, graph.store, "Coffee")
    assert said.startswith(f"Coffee: 17 strange closes of its source: {COFFEE.dates[283]}: ")
    assert "another unit?" in said
    rewrite(graph, COFFEE)
    assert to_look_at(graph.settings, graph.store, "Coffee") == []
    assert len(graph.store.prices.history("Coffee")) == 300


def test_a_run_keeps_the_end_that_a_file_lacks_until_it_may_not_and_names_a_change_of_unit(
    make_graph: MakeGraph, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FORECAST_CONFIG", str(tmp_path / "forecast.yaml"))
    history = changed(make_history(547), slice(530, None), 0.01)  # up to 2020-02-04
    training = {"cadence": "monthly", "start": date(2020, 1, 1)}
    graph: Graph = make_graph(history, models=["naive"], training=training, paths=5, horizon=3)
    first = forecast("run")
    note = f"note: Coffee: {history.dates[530]}: "
    assert first.exit_code == 0, first.output
    assert note in first.output
    assert str(history.dates[530]) in graph.settings.report_path.read_text()
    assert note in forecast("status").output
    assert note in forecast("show", "Coffee").output
    issued = graph.store.paths.issued("Coffee", "v1.0")
    assert newest_of(issued) == ("2020-02-04", "2020-02-01")
    write_prices(graph.settings.folder / "prices" / "Coffee.csv", part(history, slice(544)))
    second = forecast("run")
    assert second.exit_code == 0
    assert "note: Coffee: its source lacks the newest 3 sessions" in second.output
    assert graph.store.paths.issued("Coffee", "v1.0") == issued
    assert note in second.output
    forecast("prices", "accept", "Coffee")
    third = forecast("run", "--allow-withdrawals")
    assert third.exit_code == 0
    assert "note: Coffee: its source took back 3 sessions" in third.output
    left = graph.store.paths.issued("Coffee", "v1.0")
    assert len(left) == len(issued) - 3
    assert newest_of(left) == ("2020-01-30", "2020-01-01")  # all of the second window are gone
    assert note not in third.output


def newest_of(issued: Sequence[IssuedForecast]) -> tuple[str, str]:
    """Cutoff and training date of the newest forecast."""
    return str(issued[-1].data_cutoff_date), str(issued[-1].training_date)


def test_status_names_the_commodity_whose_notes_cannot_be_told(
    keeper: Caretaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(settings: Settings, store: Store, history: History, at: datetime) -> list[str]:
        if history.commodity == "Coffee":
            raise ValueError("out of order")
        return [f"{history.commodity}: to be known"]

    monkeypatch.setattr("forecast_assets.automation.standing_notes.to_know", broken)
    said = forecast("status").output
    assert "failed: Coffee: ValueError: out of order" in said
    assert "note: Tea: to be known" in said


@pytest.mark.parametrize("lacking", ["other dates", "no file", "one day of rain"])
def test_a_covariate_that_lacks_values_is_told_in_status_and_the_report(
    make_graph: MakeGraph, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, lacking: str
) -> None:
    monkeypatch.setenv("FORECAST_CONFIG", str(tmp_path / "forecast.yaml"))
    history = with_features(make_history(540), ("rain",))
    graph: Graph = make_graph(history, [Run("load_prices", "Coffee")], models=["naive"])
    file = graph.settings.folder / "covariates" / "rain.csv"
    assert to_know_of(graph) == []
    match lacking:
        case "other dates":
            write_covariate(
                file, with_features(make_history(40, first="2009-01-05"), ("rain",)), "rain"
            )
        case "no file":
            file.unlink()
        case "one day of rain":
            write_covariate(file, with_features(make_history(541), ("rain",)), "rain")
            rows = file.read_text().splitlines(keepends=True)
            file.write_text(rows[0] + rows[-1])
    graph.run("load_prices", "Coffee")
    (line,) = to_know_of(graph)
    assert "covariate rain" in line
    assert f"note: {line}" in " ".join(forecast("status").output.split())
    notices = briefing(graph.settings, graph.store, AT).notices
    assert line in [notice.text for notice in notices]


def to_know_of(graph: Graph) -> list[str]:
    """What is said of the covariates of Coffee, whose prices are in the tables."""
    lines = to_know(graph.settings, graph.store, graph.store.prices.history("Coffee"), AT)
    return [line for line in lines if "covariate" in line]


@pytest.mark.parametrize("word", ["accept", "reject", "a run"])
def test_who_waits_for_another_landing_says_so(
    keeper: Caretaker,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    word: str,
) -> None:
    keeper.drop("new.csv", part(COFFEE, slice(290, 291)))
    (request,) = keeper.land().run_requests or []
    other = FileLock(keeper.settings.home / ".landing.lock")
    other.acquire()

    def holder_of(path: Path) -> str:
        other.release()
        return f"whoever holds {path.name}"

    monkeypatch.setattr(lock_file, "holder_of", holder_of)
    if word == "a run":
        assert keeper.execute(request).success
        said = caplog.text
    else:
        said = forecast("landing", word, "coffee.csv").output
    assert "waiting for whoever holds .landing.lock to put away files of the landing" in said


@pytest.mark.parametrize("number", [os.getuid(), 987_654])
def test_who_gives_a_word_is_looked_up_by_number(
    monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    known = {os.getuid(): pwd.getpwuid(os.getuid()).pw_name}
    monkeypatch.setattr(os, "getuid", lambda: number)
    monkeypatch.setattr(pwd, "getpwall", list)  # directories need not list all users
    assert deciding._user() == known.get(number, "987654")
