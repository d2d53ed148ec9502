"""``forecast published``: what was said on a day stays said, and what became of it is told."""

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from forecast_assets.cli.published import answers_of
from forecast_assets.store.reader import Reader
from forecast_assets.timeline.clock import now
from forecast_assets.timeline.history import History
from forecast_assets_tests.caretaker import Caretaker, caretaker
from forecast_assets_tests.commands import forecast
from forecast_assets_tests.histories import make_history
from forecast_assets_tests.rows import framed, rows

COFFEE = make_history(526)
REVISED = COFFEE.closes[-1] * 1.05


@pytest.fixture
def keeper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Caretaker:
    monkeypatch.setenv("FORECAST_CONFIG", str(tmp_path / "forecast.yaml"))
    made = caretaker(tmp_path, "Coffee", models=["naive"], paths=50, horizon=14)
    made.drop("coffee.csv", COFFEE)
    assert all(success for _, success in made.settle())
    return made


def revise(keeper: Caretaker) -> datetime:
    """Have the newest close revised, and the forecast from it drawn again; the moment before."""
    before = now()
    keeper.drop("more.csv", History("Coffee", COFFEE.dates[-1:], COFFEE.closes[-1:] * 1.05))
    assert all(success for _, success in keeper.settle())
    return before


def test_the_numbers_are_those_of_the_paths_and_a_revision_changes_nothing_of_what_was_said(
    keeper: Caretaker,
) -> None:
    reader = Reader(keeper.settings.database_path)
    (said,) = answers_of(reader, "Coffee", now())
    (paths,) = reader.newest_published("Coffee")
    for outlook in said["outlooks"]:
        drawn = paths.prices[0, :, outlook["day_ahead"] - 1]
        assert outlook["median"] == pytest.approx(float(sorted(drawn)[24] + sorted(drawn)[25]) / 2)
    assert [each["day_ahead"] for each in said["outlooks"]] == [7, 14]
    assert said["cutoff_close"] == COFFEE.closes[-1]
    assert said["since"] == []
    (held,) = [x for x in keeper.store.paths.issued("Coffee", "v1.0")
               if x.data_cutoff_date == COFFEE.newest]  # fmt: skip
    stale = ("naive", "v1.0", held.data_cutoff_date, held.generation_timestamp)
    (doubted,) = answers_of(reader, "Coffee", now(), [stale])
    assert doubted["since"] == ["a covariate that it knows was revised"]
    log = rows(keeper.store, "forecast.publication_log")
    before = revise(keeper)
    (then,) = answers_of(reader, "Coffee", before)
    (today,) = answers_of(reader, "Coffee", now())
    assert then == said | {"since": then["since"]}
    (fate,) = then["since"]
    assert fate.startswith("superseded ")
    assert fate.endswith("revised history")
    assert (today["cutoff_close"], today["since"]) == (REVISED, [])
    assert set(log) < set(rows(keeper.store, "forecast.publication_log"))


def test_a_model_that_is_published_no_more_is_told_with_the_one_that_is(
    keeper: Caretaker,
) -> None:
    before = now()
    rule = {"rule": "fixed", "models": ["random_walk"]}
    folder = keeper.settings.folder
    other = caretaker(folder, "Coffee", models=["naive", "random_walk"], paths=50, horizon=14,
                      publish=rule)  # fmt: skip
    assert all(success for _, success in other.settle())
    (then,) = answers_of(Reader(keeper.settings.database_path), "Coffee", before)
    assert then["model_name"] == "naive"
    assert then["since"] == ["withdrawn, and random_walk v1.0 is published"]


def test_the_command_answers_in_a_line_and_in_json(keeper: Caretaker) -> None:
    (answer,) = json.loads(forecast("published", "Coffee", "--json").stdout)
    assert answer["data_cutoff_date"] == str(COFFEE.newest)
    today = datetime.fromisoformat(answer["published_at"]).date()
    line = forecast("published", "Coffee", "--on", str(today)).stdout
    assert f"naive v1.0 from the close of {COFFEE.newest}" in line
    assert "Since then: it stands." in line
    assert len(line.splitlines()) == 1
    none = forecast("published", "Coffee", "--on", str(today - timedelta(days=1)))
    assert none.exit_code == 1
    assert "nothing was published by" in none.output
    outlooks = framed(keeper.store, "forecast.published_outlooks")
    assert len(outlooks) == 2 * len(rows(keeper.store, "forecast.publication_log", "entry"))
