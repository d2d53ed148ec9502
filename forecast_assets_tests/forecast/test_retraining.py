"""Training in mid-window, under a version of its own; and a cadence that changes and comes back."""

from collections import Counter
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from dagster import ExecuteInProcessResult
from typer.testing import CliRunner

from forecast_assets.cli import app
from forecast_assets.configuration.settings import Settings
from forecast_assets.errors import ConfigurationError
from forecast_assets.timeline.window import Window
from forecast_assets_tests.beginnings import Beginnings
from forecast_assets_tests.caretaker import Caretaker, settled
from forecast_assets_tests.graphs import Graph
from forecast_assets_tests.histories import make_history

COFFEE = make_history(600)
"""To 2020-04-17."""

KEY, DAY = "Coffee|2020-01-01", date(2020, 2, 12)
WINDOW = Window("Coffee", date(2020, 1, 1), date(2020, 4, 1), (date(2019, 10, 1),))


@pytest.fixture
def keeper(tmp_path: Path, beginnings: Beginnings) -> Caretaker:
    return settled(beginnings, tmp_path, {"coffee.csv": [COFFEE]})


def test_the_rest_of_a_window_is_of_the_same_partition_and_begins_anew() -> None:
    rest = WINDOW.retrained(DAY)
    assert (rest.key, rest.training_date, rest.end, rest.chain) == (KEY, DAY, WINDOW.end, (DAY,))
    assert [origin.start for origin in rest.origins(COFFEE, "from_data")] == [
        origin.start for origin in WINDOW.origins(COFFEE, "from_data") if origin.start >= DAY
    ]


@pytest.mark.parametrize("day", [date(2020, 1, 1), date(2019, 12, 31), date(2020, 4, 1)])
def test_a_day_that_is_not_inside_a_window_is_told(day: date) -> None:
    with pytest.raises(ConfigurationError, match=f"found {day}, allowed: a day after 2020-01-01"):
        WINDOW.retrained(day)


def run(keeper: Caretaker, job: str, **config: Any) -> ExecuteInProcessResult:
    graph = Graph(keeper.settings, keeper.instance)
    return graph.run(job, KEY, config=config, raise_on_error=False)


def test_a_retrained_version_knows_more_and_leaves_the_other_alone(keeper: Caretaker) -> None:
    before = keeper.store.paths.issued("Coffee", "v1.0")
    models = keeper.store.models.find("Coffee", model_version="v1.0")
    mid = {"model_version": "retrained_february", "training_date": DAY.isoformat()}
    assert run(keeper, "train", **mid).success
    assert run(keeper, "forecast", **mid).success
    assert run(keeper, "score", model_version="retrained_february").success
    trained = keeper.store.models.find("Coffee", model_version="retrained_february")
    known = COFFEE.known_before(DAY)
    assert [(x.training_date, x.training_end_date, x.training_samples) for x in trained] == [
        (DAY, known.newest, len(known))
    ] * 2
    assert trained[0].model_id == f"Coffee_naive_{DAY}_retrained_february"
    issued = keeper.store.paths.issued("Coffee", "retrained_february")
    due = [origin.cutoff for origin in WINDOW.retrained(DAY).origins(COFFEE, "from_data")]
    assert Counter(x.data_cutoff_date for x in issued) == Counter(dict.fromkeys(due, 2))
    assert min(x.forecast_start_date for x in issued) == DAY
    assert len(keeper.store.scores.scored("Coffee", "retrained_february")) == len(issued)
    assert keeper.store.paths.issued("Coffee", "v1.0") == before
    assert keeper.store.models.find("Coffee", model_version="v1.0") == models
    assert run(keeper, "train", **mid).success
    assert keeper.store.models.find("Coffee", model_version="retrained_february") == trained


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"training_date": "2020-02-12"}, "under the configuration's version 'v1.0'"),
        ({"training_date": "12.2.2020", "model_version": "m"}, "a day written YYYY-MM-DD"),
        ({"training_date": "2020-04-01", "model_version": "m"}, "inside the window Coffee|2020-01"),
    ],
)
def test_a_run_that_cannot_be_meant_is_refused(
    keeper: Caretaker, config: dict[str, str], said: str
) -> None:
    for job in ("train", "forecast"):
        result = run(keeper, job, **config)
        assert not result.success
        errors = [str(event.event_specific_data) for event in result.get_step_failure_events()]
        assert any(said in text for text in errors), errors
    assert keeper.store.models.find("Coffee", model_version="m") == []


def test_a_terminal_retrains_too(keeper: Caretaker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORECAST_CONFIG", str(keeper.settings.folder / "forecast.yaml"))
    before = keeper.store.paths.issued("Coffee", "v1.0")
    refused = CliRunner().invoke(app, ["run", "--train-on", "2020-02-12"])
    assert refused.exit_code == 1
    assert "--train-on 2020-02-12 needs a --model-version of its own" in refused.output
    for day in ("2020-01-01", "2019-06-03", "2099-01-05"):
        refused = CliRunner().invoke(app, ["run", "--train-on", day, "--model-version", "mid"])
        assert refused.exit_code == 1
        assert f"--train-on {day}: allowed: a day inside a window" in refused.output
    done = CliRunner().invoke(app, ["run", "--train-on", "2020-02-12", "--model-version", "mid"])
    assert done.exit_code == 0, done.output
    issued = keeper.store.paths.issued("Coffee", "mid")
    assert {x.training_date for x in issued} == {DAY}
    assert len(issued) == 2 * len(WINDOW.retrained(DAY).origins(COFFEE, "from_data"))
    assert keeper.store.scores.scored("Coffee", "mid")
    assert keeper.store.paths.issued("Coffee", "v1.0") == before


def with_cadence(keeper: Caretaker, cadence: str) -> Caretaker:
    training = keeper.settings.training.model_copy(update={"cadence": cadence})
    settings = keeper.settings.model_copy(update={"training": training})
    assert isinstance(settings, Settings)
    return replace(keeper, settings=settings, cursors={})


def test_a_cadence_that_changes_trains_its_windows_and_keeps_every_row(keeper: Caretaker) -> None:
    issued = keeper.store.paths.issued("Coffee", "v1.0")
    models = keeper.store.models.find("Coffee", model_version="v1.0")
    monthly = with_cadence(keeper, "monthly")
    monthly.settle()
    held = monthly.store.models.find("Coffee", model_version="v1.0")
    assert {x.training_date for x in held} == {date(2020, month, 1) for month in (1, 2, 3, 4)}
    assert [x for x in held if x in models] == models
    assert monthly.store.paths.issued("Coffee", "v1.0") == issued
    monthly.drop("more.csv", make_history(625))  # to 2020-05-22
    monthly.settle()
    later = monthly.store.paths.issued("Coffee", "v1.0")
    assert {(x.data_cutoff_date, x.model_name): x.training_date for x in later} == {
        (origin.cutoff, model): date(2020, month, 1)
        for month, first, last in (
            (1, "2019-12-31", "2020-03-31"),
            (4, "2020-03-31", "2020-04-30"),
            (5, "2020-04-30", "2020-06-01"),
        )
        for window in monthly.settings.windows.of("Coffee")
        for origin in window.origins(make_history(625), "from_data")
        if date.fromisoformat(first) <= origin.cutoff < date.fromisoformat(last)
        for model in ("naive", "random_walk")
    }
    back = with_cadence(keeper, "quarterly")
    assert back.settle() == []
    assert back.store.paths.issued("Coffee", "v1.0") == later
