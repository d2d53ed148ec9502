"""What of a window is scored, and when again."""

from dataclasses import replace
from datetime import date, datetime, timedelta

import numpy as np
import pytest

from forecast_assets.automation.due import holding
from forecast_assets.evaluation.assessment import Assessment, assess_window, gone, lacking_scores
from forecast_assets.evaluation.records import ScoredForecast
from forecast_assets.evaluation.scoring import score
from forecast_assets.forecast.records import IssuedForecast
from forecast_assets.timeline.history import History
from forecast_assets.timeline.window import Window
from forecast_assets_tests.histories import make_history

AT = datetime(2024, 1, 2, 3, 4, 5)  # noqa: DTZ001 - the tables keep UTC without a zone
HISTORY = make_history(60)  # 2018-01-01 to 2018-03-23
WINDOW = Window("Coffee", date(2018, 2, 1), date(2018, 3, 1))
CUTOFFS: list[date] = HISTORY.dates[22:42].tolist()  # of the 20 weekdays of February
HORIZON = 3


def issued(
    cutoffs: list[date] = CUTOFFS, names: tuple[str, ...] = ("naive", "garch")
) -> list[IssuedForecast]:
    followers = dict(zip(HISTORY.dates.tolist(), HISTORY.dates[1:].tolist(), strict=False))
    return [
        IssuedForecast(
            name, "id", WINDOW.training_date, day, followers[day], "sha", "print", 5, AT, None
        )
        for name in sorted(names)
        for day in cutoffs
    ]


def read(name: str, cutoffs: list[date]) -> np.ndarray:
    """Paths that are of their model and cutoff alone."""
    paths = [
        np.random.default_rng([len(name), day.toordinal()]).normal(50, 2, (5, HORIZON))
        for day in cutoffs
    ]
    return np.array(paths, dtype=np.float32)


def assess(
    history: History, forecasts: list[IssuedForecast], scored: list[ScoredForecast]
) -> Assessment:
    found = assess_window(WINDOW, history, forecasts, scored, horizon=HORIZON, read=read)
    lacking = lacking_scores(history, forecasts, scored, HORIZON)
    assert bool(holding([WINDOW], lacking)) == bool(found.models)
    return found


def after(found: Assessment, scored: list[ScoredForecast]) -> list[ScoredForecast]:
    """What the table would hold after a write."""
    new = {
        (each.model_name, each.data_cutoff_date): ScoredForecast(
            each.model_name,
            each.data_cutoff_date,
            each.forecast_start_date,
            each.generation_timestamp,
            close,
            closes[~np.isnan(closes)].tolist(),
        )
        for model in found.models
        for each, close, closes in zip(
            model.forecasts,
            model.happened.cutoff_closes.tolist(),
            model.happened.closes,
            strict=True,
        )
    }
    old = {(each.model_name, each.data_cutoff_date): each for each in scored}
    for each in found.gone:
        del old[each.model_name, each.data_cutoff_date]
    return [each for each in (old | new).values() if each.outcome]


def test_forecasts_of_other_numbers_of_paths_are_scored_apart() -> None:
    few, more = issued(CUTOFFS[:2], ("naive",)), issued(CUTOFFS[2:4], ("naive",))
    asked: list[list[date]] = []

    def counted(name: str, cutoffs: list[date]) -> np.ndarray:
        asked.append(cutoffs)
        return read(name, cutoffs)

    forecasts = [*few, *(replace(each, n_paths=7) for each in more)]
    found = assess_window(WINDOW, HISTORY, forecasts, [], horizon=HORIZON, read=counted)
    assert asked == [CUTOFFS[:2], CUTOFFS[2:4]]
    assert found.scored == 4


def names_of(found: Assessment) -> dict[str, list[date]]:
    return {
        model.model_name: [each.data_cutoff_date for each in model.forecasts]
        for model in found.models
    }


def revised(day: date) -> History:
    closes = HISTORY.closes.copy()
    closes[HISTORY.positions([day])[0]] *= 1.05
    return History("Coffee", HISTORY.dates, closes)


def without(day: date) -> History:
    kept = HISTORY.dates != np.datetime64(day)
    return History("Coffee", HISTORY.dates[kept], HISTORY.closes[kept])


@pytest.fixture
def whole() -> list[ScoredForecast]:
    return after(assess(HISTORY, issued(), []), [])


def test_scores_are_those_of_the_paths_the_close_and_what_came() -> None:
    history = HISTORY.known_at(CUTOFFS[-1])
    found = assess(history, issued(), [])
    assert names_of(found) == {"garch": CUTOFFS[:-1], "naive": CUTOFFS[:-1]}
    assert (found.scored, found.kept, found.waiting, len(found.gone)) == (2 * 19, 0, 2, 0)
    days, closes = history.dates.tolist(), history.closes.tolist()
    for model in found.models:
        for row, forecast in enumerate(model.forecasts):
            place = days.index(forecast.data_cutoff_date)
            came = closes[place + 1 : place + 1 + HORIZON]
            came += [np.nan] * (HORIZON - len(came))
            alone = score(
                read(model.model_name, [forecast.data_cutoff_date]),
                np.array([closes[place]]),
                np.array([came]),
            )
            for name, values in alone.sessions.items():
                np.testing.assert_array_equal(model.scores.sessions[name][row], values[0])
            for name, values in alone.paths.items():
                np.testing.assert_array_equal(model.scores.paths[name][row], values[0])


def test_nothing_new_scores_nothing_and_reads_no_paths(whole: list[ScoredForecast]) -> None:
    again = assess_window(WINDOW, HISTORY, issued(), whole, horizon=HORIZON, read=None)  # type: ignore[arg-type]
    assert (again.models, list(again.gone), again.kept, again.waiting) == ([], [], 2 * 20, 0)


def test_a_session_that_came_scores_the_forecasts_that_it_is_an_outcome_of() -> None:
    early = HISTORY.known_at(CUTOFFS[10])
    scored = after(assess(early, issued(), []), [])
    found = assess(HISTORY.known_at(CUTOFFS[11]), issued(), scored)
    assert names_of(found) == dict.fromkeys(("garch", "naive"), CUTOFFS[8:11])
    assert (found.kept, found.waiting) == (2 * 8, 2)  # the newest cutoff waits


def test_a_forecast_drawn_again_is_scored_again(whole: list[ScoredForecast]) -> None:
    forecasts = issued()
    forecasts[3] = replace(forecasts[3], generation_timestamp=AT + timedelta(microseconds=1))
    found = assess(HISTORY, forecasts, whole)
    assert names_of(found) == {"garch": [CUTOFFS[3]]}
    assert found.kept == 2 * 20 - 1


def test_a_forecast_that_moved_is_scored_again(whole: list[ScoredForecast]) -> None:
    forecasts = issued()
    forecasts[3] = replace(forecasts[3], forecast_start_date=CUTOFFS[5])
    assert names_of(assess(HISTORY, forecasts, whole)) == {"garch": [CUTOFFS[3]]}


def test_a_revised_price_scores_what_it_is_an_outcome_of_and_what_began_from_it(
    whole: list[ScoredForecast],
) -> None:
    found = assess(revised(CUTOFFS[10]), issued(), whole)
    assert names_of(found) == dict.fromkeys(("garch", "naive"), CUTOFFS[7:11])


def test_a_cutoff_that_is_no_session_any_more_has_no_scores(whole: list[ScoredForecast]) -> None:
    history = without(CUTOFFS[10])
    found = assess(history, issued(), whole)
    assert [each.data_cutoff_date for each in found.gone] == [CUTOFFS[10]] * 2
    assert names_of(found) == dict.fromkeys(("garch", "naive"), CUTOFFS[7:10])
    assert found.kept == 2 * (20 - 1 - 3)
    scored = after(found, whole)
    assert assess(history, issued(), scored).models == []
    assert gone(history, issued(), scored) == []


def test_a_forecast_that_is_not_issued_any_more_is_gone(whole: list[ScoredForecast]) -> None:
    left = [each for each in issued() if each.model_name == "garch"]
    found = assess(HISTORY, left, whole)
    assert [(each.model_name, each.data_cutoff_date) for each in found.gone] == [
        ("naive", day) for day in CUTOFFS
    ]
    assert (found.models, found.kept) == ([], 20)


def test_a_session_taken_back_waits_again_and_is_counted_once() -> None:
    early, late = HISTORY.known_at(CUTOFFS[10]), HISTORY.known_at(CUTOFFS[11])
    scored = after(assess(late, issued(), []), [])
    found = assess(
        early, [each for each in issued() if each.data_cutoff_date <= CUTOFFS[10]], scored
    )
    assert names_of(found) == dict.fromkeys(("garch", "naive"), CUTOFFS[8:11])
    assert (found.kept, found.waiting) == (2 * 8, 2)
    (newest, *_) = [model.scores for model in found.models]
    assert np.isnan(newest.sessions["crps"][-1]).all()
    assert after(found, scored) == after(assess(early, issued(), []), [])


def test_forecasts_of_other_windows_are_left_and_those_of_an_old_cadence_are_not() -> None:
    before, later = HISTORY.dates[21].item(), HISTORY.dates[42].item()
    others = issued([before, later])
    assert [each.forecast_start_date for each in others[:2]] == [
        date(2018, 1, 31),
        date(2018, 3, 1),
    ]
    assert assess(HISTORY, others, []).models == []
    older = [replace(each, training_date=date(2018, 1, 1)) for each in issued()]
    assert assess(HISTORY, older, []).scored == 2 * 20


def test_work_may_be_spread() -> None:
    asked = []

    def spread(function: object, *given: object) -> object:
        asked.append(function)
        return map(function, *given)  # type: ignore[call-overload]

    found = assess_window(
        WINDOW,
        HISTORY,
        issued(),
        [],
        horizon=HORIZON,
        read=read,
        spread=spread,  # type: ignore[arg-type]
    )
    assert (len(asked), found.scored) == (2, 2 * 20)
