"""Outcomes, points and scores through the graph: two commodities, prices that come and change."""

import textwrap
from collections import Counter
from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecast_assets.automation.due import (
    missing_forecasts,
    windows_to_correct,
    windows_without_scores,
)
from forecast_assets.errors import StoreError
from forecast_assets.evaluation.scoring import PATH_SCORES, SESSION_SCORES, score
from forecast_assets.forecast.records import ModelFailure, Written
from forecast_assets.store.contract import Condition
from forecast_assets.timeline.history import History
from forecast_assets_tests import graphs
from forecast_assets_tests.events import materializations, value
from forecast_assets_tests.graphs import Graph, MakeGraph, Run, catch_up, ledger
from forecast_assets_tests.histories import make_history, write_prices
from forecast_assets_tests.rows import framed, keep, rows
from forecast_assets_tests.writers import wait_for_part, writing

pytestmark = pytest.mark.long

SECOND, THIRD = "|2020-04-01", "|2020-07-01"
SEEDS = {"Coffee": 1, "Gold": 2}
MODELS = ("naive", "random_walk")
HORIZON, PATHS = 14, 10


def history_of(name: str, sessions: int) -> History:
    return make_history(sessions, SEEDS[name], name)


def load(graph: Graph, history: History) -> None:
    name = history.commodity
    write_prices(graph.settings.folder / "prices" / f"{name}.csv", history)
    graphs.load(graph, name)


def forecast_and_score(graph: Graph, name: str = "Coffee", **config: Any) -> None:
    catch_up(graph, ("distributions", "scores"), name + SECOND, name + THIRD, **config)


def train_forecast_and_score(graph: Graph, name: str = "Coffee", **config: Any) -> None:
    assets = ("trained_models", "distributions", "scores")
    catch_up(graph, assets, name + SECOND, name + THIRD, **config)


def outcomes(
    graph: Graph, version: str = "v1.0"
) -> dict[tuple[str, str, date], list[float | None]]:
    of_version: Condition = ("model_version", "=", version)
    sessions = [f"day_{k}" for k in range(1, HORIZON + 1)]
    columns = ("commodity", "model_name", "data_cutoff_date", "is_actuals", *sessions)
    told = rows(
        graph.store, "forecast.distributions", *columns, where=[("path_id", "=", 0), of_version]
    )
    assert len(told) == len(rows(graph.store, "forecast.forecasts", where=[of_version]))
    found = {(name, model, day): [*days] for name, model, day, actual, *days in told if actual}
    assert len(found) == len(told)
    return found


def expected(history: History, cutoff: date) -> list[float | None]:
    later = [
        float(np.float32(close))
        for day, close in zip(history.dates.tolist(), history.closes, strict=True)
        if day > cutoff
    ][:HORIZON]
    return [*later, *[None] * (HORIZON - len(later))]


def require_outcomes(graph: Graph, histories: list[History], version: str = "v1.0") -> None:
    by_name = {history.commodity: history for history in histories}
    for (name, _, cutoff), days in outcomes(graph, version).items():
        assert days == expected(by_name[name], cutoff), (name, cutoff)


def everything(graph: Graph, version: str = "v1.0") -> list[pd.DataFrame]:
    of_version: list[Condition] = [("model_version", "=", version)]
    return [
        framed(graph.store, f"forecast.{table}", of_version)
        for table in ("distributions", "point_estimates", "forecasts", "scores", "path_scores")
    ]


def require_scores(graph: Graph, history: History, version: str = "v1.0") -> None:
    """Every stored score is that of the stored paths and prices, and none is missing."""
    store, name = graph.store, history.commodity
    by_session, by_path = (
        table[table.commodity == name].sort_values(["data_cutoff_date", horizon])
        for table, horizon in zip(
            everything(graph, version)[3:], ("day_ahead", "horizon"), strict=True
        )
    )
    count = 0
    for model in MODELS:
        cutoffs = [
            forecast.data_cutoff_date
            for forecast in store.paths.issued(name, version)
            if forecast.model_name == model
        ]
        places = history.positions(cutoffs)
        came = np.full((len(cutoffs), HORIZON), np.nan)
        for number, at in enumerate(places):
            later = history.closes[at + 1 :][:HORIZON]
            came[number, : len(later)] = later
        paths = store.paths.drawn(name, model, version, cutoffs)
        scores = score(paths, history.closes[places], came)
        row, place = np.nonzero(np.isfinite(came))
        told = by_session[by_session.model_name == model]
        require_rows(told, np.array(cutoffs)[row], place + 1, told.day_ahead)
        assert np.array_equal(told.actual, came[row, place])
        assert np.array_equal(told.session, history.dates[places[row] + 1 + place])
        require_values(told, {each: scores.sessions[each][row, place] for each in SESSION_SCORES})
        sessions = np.array(scores.horizons)
        row, place = np.nonzero(np.isfinite(came).sum(axis=1)[:, None] >= sessions)
        whole = by_path[by_path.model_name == model]
        require_rows(whole, np.array(cutoffs)[row], sessions[place], whole.horizon)
        assert np.array_equal(whole.last_session, history.dates[places[row] + sessions[place]])
        require_values(whole, {each: scores.paths[each][row, place] for each in PATH_SCORES})
        count += len(told) + len(whole)
    assert count == len(by_session) + len(by_path) > 0


def require_rows(told: pd.DataFrame, cutoffs: Any, ahead: Any, told_ahead: Any) -> None:
    """There is a row for each of these cutoffs and sessions ahead, in order, and no other."""
    assert [day.date() for day in told.data_cutoff_date] == cutoffs.tolist()
    assert told_ahead.tolist() == ahead.tolist()


def require_values(told: pd.DataFrame, true: dict[str, Any]) -> None:
    """The columns have these values."""
    for name, values in true.items():
        stored = told[name].to_numpy(dtype=float, na_value=np.nan)
        np.testing.assert_allclose(stored, values, rtol=1e-12, atol=1e-12, err_msg=name)


def rescored(graph: Graph, before: list[pd.DataFrame]) -> dict[str, list[date]]:
    """Cutoffs, by model, of which a score was written since."""
    keys = ["model_name", "data_cutoff_date", "day_ahead", "scored_at"]
    now = everything(graph)[3][keys]
    new = now.merge(before[3][keys], how="left", indicator=True).query("_merge == 'left_only'")
    return {
        str(name): sorted({day.date() for day in mine.data_cutoff_date})
        for name, mine in new.groupby("model_name")
    }


@pytest.fixture
def graph(make_graph: MakeGraph) -> Graph:
    """Coffee up to 2020-07-10, forecast in the two windows from April on and scored."""
    windows = "Coffee" + SECOND, "Coffee" + THIRD
    graph: Graph = make_graph(
        history_of("Coffee", 660),
        after=[
            Run("load_prices", "Coffee"),
            *(Run(job, *windows) for job in ("train", "forecast", "score")),
        ],
        models=list(MODELS),
        paths=PATHS,
    )
    return graph


def test_two_commodities_from_prices_to_scores_and_more_prices(make_graph: MakeGraph) -> None:
    commodities = {
        name: {"unit": "USD/t", "source": {"type": "file", "path": f"prices/{name}.csv"}}
        for name in SEEDS
    }
    graph = make_graph(models=list(MODELS), paths=PATHS, commodities=commodities)
    early = [history_of("Coffee", 665), history_of("Gold", 660)]
    late = [history_of("Coffee", 668), early[1]]
    for history in early:
        load(graph, history)
        train_forecast_and_score(graph, history.commodity)
    require_outcomes(graph, early)
    # 65 weekdays of April to June; of July 13, or 8, have a price, and one more is to come
    forecasts = {"Coffee": 2 * (65 + 14), "Gold": 2 * (65 + 9)}
    # all but the newest 14 have 14 sessions, and these have 13, 12, ... 0
    sessions = {name: 14 * (count - 28) + 2 * (13 * 14 // 2) for name, count in forecasts.items()}
    # to sessions 1, 7 and 14: of the newest 14, 13 reach 1 and 7 reach 7
    paths = {name: 3 * (count - 28) + 2 * (13 + 7) for name, count in forecasts.items()}

    def counts(table: str) -> dict[str, int]:
        return Counter(name for (name,) in rows(graph.store, f"forecast.{table}", "commodity"))

    assert counts("forecasts") == forecasts
    assert counts("distributions") == {name: 11 * count for name, count in forecasts.items()}
    assert counts("point_estimates") == {name: 14 * count for name, count in forecasts.items()}
    assert (counts("scores"), counts("path_scores")) == (sessions, paths)
    load(graph, late[0])
    forecast_and_score(graph, "Coffee")
    require_outcomes(graph, late)
    for history in late:
        require_scores(graph, history)
    assert counts("forecasts") == forecasts | {"Coffee": 2 * (65 + 17)}
    assert counts("scores") == sessions | {"Coffee": sessions["Coffee"] + 2 * 3 * 14}
    assert counts("path_scores") == paths | {"Coffee": paths["Coffee"] + 2 * 3 * 3}


def test_a_second_run_writes_nothing(graph: Graph) -> None:
    before = everything(graph)
    (last,) = materializations(graph.run("score", "Coffee" + THIRD)).values()
    assert (value(last, "outcome"), value(last, "forecasts_scored")) == ("nothing new to score", 0)
    assert (value(last, "forecasts_kept"), value(last, "forecasts_waiting")) == (2 * 8, 2)
    forecast_and_score(graph)
    for old, new in zip(before, everything(graph), strict=True):
        pd.testing.assert_frame_equal(old, new)


def test_a_new_session_is_told_to_the_window_before_and_scores_the_last_14(graph: Graph) -> None:
    before, more = everything(graph), history_of("Coffee", 661)
    load(graph, more)
    graph.run("forecast", "Coffee" + THIRD)  # of the newest window alone
    require_outcomes(graph, [more])
    graph.run("score", "Coffee" + SECOND, "Coffee" + THIRD)
    last = more.dates[-15:-1].tolist()
    assert last[0] < date(2020, 6, 29) < last[-1]  # of both windows
    assert rescored(graph, before) == dict.fromkeys(MODELS, last)
    require_scores(graph, more)


def test_a_revised_price_is_told_and_scored(graph: Graph) -> None:
    before, history = everything(graph), history_of("Coffee", 660)
    closes = history.closes.copy()
    closes[600] *= 1.1
    revised = History("Coffee", history.dates, closes)
    load(graph, revised)
    forecast_and_score(graph)
    require_outcomes(graph, [revised])
    assert rescored(graph, before) == dict.fromkeys(MODELS, history.dates[586:601].tolist())
    newest = pd.Timestamp(history.newest)  # nothing came after it: its forecast is drawn again
    paths = [
        table[(table.path_id > 0) & (table.data_cutoff_date < newest)].reset_index(drop=True)
        for table in (before[0], everything(graph)[0])
    ]
    pd.testing.assert_frame_equal(*paths)


def test_a_withdrawn_session_takes_its_forecasts_outcomes_and_scores_along(graph: Graph) -> None:
    history = history_of("Coffee", 660)
    gone, kept = history.dates[600].item(), np.arange(660) != 600
    without = History("Coffee", history.dates[kept], history.closes[kept])
    load(graph, without)
    forecast_and_score(graph)
    require_outcomes(graph, [without])
    require_scores(graph, without)
    for table in everything(graph):
        assert pd.Timestamp(gone) not in set(table.data_cutoff_date)


def test_a_start_that_moved_is_followed_by_the_outcome_and_the_scores(graph: Graph) -> None:
    history = history_of("Coffee", 662)
    kept = np.arange(662) != 660  # the session after the newest does not come
    later = History("Coffee", history.dates[kept], history.closes[kept])
    load(graph, later)
    forecast_and_score(graph)
    require_outcomes(graph, [later])
    require_scores(graph, later)
    cutoff, start = history.dates[659].item(), history.dates[661].item()
    for table in (everything(graph)[place] for place in (0, 2, 3, 4)):
        mine = table[table.data_cutoff_date == pd.Timestamp(cutoff)]
        assert set(mine.forecast_start_date) == {pd.Timestamp(start)}


def test_a_forecast_drawn_again_is_scored_again(graph: Graph, make_graph: MakeGraph) -> None:
    history = history_of("Coffee", 660)
    other = make_graph(history, models=list(MODELS), paths=PATHS + 1)
    forecast_and_score(other)
    require_scores(other, history)
    require_outcomes(other, [history])


def test_another_version_is_never_touched(graph: Graph) -> None:
    before, config = everything(graph), {"model_version": "other"}
    more = history_of("Coffee", 670)
    load(graph, more)
    train_forecast_and_score(graph, **config)
    for old, new in zip(before, everything(graph), strict=True):
        pd.testing.assert_frame_equal(old, new)
    require_outcomes(graph, [history_of("Coffee", 660)])
    require_outcomes(graph, [more], "other")
    require_scores(graph, more, "other")
    assert graph.store.scores.versions() == [("Coffee", "other"), ("Coffee", "v1.0")]


def test_an_old_cadence_is_scored_in_the_windows_of_the_new(
    graph: Graph, make_graph: MakeGraph
) -> None:
    for table in ("forecast.scores", "forecast.path_scores"):
        keep(graph.store, table, lambda row: False)
    cadence = {"cadence": "monthly", "start": date(2020, 1, 1)}
    history = history_of("Coffee", 660)
    monthly = make_graph(history, models=list(MODELS), paths=PATHS, training=cadence)
    scored = materializations(monthly.run("score", "Coffee|2020-04-01", "Coffee|2020-07-01"))
    assert {key: value(each, "forecasts_scored") for key, each in scored.items()} == {
        "Coffee|2020-04-01": 2 * 22,
        "Coffee|2020-05-01": 2 * 21,
        "Coffee|2020-06-01": 2 * 22,
        "Coffee|2020-07-01": 2 * 8,
    }
    require_scores(monthly, history)


def test_the_skill_is_that_of_pandas_and_points_have_the_same_actuals(graph: Graph) -> None:
    keys = ["model_name", "data_cutoff_date", "horizon"]
    paths = everything(graph)[4]
    naive = paths[paths.model_name == "naive"].set_index(["data_cutoff_date", "horizon"]).crps
    mine = paths.join(naive.rename("naive_crps"), on=["data_cutoff_date", "horizon"])
    mine = mine.assign(skill=1 - mine.crps / mine.naive_crps).sort_values(keys)
    skill = framed(graph.store, "forecast.skill").sort_values(keys)
    pd.testing.assert_frame_equal(
        skill.reset_index(drop=True), mine[list(skill.columns)].reset_index(drop=True)
    )
    assert (skill[skill.model_name == "naive"].skill == 0).all()
    assert skill[skill.model_name == "random_walk"].skill.abs().min() > 0
    keys = ["commodity", "model_name", "model_version", "data_cutoff_date", "day_ahead"]
    points = framed(graph.store, "forecast.point_forecasts").set_index(keys)
    scores = everything(graph)[3].set_index(keys)
    known = points[points.actual.notna()]
    assert len(points) == 14 * 2 * 74
    assert known.index.sort_values().equals(scores.index.sort_values())
    both = known.join(
        scores[["actual", "absolute_error"]].rename(columns={"actual": "actual_scored"})
    )
    assert both.actual.to_numpy() == pytest.approx(both.actual_scored.to_numpy(), rel=1e-7)
    errors = (both["median"] - both.actual_scored).abs()
    assert errors.to_numpy() == pytest.approx(both.absolute_error.to_numpy(), rel=1e-9)


def test_scores_from_some_cutoffs_are_read_as_all_are(graph: Graph) -> None:
    whole = graph.store.scores.scored("Coffee", "v1.0")
    span = date(2020, 5, 5), date(2020, 7, 10)
    some = graph.store.scores.scored("Coffee", "v1.0", span)
    assert some == [x for x in whole if span[0] <= x.data_cutoff_date <= span[1]]
    assert {x.model_name for x in some} == set(MODELS)


def test_what_is_due_is_what_runs_would_write(graph: Graph) -> None:
    windows = graph.settings.windows.of("Coffee")[1:3]

    def due() -> tuple[list[str], list[str]]:
        book = ledger(graph)
        scored = graph.store.scores.scored("Coffee", "v1.0")
        lacking = [
            window
            for window in windows
            if missing_forecasts(graph.settings, window, book, recompute=False)
        ] or windows_to_correct(graph.settings, windows, book)
        unscored = windows_without_scores(
            graph.settings, windows, book.history, book.issued, scored
        )
        return [each.key for each in lacking], [each.key for each in unscored]

    history, second, third = history_of("Coffee", 660), "Coffee" + SECOND, "Coffee" + THIRD
    assert due() == ([], [])
    closes = history.closes.copy()
    closes[600] *= 1.1
    load(graph, History("Coffee", history.dates, closes))
    assert due() == ([third], [second])  # news alone is for the last window
    forecast_and_score(graph)
    assert due() == ([], [])
    load(graph, History("Coffee", history_of("Coffee", 661).dates, np.r_[closes, 50.0]))
    assert due() == ([third], [second, third])
    forecast_and_score(graph)
    gone = date(2020, 5, 5)
    keep(graph.store, "forecast.forecasts", lambda row: row["data_cutoff_date"] != gone)
    book, scored = ledger(graph), graph.store.scores.scored("Coffee", "v1.0")
    ((key,),) = [
        [each.key for each in found]
        for found in [
            windows_without_scores(graph.settings, windows, book.history, book.issued, scored)
        ]
    ]
    assert key == third  # deleting is for the last window
    graph.run("score", third)
    assert len(graph.store.scores.scored("Coffee", "v1.0")) == len(scored) - 2


def test_what_happened_is_told_where_every_model_declined_the_newest_window(
    graph: Graph,
) -> None:
    newest = graph.settings.windows.of("Coffee")[2:3]

    def told() -> int:
        came = rows(graph.store, "forecast.distributions", "day_1", where=[("path_id", "=", 0)])
        return came.count((77.0,))

    days = history_of("Coffee", 661).dates
    load(graph, History("Coffee", days, np.r_[history_of("Coffee", 660).closes, 77.0]))
    at = datetime(2024, 1, 1)  # noqa: DTZ001 - the tables keep UTC without a zone
    written = Written("Coffee", "v1.0", date.fromisoformat(THIRD[1:]), at, "a run")
    declined = [ModelFailure(name, "declines", declined=True) for name in MODELS]
    graph.store.models.append(written, [], declined)
    assert told() == 0
    assert windows_to_correct(graph.settings, newest, ledger(graph))
    graph.run("forecast", "Coffee" + THIRD)
    assert told() == len(MODELS)
    assert windows_to_correct(graph.settings, newest, ledger(graph)) == []


def test_paths_of_a_forecast_that_is_not_whole_are_not_read(graph: Graph) -> None:
    paths, days = graph.store.paths, [date(2020, 5, 4), date(2020, 5, 5)]
    drawn = paths.drawn("Coffee", "naive", "v1.0", days)
    stored = paths.read("Coffee", [date(2020, 4, 1)]).to_pandas().query("path_id > 0")
    for row, day in enumerate(days):
        mine = stored[(stored.model_name == "naive") & (stored.data_cutoff_date == day)]
        columns = [f"day_{k}" for k in range(1, 15)]
        assert np.array_equal(drawn[row], mine.sort_values("path_id")[columns])
    with pytest.raises(StoreError, match="are not whole"):
        paths.drawn("Coffee", "naive", "v1.0", [*days, date(2020, 5, 9)])
    with pytest.raises(StoreError, match="are not whole"):
        paths.drawn("Coffee", "naive", "v2.0", days)
    keep(
        graph.store,
        "forecast.distributions",
        lambda row: (row["path_id"], row["data_cutoff_date"]) != (7, days[1]),
    )
    with pytest.raises(StoreError, match="are not whole"):
        paths.drawn("Coffee", "naive", "v1.0", days)


SCORER = textwrap.dedent("""
    import sys
    from datetime import date
    from pathlib import Path

    from forecast_assets.configuration.settings import Settings
    from forecast_assets.defs.partitions import Partitions
    from forecast_assets.evaluation.assessment import assess_window
    from forecast_assets.forecast.records import Written
    from forecast_assets.store.opening import open_store
    from forecast_assets_tests.records import AT

    settings = Settings.load(Path(sys.argv[1]))
    store, window = open_store(settings), Partitions(settings).window("Coffee", "2020-04-01")
    history, issued = store.prices.history("Coffee"), store.paths.issued("Coffee", "v1.0")
    found = assess_window(window, history, issued, [], horizon=14,
        read=lambda name, days: store.paths.drawn("Coffee", name, "v1.0", days))
    for number in range(100_000):
        written = Written("Coffee", "v1.0", date(2020, 4, 1), AT, str(number))
        print("begins", flush=True)
        store.scores.replace(written, found.models, found.gone)
        print("ended", flush=True)
""")


@pytest.mark.parametrize("share", [0.2, 0.7])
def test_a_scorer_killed_at_any_moment_leaves_whole_tables(graph: Graph, share: float) -> None:
    before = everything(graph)
    with writing(SCORER, str(graph.settings.folder / "forecast.yaml")) as scorer:
        wait_for_part(scorer, share)
    stamps, runs = ["scored_at", "created_by"], set()
    for old, new in zip(before[3:], everything(graph)[3:], strict=True):
        runs |= set(new[new.training_date == pd.Timestamp("2020-04-01")].created_by)
        keys = ["model_name", "data_cutoff_date", "forecast_start_date"]
        keys += ["day_ahead" if "day_ahead" in new else "horizon"]
        ours, theirs = (
            table.drop(columns=stamps).sort_values(keys, ignore_index=True) for table in (old, new)
        )
        pd.testing.assert_frame_equal(ours, theirs)
    assert len(runs) == 1
    assert runs.pop().isdecimal()
