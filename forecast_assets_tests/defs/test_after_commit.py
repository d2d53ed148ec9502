"""Whatever is shown of committed work may fail, and the step that has committed succeeds."""

import inspect
import logging
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
from dagster import MarkdownMetadataValue, MetadataValue, TableMetadataValue

from forecast_assets.automation.listener import Collector
from forecast_assets.automation.results import NotShown
from forecast_assets.defs import metadata, past, record, verdicts
from forecast_assets.defs.after_commit import LONGEST_TEXT, NOT_SHOWN, AfterCommit, accepted
from forecast_assets.defs.assets import published_distributions
from forecast_assets.defs.assets.leaderboard import ranked
from forecast_assets.defs.assets.published_distributions import published
from forecast_assets.defs.descriptions import PriceDescription, TrainingDescription
from forecast_assets.errors import Interrupted, StoreLocked
from forecast_assets.models.naive import Naive
from forecast_assets.report import plots
from forecast_assets.store.sql.leaderboard_table import DuckDBLeaderboardTable
from forecast_assets_tests.caretaker import Caretaker, caretaker
from forecast_assets_tests.events import materializations, value
from forecast_assets_tests.graphs import MakeGraph, Run
from forecast_assets_tests.histories import make_history
from forecast_assets_tests.rows import rows

LOG = logging.getLogger(__name__)

OTHERS = {"failures_in", "last_materialization", "other_code", "record_spec", "record_check"}
OTHERS |= {"of_wrong"}  # it has the boundary within itself; what it calls is broken
"""Functions of these modules that build nothing of what is shown."""

KEPT = ("market.prices", "forecast.trained_models", "forecast.forecasts", "forecast.scores")


def builders(module: ModuleType) -> list[Callable[..., Any]]:
    """The functions of a module that make what is shown; a new one is found by itself."""
    return [
        each
        for name, each in inspect.getmembers(module, inspect.isfunction)
        if each.__module__ == module.__name__ and name[0] != "_" and name not in OTHERS
    ]


ALL = [
    builder for module in (metadata, plots, past, record, verdicts) for builder in builders(module)
]


def broken(name: str) -> Callable[..., Any]:
    def fail(*_: object, **__: object) -> Any:
        raise OverflowError(f"{name} was broken on purpose")

    return fail


def modules() -> Iterator[ModuleType]:
    yield from [each for name, each in sys.modules.items() if name.startswith("forecast_assets.")]


def test_what_makes_pictures_and_metadata_is_found() -> None:
    found = {each.__name__ for each in ALL}
    assert {"of_prices", "of_report", "table", "price_plot", "newest_fan"} <= found


def test_a_pipeline_in_which_all_of_it_is_broken_does_all_its_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper = caretaker(tmp_path, models=["naive"])
    for builder in ALL:
        for module in modules():
            if getattr(module, builder.__name__, None) is builder:
                monkeypatch.setattr(module, builder.__name__, broken(builder.__name__))
    keeper.drop("prices.csv", make_history(540))
    for _ in range(8):
        ran = keeper.tick()
        assert all(success for _, success in ran)
        if not ran:
            break
    assert all(rows(keeper.store, name) for name in KEPT)
    assert rows(keeper.store, "forecast.publication_log")
    assert "This picture could not be drawn" in keeper.settings.report_path.read_text()
    told = "\n".join(x.line for x in keeper.heard.take() if isinstance(x, NotShown))
    for name in (
        "of_landed_prices",
        "of_landed_files",
        "of_training",
        "of_forecasts",
        "scores_table",
    ):
        assert f"OverflowError: {name} was broken on purpose" in told
    for name in ("of_leaderboard", "of_publications", "of_report", "skill_plot", "price_plot"):
        assert f"OverflowError: {name} was broken on purpose" in told
    shown_of(keeper)


def shown_of(keeper: Caretaker) -> None:
    """Every materialization has a note of what could not be shown of it."""
    for asset in ("prices", "distributions", "scores", "leaderboard", "report"):
        event = keeper.instance.get_latest_materialization_event(
            keeper.definitions().resolve_asset_graph().get(_key(asset)).key
        )
        assert event is not None
        assert event.asset_materialization is not None
        said = event.asset_materialization.metadata[NOT_SHOWN].value
        assert "was broken on purpose" in str(said)


def _key(name: str) -> Any:
    from dagster import AssetKey

    return AssetKey(name)


@dataclass(frozen=True)
class Told:
    """A log and a listener, and what they got."""

    heard: Collector
    after: AfterCommit

    @property
    def lines(self) -> list[str]:
        return [each.line for each in self.heard.results if isinstance(each, NotShown)]


@pytest.fixture
def told() -> Told:
    heard = Collector()
    return Told(heard, AfterCommit(LOG, heard))


@pytest.mark.parametrize(
    "error",
    [ValueError("year 26 is out of range"), MemoryError(), StoreLocked("held"), RecursionError()],
)
def test_whatever_is_raised_is_a_note_with_its_reason(told: Told, error: Exception) -> None:
    def fail() -> dict[str, Any]:
        raise error

    found = told.after.metadata("Coffee: its metadata", fail)
    (line,) = told.lines
    assert found == {NOT_SHOWN: MetadataValue.text(line)}
    assert line.startswith("Coffee: its metadata is not shown: ")
    assert str(error) in line


def test_who_asks_to_stop_is_obeyed(told: Told) -> None:
    def stop() -> None:
        raise Interrupted("interrupted")

    with pytest.raises(Interrupted):
        told.after.attempt("Coffee", stop, None)


@pytest.mark.parametrize(
    ("value", "becomes"),
    [
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        (np.float64(1.5), 1.5),
        (np.float32("inf"), "inf"),
        (np.int64(7), 7),
        (np.bool_(True), True),
        (date(2026, 8, 20), "2026-08-20"),
        (pd.NaT, "NaT"),
        (object, "<class 'object'>"),
        ("x" * 20_000, "x" * LONGEST_TEXT),
        (MetadataValue.float(float("nan")), "nan"),
        (MetadataValue.text("x" * 20_000), "x" * LONGEST_TEXT),
        (3, 3),
        ("words", "words"),
    ],
    ids=lambda x: str(x)[:20],
)
def test_what_dagster_or_its_page_refuses_is_text(told: Told, value: Any, becomes: Any) -> None:
    found = told.after.metadata("Coffee", lambda: {"value": value})["value"]
    assert (found.value if isinstance(found, MetadataValue) else found) == becomes
    plain = value.value if isinstance(value, MetadataValue) else value
    shown = metadata.table([{"value": plain}])
    assert isinstance(shown, TableMetadataValue)
    assert shown.records[0].data == {"value": becomes}
    assert told.lines == []


def test_a_picture_is_no_text_that_is_cut() -> None:
    picture = MarkdownMetadataValue("x" * 20_000)
    assert accepted({"picture": picture}) == {"picture": picture}


@pytest.mark.parametrize("name", ["metadata", "picture", "history", "contents"])
def test_a_description_that_raises_fails_no_step(
    make_graph: MakeGraph, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(PriceDescription, name, broken(name))
    ran = make_graph(models=["naive"]).run("load_prices", "Coffee")
    (loaded,) = materializations(ran, "prices").values()
    assert f"OverflowError: {name} was broken on purpose" in str(value(loaded, NOT_SHOWN))


def test_a_description_of_what_was_committed_in_part_does_not_hide_why_the_rest_failed(
    make_graph: MakeGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = make_graph(models=["naive"], after=[Run("load_prices", "Coffee")])
    monkeypatch.setattr(Naive, "estimate", broken("the model"))
    monkeypatch.setattr(TrainingDescription, "in_part", broken("in_part"))
    ran = graph.run("train", "Coffee|2020-01-01", raise_on_error=False)
    (failed,) = ran.get_step_failure_events()
    assert "the model was broken on purpose" in str(failed.event_specific_data)
    assert "in_part was broken" not in str(failed.event_specific_data)


def test_a_ranking_and_publications_that_are_written_are_told_although_they_cannot_be_read(
    told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper = caretaker(tmp_path, models=["naive"])
    monkeypatch.setattr(DuckDBLeaderboardTable, "read", broken("the ranking"))
    monkeypatch.setattr(published_distributions, "departures", broken("departures"))
    assert ranked(keeper.settings, keeper.store, "a run", told.after).failures == []
    assert published(keeper.settings, keeper.store, "a run", told.after).failures == []
    for line, name in zip(told.lines, ("the ranking", "departures"), strict=True):
        assert f"OverflowError: {name} was broken on purpose" in line
