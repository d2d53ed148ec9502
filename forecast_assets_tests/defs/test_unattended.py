"""A daemon that is left alone while files arrive: late, twice, corrected, half, broken, strange.

Afterwards the tables hold exactly what they should, by exactly the runs that were due.
"""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forecast_assets.configuration.settings import Settings
from forecast_assets.timeline.history import History
from forecast_assets_tests.caretaker import Caretaker
from forecast_assets_tests.daemons import end_group, within
from forecast_assets_tests.histories import make_history
from forecast_assets_tests.site import MODELS, PATIENCE_SECONDS, Site

pytestmark = pytest.mark.long

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
    site.build()
    site.drop("coffee.csv", rows(COFFEE, 0, OLD))
    site.drop("sugar.csv", rows(SUGAR, 0, OLD))
    assert all(success for _, success in Caretaker(site.settings, site.instance).settle())
    daemon = site.start()
    try:
        assert site.quiet()
        finish = slowly(site, "sugar_new.csv", rows(SUGAR, 600, 610))
        site.drop("late.csv", rows(COFFEE, LATE, LATE + 1))
        site.drop("coffee_new.csv", rows(COFFEE, OLD, 600, but=(LATE,)))
        site.drop("sugar_again.csv", rows(SUGAR, 0, OLD))
        site.drop("bad.csv", bad_rows())
        site.drop("cocoa.csv", rows(make_history(30, 3, "Cocoa"), 0, 30))
        within(PATIENCE_SECONDS, "second landing", lambda: len(site.runs()) == 2)
        within(PATIENCE_SECONDS, "runs end", lambda: {run[1] for run in site.runs()} == {"SUCCESS"})
        assert (site.landing / "sugar_new.csv").exists()
        finish()
        assert site.quiet()
        site.drop("coffee_new.csv", corrected())
        assert site.quiet()
    finally:
        end_group(daemon)
    assert site.runs() == [("land", "SUCCESS"), ("catch_up", "SUCCESS")] * 3
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
