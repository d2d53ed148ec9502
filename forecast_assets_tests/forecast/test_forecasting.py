from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from forecast_assets.configuration.settings import Settings
from forecast_assets.errors import LookAheadError
from forecast_assets.forecast.drawing import Loaded
from forecast_assets.forecast.forecasting import (
    Forecasting,
    forecast_window,
    lines_of,
    newly_known,
)
from forecast_assets.forecast.issued_forecasts import IssuedForecasts
from forecast_assets.forecast.records import IssuedForecast
from forecast_assets.models.naive import FittedNaive
from forecast_assets.timeline.history import History
from forecast_assets.timeline.outcomes import Outcomes
from forecast_assets.timeline.window import Window
from forecast_assets_tests.graphs import Graph, MakeGraph, Run
from forecast_assets_tests.histories import make_history

WINDOW = Window("Coffee", date(2020, 4, 1), date(2020, 7, 1))
HISTORY = make_history()  # up to 2020-09-04
ORIGINS = 65  # weekdays from 2020-04-01 to 2020-06-30

Forecast = Callable[..., Forecasting]


@pytest.fixture
def graph(make_graph: MakeGraph) -> Graph:
    after = [Run("load_prices", "Coffee"), Run("train", WINDOW.key)]
    graph: Graph = make_graph(after=after, models=["naive", "arima_111"])
    return graph


def loaded(graph: Graph) -> list[Loaded]:
    from forecast_assets.store.saved_models import FittedModels, ModelStore

    shelf = FittedModels(ModelStore.of(graph.settings))
    return shelf.of(WINDOW, "v1.0", graph.settings.models)[0]


def issued(outcome: Forecasting) -> list[IssuedForecast]:
    """What the ledger would hold after a write of the outcome."""
    assert outcome.happened is not None
    happened = dict(zip(outcome.happened.cutoffs, outcome.happened.closes, strict=True))
    return [
        IssuedForecast(
            draw.model.model_name,
            draw.model.model_id,
            draw.model.training_date,
            cutoff,
            start,
            draw.model.payload_sha256,
            fingerprint,
            draw.paths.shape[1],
            datetime(2024, 1, 1),  # noqa: DTZ001 - the tables keep UTC without a zone
            [None if np.isnan(x) else float(np.float32(x)) for x in happened[cutoff]],
        )
        for draw in outcome.draws
        for cutoff, start, fingerprint in zip(
            draw.cutoffs, draw.starts, draw.fingerprints, strict=True
        )
    ]


def revised(history: History, position: int) -> History:
    closes = history.closes.copy()
    closes[position] *= 1.05
    return History(history.commodity, history.dates, closes)


def test_every_session_of_the_window_gets_a_forecast_from_every_model(graph: Graph) -> None:
    outcome = forecast_window(graph.settings, WINDOW, HISTORY, loaded(graph), [])
    assert [draw.paths.shape for draw in outcome.draws] == [(ORIGINS, 20, 14)] * 2
    sessions = HISTORY.dates[(HISTORY.dates >= np.datetime64("2020-04-01"))][:ORIGINS]
    for draw in outcome.draws:
        assert draw.starts == sessions.tolist()
        assert (
            draw.cutoffs
            == HISTORY.dates[HISTORY.positions([draw.starts[0]])[0] - 1 :][:ORIGINS].tolist()
        )
    assert outcome.drawn == 2 * ORIGINS
    assert outcome.change.expected[:2] == [date(2020, 9, 7), date(2020, 9, 8)]
    assert len(outcome.change.expected) == 2 * 14


def test_no_sum_of_a_draw_depends_on_the_number_of_cores(graph: Graph) -> None:
    def threads() -> set[int]:
        return {each["num_threads"] for each in threadpool_info()}

    seen: list[set[int]] = []
    with threadpool_limits(limits=2):
        forecast_window(
            graph.settings,
            WINDOW,
            HISTORY,
            loaded(graph),
            [],
            look=lambda *_: seen.append(threads()),
        )
        assert (seen, threads()) == ([{1}, {1}], {2})


def test_one_day_more_draws_one_forecast_more_and_the_same_bytes(graph: Graph) -> None:
    whole = forecast_window(graph.settings, WINDOW, HISTORY, loaded(graph), [])
    early = HISTORY.known_before(date(2020, 6, 1))
    first = forecast_window(graph.settings, WINDOW, early, loaded(graph), [])
    assert first.origins[-1].start == date(2020, 6, 1)  # it has no price yet
    rest = forecast_window(graph.settings, WINDOW, HISTORY, loaded(graph), issued(first))
    assert (first.drawn + rest.drawn, rest.kept) == (2 * ORIGINS, first.drawn)
    for at_once, one, two in zip(whole.draws, first.draws, rest.draws, strict=True):
        assert at_once.paths.tobytes() == one.paths.tobytes() + two.paths.tobytes()


def test_nothing_new_draws_nothing(graph: Graph) -> None:
    first = forecast_window(graph.settings, WINDOW, HISTORY, loaded(graph), [])
    again = forecast_window(graph.settings, WINDOW, HISTORY, loaded(graph), issued(first))
    assert not again.changes_tables
    assert (again.kept, again.stale, again.drawn) == (2 * ORIGINS, 0, 0)


def test_a_retrained_models_forecasts_are_drawn_again(graph: Graph) -> None:
    first = forecast_window(graph.settings, WINDOW, HISTORY, loaded(graph), [])
    old = [
        replace(row, payload_sha256="another") if row.model_name == "naive" else row
        for row in issued(first)
    ]
    again = forecast_window(graph.settings, WINDOW, HISTORY, loaded(graph), old)
    assert [draw.model.model_name for draw in again.draws] == ["naive"]
    assert (again.redrawn, again.kept) == (ORIGINS, ORIGINS)


def test_another_number_of_paths_draws_everything_again(graph: Graph) -> None:
    first = forecast_window(graph.settings, WINDOW, HISTORY, loaded(graph), [])
    old = [replace(row, n_paths=19) for row in issued(first)]
    again = forecast_window(graph.settings, WINDOW, HISTORY, loaded(graph), old)
    assert again.redrawn == 2 * ORIGINS


def test_forecasts_from_revised_prices_stay_until_recomputed(graph: Graph) -> None:
    first = forecast_window(graph.settings, WINDOW, HISTORY, loaded(graph), [])
    position = int(HISTORY.positions([date(2020, 6, 1)])[0])
    history = revised(HISTORY, position)
    stale = 2 * sum(origin.cutoff >= date(2020, 6, 1) for origin in first.origins)
    stay = forecast_window(graph.settings, WINDOW, history, loaded(graph), issued(first))
    assert (stay.drawn, stay.stale) == (0, stale)
    again = forecast_window(
        graph.settings, WINDOW, history, loaded(graph), issued(first), recompute=True
    )
    assert (again.drawn, again.redrawn, again.stale) == (stale, stale, 0)
    assert again.draws[0].cutoffs[0] == date(2020, 6, 1)


OPEN = HISTORY.known_before(date(2020, 6, 1))
"""Nothing has happened yet after its last session, 2020-05-29, which is in the window."""


def ledger_of(*outcomes: Forecasting) -> list[IssuedForecast]:
    """What the ledger would hold after these writes, one after the other."""
    rows = {(x.model_name, x.data_cutoff_date): x for each in outcomes for x in issued(each)}
    for each in outcomes:
        assert each.happened is not None
        for cutoff, closes in zip(each.happened.cutoffs, each.happened.closes, strict=True):
            told = [None if np.isnan(x) else float(np.float32(x)) for x in closes]
            of_cutoff = [key for key in rows if key[1] == cutoff]
            rows |= {key: replace(rows[key], outcome=told) for key in of_cutoff}
    return list(rows.values())


@pytest.mark.parametrize("sessions_before", [0, 1, 10, 40])
def test_the_newest_forecast_is_reissued_when_any_of_its_closes_is_revised(
    graph: Graph, sessions_before: int
) -> None:
    first = forecast_window(graph.settings, WINDOW, OPEN, loaded(graph), [])
    corrected = revised(OPEN, len(OPEN) - 1 - sessions_before)
    again = forecast_window(graph.settings, WINDOW, corrected, loaded(graph), issued(first))
    fresh = forecast_window(graph.settings, WINDOW, corrected, loaded(graph), [])
    newest, close = OPEN.newest, float(corrected.closes[-1])
    assert [draw.cutoffs for draw in again.draws] == [[newest]] * 2
    assert [draw.why for draw in again.draws] == [{newest: "revised history"}] * 2
    assert [draw.closes for draw in again.draws] == [[close]] * 2
    assert [draw.paths.tobytes() for draw in again.draws] == [
        draw.paths[-1:].tobytes() for draw in fresh.draws
    ]
    said = [(x.model_name, x.cutoff, x.close) for x in again.reissues]
    assert sorted(said) == [("arima_111", newest, close), ("naive", newest, close)]
    assert len(lines_of(again.reissues)) == 1
    records = min(sessions_before, len(first.origins) - 1)
    assert (again.redrawn, again.drawn, again.stale) == (2, 2, 2 * records)
    held = ledger_of(first, again)
    settled = forecast_window(graph.settings, WINDOW, corrected, loaded(graph), held)
    assert not settled.changes_tables
    assert (settled.drawn, settled.stale, settled.reissues) == (0, 2 * records, [])


def test_a_correction_that_is_taken_back_gives_the_same_bytes(graph: Graph) -> None:
    first = forecast_window(graph.settings, WINDOW, OPEN, loaded(graph), [])
    corrected = revised(OPEN, len(OPEN) - 1)
    second = forecast_window(graph.settings, WINDOW, corrected, loaded(graph), issued(first))
    held = ledger_of(first, second)
    third = forecast_window(graph.settings, WINDOW, OPEN, loaded(graph), held)
    for was, other, back in zip(first.draws, second.draws, third.draws, strict=True):
        assert was.paths[-1:].tobytes() == back.paths.tobytes() != other.paths.tobytes()
    assert not forecast_window(
        graph.settings, WINDOW, OPEN, loaded(graph), ledger_of(first, second, third)
    ).changes_tables


def test_a_forecast_whose_outcome_has_begun_is_a_record_though_its_close_is_revised(
    graph: Graph,
) -> None:
    first = forecast_window(graph.settings, WINDOW, OPEN, loaded(graph), [])
    longer = HISTORY.known_at(date(2020, 6, 1))  # the next session, and the correction with it
    later = revised(longer, len(OPEN) - 1)
    again = forecast_window(graph.settings, WINDOW, later, loaded(graph), issued(first))
    assert [draw.cutoffs for draw in again.draws] == [[date(2020, 6, 1)]] * 2
    assert (again.reissues, again.redrawn, again.stale) == ([], 0, 2)


def test_a_model_that_declines_the_correction_leaves_what_it_said(graph: Graph) -> None:
    first = forecast_window(graph.settings, WINDOW, OPEN, loaded(graph), [])
    closes = OPEN.closes.copy()
    closes[-1] = -3.0
    negative = History("Coffee", OPEN.dates, closes)
    again = forecast_window(graph.settings, WINDOW, negative, loaded(graph), issued(first))
    assert [draw.model.model_name for draw in again.draws] == ["naive"]
    assert [(x.model_name, x.said_from, x.close) for x in again.reissues] == [("naive", None, -3.0)]
    (failure,) = again.failures
    assert (failure.model_name, failure.declined, failure.origins) == ("arima_111", True, 1)


def test_a_forecast_of_another_cadence_is_reissued_by_the_model_of_its_window(
    graph: Graph,
) -> None:
    first = forecast_window(graph.settings, WINDOW, OPEN, loaded(graph), [])
    old = [replace(row, training_date=date(2020, 3, 1)) for row in issued(first)]
    corrected = revised(OPEN, len(OPEN) - 1)
    again = forecast_window(graph.settings, WINDOW, corrected, loaded(graph), old)
    assert [draw.cutoffs for draw in again.draws] == [[OPEN.newest]] * 2
    assert again.elsewhere == 2 * (len(first.origins) - 1)
    middle = len(OPEN) - 4
    left = forecast_window(graph.settings, WINDOW, revised(OPEN, middle), loaded(graph), old)
    assert left.stale_cutoffs == sorted(2 * OPEN.dates[middle:-1].tolist())  # they stay and count
    assert forecast_window(graph.settings, WINDOW, OPEN, loaded(graph), old).elsewhere == 2 * len(
        first.origins
    )


def test_the_start_follows_the_data_and_the_paths_stay(graph: Graph) -> None:
    early = HISTORY.known_before(date(2020, 6, 1))
    first = forecast_window(graph.settings, WINDOW, early, loaded(graph), [])
    holiday = HISTORY.dates != np.datetime64("2020-06-01")
    late = History("Coffee", HISTORY.dates[holiday], HISTORY.closes[holiday])
    rest = forecast_window(graph.settings, WINDOW, late, loaded(graph), issued(first))
    assert rest.moved == [(date(2020, 5, 29), date(2020, 6, 2))]
    assert date(2020, 5, 29) not in rest.draws[0].cutoffs
    starts = [origin.start for origin in rest.origins]
    assert date(2020, 6, 1) not in starts


def test_a_forecast_whose_cutoff_is_no_session_any_more_is_withdrawn(graph: Graph) -> None:
    first = forecast_window(graph.settings, WINDOW, HISTORY, loaded(graph), [])
    kept = HISTORY.dates != np.datetime64("2020-06-02")
    without = History("Coffee", HISTORY.dates[kept], HISTORY.closes[kept])
    again = forecast_window(graph.settings, WINDOW, without, loaded(graph), issued(first))
    assert again.withdrawn == [date(2020, 6, 2)]
    assert again.moved == [(date(2020, 6, 1), date(2020, 6, 3))]


def test_origins_that_a_model_declines_are_named_and_the_others_land(graph: Graph) -> None:
    position = int(HISTORY.positions([date(2020, 6, 15)])[0])
    closes = HISTORY.closes.copy()
    closes[position] = -1.5
    negative = History("Coffee", HISTORY.dates, closes)
    outcome = forecast_window(graph.settings, WINDOW, negative, loaded(graph), [])
    (failure,) = outcome.failures
    assert (failure.model_name, failure.declined, failure.origins) == ("arima_111", True, 1)
    assert "1 forecasts from 2020-06-15 on are absent: the close of -1.5 on 2020-06-15" in (
        failure.reason
    )
    sizes = {draw.model.model_name: len(draw.cutoffs) for draw in outcome.draws}
    assert sizes == {"naive": ORIGINS, "arima_111": ORIGINS - 1}


def test_paths_out_of_range_are_declined_by_origin(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulate = FittedNaive.simulate

    def overflows(
        self: FittedNaive, history: History, origins: list[date], **rest: object
    ) -> object:
        paths = simulate(self, history, origins, **rest)  # type: ignore[arg-type]
        paths[3, 0, 0] = np.inf
        return paths

    monkeypatch.setattr(FittedNaive, "simulate", overflows)
    outcome = forecast_window(graph.settings, WINDOW, HISTORY, loaded(graph), [])
    (failure,) = outcome.failures
    assert "1 forecasts from 2020-04-03 on are absent: a path left the range" in failure.reason
    assert len(outcome.draws[1].cutoffs) == ORIGINS - 1


def test_a_model_of_a_later_date_raises_rather_than_look_ahead(graph: Graph) -> None:
    late = [
        (replace(row, training_date=date(2020, 7, 1), training_end_date=date(2020, 6, 30)), model)
        for row, model in loaded(graph)
    ]
    with pytest.raises(LookAheadError, match="too late for a window that starts on 2020-04-01"):
        forecast_window(graph.settings, WINDOW, HISTORY, late, [])


def test_a_model_that_saw_its_own_window_raises(graph: Graph) -> None:
    seen = [
        (replace(row, training_end_date=date(2020, 4, 1)), model) for row, model in loaded(graph)
    ]
    with pytest.raises(LookAheadError, match="was trained up to 2020-04-01"):
        forecast_window(graph.settings, WINDOW, HISTORY, seen, [])


def test_the_version_is_part_of_the_seed(graph: Graph) -> None:
    settings: Settings = graph.settings
    ours = forecast_window(settings, WINDOW, HISTORY, loaded(graph), [])
    twins = [(replace(row, model_version="v2"), model) for row, model in loaded(graph)]
    theirs = forecast_window(settings, WINDOW, HISTORY, twins, [])
    assert not np.array_equal(ours.draws[0].paths, theirs.draws[0].paths)


@pytest.mark.parametrize("known_before", [0, 1, 2])
def test_an_outcome_is_counted_for_a_date_that_lacked_it_and_once_for_all_models(
    graph: Graph, known_before: int
) -> None:
    whole = Outcomes.after(HISTORY, HISTORY.dates[-5:].tolist(), 3)
    assert whole.known.tolist() == [3, 3, 2, 1, 0]
    first = forecast_window(graph.settings, WINDOW, HISTORY, loaded(graph), [])
    (one, *_) = issued(first)
    told = [
        replace(
            one,
            model_name=model,
            data_cutoff_date=day,
            outcome=[*closes[:known].tolist(), *[None] * (3 - known)],
        )
        for model in ("naive", "garch")
        for day, closes, known in zip(
            whole.cutoffs, whole.closes, np.minimum(whole.known, known_before), strict=True
        )
    ]
    news = {0: 4, 1: 3, 2: 2}[known_before]

    def found(*rows: IssuedForecast) -> int:
        return newly_known(whole, IssuedForecasts.of(rows))

    assert found(*told) == news
    assert found() == 4  # of the newest date nothing has happened yet
    assert found(*(replace(x, outcome=None) for x in told)) == 4
    assert found(*(replace(x, outcome=[1.0, 1.0, 1.0]) for x in told)) == 0
