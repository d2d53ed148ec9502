"""What the report says, gathered from real tables, and the page that a run writes of it."""

from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest
from dagster import AssetMaterialization, TableMetadataValue

from forecast_assets.automation.doubts import old
from forecast_assets.automation.freshness import price_ages
from forecast_assets.configuration.settings import load_settings
from forecast_assets.defs.assets.report import replace_file
from forecast_assets.evaluation.records import Publication
from forecast_assets.forecast.records import ModelFailure, Written
from forecast_assets.report.briefing import PAST_FANS, briefing, newest_of
from forecast_assets_tests.browser import PHONE, opened
from forecast_assets_tests.commands import forecast
from forecast_assets_tests.histories import make_history
from forecast_assets_tests.panel import FIRST, Panel, caught_up, panel, report
from forecast_assets_tests.rows import change, put, table

pytestmark = pytest.mark.long

NOW = datetime(2020, 9, 7, 6, tzinfo=UTC).replace(tzinfo=None)  # the Monday after the last close
TEA = make_history(690, seed=3, commodity="Tea")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Panel:
    """Coffee and Tea, and Sugar, of which there are prices and nothing else."""
    histories = [make_history(), TEA, make_history(40, seed=5, commodity="Sugar")]
    return caught_up(panel(tmp_path_factory.mktemp("briefing"), histories))


@pytest.fixture
def at_home(made: Panel, monkeypatch: pytest.MonkeyPatch) -> Panel:
    """The same, where the console script looks."""
    monkeypatch.setenv("FORECAST_HOME", str(made.folder / "home"))
    monkeypatch.setenv("FORECAST_CONFIG", str(made.folder / "forecast.yaml"))
    return made


def test_every_commodity_is_there_with_what_it_has(made: Panel) -> None:
    with made.at_home() as graph:
        said = briefing(made.settings, graph.store, NOW)
    assert [part.commodity for part in said.commodities] == ["Coffee", "Sugar", "Tea"]
    coffee, sugar, _ = said.commodities
    assert coffee.published is not None
    assert coffee.published.fan.cutoff == date(2020, 9, 4)
    assert coffee.published.fan.start == date(2020, 9, 7)
    assert coffee.published.fan.paths.shape == (100, 3)
    assert len(coffee.past) == PAST_FANS
    assert sugar.published is None
    assert sugar.reliability is None
    assert list(sugar.past) == []
    assert len(sugar.history) == 40
    assert set(said.overall.commodity) == {"(all)"}


def test_past_fans_are_published_ones_a_horizon_apart_from_the_newest_back(made: Panel) -> None:
    with made.at_home() as graph:
        coffee, *_ = briefing(made.settings, graph.store, NOW).commodities
        shelf = {x.data_cutoff_date: x for x in graph.store.publications.find("Coffee", "v1.0")}
        sessions: list[date] = graph.store.prices.history("Coffee").dates.tolist()
        expected = sessions[-1 - 3 :: -3][:PAST_FANS][::-1]
        assert [fan.cutoff for fan in coffee.past] == expected
        for fan in coffee.past:
            model = shelf[fan.cutoff].model_name
            (paths,) = graph.store.paths.drawn("Coffee", model, "v1.0", [fan.cutoff])
            assert np.array_equal(fan.paths, paths)
            assert fan.start == sessions[sessions.index(fan.cutoff) + 1]


def test_the_published_forecast_is_compared_with_the_one_before_it(made: Panel) -> None:
    with made.at_home() as graph:
        coffee, sugar, _ = briefing(made.settings, graph.store, NOW).commodities
        shelf = {x.data_cutoff_date: x for x in graph.store.publications.find("Coffee", "v1.0")}
    assert sugar.since is None
    assert coffee.since is not None
    earlier, newest = coffee.since.earlier, coffee.since.newest
    assert (earlier.cutoff, newest.cutoff) == (date(2020, 9, 3), date(2020, 9, 4))
    assert earlier.model_name == shelf[earlier.cutoff].model_name
    assert [earlier.close, newest.close] == coffee.history.closes[-2:].tolist()
    assert [x.session for x in coffee.since.targets] == [date(2020, 9, 7), date(2020, 9, 8)]
    assert coffee.published is not None
    medians = np.median(coffee.published.fan.paths[:, :2].astype(float), axis=0)
    assert [x.newest.median for x in coffee.since.targets] == pytest.approx(medians.tolist())
    assert coffee.since.causes[0].kind == "price moved"


def test_calibration_is_that_of_the_raw_tables(made: Panel) -> None:
    with made.at_home() as graph:
        coffee, *_ = briefing(made.settings, graph.store, NOW).commodities
    assert coffee.published is not None
    assert coffee.reliability is not None
    name = coffee.published.model_name
    covered = made.frame(
        "SELECT day_ahead, avg((actual BETWEEN lower_80 AND upper_80)::INTEGER) AS share"
        " FROM forecast.point_forecasts WHERE commodity = 'Coffee' AND model_name = $name"
        " AND actual IS NOT NULL GROUP BY ALL ORDER BY ALL",
        name=name,
    )
    assert coffee.reliability.coverage_80 == pytest.approx(covered.share.to_numpy())
    assert len(coffee.reliability.pit) == 179 - 3
    assert coffee.reliability.independent == -(-(179 - 3) // 3)


def test_of_several_of_one_date_the_best_is_shown() -> None:
    days = [date(2020, 9, 3), date(2020, 9, 4), date(2020, 9, 4)]
    shelf = [Publication(day, name, "r") for day, name in zip(days, "bac", strict=True)]
    assert newest_of(shelf, ["c", "b", "a"]) == shelf[2]
    assert newest_of(shelf, []) == shelf[1]
    assert newest_of([], ["c"]) is None


def test_a_session_that_the_source_took_back_leaves_the_rest_of_the_report(made: Panel) -> None:
    """Between the prices' run and the forecasts' the tables have forecasts from no session."""
    with made.at_home() as graph:
        cutoff = briefing(made.settings, graph.store, NOW).commodities[0].past[2].cutoff
        told = table(graph.store, "market.price_revisions")
        gone = {"close": None}
        mine = ("Coffee", cutoff)
        change(
            graph.store,
            "market.price_revisions",
            lambda row: gone if (row["commodity"], row["date"]) == mine else {},
        )
        coffee, *_ = briefing(made.settings, graph.store, NOW).commodities
        put(graph.store, "market.price_revisions", told)
    assert len(coffee.past) == PAST_FANS
    assert cutoff not in [fan.cutoff for fan in coffee.past]


def test_notices_are_failures_of_the_roster_and_what_is_old(made: Panel) -> None:
    written = Written("Tea", "v1.0", date(2020, 7, 1), NOW, "a run")
    failures = [
        ModelFailure("naive", "naive broke down"),
        ModelFailure("random_walk", "random_walk declines", declined=True),
        ModelFailure("of_old", "no model of the roster"),
    ]
    of_old = Written("Coffee", "v1.0", date(2020, 1, 1), NOW, "a run")
    before = ModelFailure("naive", "naive declined long ago", declined=True)
    with made.at_home() as graph:
        graph.store.models.append(written, [], failures)
        graph.store.models.append(of_old, [], [before])
        said = briefing(made.settings, graph.store, NOW)
        graph.store.models.append(written, [], [])
        graph.store.models.append(of_old, [], [])
    levels = {(notice.level, notice.text) for notice in said.notices}
    assert ("failed", "naive broke down") in levels
    assert ("declined", "random_walk declines") in levels
    assert not any("roster" in text or "long ago" in text for _, text in levels)
    aged = [notice.text for notice in said.notices if notice.level == "old"]
    assert [text.partition(":")[0] for text in aged] == ["Sugar", "Tea"]


@pytest.mark.parametrize("day", [5, 7, 8, 9, 11, 14, 30])
def test_a_price_is_old_where_its_check_says_so(made: Panel, day: int) -> None:
    at = datetime(2020, 9, day, 6, tzinfo=UTC).replace(tzinfo=None)
    with made.at_home() as graph:
        said = [
            x.text
            for x in briefing(made.settings, graph.store, at).notices
            if "sessions ago" in x.text
        ]
        observed = price_ages(made.settings, graph.store, at.date())
    assert said == [f"{each.commodity}: {each.found}" for each in observed]
    old = "Coffee: the newest price is of 2020-09-04, 2 sessions ago"  # the 7th and the 8th
    assert (old in said) == (day == 9)


def test_the_price_of_a_sample_is_never_old() -> None:
    gold = make_history(commodity="Gold")
    assert old(load_settings(), gold, [], date(2026, 11, 24)) == []


def test_a_published_forecast_that_does_not_know_the_newest_price_is_old(made: Panel) -> None:
    with made.at_home() as graph:
        coffee = graph.store.prices.history("Coffee")
        shelf = graph.store.publications.find("Coffee", "v1.0")
    before = [x for x in shelf if x.data_cutoff_date == date(2020, 9, 3)]
    assert old(made.settings, coffee, before, NOW.date()) == [
        "the newest price is of 2020-09-04, the newest published forecast knows 2020-09-03"
    ]
    assert old(made.settings, coffee, shelf[-1:], NOW.date()) == []


@pytest.mark.usefixtures("pictures")
def test_a_run_writes_the_page_and_links_to_it(at_home: Panel, tmp_path: Path) -> None:
    events = report(at_home.graph).get_asset_materialization_events()
    made: dict[str, AssetMaterialization] = {
        event.materialization.asset_key.to_user_string(): event.materialization for event in events
    }
    page = at_home.settings.report_path
    assert made["report"].metadata["page"].value == page.as_uri()
    forecasts = made["report"].metadata["forecasts"]
    assert isinstance(forecasts, TableMetadataValue)
    assert len(forecasts.records) == 2
    assert str(made["leaderboard"].metadata["picture"].value).startswith("![skill by commodity]")
    assert not list(page.parent.glob(".report*.new"))
    with opened(tmp_path / "profile") as tab:
        tab.open(page, PHONE, "light")
        assert tab.requests[0] == page.as_uri()
        assert all(request.startswith("data:") for request in tab.requests[1:])
        images = tab.ask("Array.from(document.images, i => [i.complete, i.naturalWidth])")
        assert len(images) == 2 * 5  # Coffee and Tea: fan, what changed, past fans, PIT, coverage
        assert all(complete and width > 200 for complete, width in images)
        assert tab.ask("document.documentElement.scrollWidth") <= PHONE.width


def test_a_page_is_replaced_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "report.html"
    replace_file(page, "before")

    def breaks(self: Path, target: Path) -> Path:
        raise OSError(f"no room for {target}")

    monkeypatch.setattr(Path, "replace", breaks)
    with pytest.raises(OSError, match="no room"):
        replace_file(page, "after")
    assert page.read_text() == "before"
    monkeypatch.undo()
    replace_file(page, "later")  # over what was left
    assert page.read_text() == "later"
    assert not list(tmp_path.glob("*.new"))


def test_forecast_report_writes_the_page_and_says_where(at_home: Panel) -> None:
    at_home.settings.report_path.unlink(missing_ok=True)
    said = forecast("report")
    assert said.exit_code == 0, said.output
    assert str(at_home.settings.report_path) in said.output
    assert "<section" in at_home.settings.report_path.read_text()


def test_forecast_show_prints_the_published_fan_or_that_of_a_model(at_home: Panel) -> None:
    said = forecast("show", "Coffee")
    assert said.exit_code == 0, said.output
    assert "from 2020-09-07" in said.output
    assert "┃" in said.output or "╋" in said.output
    one = forecast("show", "Coffee", "--model", "random_walk")
    assert "Coffee, random_walk v1.0" in one.output
    assert "error: commodity: found 'Cofee'" in forecast("show", "Cofee").output
    assert (
        "nothing of v2 is published" in forecast("show", "Coffee", "--model-version", "v2").output
    )
    nothing = forecast("show", "Sugar")
    assert nothing.exit_code == 1
    assert "Sugar" in nothing.output
    assert "random_walk" in forecast("show", "Coffee", "--model", "garhc").output


def test_forecast_show_lays_the_newest_forecast_over_an_earlier_one(
    at_home: Panel, tmp_path: Path
) -> None:
    picture = tmp_path / "weeks.png"
    said = forecast("show", "Coffee", "--against", "2020-09-03", "--picture", str(picture))
    assert said.exit_code == 0, said.output
    told = " ".join(said.output.split())
    assert "the forecast from 2020-09-04 over that from 2020-09-03, in USc/lb" in told
    assert "2020-09-07" in told
    assert "the median for 2020-09-08 is" in told
    assert "- price moved: the close was" in told
    assert picture.read_bytes().startswith(b"\x89PNG")
    weekend = forecast("show", "Coffee", "--model", "naive", "--against", "2020-08-30")
    assert "Coffee, by naive v1.0: the forecast from 2020-09-04" in weekend.output
    assert "none is from 2020-08-30; the last one before it is from 2020-08-28" in weekend.output
    long_ago = forecast("show", "Coffee", "--against", "2020-08-24")
    assert "they have no session in common" in long_ago.output
    for day, told in (
        ("2020-09-04", "allowed: a day before 2020-09-04"),
        ("2019-01-01", "no forecast is from 2019-01-01 or before"),
    ):
        refused = forecast("show", "Coffee", "--against", day)
        assert refused.exit_code == 1
        assert told in refused.output
    assert "no published forecast" in forecast("show", "Sugar", "--against", "2020-09-03").output


def test_a_history_that_ends_early_shortens_what_is_shown(tmp_path: Path) -> None:
    """Right after the first forecasts there are no past fans and no calibration yet."""
    history = make_history(523, commodity="Cocoa")
    young = caught_up(panel(tmp_path, [history], models=["naive"]), FIRST)
    with young.at_home() as graph:
        (cocoa,) = briefing(young.settings, graph.store, NOW).commodities
    assert cocoa.published is not None
    assert cocoa.published.reason == "no model was known to be calibrated yet"
    assert cocoa.reliability is None
    assert list(cocoa.past) == []
