"""A window that is drawn while the one before is stored, and scored while its paths are at hand."""

from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from forecast_assets.defs.assets import distributions
from forecast_assets.defs.assets.distributions import Drawing
from forecast_assets.evaluation.drawn_scores import DrawnScores
from forecast_assets_tests.chaos.likeness import Likeness, likeness_of
from forecast_assets_tests.graphs import Graph, MakeGraph, catch_up, load
from forecast_assets_tests.histories import make_history

FIRST, LAST = "Coffee|2020-01-01", "Coffee|2020-10-01"
WINDOWS = 4
HISTORY = make_history(725)
"""To 2020-10-09: the last window has begun, and few of its outcomes are known."""


def backfilled(graph: Graph) -> Likeness:
    """Do the whole backfill in one run; what the tables hold then."""
    load(graph)
    catch_up(graph, ["trained_models", "distributions", "scores"], FIRST, LAST)
    return likeness_of(graph.settings)


def test_the_tables_are_as_if_one_was_done_after_the_other(
    make_graph: MakeGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = {"cadence": "quarterly", "start": "2020-01-01", "min_observations": 250}
    models = ["naive", "garch", "ensemble"]
    graph = make_graph(HISTORY, models=models, training=training, paths=40)
    begun: list[str] = []
    read_back: list[str] = []
    whole: list[bool] = []
    ahead, table = Drawing.ahead, type(graph.store.paths)
    issued = table.issued
    drawn: Callable[..., NDArray[np.float32]] = table.drawn

    def noted(drawing: Drawing, value: Any, key: str) -> Any:
        begun.append(key)
        return ahead(drawing, value, key)

    def counted(paths: Any, name: str, model: str, version: str, days: list[date]) -> Any:
        read_back.append(model)
        return drawn(paths, name, model, version, days)

    def looked(paths: Any, name: str, version: str, cutoffs: Any = None) -> Any:
        whole.append(cutoffs is None)
        return issued(paths, name, version, cutoffs)

    monkeypatch.setattr(Drawing, "ahead", noted)
    monkeypatch.setattr(table, "drawn", counted)
    with monkeypatch.context() as patch:
        patch.setattr(table, "issued", looked)
        together = backfilled(graph)
    assert len(begun) == WINDOWS - 1
    assert read_back == []
    assert whole.count(False) == 2 * (WINDOWS - 1)  # all but the first read what is their own
    graph.settings.database_path.unlink()
    monkeypatch.setattr(Drawing, "ahead", lambda drawing, value, key: None)
    monkeypatch.setattr(DrawnScores, "take", lambda scores, *given: None)
    apart = backfilled(graph)
    assert len(read_back) == WINDOWS * len(models)
    assert together == apart
    assert together["forecast.scores"][0] > 0


def test_a_window_waits_if_the_one_before_changes_forecasts_of_others(
    make_graph: MakeGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = {"cadence": "quarterly", "start": "2020-01-01", "min_observations": 250}
    graph = make_graph(HISTORY, models=["naive"], training=training, paths=40)
    backfilled(graph)
    found: list[bool] = []
    ahead = Drawing.ahead

    def noted(drawing: Drawing, value: Any, key: str) -> Any:
        found.append(ahead(drawing, value, key) is not None)
        return None

    monkeypatch.setattr(Drawing, "ahead", noted)
    longer = make_history(727)
    make_graph(longer, models=["naive"], training=training, paths=40)
    backfilled(graph)
    assert found == [False, True, True]  # the first window tells the outcomes that are known now


def test_what_goes_wrong_in_early_scores_keeps_no_forecast_from_being_stored(
    make_graph: MakeGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = {"cadence": "quarterly", "start": "2020-01-01", "min_observations": 250}
    graph = make_graph(HISTORY, models=["naive"], training=training, paths=40)

    def break_down(*given: Any, **more: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(distributions, "score", break_down)
    held = backfilled(graph)
    assert held["forecast.forecasts"][0] > 0
    assert held["forecast.scores"][0] > 0  # by the paths in the tables
