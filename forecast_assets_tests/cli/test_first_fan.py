"""The first fan of a long run: shown while other windows are made, once; it fails nothing."""

from pathlib import Path

import pytest

from forecast_assets.cli import showing
from forecast_assets_tests.beginnings import Beginnings
from forecast_assets_tests.commands import begin, forecast
from forecast_assets_tests.graphs import Graph, MakeGraph
from forecast_assets_tests.histories import make_history, write_prices

pytestmark = pytest.mark.long

SESSIONS = 570
"""522 before 2020-01-01, the newest of 2020-03-06: three windows."""

FIRST = "Coffee: the first of 3 windows has its forecasts, and this is the newest of them by"


@pytest.fixture
def graph(make_graph: MakeGraph, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Graph:
    graph: Graph = make_graph(
        make_history(SESSIONS),
        models=["naive", "random_walk"],
        training={"cadence": "monthly", "start": "2020-01-01"},
        paths=5,
        horizon=3,
    )
    monkeypatch.setenv("FORECAST_CONFIG", str(tmp_path / "forecast.yaml"))
    return graph


def test_the_first_window_of_several_shows_its_newest_fan_once_while_the_others_follow(
    graph: Graph,
) -> None:
    done = forecast("run")
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    (said,) = [place for place, line in enumerate(lines) if line.startswith(FIRST)]
    assert lines[said].endswith("random_walk, from 2020-01-30; the other windows follow")
    assert lines[said + 1].startswith("Coffee, random_walk v1.0: ")
    assert lines[said + 1].endswith(" on 2020-01-30, and the sessions from 2020-01-31 on")
    table = lines[said + 2 : said + 8]
    assert "from 2020-01-31" in table[0]
    assert all("┃" in line or "╋" in line for line in table[2:5])
    ended = next(place for place, line in enumerate(lines) if "Coffee forecast ended" in line)
    assert said < ended


def test_a_day_in_one_window_shows_no_fan(graph: Graph, beginnings: Beginnings) -> None:
    begin(beginnings, graph.settings.folder, "run")
    write_prices(graph.settings.folder / "prices" / "Coffee.csv", make_history(SESSIONS + 1))
    done = forecast("run")
    assert "2 forecasts drawn" in done.output
    assert "windows follow" not in done.output


def test_a_day_that_begins_a_window_and_scores_another_shows_no_fan(
    graph: Graph, beginnings: Beginnings
) -> None:
    prices = graph.settings.folder / "prices" / "Coffee.csv"
    write_prices(prices, make_history(SESSIONS + 16))  # the newest is 2020-03-30
    begin(beginnings, graph.settings.folder, "run")
    write_prices(prices, make_history(SESSIONS + 17))
    done = forecast("run")
    assert "1 window trained (2 models), 2 forecasts drawn" in done.output
    assert "Coffee score begins: 2 windows" in done.output
    assert "windows follow" not in done.output


def test_a_fan_that_cannot_be_drawn_is_a_note_and_the_run_goes_well(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise OverflowError("no such width")

    monkeypatch.setattr(showing, "fan_table", broken)
    done = forecast("run")
    assert done.exit_code == 0, done.output
    line = "note: a part of the terminal's output is not shown: OverflowError: no such width"
    assert done.output.splitlines().count(line) == 1
    assert "3 windows trained" in done.output
