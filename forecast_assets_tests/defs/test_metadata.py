"""Metadata: what comes first, what is left out, and what a picture that breaks says."""

import logging
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
from dagster import MarkdownMetadataValue, MetadataValue, TableMetadataValue

from forecast_assets.automation.results import Published, Ranked
from forecast_assets.defs.after_commit import PICTURE, AfterCommit, with_picture
from forecast_assets.defs.metadata import (
    BAR_WIDTH,
    ROWS,
    ROWS_SHOWN,
    by_version,
    fans_table,
    newest_of,
    of_features,
    of_forecasts,
    of_landed_files,
    of_landed_prices,
    of_leaderboard,
    of_prices,
    of_publications,
    of_scores,
    of_training,
    of_versions,
    scores_table,
    table,
)
from forecast_assets.evaluation.records import Publication, PublicationChanges
from forecast_assets.forecast.records import Fan
from forecast_assets.market.reception import Received
from forecast_assets.report.figures import UNBROKEN
from forecast_assets.store.contract import HeldVersion
from forecast_assets.timeline.history import History
from forecast_assets_tests import results
from forecast_assets_tests.events import materializations
from forecast_assets_tests.graphs import Graph, MakeGraph, Run, load
from forecast_assets_tests.histories import make_history
from forecast_assets_tests.results import BROKEN, DECLINED, MODEL, refusal

pytestmark = pytest.mark.usefixtures("pictures")

LOG = logging.getLogger(__name__)
FIRST, LAST = "Coffee|2020-01-01", "Coffee|2020-07-01"


def rows(shown: MetadataValue) -> list[dict[str, Any]]:
    """The rows of a table, with plain spaces and hyphens."""
    assert isinstance(shown, TableMetadataValue)
    return [
        {
            name: str(cell).replace(UNBROKEN, " ").replace("\N{NON-BREAKING HYPHEN}", "-")
            for name, cell in record.data.items()
        }
        for record in shown.records
    ]


@pytest.mark.parametrize("count", [1, ROWS_SHOWN, ROWS_SHOWN + 1, 200])
def test_a_table_has_a_dozen_rows_and_says_where_the_rest_is(count: int) -> None:
    found = rows(table([{"name": k, "place": k} for k in range(count)], "SELECT 1"))
    assert [row["name"] for row in found[:ROWS_SHOWN]] == [
        str(k) for k in range(min(count, ROWS_SHOWN))
    ]
    rest = [row["name"] for row in found[ROWS_SHOWN:]]
    assert rest == ([f"and {count - ROWS_SHOWN} more: SELECT 1"] if count > ROWS_SHOWN else [])


def test_a_table_that_programs_read_is_whole() -> None:
    assert len(rows(table([{"note": k} for k in range(60)]))) == 60
    assert table([]).value == "none"


@pytest.mark.parametrize(
    "error", [ValueError("year 0 is out of range"), OverflowError("date"), MemoryError()]
)
def test_a_picture_that_breaks_is_a_line_with_the_reason(error: Exception) -> None:
    def broken() -> str:
        raise error

    said = AfterCommit(LOG).picture("Coffee: its picture", broken)
    assert said is not None
    why = f"Coffee: its picture is not shown: {type(error).__name__}"
    assert str(said.value) == (f"{why}: {error}" if str(error) else why)
    assert with_picture({"scores": 1, "outcome": 2}, said) == {
        "scores": 1,
        PICTURE: said,
        "outcome": 2,
    }


def test_a_picture_is_second_and_may_be_missing() -> None:
    picture = AfterCommit(LOG).picture("Coffee", lambda: "![x](y)")
    assert isinstance(picture, MarkdownMetadataValue)
    assert list(with_picture({"first": 1, "second": 2}, picture)) == ["first", PICTURE, "second"]
    assert AfterCommit(LOG).picture("Coffee", lambda: None) is None
    assert with_picture({"first": 1}, None) == {"first": 1}


def held(version: str, forecasts: int) -> HeldVersion:
    return HeldVersion(version, 2, forecasts, forecasts * 20, date(2020, 9, 7), 40, forecasts)


def test_the_version_in_use_is_first_whatever_the_others_are_called() -> None:
    (shown,) = of_versions([held("a", 1), held("v1.0", 2), held("z", 3)], "v1.0").values()
    assert [row["model_version"] for row in rows(shown)] == ["v1.0 (in use)", "a", "z"]
    (alone,) = of_versions([held("a", 1)], "v1.0").values()
    assert [row["model_version"] for row in rows(alone)] == ["a"]
    assert of_versions([held("v1.0", 2)], "v1.0") == of_versions([], "v1.0") == {}
    tables = {"v1.0": table([]), "march": table([])}
    assert list(by_version("scores", tables)) == ["scores", "scores_march"]


@pytest.mark.parametrize(
    ("closes", "close", "move"),
    [([50.0, 51.0], "51 USD/bbl", "+2.0 %"), ([10.0, -37.63], "-37.63 USD/bbl", "-476.3 %")],
)
def test_the_newest_close_is_shown_with_its_move(
    closes: list[float], close: str, move: str
) -> None:
    days = np.array(["2020-04-17", "2020-04-20"], dtype="datetime64[D]")
    shown = newest_of(History("WTI", days, np.array(closes)), "USD/bbl")
    (row,) = rows(table([shown]))
    assert (row["close"], row["move"], row["of"]) == (close, move, "2020-04-20")


@pytest.mark.parametrize("closes", [[5.0], [-1.0, 5.0], [0.0, 5.0]])
def test_a_move_from_nothing_or_below_zero_is_none(closes: list[float]) -> None:
    days = np.array(["2020-04-17", "2020-04-20"], dtype="datetime64[D]")[-len(closes) :]
    assert newest_of(History("WTI", days, np.array(closes)), "USD/bbl")["move"] == "none"


def test_a_fan_is_drawn_in_the_table_as_wide_for_every_model() -> None:
    history = make_history(100)
    paths = history.closes[-1] * np.exp(np.random.default_rng(1).normal(0, 0.05, (200, 14)))
    fan = Fan(history.newest, date(2018, 5, 21), paths.astype(np.float32))
    flat = Fan(history.newest, date(2018, 5, 21), np.full((200, 14), 50.0, dtype=np.float32))
    found = rows(fans_table(history, {"garch": fan, "naive": fan, "flat": flat}, "USc/lb"))
    assert {len(row["after 14 sessions"]) for row in found} == {BAR_WIDTH}
    assert set(found[0]["after 14 sessions"]) >= set("░▒▓")
    assert found[0]["from"] == "2018-05-21"
    assert found[2]["median"] == "50 USc/lb"


@pytest.mark.parametrize(("early", "late"), [(0, 0), (40, 0), (0, 25)])
def test_scores_say_over_which_forecasts_they_are(early: int, late: int) -> None:
    days = pd.bdate_range("2020-01-01", periods=60)
    frames = [
        pd.DataFrame(
            {
                "model_name": name,
                "data_cutoff_date": mine - pd.offsets.BDay(1),
                "forecast_start_date": mine,
                "day_ahead": 1,
                "crps": 0.8341234,
                "covered_80": True,
                "covered_95": True,
            }
        )
        for name, mine in (("naive", days), ("garch", days[early : 60 - late]))
    ]
    garch, naive = rows(scores_table(pd.concat(frames), "USD/bbl"))
    assert (naive["forecasts"], garch["forecasts"]) == ("60", str(60 - early - late))
    assert garch["CRPS, USD/bbl"] == "0.834"
    assert garch["of"] == f"{days[early].date()} to {days[59 - late].date()}"
    assert garch["skill"] == "+0.0 %"


def plain(metadata: dict[str, Any]) -> dict[str, Any]:
    """Metadata whose tables are their rows."""
    return {
        name: rows(said) if isinstance(said, TableMetadataValue) else getattr(said, "value", said)
        for name, said in metadata.items()
    }


def test_prices_are_described_with_their_newest_close_first() -> None:
    said = plain(of_prices(results.prices_read(refusal(7), refusal(8)), "USc/lb"))
    assert next(iter(said)) == "newest"
    assert (said["sessions_added"], said["sessions_revised"], said["sessions_withdrawn"]) == (
        3,
        2,
        1,
    )
    assert (said["rows_rejected"], said["values_rejected"]) == (2, 2)
    assert [row["line"] for row in said["rejections"]] == ["7", "8"]
    assert said["notes"] == [{"note": "Coffee: a footer"}]
    assert said[ROWS] == 30
    assert "half_a_file" not in said


def test_landed_prices_say_how_many_files_they_are_of() -> None:
    said = of_landed_prices(results.prices_landed(files=2), "USc/lb")
    assert list(said)[-1] == "files_landed"
    assert (said["files_landed"], said["sessions_added"]) == (2, 5)


def test_files_that_held_nothing_usable_come_first() -> None:
    whole = Received("a.csv", "accepted/a.csv", notes=["a footer"])
    rejected = Received("b.csv", "rejected/b.csv", rejections=[refusal(7)], reason="b.csv: no row")
    said = plain(of_landed_files(results.files_landed(whole, rejected, unfinished=3)))
    assert [row["file"] for row in said["files"]] == ["b.csv", "a.csv"]
    assert (said["files_accepted"], said["files_rejected"], said["files_held"]) == (1, 1, 0)
    assert (said["files_being_written"], said["rows_rejected"]) == (3, 1)
    assert said["notes"] == [{"note": "a footer"}]


def test_covariates_say_what_was_written_and_which_could_not_be_read() -> None:
    joined = results.features_joined(missing={"rain": "rain.csv: no file"})
    said = plain(of_features(joined, {}))
    assert said["outcome"] == "9 rows written or deleted"
    assert (said["rows_added"], said["rows_revised"], said["rows_deleted"]) == (4, 3, 2)
    unread = {"covariate": "rain", "reason": "rain.csv: no file"}
    assert said["covariates_not_refreshed"] == [unread]
    assert said[ROWS] == 4 + 3 + 1


def test_a_trained_window_lists_its_models_and_those_of_the_version_in_use_before() -> None:
    trained = results.trained(2, 1, BROKEN)
    said = plain(of_training(trained, []))
    assert [row["model_name"] for row in said["models"]] == ["model_0", "model_1", "model_2"]
    assert said["models"][0]["parameters"] == "mu=0.250"
    assert (said["outcome"], said["models_fitted"], said["models_failed"]) == (
        "2 fitted, 1 kept",
        2,
        1,
    )
    assert said["sessions_before_training_date"] == 522
    assert said[ROWS] == 3
    other = plain(of_training(trained, [replace(MODEL, name="naive")]))
    assert list(other)[:2] == ["models", "models_v1.0"]
    assert other[ROWS] == 1
    undue = of_training(replace(results.trained(), not_due="Coffee: no session"), [])
    assert undue["outcome"] == "Coffee: no session"


@pytest.mark.parametrize(
    ("counts", "outcome"),
    [
        ({}, "200 paths written"),
        (
            {"rows": 0},
            "no new paths: forecasts followed sessions that came, moved or were withdrawn",
        ),
        ({"rows": 0, "changed": False}, "nothing written: no forecast is missing"),
        ({"not_due": "Coffee: no session"}, "Coffee: no session"),
    ],
)
def test_a_forecast_window_says_what_was_written(counts: dict[str, Any], outcome: str) -> None:
    said = plain(of_forecasts(results.forecast(DECLINED, **counts)))
    assert said["outcome"] == outcome
    numbers = {
        "forecast_dates": 12,
        "forecasts_drawn": 10,
        "forecasts_redrawn": 4,
        "forecasts_reissued": 1,
        "forecasts_kept": 7,
        "forecasts_stale": 1,
        "forecasts_moved": 2,
        "forecasts_withdrawn": 3,
        "cutoffs_with_new_outcomes": 5,
        "forecasts_absent": 2,
        ROWS: 17 * 20,
    }
    assert {name: said[name] for name in numbers} == numbers
    assert [row["model_name"] for row in said["failures"]] == ["theta"]
    assert "forecasts_of_other_training_dates" not in said
    assert len(said["notes"]) == 1


def test_a_scored_window_says_what_was_scored() -> None:
    said = of_scores(results.scored(6), pd.DataFrame({"crps": [1.0, 2.0]}))
    assert said["outcome"] == "6 forecasts scored"
    assert (said["forecasts_kept"], said["forecasts_waiting"], said["forecasts_gone"]) == (5, 4, 3)
    assert said[ROWS] == 2
    assert of_scores(results.scored(0), pd.DataFrame())["outcome"] == "nothing new to score"


def test_publications_say_what_is_newest_and_which_commodities_are_lacking() -> None:
    changes = {"Coffee": PublicationChanges(3, 1, 4), "Tea": PublicationChanges(0, 2, 0)}
    newest = {"Coffee": [Publication(date(2020, 2, 3), "naive", "the best")], "Tea": []}
    found = Published(changes, newest, {"Coffee": 10}, ["Tea: is no more"], ["Oats: ValueError: x"])
    said = plain(of_publications(found))
    assert list(said) == ["publications", "notes", "failures"]
    coffee, tea = said["publications"]
    assert (coffee["published"], coffee["newest_model"]) == ("7", "naive")
    assert (tea["withdrawn"], tea["newest_cutoff"]) == ("2", "None")
    assert said["failures"] == [{"failure": "Oats: ValueError: x"}]
    assert plain(of_publications(replace(found, failures=[])))["dagster/row_count"] == 10


def test_a_leaderboard_that_lacks_commodities_says_so() -> None:
    empty = pd.DataFrame({"model_version": []})
    said = plain(of_leaderboard(Ranked(empty, ["Oats: ValueError: x"]), "v1.0", {}))
    assert said == {
        "leaderboard": "none",
        "dagster/row_count": 0,
        "failures": [{"failure": "Oats: ValueError: x"}],
    }


def test_an_experiment_does_not_replace_the_version_in_use(make_graph: MakeGraph) -> None:
    after = [Run("load_prices", "Coffee"), Run("train", LAST), Run("forecast", LAST)]
    graph: Graph = make_graph(models=["naive", "random_walk"], after=after)
    config = {"model_version": "march", "models": ["naive"]}
    trained = materializations(graph.run("train", LAST, config=config))
    drawn_now = materializations(graph.run("forecast", LAST, config=config))
    scored = materializations(graph.run("score", LAST, config={"model_version": "march"}))
    for event, name in (
        (trained[LAST], "models"),
        (drawn_now[LAST], "newest_forecast"),
    ):
        assert [row["model_name"] for row in rows(event.metadata[name])] == ["naive", "random_walk"]
        assert [row["model_name"] for row in rows(event.metadata[f"{name}_march"])] == ["naive"]
        assert next(iter(event.metadata)) == name
        versions = [row["model_version"] for row in rows(event.metadata["versions"])]
        assert versions == ["v1.0 (in use)", "march"]
        assert event.metadata["model_version"].value == "march"
    assert rows(scored[LAST].metadata["scores_march"])[0]["model_name"] == "naive"
    assert drawn_now[LAST].metadata["dagster/partition_row_count"].value == 49 * 2 * 20


def test_the_newest_window_with_rows_is_logged_last_and_alone_has_a_picture(
    make_graph: MakeGraph,
) -> None:
    graph: Graph = make_graph(models=["naive"])
    load(graph)
    graph.run("train", FIRST, LAST)
    for _ in range(3):  # Dagster logs a range in another order each time
        ran = graph.run("forecast", FIRST, LAST)
        events = ran.asset_materializations_for_node("distributions")
        assert events[-1].partition == LAST
        assert [PICTURE in event.metadata for event in events if event.partition != LAST] == [
            False,
            False,
        ]


def test_a_plot_that_breaks_fails_no_partition(
    make_graph: MakeGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> str:
        raise ValueError("year 10000 is out of range")

    for name in ("price_plot", "fan_chart", "score_plot"):
        monkeypatch.setattr(f"forecast_assets.report.plots.{name}", broken)
    graph: Graph = make_graph(models=["naive"])
    for job, key in (("load_prices", "Coffee"), ("train", FIRST), ("forecast", FIRST)):
        ran = graph.run(job, key)
        assert ran.success
    scored = graph.run("score", FIRST)
    (event,) = materializations(scored, "scores").values()
    why = f"{FIRST}: its picture is not shown: ValueError: year 10000 is out of range"
    assert event.metadata[PICTURE].value == why
    assert len(graph.store.paths.issued("Coffee", "v1.0")) == 65
