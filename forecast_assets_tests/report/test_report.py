import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecast_assets.evaluation.outlook import Outlook
from forecast_assets.forecast.records import Fan
from forecast_assets.report import plots
from forecast_assets.report.page import (
    UNBROKEN,
    CommodityReport,
    Notice,
    PublishedForecast,
    Reliability,
    Report,
    decimals,
    outlook,
    render,
    standings_grid,
)
from forecast_assets.report.plots import Picture
from forecast_assets.timeline.history import History
from forecast_assets_tests.browser import DESKTOP, PHONE, Screen, Tab, opened
from forecast_assets_tests.histories import make_history

pytestmark = pytest.mark.usefixtures("pictures")

NASTY = "Gas <b>&\"'</b> $x_1$"


def fan_of(history: History, place: int, horizon: int = 14) -> Fan:
    steps = np.random.default_rng(place).normal(0, 0.6, (300, horizon))
    paths = history.closes[place] + np.cumsum(steps, axis=1)
    cutoff: date = history.dates[place].item()
    return Fan(cutoff, cutoff + timedelta(days=1), paths.astype(np.float32))


def leaderboard(**columns: Any) -> pd.DataFrame:
    rows = [
        {
            "commodity": "Coffee",
            "model_version": "v1.0",
            "model_name": name,
            "place": place,
            "forecasts": 1234,
            "first_forecast": pd.Timestamp("2012-01-03"),
            "last_forecast": pd.Timestamp("2018-12-31"),
            "effective_forecasts": 88,
            "undefined_forecasts": 0,
            "crps": 1.23,
            "skill": skill,
            "coverage_80": 0.8125,
            "coverage_95": 0.94,
            "calibration": "calibrated",
            "dm_p_value": p_value,
            "dm_verdict": verdict,
            "training_seconds": 1234.56,
        }
        for name, place, skill, p_value, verdict in (
            ("naive", 2, 0.0, np.nan, "is naive"),
            ("garch", 1, 0.0321, 0.0042, "better"),
            ("ets", 3, -0.05, 0.3, "no difference"),
        )
    ]
    return pd.DataFrame(rows).assign(**columns)


def full(history: History | None = None, unit: str = "USc/lb") -> CommodityReport:
    history = history or make_history()
    newest = len(history) - 1
    fan = fan_of(history, newest)
    outlooks = [
        Outlook(7, 50.0, 48.0, 52.0, 46.0, 54.0, 2.5, 3.5, 0.52),
        Outlook(14, 51.0, 47.0, 53.0, 45.0, 55.0, 4.5, 5.5, 0.5),
    ]
    draws = np.random.default_rng(3)
    return CommodityReport(
        history.commodity,
        unit,
        history,
        PublishedForecast("garch", "v1.0", "the best skill of what is calibrated", fan, outlooks),
        [fan_of(history, place) for place in range(newest - 14 * 8 - 5, newest, 14)],
        Reliability(draws.uniform(size=400), 30, np.full(14, 0.8), np.full(14, 0.94)),
        leaderboard(),
    )


def bare(history: History) -> CommodityReport:
    return CommodityReport(history.commodity, "USD/t", history, None, [], None, pd.DataFrame())


def report_of(*parts: CommodityReport, notices: tuple[Notice, ...] = ()) -> Report:
    made_at = datetime(2024, 5, 6, 7, 8, tzinfo=UTC)
    return Report(made_at, "v1.0", notices, parts, leaderboard(crps=np.nan))


class Reading(HTMLParser):
    """The words of a page and its tags."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", "".join(self.words).replace("\N{NO-BREAK SPACE}", " "))


def empty_history(name: str) -> History:
    return History(name, np.array([], dtype="datetime64[D]"), np.array([]))


def test_a_page_has_its_parts_in_order() -> None:
    text = Reading(render(report_of(full()))).text
    parts = (
        "Made Monday 06 May 2024, 07:08 UTC, model version v1.0",
        "All is well.",
        "Close of",
        "by garch (v1.0): the best skill of what is calibrated",
        "value at risk, 95 %",
        "How past forecasts fared",
        "Calibration",
        "Leaderboard",
        "All commodities",
        "What the words mean",
    )
    places = [text.index(part) for part in parts]
    assert places == sorted(places)


def test_a_page_asks_for_nothing_but_its_own_images_and_runs_nothing() -> None:
    page = Reading(render(report_of(full())))
    sources = [tag[1]["src"] or "" for tag in page.tags if "src" in tag[1]]
    assert len(sources) == 4
    assert all(source.startswith("data:image/png;base64,") for source in sources)
    links = [tag[1]["href"] or "" for tag in page.tags if "href" in tag[1]]
    assert all(link.startswith(("#", "data:")) for link in links)
    assert not [tag for tag, _ in page.tags if tag in ("script", "iframe", "object")]
    for tag, attributes in page.tags:
        assert tag != "img" or (attributes["alt"] and attributes["width"] and attributes["height"])


def test_words_from_outside_are_never_markup() -> None:
    part = full(replace(make_history(), commodity=NASTY), unit=f"{NASTY}/t")
    assert part.published is not None
    part = replace(part, published=replace(part.published, reason=NASTY, model_name=NASTY))
    part.leaderboard.loc[1, "model_name"] = NASTY
    page = render(report_of(part, full(), notices=(Notice("failed", NASTY),)))
    assert "<b>&" not in page
    # Notice, link, title, unit of the price and of the table, model twice, reason.
    assert Reading(page).text.count(NASTY) == 8
    alternatives = [
        attributes["alt"] or "" for tag, attributes in Reading(page).tags if tag == "img"
    ]
    assert sum(NASTY in text for text in alternatives) == 4


def test_what_is_not_there_is_a_sentence() -> None:
    nothing = Reading(render(report_of(bare(empty_history("Cocoa"))))).text
    for sentence in (
        "There is no price of Cocoa yet.",
        "No forecast of Cocoa is published yet.",
        "No earlier forecast of Cocoa is published yet.",
        "No published forecast of Cocoa has run its course yet",
        "No model has been scored on Cocoa yet.",
    ):
        assert sentence in nothing
    priced = Reading(render(report_of(bare(make_history(30))))).text
    assert "There is no price" not in priced
    assert "No forecast of Coffee is published yet." in priced
    young = replace(full(), past=[], reliability=None, leaderboard=pd.DataFrame())
    text = Reading(render(report_of(young))).text
    assert "No forecast of Coffee" not in text
    assert "value at risk" in text
    assert "No model has been scored on Coffee yet." in text
    unscored = Reliability(np.array([]), 0, np.full(14, np.nan), np.full(14, np.nan))
    text = Reading(render(report_of(replace(full(), reliability=unscored)))).text
    assert "has run its course yet" in text


def test_a_page_without_commodities_says_so() -> None:
    empty = replace(report_of(), overall=pd.DataFrame())
    text = Reading(render(empty)).text
    assert "There is no commodity to report on." in text
    assert "No model has been scored yet." in text


def test_a_short_history_and_a_session_that_has_not_happened_are_drawn() -> None:
    history = make_history(20)
    part = full(make_history())
    short = replace(part, history=history, past=[fan_of(history, 15)])
    assert part.published is not None
    short = replace(short, published=replace(part.published, fan=fan_of(history, 19)))
    assert render(report_of(short)).count("data:image/png") == 4


def test_negative_prices_have_a_minus_and_no_percentage() -> None:
    history = make_history(200)
    part = full(replace(history, closes=history.closes - history.closes[-1] - 3.25))
    text = Reading(render(report_of(part))).text
    assert "\N{MINUS SIGN}3.25 USc/lb" in text
    assert "above \N{MINUS SIGN}3.25" in text
    assert "value at risk, 95 %2.504.50" in text


def test_losses_are_in_the_unit_and_in_percent_of_the_close() -> None:
    history = replace(make_history(200), closes=np.full(200, 50.0))
    published = full(history).published
    assert published is not None
    rows = {
        row.heading.replace("\N{NO-BREAK SPACE}", " "): row
        for row in outlook(history, published).rows
    }
    # A loss of 2.5 from 50 is 2.5 / 50 = 5 %, one of 5.5 is 11 %.
    assert rows["value at risk, 95 %"].cells[0].text == "2.50 (5.0\N{NO-BREAK SPACE}%)"
    assert rows["expected shortfall, 95 %"].cells[1].text == "5.50 (11.0\N{NO-BREAK SPACE}%)"
    assert [cell.text for cell in rows["above 50.00"].cells] == ["52 %", "50 %"]
    assert [cell.text for cell in rows["below 50.00"].cells] == ["48 %", "50 %"]


def test_a_leaderboard_is_in_order_with_the_published_model_marked() -> None:
    part = full()
    grid = standings_grid(part.leaderboard, part.published)
    assert grid is not None
    assert [row.heading for row in grid.rows] == ["1. garch", "2. naive", "3. ets"]
    assert [row.marked for row in grid.rows] == [True, False, False]
    minus = "\N{MINUS SIGN}"
    assert [row.cells[0].text for row in grid.rows] == ["+3.2 %", "0.0 %", f"{minus}5.0 %"]
    assert [cell.text for cell in grid.rows[0].cells] == [
        "+3.2 %",
        "better (p 0.004)",
        "81.2 %",
        "94.0 %",
        "calibrated",
        "1.230",
        "1,234",
        "88",
        "1,234.6 s",
    ]
    assert grid.rows[1].cells[1].text == "is naive"
    other = standings_grid(part.leaderboard.assign(model_version="v2.0"), part.published)
    assert other is not None
    assert not any(row.marked for row in other.rows)


def test_a_leaderboard_without_naive_or_over_all_commodities_has_gaps_not_nan() -> None:
    grid = standings_grid(leaderboard(crps=np.nan, skill=np.nan), None)
    assert grid is not None
    assert "CRPS" not in [cell.text for cell in grid.headings]
    assert [row.cells[0].text for row in grid.rows] == ["\N{EN DASH}"] * 3


@pytest.mark.parametrize(
    ("column", "values", "expected"),
    [
        ("forecasts", [1234, 476, 1234], ["03 Jan 2012 to 31 Dec 2018"] * 3),
        (
            "first_forecast",
            pd.to_datetime(["2012-01-03", "2017-01-03", "2012-01-03"]),
            [f"03 Jan {year} to 31 Dec 2018" for year in (2017, 2012, 2012)],
        ),
        (
            "last_forecast",
            pd.to_datetime(["2018-12-31", "2018-12-31", "2014-06-30"]),
            [f"03 Jan 2012 to {day}" for day in ("31 Dec 2018", "31 Dec 2018", "30 Jun 2014")],
        ),
    ],
)
def test_means_over_different_forecasts_say_which_they_are_of(
    column: str, values: Any, expected: list[str]
) -> None:
    alike = standings_grid(leaderboard(), None)
    grid = standings_grid(leaderboard(**{column: values}), None)
    assert alike is not None
    assert grid is not None
    assert "of" not in [cell.text for cell in alike.headings]
    place = [cell.text for cell in grid.headings].index("of") - 1
    found = [row.cells[place].text.replace("\N{NO-BREAK SPACE}", " ") for row in grid.rows]
    assert found == expected  # in the order of places: garch, naive, ets


def test_failures_come_before_what_is_stale_and_what_was_declined() -> None:
    notices = (Notice("declined", "third"), Notice("failed", "first"), Notice("stale", "second"))
    text = Reading(render(report_of(notices=notices))).text
    assert text.index("first") < text.index("second") < text.index("third")
    assert "All is well" not in text


def test_times_are_said_in_utc() -> None:
    abroad = datetime(2024, 5, 6, 9, 8, tzinfo=timezone(timedelta(hours=2)))
    for made_at in (abroad, datetime(2024, 5, 6, 7, 8)):  # noqa: DTZ001 - the tables' times
        assert "07:08 UTC" in render(replace(report_of(), made_at=made_at))


@pytest.mark.parametrize(("close", "expected"), [(86.5, 2), (-40.0, 2), (0.5, 4), (0.005, 6)])
def test_decimals_follow_the_size_of_prices(close: float, expected: int) -> None:
    assert decimals(replace(make_history(9), closes=np.full(9, close))) == expected


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    """One browser, in which each test opens its page anew."""
    with opened(tmp_path_factory.mktemp("browser") / "profile") as only:
        yield only


@pytest.mark.parametrize(
    ("screen", "scheme"), [(PHONE, "light"), (PHONE, "dark"), (DESKTOP, "light"), (DESKTOP, "dark")]
)
def test_a_browser_shows_the_page_whole_without_the_network(
    screen: Screen, scheme: str, tmp_path: Path, tab: Tab
) -> None:
    page = tmp_path / "report.html"
    nasty = full(replace(make_history(seed=2), commodity=NASTY))
    notices = (Notice("failed", "Coffee: " + "very_long_name_" * 9), Notice("stale", "old"))
    page.write_text(render(report_of(full(), nasty, bare(empty_history("X")), notices=notices)))
    tab.open(page, screen, scheme)
    assert tab.requests[0] == page.as_uri()
    assert all(request.startswith("data:") for request in tab.requests[1:])
    images = tab.ask("Array.from(document.images, i => [i.complete, i.naturalWidth])")
    assert len(images) == 8
    assert all(complete and width > 200 for complete, width in images)
    assert tab.ask("window.innerWidth") == screen.width
    assert tab.ask("document.documentElement.scrollWidth") <= screen.width
    sections = tab.ask("Array.from(document.querySelectorAll('section'), s => s.id)")
    commodities = ["commodity-1", "commodity-2", "commodity-3"]
    assert sections == [*commodities, "overall", "legend"]
    paper = tab.ask("getComputedStyle(document.body).backgroundColor")
    assert (paper == "rgb(255, 255, 255)") == (scheme == "light")
    assert tab.ask("document.querySelectorAll('tr.marked').length") == 2
    photograph = tmp_path / "page.png"
    tab.photograph(photograph)
    assert photograph.stat().st_size > 50_000


def test_a_browser_that_is_not_installed_is_said_how_to_get(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="apt install chromium"), opened(tmp_path):
        raise AssertionError("there is no browser")


def test_undefined_scores_are_counted_beside_the_forecasts() -> None:
    grid = standings_grid(leaderboard(undefined_forecasts=[0, 1200, 3]), None)
    assert grid is not None
    place = [cell.text for cell in grid.headings].index("forecasts") - 1
    told = [row.cells[place].text.replace(UNBROKEN, " ") for row in grid.rows]
    assert told == ["1,234 (1,200 undefined)", "1,234", "1,234 (3 undefined)"]


def test_a_picture_that_breaks_leaves_the_rest_of_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> Picture:
        raise ValueError("year 26 is out of range")

    for name in ("newest_fan", "past_fans", "pit_histogram", "coverage_plot", "laid_over"):
        monkeypatch.setattr(plots, name, broken)
    said = report_of(full())
    page = render(said)
    assert said.failures == []
    assert said.not_drawn[0] == (
        "Coffee: the newest forecast: not drawn: ValueError: year 26 is out of range"
    )
    assert all(line in page for line in said.not_drawn)
    assert page.count("This picture could not be drawn") == len(said.not_drawn) >= 4
    assert "value at risk" in page
