"""Tasks of training: estimates along a chain, and trials."""

from datetime import date

import numpy as np
import pytest

from forecast_assets.defs.partitions import Partitions
from forecast_assets.errors import CannotFit
from forecast_assets.forecast.tasks import Estimation, TryOut
from forecast_assets.models.arima import Arima111
from forecast_assets.models.base import FittedForecaster, Forecaster
from forecast_assets.models.ets import Ets
from forecast_assets.models.garch import Garch
from forecast_assets.models.hold_out import HoldOut
from forecast_assets.models.naive import FittedNaive, Naive
from forecast_assets.timeline.history import History
from forecast_assets.timeline.windows import CHAIN_LENGTH
from forecast_assets_tests.graphs import MakeGraph
from forecast_assets_tests.histories import make_history

CHAIN = (date(2020, 1, 1), date(2020, 4, 1), date(2020, 7, 1), date(2020, 10, 1))
HISTORY = make_history(900)


def estimation(
    model: Forecaster,
    wanted: tuple[date, ...] = CHAIN,
    history: History = HISTORY,
    least: int = 500,
) -> Estimation:
    chain = CHAIN[: CHAIN.index(wanted[-1]) + 1]
    return Estimation(model, history.known_before(wanted[-1]), (), chain, wanted, least)


def estimates(task: Estimation) -> list[FittedForecaster]:
    found = [done.value for done in task.run()]
    models = [model for model in found if isinstance(model, FittedForecaster)]
    assert len(models) == len(found)
    return models


def iterations(models: list[FittedForecaster]) -> int:
    counts = [model.metrics.iterations for model in models]
    assert None not in counts
    return sum(count for count in counts if count is not None)


Starts = list[tuple[date, FittedForecaster | None]]


@pytest.fixture
def starts(monkeypatch: pytest.MonkeyPatch) -> Starts:
    """What the naive model's estimates begin with, by the end of their history."""
    seen: Starts = []
    estimate = Naive.estimate

    def sees(self: Naive, history: History, start: FittedForecaster | None) -> FittedNaive:
        seen.append((history.newest, start))
        if history.newest == date(2020, 3, 31) and history.closes[0] == 1.0:
            raise CannotFit("the second of the chain fails")
        return estimate(self, history, start)

    monkeypatch.setattr(Naive, "estimate", sees)
    return seen


NEWEST = [date(2019, 12, 31), date(2020, 3, 31), date(2020, 6, 30), date(2020, 9, 30)]


def test_each_estimate_begins_with_the_one_before_and_the_first_with_none(starts: Starts) -> None:
    models = estimates(estimation(Naive()))
    assert [newest for newest, _ in starts] == NEWEST
    assert [start for _, start in starts] == [None, *models[:-1]]


def test_a_window_wanted_alone_begins_as_it_would_in_its_chain(starts: Starts) -> None:
    models = estimates(estimation(Naive(), wanted=CHAIN[2:3]))
    assert len(models) == 1
    assert [newest for newest, _ in starts] == NEWEST[:3]
    assert [start is None for _, start in starts] == [True, False, False]


def test_after_one_that_failed_the_next_begins_anew(starts: Starts) -> None:
    closes = HISTORY.closes.copy()
    closes[0] = 1.0
    done = estimation(Naive(), history=History("Coffee", HISTORY.dates, closes)).run()
    assert [one.value is None for one in done] == [False, True, False, False]
    assert done[1].reason == "the second of the chain fails"
    assert [start is None for _, start in starts] == [True, False, True, False]


def test_windows_without_enough_history_are_declined_and_the_chain_goes_on() -> None:
    done = estimation(Naive(), least=600).run()
    assert [one.declined for one in done] == [True, True, False, False]
    assert "587 sessions that it can use before 2020-04-01, 600 needed" in done[1].reason


@pytest.mark.parametrize("model", [Ets(), Garch(), Arima111()], ids=lambda model: model.name)
def test_a_chain_reaches_the_same_optimum_with_no_more_iterations(model: Forecaster) -> None:
    rng = np.random.default_rng(11)
    volatility = 0.01 * np.exp(0.5 * np.sin(np.arange(900) / 60))
    shocks = volatility * rng.standard_normal(900)
    returns = shocks + 0.3 * np.r_[0.0, shocks[:-1]]
    history = History("Coffee", HISTORY.dates, 50 * np.exp(np.cumsum(returns)))
    warm = estimates(estimation(model, history=history))[1:]
    cold = [model.estimate(history.known_before(day), None) for day in CHAIN[1:]]
    for begun, anew in zip(warm, cold, strict=True):
        likelihoods = begun.metrics.log_likelihood, anew.metrics.log_likelihood
        assert likelihoods[0] == pytest.approx(likelihoods[1], abs=0.05)
        assert begun.parameters == pytest.approx(anew.parameters, rel=0.05, abs=0.02)
    assert iterations(warm) <= iterations(cold)


def test_a_beginning_does_not_depend_on_what_the_configuration_asks_for() -> None:
    wanted = CHAIN[2:3]
    few, many = (estimation(Ets(), wanted=wanted, least=least) for least in (40, 640))
    assert estimates(few) == estimates(many)


def test_chains_are_four_windows_long(make_graph: MakeGraph) -> None:
    partitions = Partitions(make_graph().settings)
    windows = partitions.settings.windows.of("Coffee")[:9]
    assert [len(window.chain) for window in windows] == [1, 2, 3, 4, 1, 2, 3, 4, 1]
    for place, window in enumerate(windows):
        first = place - place % CHAIN_LENGTH
        assert window.chain == tuple(each.training_date for each in windows[first : place + 1])
        assert window.earlier == window.chain[:-1]


def test_what_breaks_down_is_named_and_a_mistake_of_ours_is_raised(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    held = HoldOut.of(HISTORY)
    assert held is not None
    for error, is_told in ((ZeroDivisionError("division"), True), (TypeError("ours"), False)):

        def breaks(
            self: Naive, history: History, start: object, error: Exception = error
        ) -> FittedNaive:
            raise error

        monkeypatch.setattr(Naive, "estimate", breaks)
        for task in (estimation(Naive()), TryOut(Naive(), held, (), CHAIN[-1])):
            if is_told:
                assert task.run()[0].reason == "naive broke down: ZeroDivisionError: division"
            else:
                with pytest.raises(TypeError, match="ours"):
                    task.run()


def test_a_task_is_shown_by_commodity_date_and_model() -> None:
    held = HoldOut.of(HISTORY)
    assert held is not None
    assert estimation(Naive(), wanted=CHAIN[1:]).label == "Coffee|2020-04-01 naive"
    assert TryOut(Naive(), held, (), CHAIN[3]).label == "Coffee|2020-10-01 naive, held out"
