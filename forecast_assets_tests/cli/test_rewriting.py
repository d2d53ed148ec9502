"""``forecast run --rewrite``: a version gets another meaning by a user's decision only."""

from pathlib import Path
from typing import Any

import pytest

from forecast_assets_tests.beginnings import Beginnings
from forecast_assets_tests.caretaker import Caretaker, caretaker, drawn
from forecast_assets_tests.commands import forecast
from forecast_assets_tests.histories import make_history
from forecast_assets_tests.rows import rows

ALL = ["naive", {"random_walk": {"lookback": 60}}, "ensemble"]


@pytest.fixture
def keeper(beginnings: Beginnings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Caretaker:
    """A home with forecasts of two models and of their pool, where the console script looks."""
    monkeypatch.setenv("FORECAST_CONFIG", str(tmp_path / "forecast.yaml"))
    return drawn(beginnings, tmp_path, {"coffee.csv": [make_history(570)]}, models=ALL)


def edited(keeper: Caretaker, **keys: Any) -> None:
    caretaker(keeper.settings.folder, **({"models": ALL} | keys))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--rewrite", " "], "reason: found ' ', allowed: one line of 1 to 200 characters"),
        (["--rewrite", "a\nb"], "reason: found 'a\\nb', allowed: one line"),
        (["--rewrite", "--recompute"], "reason: found '--recompute', allowed: one line"),
        (["--rewrite", "why", "--commodity", "Coffee"], "--rewrite: allowed: without --commodity"),
        (["--rewrite", "why", "--from", "2020-01-01"], "--rewrite: allowed: without --commodity"),
    ],
)
def test_a_rewrite_of_a_part_or_without_a_reason_is_refused(
    keeper: Caretaker, arguments: list[str], says: str
) -> None:
    edited(keeper, paths=30)
    result = forecast("run", *arguments)
    assert result.exit_code == 1
    assert says in result.output
    assert len(keeper.store.pins.find("v1.0")) == 1


def test_a_rewrite_where_nothing_differs_says_so_and_does_nothing(keeper: Caretaker) -> None:
    before = keeper.store.token()
    result = forecast("run", "--rewrite", "why")
    assert result.exit_code == 0
    assert "note: model_version v1.0: nothing differs from what it was trained" in result.output
    assert keeper.store.token() == before


def test_status_tells_what_differs_and_a_rewrite_draws_it_again(keeper: Caretaker) -> None:
    count = len(rows(keeper.store, "forecast.forecasts", "n_paths"))
    edited(keeper, paths=30)
    said = forecast("status").output
    assert "note: model_version v1.0: paths: was 20, is 30" in said
    assert f"{count} past forecasts would be drawn again" in said
    result = forecast("run", "--rewrite", "finer tails")
    assert result.exit_code == 0, result.output
    assert "paths: was" not in result.output
    assert set(rows(keeper.store, "forecast.forecasts", "n_paths")) == {(30,)}
    replaced = rows(keeper.store, "forecast.superseded_forecasts", "n_paths", "reason")
    assert replaced == [(20, "rewrite, other number of paths")] * count
    first, second = keeper.store.pins.find("v1.0")
    assert (first.meaning.paths, second.meaning.paths) == (20, 30)
    assert (second.kind, second.reason) == ("rewrite", "finer tails")
    assert "model_version v1.0:" not in forecast("status").output
