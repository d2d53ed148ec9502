"""Prices that cannot be are refused in words, and the good ones beside them land."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from upath import UPath

from forecast_assets.automation.waiting import implausible
from forecast_assets.configuration.commodities import Covariate, FileSource
from forecast_assets.configuration.sections import Bounds, Fetch
from forecast_assets.configuration.settings import Settings
from forecast_assets.errors import SourceError
from forecast_assets.market.covariates import read_covariate
from forecast_assets.market.fred import Fred
from forecast_assets.market.inspection import inspect_file
from forecast_assets.market.landing import Arrival, LandingFolder, note_of
from forecast_assets.market.live import Asker
from forecast_assets.market.reception import receive
from forecast_assets.market.sources import read_source
from forecast_assets.market.yahoo import YahooFinance
from forecast_assets.store.contract import Store
from forecast_assets.store.opening import open_store
from forecast_assets.timeline.history import History
from forecast_assets_tests.beginnings import at_home
from forecast_assets_tests.caretaker import configuration
from forecast_assets_tests.commands import forecast
from forecast_assets_tests.hostile.cases import read as read_cases
from forecast_assets_tests.hostile.cases import require
from forecast_assets_tests.store.contract.test_withdrawals import said

TODAY, NOW = date(2026, 11, 20), datetime(2026, 11, 20, 12)  # noqa: DTZ001 - as the tables keep it
DAYS = np.busday_offset(np.datetime64("2026-11-02"), np.arange(15)).tolist()
"""The sessions of Coffee: three weeks up to today."""
NUMBERS = count()


def of(*through: str) -> pytest.MarkDecorator:
    """The cases of some sources or commands."""
    mine = [case for case in read_cases("prices") if case["through"] in through]
    return pytest.mark.parametrize("case", mine, ids=lambda case: case["name"])


@dataclass
class Place:
    """A configuration, its folder and its tables, in which only Coffee has prices."""

    folder: Path
    settings: Settings
    store: Store


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("hostile")
    landing = {"url": str(folder / "landing"), "settle_seconds": 0, "incomplete_seconds": 0}
    said_so = configuration("Coffee", "Sugar", "Cocoa", landing=landing)
    (folder / "forecast.yaml").write_text(said_so)
    with at_home(folder):
        settings = Settings.load(folder / "forecast.yaml")
        LandingFolder(settings).make()
        store = open_store(settings)
        store.prices.write(said(dict.fromkeys(DAYS, 51.0), "landing:first.csv"), NOW, "a test")
        yield Place(folder, settings, store)


def bounded(settings: Settings, case: dict[str, Any]) -> Settings:
    """The settings with the bounds that a case gives Sugar."""
    sugar = settings.commodities["Sugar"].model_copy(
        update={"bounds": Bounds.model_validate(case.get("bounds", {}))}
    )
    return settings.model_copy(update={"commodities": settings.commodities | {"Sugar": sugar}})


@of("landing")
def test_a_dropped_file(place: Place, case: dict[str, Any], tmp_path: Path) -> None:
    settings = bounded(place.settings, case)
    folder = LandingFolder(settings)
    path = Path(folder.path.path) / case["file"]
    path.write_text(case["given"] + "\n" * next(NUMBERS))  # no two have the same bytes
    arrival = Arrival(UPath(path), path.stat().st_size, path.stat().st_mtime)
    before = len(place.store.prices.withdrawn("Coffee"))
    got = receive(folder, arrival, place.store.landings, NOW, "a test")
    told = note_of(UPath(got.place)).read_text()
    require(told, case["message"])
    landed = [each.changes for each in got.landings]
    taken = sum(x.added + x.revised + x.unchanged + x.withdrawn for x in landed)
    assert taken == case["lands"]
    assert not path.exists()
    withdrawn = place.store.prices.withdrawn("Coffee")
    assert len(withdrawn) - before == sum(x.withdrawn for x in landed)
    for each in withdrawn:
        assert place.store.prices.restore("Coffee", each.date, NOW, "a test")


@of("file", "covariate", "fred", "yahoo", "inspect")
def test_another_source(case: dict[str, Any], tmp_path: Path) -> None:
    told, lands = read(case, tmp_path)
    require(told, case["message"])
    assert lands == case["lands"]


def read(case: dict[str, Any], folder: Path) -> tuple[str, int]:
    """What a source says of a case, and how many rows are usable."""
    path = folder / case.get("file", "answer")
    path.write_text(case["given"])
    asker = Asker(Fetch())
    try:
        match case["through"]:
            case "file":
                source = FileSource(type="file", path=path.name)
                found = read_source("Coffee", source, folder, TODAY)
            case "fred":
                found = AnsweredFred(asker, case["given"]).read("Coffee", "RAW", None, TODAY)
            case "yahoo":
                found = AnsweredYahoo(asker, case["given"]).read("Coffee", "RAW", None, TODAY)
            case "covariate":
                rain = Covariate(path=path.name, column="rain")
                series = read_covariate("Coffee", "rain", rain, folder, TODAY)
                return "\n".join(map(str, series.rejections)), len(series.values)
            case "inspect":
                seen = inspect_file(path, {}, "Coffee", folder, TODAY)
                taken = next(said for what, said in seen.facts if what == "prices")
                return "\n".join(seen.refused), int(taken.split(",")[0])
    except SourceError as error:
        return str(error), 0
    return "\n".join(map(str, found.rejections)), len(found.prices)


class AnsweredFred(Fred):
    """FRED with an answer that was given."""

    def _ask(self, name: str, symbol: str, since: date | None) -> str:
        return self.base_url


class AnsweredYahoo(YahooFinance):
    """Yahoo with bars that were given."""

    def _bars(self, name: str, symbol: str, since: date | None) -> pd.DataFrame:
        assert self.base_url
        bars = pd.read_csv(io.StringIO(self.base_url))
        days = pd.DatetimeIndex(bars["date"].to_numpy().astype("datetime64[s]"))
        return bars.drop(columns="date").rename(columns=str.title).set_index(days)


@of("command")
def test_a_command(place: Place, case: dict[str, Any]) -> None:
    with at_home(place.folder):
        done = forecast(*case["given"])
    assert done.exit_code == 1
    require(done.output, case["message"])
    assert place.store.prices.withdrawn("Coffee") == []


def test_a_session_is_withdrawn_and_comes_back_by_commands(place: Place) -> None:
    with at_home(place.folder):
        done = forecast("prices", "withdraw", "Coffee", "2026-11-17", "--reason", "a [test] row")
        assert "Coffee: 2026-11-17 is withdrawn; `forecast prices accept Coffee 2026-11-17`" in (
            done.output
        )
        (kept,) = place.store.prices.withdrawn("Coffee")
        assert (kept.reason, kept.close) == ("a [test] row", 51.0)
        assert kept.by.startswith("terminal: ")
        told = forecast("prices").output
        assert "(51) was withdrawn on" in told
        assert "a [test] row; `forecast prices accept Coffee 2026-11-17` brings it back" in told
        again = forecast("prices", "withdraw", "Coffee", "2026-11-17", "--reason", "again")
        assert (again.exit_code, "the nearest: 2026-11-16 and 2026-11-18" in again.output) == (1, 1)
        back = forecast("prices", "accept", "Coffee", "2026-11-17")
    assert "Coffee: 2026-11-17 is back as it was" in back.output
    assert place.store.prices.history("Coffee").dates.tolist() == DAYS


def test_what_an_older_release_let_in_is_named_with_the_command(place: Place) -> None:
    dates = np.array(["0026-08-20", *map(str, DAYS)], dtype="datetime64[D]")
    history = History("Coffee", dates, np.array([50.0] * len(DAYS) + [-1e308]))
    first, last = implausible(place.settings, history)
    assert first == (
        "Coffee: 0026-08-20 is stored although its day is before 1800-01-01"
        " (commodities.Coffee.bounds.first_day): `forecast prices withdraw Coffee 0026-08-20"
        " --reason 'a misprint'` takes it back"
    )
    assert "Coffee: 2026-11-20 is stored although its close, -1e+308, is beyond 1e+09" in last
    many = History("Coffee", np.array(DAYS, dtype="datetime64[D]"), np.full(len(DAYS), 1e10))
    assert implausible(place.settings, many)[-1] == "Coffee: and 10 more sessions beyond its bounds"
