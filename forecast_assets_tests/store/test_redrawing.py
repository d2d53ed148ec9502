"""Forecasts that are drawn again: those of now and superseded ones, the same to the last bit."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecast_assets.models.naive import FittedNaive
from forecast_assets.record.verification import verify
from forecast_assets.store.issued import all_issued
from forecast_assets.store.redrawing import Redrawing, Redrawn
from forecast_assets.store.saved_models import ModelStore
from forecast_assets.timeline.history import History
from forecast_assets_tests.commands import forecast
from forecast_assets_tests.graphs import Graph, MakeGraph, Run, load
from forecast_assets_tests.histories import (
    make_history,
    with_features,
    write_covariate,
    write_prices,
)
from forecast_assets_tests.rows import change, keep

COFFEE = with_features(make_history(526), ("rain",))
NEWEST = COFFEE.newest
WINDOW = "Coffee|2020-01-01"
DRAWN = [Run("load_prices", "Coffee"), Run("train", WINDOW), Run("forecast", WINDOW)]
SARIMAX = {"sarimax": {"features": "weather", "p": 1, "q": 0}}
MODELS = ["naive", SARIMAX, {"ensemble": {"members": ["naive", SARIMAX]}}]
Said = dict[tuple[str, date, int], bytes]
"""The bytes of paths by model, cutoff and revision."""


def paths_of(graph: Graph) -> Said:
    """Those that the table has now."""
    with graph.store.reading() as tables:
        issued = [x for x in all_issued(tables, "Coffee") if x.superseded_at is None]
    read = graph.store.paths.drawn
    return {
        (x.model_name, x.cutoff, x.revision): read(
            "Coffee", x.model_name, x.model_version, [x.cutoff]
        ).tobytes()
        for x in issued
    }


def redrawn(graph: Graph, commodity: str = "Coffee") -> list[Redrawn]:
    store, settings = graph.store, graph.settings
    with store.reading() as tables:
        drawing = Redrawing.over(
            ModelStore.over(store, settings), tables, commodity, settings.horizon
        )
        return list(drawing.of(all_issued(tables, commodity)))


def bytes_of(found: list[Redrawn]) -> Said:
    return {
        (x.issued.model_name, x.issued.cutoff, x.issued.revision): x.paths.tobytes()
        for x in found
        if x.paths is not None
    }


def become(graph: Graph, history: History, *jobs: str) -> Said:
    """Have sources say this, and do some jobs; the paths afterwards."""
    folder = graph.settings.folder
    write_prices(folder / "prices" / "Coffee.csv", history)
    write_covariate(folder / "covariates" / "rain.csv", history, "rain")
    load(graph)
    for job in jobs:
        graph.run(job, WINDOW)
    return paths_of(graph)


def corrected(history: History, place: int, close: float = 1.0, rain: float = 1.0) -> History:
    closes, values = history.closes.copy(), history.features.copy()
    closes[place] *= close
    values[place] *= rain
    return replace(history, closes=closes, features=values)


@pytest.fixture
def story(make_graph: MakeGraph, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Graph:
    monkeypatch.setenv("FORECAST_CONFIG", str(tmp_path / "forecast.yaml"))
    return make_graph(
        COFFEE,
        after=DRAWN,
        models=MODELS,
        horizon=3,
        paths=40,
        feature_sets={"weather": ["rain"]},
    )


def without(history: History, place: int) -> History:
    kept = np.delete(np.arange(len(history)), place)
    return History(
        history.commodity,
        history.dates[kept],
        history.closes[kept],
        history.features[kept],
        history.feature_names,
    )


def test_whatever_was_issued_is_drawn_again_to_the_last_bit(story: Graph) -> None:
    said = paths_of(story)
    last = corrected(COFFEE, -1, 0.9)
    said |= become(story, last, "forecast")
    wet = corrected(last, -3, rain=1.5)
    said |= become(story, wet, "forecast")
    old = corrected(wet, 100, 1.02)
    said |= become(story, old, "train", "forecast")
    said |= become(story, without(old, len(old) - 3), "forecast")
    found = redrawn(story)
    assert [x.problem for x in found] == [""] * len(found)
    assert bytes_of(found) == said
    reasons = {x.issued.reason for x in found}
    assert reasons == {
        "",
        "revised history",
        "retrained model",
        "retrained model, revised history",
        "session withdrawn",
        "moved start",
    }
    story.store.names.rename("Coffee", "Arabica", {})
    assert [x.problem for x in redrawn(story, "Arabica")] == [""] * len(found)


Damage = Callable[[Graph], None]


def nudged(graph: Graph) -> None:
    change(
        graph.store,
        "forecast.distributions",
        lambda row: (
            {"day_2": row["day_2"] + 0.5}
            if (row["model_name"], row["path_id"], row["data_cutoff_date"]) == ("naive", 7, NEWEST)
            else {}
        ),
    )


def lost(graph: Graph) -> None:
    keep(
        graph.store,
        "forecast.distributions",
        lambda row: (
            (row["model_name"], row["path_id"], row["data_cutoff_date"]) != ("naive", 7, NEWEST)
        ),
    )


def forgotten(graph: Graph) -> None:
    keep(graph.store, "forecast.trained_models", lambda row: row["model_name"] != "naive")


def rewritten(graph: Graph) -> None:
    change(
        graph.store,
        "market.price_revisions",
        lambda row: {"close": row["close"] * 1.1} if row["date"] == NEWEST else {},
    )


def unknown(graph: Graph) -> None:
    keep(graph.store, "market.price_revisions", lambda row: row["date"] != NEWEST)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (nudged, "1 of 120 prices of its paths are not those that are drawn again, by up to 0.5"),
        (lost, "39 paths are stored where 1 to 40 are due"),
        (forgotten, "commodity.forecast.trained_models has no row of Coffee_naive_2020-01-01_v1.0"),
        (rewritten, "120 of 120 prices of its paths"),
        (unknown, "it cannot be drawn from what there is now: .*later than the newest close"),
    ],
)
def test_what_cannot_be_drawn_again_or_is_another_is_said(
    story: Graph, damage: Damage, words: str
) -> None:
    damage(story)
    found = {(x.issued.model_name, x.issued.cutoff): x.problem for x in redrawn(story)}
    assert re.search(words, found["naive", NEWEST])
    others = {key for key, problem in found.items() if problem} - {("naive", NEWEST)}
    if damage in (nudged, lost):
        assert not others
    assert not any(found[name, COFFEE.dates[-2].item()] for name in ("sarimax", "ensemble"))


def test_an_error_of_any_class_is_that_of_one_model(
    story: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FittedNaive, "draw", lambda *_, **__: 1 + "odd")  # type: ignore[operator]
    found = [(x.issued.model_name, x.issued.cutoff, x.problem) for x in redrawn(story)]
    broken = "it cannot be drawn from what there is now: TypeError: unsupported operand"
    assert all(problem.startswith(broken) for name, _, problem in found if name == "naive")
    assert not [problem for name, _, problem in found if name == "sarimax" and problem]


def test_what_is_damaged_is_put_back_in_the_tick_that_its_model_has(
    make_graph: MakeGraph, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FORECAST_CONFIG", str(tmp_path / "forecast.yaml"))
    source = {"type": "file", "path": "prices/Coffee.csv"}
    coffee = {"unit": "USc/lb", "source": source, "tick": 0.5}
    keys: dict[str, Any] = {"models": ["naive", "ensemble"], "horizon": 3, "paths": 40}
    graph = make_graph(COFFEE.select(()), after=DRAWN, commodities={"Coffee": coffee}, **keys)
    said = paths_of(graph)
    assert all((np.frombuffer(each, np.float32) % 0.5 == 0).all() for each in said.values())
    assert [x.problem for x in redrawn(graph)] == [""] * len(said)
    other = make_graph(COFFEE.select(()), commodities={"Coffee": coffee | {"tick": 0.25}}, **keys)
    for damage in (lost, nudged):
        damage(graph)
        assert sum(bool(x.problem) for x in redrawn(other)) == 1
        done = forecast("redraw", "Coffee", "--restore")
        assert done.exit_code == 0, done.output
        assert paths_of(other) == said
        assert verify(other.settings, other.store, redraw=None).damages == []


def test_the_command_says_it_of_each_and_writes_the_paths(story: Graph, tmp_path: Path) -> None:
    said = paths_of(story)
    said |= become(story, corrected(COFFEE, -1, 0.9), "forecast")
    whole = ("redraw", "Coffee", "--cutoff", str(NEWEST))
    done = forecast(*whole, "--model", "naive", "--to", str(tmp_path / "paths.parquet"))
    assert done.exit_code == 0, done.output
    before, now = done.stdout.strip().splitlines()
    assert f"naive v1.0 from {NEWEST} ({COFFEE.closes[-1]:.10g} USc/lb), revision 1" in before
    assert "(revised history): drawn again, the same numbers to the last bit" in before
    assert now.endswith("UTC: drawn again, the same paths to the last bit")
    written = pd.read_parquet(tmp_path / "paths.parquet")
    for revision, rows in written.groupby("revision"):
        drawn = rows.sort_values("path_id").filter(regex="^day_").to_numpy(np.float32)
        assert drawn.tobytes() == said["naive", NEWEST, revision]
    answers = json.loads(forecast(*whole, "--revision", "1", "--json").stdout)
    assert [(x["model_name"], x["same"]) for x in answers] == [
        (name, True) for name in ("ensemble", "naive", "sarimax")
    ]
    nudged(story)
    broken = forecast(*whole)
    assert broken.exit_code == 1
    assert "1 of 6 are not what was issued" in broken.output
    none = forecast(*whole, "--revision", "9")
    assert "nothing like that was issued" in none.output
    other = forecast(*whole, "--to", "paths.xlsx")
    assert "found '.xlsx', allowed: .parquet, .csv" in other.output
