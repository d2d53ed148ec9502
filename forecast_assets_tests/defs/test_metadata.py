"""Metadata: what comes first, what is left out, and what a picture that breaks says."""

import logging
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
from dagster import MarkdownMetadataValue, MetadataValue, TableMetadataValue

from forecast_assets.defs.metadata import (
    BAR_WIDTH,
    PICTURE,
    ROWS_SHOWN,
    by_version,
    drawn,
    fans_table,
    newest_of,
    of_versions,
    scores_table,
    table,
    with_picture,
)
from forecast_assets.forecast.records import Fan
from forecast_assets.report.figures import UNBROKEN
from forecast_assets.store.contract import HeldVersion
from forecast_assets.timeline.history import History
from forecast_assets_tests.events import materializations
from forecast_assets_tests.graphs import Graph, MakeGraph
from forecast_assets_tests.histories import make_history

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

    said = drawn(LOG, broken)
    assert said is not None
    assert str(said.value).startswith(f"not drawn: {type(error).__name__}: {error}".strip())
    assert with_picture({"scores": 1, "outcome": 2}, said) == {
        "scores": 1,
        PICTURE: said,
        "outcome": 2,
    }


def test_a_picture_is_second_and_may_be_missing() -> None:
    picture = drawn(LOG, lambda: "![x](y)")
    assert isinstance(picture, MarkdownMetadataValue)
    assert list(with_picture({"first": 1, "second": 2}, picture)) == ["first", PICTURE, "second"]
    assert drawn(LOG, lambda: None) is None
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


def test_an_experiment_does_not_replace_the_version_in_use(make_graph: MakeGraph) -> None:
    graph: Graph = make_graph(models=["naive", "random_walk"])
    graph.run("load_prices", "Coffee")
    for version, models in ((None, None), ("march", ["naive"])):
        config = {"model_version": version, "models": models} if version else {}
        trained = materializations(graph.run("train", FIRST, LAST, config or None))
        drawn_now = materializations(graph.run("forecast", FIRST, LAST, config or None))
    scored = materializations(graph.run("score", FIRST, LAST, {"model_version": "march"}))
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
    graph.run("load_prices", "Coffee")
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
    assert event.metadata[PICTURE].value == "not drawn: ValueError: year 10000 is out of range"
    assert len(graph.store.paths.issued("Coffee", "v1.0")) == 65
