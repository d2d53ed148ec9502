from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from forecast_assets.configuration.settings import Settings
from forecast_assets.errors import CannotFit
from forecast_assets.forecast.records import Written
from forecast_assets.forecast.training import Training, train_window
from forecast_assets.models.base import FittedForecaster
from forecast_assets.models.naive import FittedNaive, Naive
from forecast_assets.store.saved_models import ModelStore
from forecast_assets.timeline.history import History
from forecast_assets.timeline.window import Window
from forecast_assets_tests.graphs import Graph, MakeGraph
from forecast_assets_tests.histories import make_history
from forecast_assets_tests.records import AT

WINDOW = Window("Coffee", date(2020, 4, 1), date(2020, 7, 1))


@pytest.fixture
def settings(make_graph: MakeGraph) -> Settings:
    return make_graph().settings


def names(training: Training) -> list[str]:
    return [fit.model.name for fit in training.fits]


def test_the_roster_is_fitted_on_what_was_known_before_the_window(settings: Settings) -> None:
    training = train_window(settings, WINDOW, make_history(), [])
    assert names(training) == ["naive", "random_walk", "arima_111", "garch"]
    assert training.history.newest == date(2020, 3, 31)
    assert training.failures == []


@pytest.mark.parametrize(
    ("sessions", "reason"),
    [
        (400, "400 sessions before 2020-04-01, 500 needed"),
        (550, "no session in the window, the newest is 2020-02-07"),
    ],
)
def test_a_window_without_enough_history_or_sessions_is_not_due(
    settings: Settings, sessions: int, reason: str
) -> None:
    training = train_window(settings, WINDOW, make_history(sessions), [])
    assert training.not_due is not None
    assert reason in training.not_due
    assert names(training) == []


def test_one_failure_stops_no_other_model(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(self: Naive, history: History, start: object) -> FittedNaive:
        raise CannotFit(f"{history.commodity}: naive did not converge")

    monkeypatch.setattr(Naive, "estimate", fails)
    training = train_window(settings, WINDOW, make_history(), [])
    assert names(training) == ["random_walk", "arima_111", "garch"]
    (failure,) = training.failures
    assert failure.reason == "Coffee|2020-04-01: Coffee: naive did not converge"
    assert not failure.declined


def test_a_numerical_breakdown_is_a_failure_by_name(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(self: Naive, history: History, start: object) -> FittedNaive:
        raise np.linalg.LinAlgError("singular matrix")

    monkeypatch.setattr(Naive, "estimate", breaks)
    (failure,) = train_window(settings, WINDOW, make_history(), []).failures
    assert "naive broke down: LinAlgError: singular matrix" in failure.reason


def test_a_log_model_skips_a_few_closes_at_or_below_zero_and_declines_more_than_1_percent(
    settings: Settings,
) -> None:
    history = make_history(800)
    closes = history.closes.copy()
    closes[80:85] = -36.98  # 5 of the 587 before the window
    few = train_window(settings, WINDOW, History("Coffee", history.dates, closes), [])
    assert names(few) == ["naive", "random_walk", "arima_111", "garch"]
    assert [fit.training_start for fit in few.fits] == [history.first] * 4
    closes[100] = 0.0
    many = train_window(settings, WINDOW, History("Coffee", history.dates, closes), [])
    assert names(many) == ["naive", "random_walk"]
    assert [(failure.model_name, failure.declined) for failure in many.failures] == [
        ("arima_111", True),
        ("garch", True),
    ]
    assert "6 of 587 closes are at or below zero" in many.failures[0].reason


def test_a_log_model_needs_enough_sessions_that_it_can_use(settings: Settings) -> None:
    history = make_history(700, first="2018-04-30")
    closes = history.closes.copy()
    assert len(history.known_before(WINDOW.training_date)) == 502
    closes[[10, 20, 30]] = -1.0
    training = train_window(settings, WINDOW, History("Coffee", history.dates, closes), [])
    assert names(training) == ["naive", "random_walk"]
    for failure in training.failures:
        assert failure.declined
        assert "has 499 sessions that it can use before 2020-04-01, 500 needed" in failure.reason


def test_what_has_the_same_options_and_data_is_kept(make_graph: MakeGraph, tmp_path: Path) -> None:
    graph: Graph = make_graph()
    graph.run("load_prices", "Coffee")
    graph.run("train", WINDOW.key)
    known = graph.store.models.find()
    same = train_window(graph.settings, WINDOW, make_history(), known)
    assert (names(same), [row.model_name for row in same.kept]) == (
        [],
        ["naive", "random_walk", "arima_111", "garch"],
    )
    options = {"models": ["naive", {"random_walk": {"lookback": 40}}, "arima_111", "garch"]}
    changed = train_window(make_graph(**options).settings, WINDOW, make_history(), known)
    assert names(changed) == ["random_walk"]
    closes = make_history().closes.copy()
    closes[10] += 0.01
    revised = History("Coffee", make_history().dates, closes)
    assert len(names(train_window(graph.settings, WINDOW, revised, known))) == 4
    closes = make_history().closes.copy()
    closes[-1] += 1
    later = History("Coffee", make_history().dates, closes)
    assert names(train_window(graph.settings, WINDOW, later, known)) == []


def ticked(settings: Settings, tick: float | None) -> Settings:
    coffee = settings.commodity("Coffee").model_copy(update={"tick": tick})
    return settings.model_copy(update={"commodities": {"Coffee": coffee}})


def test_models_draw_in_the_tick_of_their_commodity_and_are_fitted_again_with_another(
    make_graph: MakeGraph,
) -> None:
    graph: Graph = make_graph(models=["naive", "garch"])
    plain, cents = graph.settings, ticked(graph.settings, 0.01)
    shelf, header = ModelStore.of(plain), Written("Coffee", "v1.0", WINDOW.training_date, AT, "a")
    for held, others in ((plain, (cents,)), (cents, (plain, ticked(plain, 0.05)))):
        training = train_window(held, WINDOW, make_history(), [])
        tick = held.commodity("Coffee").tick
        assert [fit.model.tick for fit in training.fits] == [tick, tick]
        known, failures = shelf.rows(training.fits, header, training.history)
        assert not failures
        assert names(train_window(held, WINDOW, make_history(), known)) == []
        for other in others:
            assert names(train_window(other, WINDOW, make_history(), known)) == ["naive", "garch"]


def test_a_tick_that_is_large_beside_the_price_is_told(make_graph: MakeGraph) -> None:
    settings = make_graph(models=["naive"]).settings
    close = make_history().known_before(WINDOW.training_date).closes[-1]
    for tick, told in ((0.01, 0), (2.5, 1)):
        (fit,) = train_window(ticked(settings, tick), WINDOW, make_history(), []).fits
        assert len(fit.model.metrics.warnings) == told
    assert fit.model.metrics.warnings == (
        f"commodities.Coffee.tick: 2.5 is large beside the close of {close:g} on 2020-03-31:"
        " rounded to it, paths have few different prices",
    )


def test_models_are_put_together_in_one_thread_as_they_are_fitted(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: set[int] = set()
    assemble = Naive.assemble

    def counting(self: Naive, *pieces: Any) -> FittedForecaster:
        threads.update(pool["num_threads"] for pool in threadpool_info())
        return assemble(self, *pieces)

    monkeypatch.setattr(Naive, "assemble", counting)
    with threadpool_limits(limits=2):
        train_window(settings, WINDOW, make_history(), [])
    assert threads == {1}
