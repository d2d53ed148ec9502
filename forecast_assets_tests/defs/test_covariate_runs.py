"""Covariates through real runs: from a file to the paths of a model, and what fails by name."""

from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow.compute as pc
import pytest
from dagster import (
    AssetCheckSeverity,
    AssetKey,
    AssetMaterialization,
    ExecuteInProcessResult,
    TableMetadataValue,
)
from typer.testing import CliRunner

from forecast_assets.automation.due import Ledger, missing_forecasts, missing_models
from forecast_assets.automation.waiting import to_know
from forecast_assets.cli import app
from forecast_assets.defs.build import build_definitions
from forecast_assets.defs.partitions import Partitions
from forecast_assets.report.briefing import briefing
from forecast_assets.store.pinning import PinnedVersion
from forecast_assets.timeline.clock import now
from forecast_assets.timeline.history import History
from forecast_assets.timeline.window import Window
from forecast_assets_tests.graphs import Graph, MakeGraph, Run, load
from forecast_assets_tests.histories import make_history, with_features, write_covariate
from forecast_assets_tests.rows import keep, table

pytestmark = pytest.mark.long

KEY = "Coffee|2020-07-01"
TRAINING = date(2020, 7, 1)
HISTORY = with_features(make_history(655))
ORIGINS = 4  # weekdays from 2020-07-01 to 2020-07-03, and the session after
KEYS: dict[str, Any] = {
    "models": ["naive", {"sarimax": {"features": "market", "q": 0}}],
    "feature_sets": {"market": ["vix"], "weather": ["rain", "vix"]},
}


LOADED = [Run("load_prices", "Coffee")]
DRAWN = [*LOADED, Run("train", KEY), Run("forecast", KEY)]


@pytest.fixture
def graph(make_graph: MakeGraph) -> Graph:
    made: Graph = make_graph(HISTORY, after=LOADED, **KEYS)
    return made


@pytest.fixture
def drawn(make_graph: MakeGraph) -> Graph:
    """The same with models and their forecasts."""
    made: Graph = make_graph(HISTORY, after=DRAWN, **KEYS)
    return made


def without_vix() -> History:
    """A history of which vix lacks so many sessions that sarimax cannot be fitted."""
    values = HISTORY.features.copy()
    values[150:170, 1] = np.nan  # its fill_days cover the first of them
    return replace(HISTORY, features=values)


@pytest.fixture
def lacking(make_graph: MakeGraph) -> Graph:
    """An ensemble of which a member cannot be fitted, and its forecasts."""
    members = ["naive", {"sarimax": {"features": "market", "q": 0}}]
    models = ["naive", {"ensemble": {"members": members}}]
    made: Graph = make_graph(without_vix(), after=DRAWN, **KEYS | {"models": models})
    return made


def materialized(result: ExecuteInProcessResult, asset: str) -> AssetMaterialization:
    events = [each.materialization for each in result.get_asset_materialization_events()]
    (event,) = [event for event in events if event.asset_key == AssetKey(asset)]
    return event


def records(event: AssetMaterialization, name: str) -> list[dict[str, Any]]:
    table = event.metadata[name]
    assert isinstance(table, TableMetadataValue)
    return [dict(record.data) for record in table.records]


def file_of(graph: Graph, name: str) -> Path:
    return graph.settings.folder / "covariates" / f"{name}.csv"


def revise(graph: Graph, name: str, first: int) -> None:
    """Change the values of a covariate's file from a position on."""
    values = HISTORY.features.copy()
    values[first:] *= 1.5
    write_covariate(file_of(graph, name), replace(HISTORY, features=values), name)
    load(graph)


def ledger(graph: Graph) -> Ledger:
    return Ledger(
        graph.store.features.read(graph.store.prices.history("Coffee")),
        graph.store.models.find("Coffee", model_version="v1.0"),
        graph.store.paths.issued("Coffee", "v1.0"),
    )


def window(graph: Graph) -> Window:
    return Partitions(graph.settings).window_of(KEY)


def names(graph: Graph) -> list[str]:
    return [row.model_name for row in graph.store.models.find("Coffee")]


@pytest.mark.usefixtures("pictures")
def test_features_say_what_is_known_and_a_second_run_writes_nothing(graph: Graph) -> None:
    event = materialized(graph.run("load_prices", "Coffee"), "features")
    assert event.metadata["outcome"].value == "nothing written: no change"
    assert event.metadata["dagster/partition_row_count"].value == 2 * 655
    rain, vix = records(event, "covariates")
    assert rain["covariate"] == "rain"
    newest = HISTORY.features[-2, HISTORY.feature_names.index("vix")]
    drawing = vix.pop("last 30 sessions")
    assert isinstance(drawing, str)
    assert len(drawing) == 30
    assert vix == {
        "covariate": "vix",
        "newest value": f"{newest:.1f}",
        "newest_observation": "2020-07-02",
        "first_observation": "2018-01-01",
        "sessions_with_a_value": 654,
        "sessions_missing": 1,
        "carried forward": "0.0\xa0%",
        "rows_rejected": 0,
    }
    assert str(event.metadata["picture"].value).startswith("![covariates of Coffee](data:image/")


def test_a_session_has_the_value_of_the_day_before(graph: Graph) -> None:
    known = graph.store.features.read(graph.store.prices.history("Coffee"))
    assert known.feature_names == ("rain", "vix")
    assert np.isnan(known.features[0]).all()
    assert known.features[1:] == pytest.approx(HISTORY.features[:-1], rel=1e-12)


def test_a_model_with_covariates_is_trained_and_forecasts(drawn: Graph) -> None:
    graph = drawn
    (sarimax,) = graph.store.models.find("Coffee", "sarimax")
    assert sarimax.training_start_date == date(2018, 1, 2)  # nothing was known on the first day
    known = graph.store.features.read(graph.store.prices.history("Coffee"))
    sample = known.known_before(TRAINING).select(("vix",))
    assert sarimax.data_fingerprint == sample.fingerprint
    (naive,) = graph.store.models.find("Coffee", "naive")
    assert naive.data_fingerprint == make_history(655).known_before(TRAINING).fingerprint
    paths = graph.store.paths.read("Coffee", [TRAINING]).filter(pc.field("path_id") > 0)
    assert len(paths) == 2 * ORIGINS * 20
    again = materialized(graph.run("forecast", KEY), "distributions")
    assert again.metadata["rows_written"].value == 0


def test_a_commodity_without_covariates_says_so_and_needs_no_features(
    make_graph: MakeGraph,
) -> None:
    graph = make_graph(make_history(655), models=["naive"])
    event = materialized(graph.run("load_prices", "Coffee"), "features")
    assert event.metadata["outcome"].value == "no covariates configured"
    with duckdb.connect(graph.settings.database_path) as connection:
        connection.execute("DROP TABLE market.features")  # as an older release left it
    graph.run("train", KEY)
    assert names(graph) == ["naive"]


def test_a_revised_covariate_refits_and_makes_stale_only_the_models_that_use_it(
    drawn: Graph,
) -> None:
    graph = drawn
    revise(graph, "rain", 100)  # in no set of a model
    assert not missing_models(graph.settings, window(graph), ledger(graph))
    assert not missing_forecasts(graph.settings, window(graph), ledger(graph), recompute=True)
    revise(graph, "vix", 652)  # known from 2020-07-02 on: inside the window
    assert not missing_models(graph.settings, window(graph), ledger(graph))
    assert missing_forecasts(graph.settings, window(graph), ledger(graph), recompute=True)
    written = materialized(graph.run("forecast", KEY), "distributions")
    assert written.metadata["forecasts_stale"].value == 1  # of sarimax
    assert written.metadata["forecasts_reissued"].value == 1  # nothing has happened after it yet
    revise(graph, "vix", 100)
    assert missing_models(graph.settings, window(graph), ledger(graph))
    trained = materialized(graph.run("train", KEY), "trained_models")
    assert trained.metadata["outcome"].value == "1 fitted, 1 kept"
    written = materialized(graph.run("forecast", KEY), "distributions")
    assert written.metadata["forecasts_redrawn"].value == ORIGINS


def test_no_value_from_after_a_cutoff_reaches_its_paths(drawn: Graph) -> None:
    graph = drawn
    before = graph.store.paths.read("Coffee", [TRAINING])
    revise(graph, "vix", 652)
    graph.run("forecast", KEY, config={"recompute": True})
    after = graph.store.paths.read("Coffee", [TRAINING])
    days = [f"day_{day}" for day in range(1, 15)]
    for cutoff, same in ((date(2020, 6, 30), True), (date(2020, 7, 1), True),
                         (date(2020, 7, 2), False)):  # fmt: skip
        chosen = [
            [row[day] for day in days]
            for table in (before, after)
            for row in table.to_pylist()
            if row["data_cutoff_date"] == cutoff and row["model_name"] == "sarimax"
        ]
        half = len(chosen) // 2
        assert (chosen[:half] == chosen[half:]) == same


def test_a_covariate_that_a_commodity_lacks_fails_its_model_by_name_and_no_other(
    make_graph: MakeGraph,
) -> None:
    made = make_graph(HISTORY, **KEYS)
    plain = {"unit": "USc/lb", "source": {"type": "file", "path": "prices/Coffee.csv"}}
    rich = made.settings.commodities["Coffee"].model_dump()
    graph = make_graph(HISTORY, **KEYS, commodities={"Coffee": plain, "Sugar": rich})
    load(graph)
    graph.run("train", KEY)
    assert names(graph) == ["naive"]
    (failure,) = graph.store.failures.find("Coffee", "v1.0")
    assert (failure.model_name, failure.declined) == ("sarimax", False)
    assert "sarimax: Coffee: no covariate 'vix'; it has: none" in failure.reason
    assert materialized(graph.run("forecast", KEY), "distributions").metadata[
        "rows_written"
    ].value == (ORIGINS * 20)


def test_a_covariate_taken_away_after_training_stays_for_its_model_until_a_rewrite(
    drawn: Graph, make_graph: MakeGraph
) -> None:
    before = drawn.store.paths.read("Coffee", [TRAINING])
    rain_only = {"market": ["rain"], "weather": ["rain"]}
    history = HISTORY.select(("rain",))
    without = make_graph(history, models=KEYS["models"], feature_sets=rain_only)
    version = PinnedVersion.of(without.settings, without.store)
    assert version.in_force.differences == [
        "feature_sets.market: was vix, is rain",
        "commodities.Coffee.covariates.vix: was used, is absent",
    ]
    event = materialized(without.run("load_prices", "Coffee"), "features")
    assert event.metadata["rows_deleted"].value == 0
    for job in ("train", "forecast"):
        without.run(job, KEY)
    assert without.store.paths.read("Coffee", [TRAINING]) == before
    version.rewrite("vix has ended", now(), "a test")
    event = materialized(without.run("load_prices", "Coffee"), "features")
    assert event.metadata["rows_deleted"].value == 655
    without.run("train", KEY)  # on what the set names now
    without.run("forecast", KEY)
    assert without.store.failures.find("Coffee", "v1.0") == []
    replaced = table(without.store, "forecast.superseded_forecasts")
    assert set(replaced.column("model_name").to_pylist()) == {"sarimax"}
    reasons = replaced.column("reason").to_pylist()
    assert all(each.startswith("rewrite, retrained model") for each in reasons)


def test_models_of_before_pins_keep_their_feature_set(drawn: Graph, make_graph: MakeGraph) -> None:
    keep(drawn.store, "forecast.versions", lambda _: False)
    sets = {"market": ["rain", "vix"], "weather": ["rain"]}
    edited = make_graph(HISTORY, **KEYS | {"feature_sets": sets})
    version = PinnedVersion.of(edited.settings, edited.store)
    assert version.in_force.differences == ["feature_sets.market: was vix, is rain, vix"]
    assert not missing_models(version.settings, window(edited), ledger(edited))
    assert missing_models(edited.settings, window(edited), ledger(edited)) == ["sarimax"]


def test_the_asset_loads_back_as_histories_with_covariates(graph: Graph) -> None:
    definitions: Any = build_definitions(graph.settings)
    loaded = definitions.load_asset_value(
        "features", partition_key="Coffee", instance=graph.instance
    )
    known = graph.store.features.read(graph.store.prices.history("Coffee"))
    assert loaded["Coffee"].fingerprint == known.fingerprint


def test_too_few_sessions_since_a_missing_covariate_fail_by_name(make_graph: MakeGraph) -> None:
    graph = make_graph(without_vix(), **KEYS)
    load(graph)
    graph.run("train", KEY)
    (failure,) = graph.store.failures.find("Coffee", "v1.0")
    reason = f"sarimax: Coffee: nothing was known of the covariate vix on {HISTORY.dates[170]}"
    assert reason in failure.reason
    assert "only 481 sessions since, 500 needed" in failure.reason


def test_an_origin_without_its_covariate_is_declined(make_graph: MakeGraph) -> None:
    values = HISTORY.features.copy()
    values[650:, 1] = np.nan  # the file of vix ends on 2020-06-26: known until 2020-07-02
    graph = make_graph(replace(HISTORY, features=values), **KEYS)
    load(graph)
    graph.run("train", KEY)
    drawn = materialized(graph.run("forecast", KEY), "distributions")
    assert drawn.metadata["forecasts_absent"].value == 1
    (failure,) = [x for x in graph.store.failures.find("Coffee", "v1.0") if x.stage == "forecast"]
    assert failure.declined
    assert "nothing was known of the covariate vix on 2020-07-03" in failure.reason


def test_a_missing_file_keeps_what_is_stored_and_bad_rows_of_another_are_listed_and_good_ones_land(
    graph: Graph,
) -> None:
    before = graph.store.features.read(graph.store.prices.history("Coffee"))
    file_of(graph, "vix").unlink()
    with file_of(graph, "rain").open("a") as file:
        file.write("2020-07-03,high\n2020-07-04,21.5\n")
    event = materialized(graph.run("load_prices", "Coffee"), "features")
    (told,) = records(event, "covariates_not_refreshed")
    assert told["covariate"] == "vix"
    assert "no file at" in told["reason"]
    after = graph.store.features.read(graph.store.prices.history("Coffee"))
    assert after.select(("vix",)).fingerprint == before.select(("vix",)).fingerprint
    (refused,) = records(event, "rejections")
    assert (refused["commodity"], refused["value"]) == ("Coffee, covariate rain", "high")
    assert records(event, "covariates")[0]["rows_rejected"] == 1


def test_the_terminal_loads_covariates_and_names_what_failed(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORECAST_CONFIG", str(graph.settings.folder / "forecast.yaml"))
    arguments = ["run", "--from", "2020-07-01", "--to", "2020-07-01"]
    good = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert good.exit_code == 0, good.output
    assert names(graph) == ["naive", "sarimax"]
    file_of(graph, "vix").unlink()
    with file_of(graph, "rain").open("a") as file:
        file.write("2020-07-03,wet\n")
    bad = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert bad.exit_code == 1
    assert "failed: Coffee, covariate vix: no file at" in bad.output
    assert "what is stored of it stays as it was" in bad.output
    assert "Coffee, covariate rain: " in bad.output
    assert "found 'wet': not a finite number" in bad.output


def test_an_ensemble_whose_member_lacks_sessions_of_its_covariate_is_kept_until_that_changes(
    lacking: Graph,
) -> None:
    graph = lacking
    (ensemble,) = graph.store.models.find("Coffee", "ensemble")
    assert "no weight: sarimax failed" in ensemble.fit_metrics
    assert not missing_models(graph.settings, window(graph), ledger(graph))
    again = materialized(graph.run("train", KEY), "trained_models")
    assert again.metadata["outcome"].value == "0 fitted, 2 kept"
    write_covariate(file_of(graph, "vix"), HISTORY, "vix")
    load(graph)
    assert missing_models(graph.settings, window(graph), ledger(graph))
    graph.run("train", KEY)
    (ensemble,) = graph.store.models.find("Coffee", "ensemble")
    assert "sarimax" in ensemble.parameters
    assert not missing_models(graph.settings, window(graph), ledger(graph))


def test_an_ensemble_without_a_member_is_drawn_again_once_for_a_revised_covariate(
    lacking: Graph,
) -> None:
    graph = lacking  # the ensemble is offered vix, and does without

    def due(*, recompute: bool) -> bool:
        book = ledger(graph)
        assert not missing_models(graph.settings, window(graph), book)
        return bool(missing_forecasts(graph.settings, window(graph), book, recompute=recompute))

    assert not due(recompute=True)
    values = without_vix().features.copy()
    values[652:, 1] *= 1.5
    write_covariate(file_of(graph, "vix"), replace(HISTORY, features=values), "vix")
    load(graph)
    assert due(recompute=False)  # the newest forecast, which is no record yet
    graph.run("forecast", KEY)
    assert not due(recompute=False)
    assert due(recompute=True)
    graph.run("forecast", KEY, config={"recompute": True})
    assert not due(recompute=True)


def test_a_covariate_that_never_matches_turns_a_check_yellow_and_is_noted(
    make_graph: MakeGraph,
) -> None:
    graph = make_graph(with_features(make_history(655)), models=["naive"])
    path = graph.settings.folder / "covariates" / "vix.csv"
    path.write_text("date,close\n2011-03-01,20.5\n2011-03-02,20.7\n")
    (rain,) = (graph.settings.folder / "covariates").glob("rain.csv")
    rain.unlink()
    ran = graph.run("load_prices", "Coffee")
    assert ran.success
    (check,) = [x for x in ran.get_asset_check_evaluations() if x.check_name == "covariates_match"]
    assert (check.passed, check.severity) == (False, AssetCheckSeverity.WARN)
    failed = check.metadata["failed"]
    assert isinstance(failed, TableMetadataValue)
    lines = [str(record.data["found"]) for record in failed.records]
    assert [line.partition(":")[0] for line in lines] == ["Coffee, covariate rain", "Coffee"]
    assert lines[1].startswith("Coffee: covariate vix: no value at any of the 655 sessions")
    noted = materialized(ran, "features").metadata["notes"]
    assert isinstance(noted, TableMetadataValue)
    assert lines[1] in [record.data["note"] for record in noted.records]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("2011-03-01,20.5\n2011-03-02,20.7\n", "no value at any of the 655 sessions"),
        ("2018-01-02,20.5\n2018-01-03,20.7\n", "no value at any of the newest 60 sessions"),
        (None, "rain"),
    ],
)
def test_a_covariate_without_values_is_a_notice_of_the_report_and_of_status(
    make_graph: MakeGraph, rows: str | None, said: str
) -> None:
    graph = make_graph(HISTORY, after=LOADED, models=["naive"])
    at = datetime(2020, 7, 20, 12)  # noqa: DTZ001 - as the tables keep it
    assert told_of_covariates(graph, at) == []
    if rows is None:
        (graph.settings.folder / "covariates" / "rain.csv").unlink()
    else:
        (graph.settings.folder / "covariates" / "vix.csv").write_text(f"date,close\n{rows}")
    (line,) = told_of_covariates(graph, at)
    assert line.startswith("Coffee")
    assert said in line
    assert line in to_know(graph.settings, graph.store, graph.store.prices.history("Coffee"), at)


def told_of_covariates(graph: Graph, at: datetime) -> list[str]:
    """The notices of the report that name a covariate."""
    notices = briefing(graph.settings, graph.store, at).notices
    return [x.text for x in notices if x.level == "warning" and "covariate" in x.text]
