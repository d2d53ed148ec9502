from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from forecast_assets.automation.due import (
    due_windows,
    missing_forecasts,
    missing_models,
    stretches,
    undue,
    windows_to_correct,
    windows_without_scores,
)
from forecast_assets.forecast.issued_forecasts import IssuedForecasts
from forecast_assets.forecast.training import lacking_sessions
from forecast_assets.timeline.history import History
from forecast_assets.timeline.window import Window
from forecast_assets_tests.graphs import Graph, MakeGraph, Run, ledger
from forecast_assets_tests.histories import make_history


@pytest.fixture
def graph(make_graph: MakeGraph) -> Graph:
    after = [Run("load_prices", "Coffee")]
    graph: Graph = make_graph(after=after, models=["naive", "random_walk"])
    return graph


def windows(graph: Graph) -> list[Window]:
    return graph.settings.windows.of("Coffee")


def test_windows_are_due_from_enough_history_to_the_newest_price(graph: Graph) -> None:
    due = due_windows(graph.settings, windows(graph), make_history())
    assert [window.training_date for window in due] == [
        date(2020, 1, 1),
        date(2020, 4, 1),
        date(2020, 7, 1),
    ]
    assert due_windows(graph.settings, windows(graph), make_history(499)) == []


@pytest.mark.parametrize("calendar", ["from_data", "CMES"])
@pytest.mark.parametrize("cadence", ["weekly", "quarterly"])
def test_windows_long_after_the_newest_price_are_not_due_as_each_of_them_says(
    make_graph: MakeGraph, cadence: str, calendar: str
) -> None:
    source = {"type": "file", "path": "prices/Coffee.csv"}
    settings = make_graph(
        training={"cadence": cadence, "start": date(2020, 1, 1)},
        commodities={"Coffee": {"unit": "USc/lb", "source": source, "calendar": calendar}},
    ).settings
    every = settings.windows.of("Coffee")
    for sessions in (499, 500, 521, 522, 523, 524, 600):
        history = make_history(sessions)
        due = [each for each in every if lacking_sessions(settings, each, history) is None]
        assert due_windows(settings, every, history) == due
    assert due


def test_a_window_lacks_what_was_never_made(graph: Graph) -> None:
    window = windows(graph)[0]
    assert missing_models(graph.settings, window, ledger(graph))
    graph.run("train", window.key)
    assert not missing_models(graph.settings, window, ledger(graph))
    assert missing_forecasts(graph.settings, window, ledger(graph), recompute=False)
    graph.run("forecast", window.key)
    assert not missing_forecasts(graph.settings, window, ledger(graph), recompute=False)
    assert not missing_forecasts(graph.settings, window, ledger(graph), recompute=True)


def test_a_new_model_in_the_roster_is_lacking(graph: Graph, make_graph: MakeGraph) -> None:
    window = windows(graph)[0]
    graph.run("train", window.key)
    larger = make_graph(models=["naive", "random_walk", "garch"])
    assert missing_models(larger.settings, window, ledger(graph))


def test_stretches_are_unbroken_runs(graph: Graph) -> None:
    all_windows = windows(graph)
    chosen = [all_windows[place] for place in (0, 1, 3, 5, 6)]
    bounds = [
        (all_windows.index(first), all_windows.index(last))
        for first, last in stretches(chosen, all_windows)
    ]
    assert bounds == [(0, 1), (3, 3), (5, 6)]
    assert stretches([], all_windows) == []


@pytest.mark.parametrize("sessions", [(-1,), (-20, -2), (-97, -50, -1)])
def test_a_corrected_price_is_told_in_a_window_that_has_forecasts(
    graph: Graph, sessions: tuple[int, ...]
) -> None:
    newest = windows(graph)[2]  # those of today begin years after the newest price
    graph.run("train", newest.key)
    graph.run("forecast", newest.key)
    held = ledger(graph)
    assert windows_to_correct(graph.settings, windows(graph), held) == []
    closes = held.history.closes.copy()
    closes[list(sessions)] += 1.0
    corrected = replace(held, history=replace(held.history, closes=closes))
    assert windows_to_correct(graph.settings, windows(graph), corrected) == [newest]
    without_models = replace(corrected, models=[])
    assert windows_to_correct(graph.settings, windows(graph), without_models) == [newest]
    none = replace(corrected, issued=IssuedForecasts.of([]))
    assert windows_to_correct(graph.settings, windows(graph), none) == []


@pytest.mark.parametrize("lost", ["all", "some"])
def test_scores_without_a_forecast_are_taken_back_in_a_window_that_has_or_had_some(
    graph: Graph, lost: str
) -> None:
    newest = windows(graph)[2]
    for job in ("train", "forecast", "score"):
        graph.run(job, newest.key)
    held, scored = ledger(graph), graph.store.scores.scored("Coffee", "v1.0")
    issued = [] if lost == "all" else held.issued[5:]
    due = windows_without_scores(graph.settings, windows(graph), held.history, issued, scored)
    assert due == [newest]


def test_why_no_window_is_due_is_said_of_the_newest_that_the_prices_reach(graph: Graph) -> None:
    begun = windows(graph)
    assert undue(graph.settings, begun, make_history(700)) is None
    assert undue(graph.settings, begun, make_history(0)) == "Coffee: there is no price yet"
    said = (
        "Coffee: the first training date, 2020-01-01, has not come yet: training.start,"
        " training.cadence"
    )
    assert undue(graph.settings, [], make_history(40)) == said
    said = "Coffee: no session in the window, the newest is 2020-09-04"
    assert undue(graph.settings, begun[5:], make_history(700)) == said
    young = make_history(200, first="2019-12-02")
    said = "Coffee: 152 sessions before 2020-07-01, 500 needed: training.min_observations"
    assert undue(graph.settings, begun, young) == said
    months = np.datetime64("2000-01", "M") + np.arange(300)
    monthly = History("Coffee", months.astype("datetime64[D]"), np.linspace(50, 60, 300))
    assert "one price a month" in str(undue(graph.settings, begun, monthly))
