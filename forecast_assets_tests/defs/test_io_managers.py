"""The IO managers through real runs: single, ranged, changed, corrupted."""

from datetime import date, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from dagster import AssetMaterialization, ExecuteInProcessResult, TableMetadataValue

from forecast_assets.defs.io_managers import Histories
from forecast_assets.defs.partitions import Partitions
from forecast_assets.errors import CannotFit, PartitionsFailed
from forecast_assets.models.arima_auto import DISGUISED
from forecast_assets.models.naive import Naive
from forecast_assets.timeline.clock import now
from forecast_assets.timeline.history import History
from forecast_assets_tests.events import materializations, value
from forecast_assets_tests.graphs import Graph, MakeGraph, Run, catch_up, load
from forecast_assets_tests.histories import make_history, write_prices
from forecast_assets_tests.rows import change, rows

pytestmark = pytest.mark.long

FIRST, LAST = "Coffee|2020-01-01", "Coffee|2020-07-01"
KEYS = [FIRST, "Coffee|2020-04-01", LAST]
FORECASTS = {FIRST: 65, "Coffee|2020-04-01": 65, LAST: 49}  # weekdays; the last has one to come


LOADED = [Run("load_prices", "Coffee")]
FIRST_TRAINED = [*LOADED, Run("train", FIRST)]
FIRST_FORECAST = [*FIRST_TRAINED, Run("forecast", FIRST)]
"""What the tables of many tests are after."""


@pytest.fixture
def graph(make_graph: MakeGraph) -> Graph:
    graph: Graph = make_graph(after=LOADED)
    return graph


def test_a_history_is_of_the_moment_at_which_it_is_read_and_not_of_the_beginning_of_a_run(
    graph: Graph,
) -> None:
    read: list[datetime] = []

    def look(name: str) -> History:
        read.append(now())
        return graph.store.prices.history(name)

    histories, begun = Histories(look, graph.store), now()
    assert histories["Coffee"] is histories["Coffee"]
    (moment,) = read
    assert begun < histories.read_at["Coffee"] <= moment


def paths_of(table: pa.Table) -> pa.Table:
    return table.filter(pc.invert(table.column("is_actuals")))


def corrupt(graph: Graph, training_date: str, model_name: str) -> None:
    which = (date.fromisoformat(training_date), model_name)
    change(
        graph.store,
        "forecast.trained_models",
        lambda row: (
            {"payload_sha256": "x"} if (row["training_date"], row["model_name"]) == which else {}
        ),
    )


@pytest.mark.usefixtures("pictures")
def test_prices_land_with_counts_and_a_plot(make_graph: MakeGraph) -> None:
    graph = make_graph()
    (event,) = materializations(graph.run("load_prices", "Coffee"), "prices").values()
    assert value(event, "dagster/partition_row_count") == 700
    assert value(event, "sessions_added") == 700
    assert value(event, "newest_session") == "2020-09-04"
    assert str(value(event, "picture")).startswith("![closes of Coffee](data:image/png;base64,")
    assert list(event.metadata)[:2] == ["newest", "picture"]
    (again,) = materializations(graph.run("load_prices", "Coffee"), "prices").values()
    assert (value(again, "sessions_added"), value(again, "sessions_revised")) == (0, 0)


@pytest.mark.usefixtures("pictures")
def test_one_partition_trains_and_forecasts(graph: Graph) -> None:
    (trained,) = materializations(graph.run("train", FIRST)).values()
    assert value(trained, "outcome") == "4 fitted, 0 kept"
    assert value(trained, "dagster/partition_row_count") == 4
    models = trained.metadata["models"]
    assert isinstance(models, TableMetadataValue)
    assert [record.data["model_name"] for record in models.records] == [
        "arima_111",
        "garch",
        "naive",
        "random_walk",
    ]
    (drawn,) = materializations(graph.run("forecast", FIRST)).values()
    assert value(drawn, "rows_written") == 65 * 4 * 20
    assert str(value(drawn, "picture")).startswith("![forecasts of Coffee](data:image/png")
    assert list(drawn.metadata)[:2] == ["newest_forecast", "picture"]
    table = graph.store.paths.read("Coffee", [date(2020, 1, 1)])
    assert len(table) == 65 * 4 * (20 + 1)
    assert pc.sum(table.column("is_actuals")).as_py() == 65 * 4
    assert pc.count_distinct(table.column("forecast_start_date")).as_py() == 65


def test_a_range_writes_and_describes_every_partition_and_a_second_run_writes_nothing_and_says_so(
    graph: Graph,
) -> None:
    trained = materializations(graph.run("train", FIRST, LAST))
    assert {key: value(event, "outcome") for key, event in trained.items()} == dict.fromkeys(
        KEYS, "4 fitted, 0 kept"
    )
    assert value(trained[FIRST], "sessions_before_training_date") == 522
    assert value(trained[LAST], "sessions_before_training_date") == 652
    drawn = materializations(graph.run("forecast", FIRST, LAST))
    written = {key: value(event, "rows_written") for key, event in drawn.items()}
    assert written == {key: count * 4 * 20 for key, count in FORECASTS.items()}
    assert {row.training_date for row in graph.store.models.find()} == {
        date(2020, 1, 1),
        date(2020, 4, 1),
        date(2020, 7, 1),
    }
    before = rows(graph.store, "forecast.forecasts")
    trained = materializations(graph.run("train", FIRST, LAST))
    drawn = materializations(graph.run("forecast", FIRST, LAST))
    for key in KEYS:
        assert value(trained[key], "outcome") == "0 fitted, 4 kept"
        assert value(drawn[key], "outcome") == "nothing written: no forecast is missing"
        assert value(drawn[key], "forecasts_kept") == FORECASTS[key] * 4
    assert rows(graph.store, "forecast.forecasts") == before  # the timestamps too


def test_new_days_add_only_what_is_new(make_graph: MakeGraph) -> None:
    graph = make_graph(make_history(680), models=["naive", "garch"])
    load(graph)
    catch_up(graph, ("trained_models", "distributions"), LAST, LAST)
    write_prices(graph.settings.folder / "prices" / "Coffee.csv", make_history(683))
    load(graph)
    trained, drawn = (
        of[LAST]
        for of in events_of(catch_up(graph, ("trained_models", "distributions"), LAST, LAST))
    )
    assert value(trained, "outcome") == "0 fitted, 2 kept"
    assert (value(drawn, "forecasts_drawn"), value(drawn, "forecasts_redrawn")) == (3 * 2, 0)


def events_of(result: ExecuteInProcessResult) -> list[dict[str, AssetMaterialization]]:
    """What a run said of models, and of paths."""
    return [materializations(result, asset) for asset in ("trained_models", "distributions")]


def test_a_revised_price_makes_forecasts_stale_until_they_are_recomputed(
    make_graph: MakeGraph,
) -> None:
    graph = make_graph(after=FIRST_FORECAST)
    closes = make_history().closes.copy()
    closes[540] *= 1.1  # inside the window: 18 sessions after its training date
    revised = History("Coffee", make_history().dates, closes)
    write_prices(graph.settings.folder / "prices" / "Coffee.csv", revised)
    (prices,) = materializations(graph.run("load_prices", "Coffee"), "prices").values()
    assert value(prices, "sessions_revised") == 1
    before = graph.store.paths.read("Coffee", [date(2020, 1, 1)])
    (stale,) = materializations(graph.run("forecast", FIRST)).values()
    assert (value(stale, "rows_written"), value(stale, "forecasts_stale")) == (0, 46 * 4)
    after = graph.store.paths.read("Coffee", [date(2020, 1, 1)])
    assert paths_of(after).equals(paths_of(before))  # what happened is told anew
    (again,) = materializations(graph.run("forecast", FIRST, config={"recompute": True})).values()
    assert (value(again, "forecasts_redrawn"), value(again, "forecasts_stale")) == (46 * 4, 0)
    assert len(graph.store.paths.read("Coffee", [date(2020, 1, 1)])) == len(before)


def test_revised_training_data_fits_again_and_draws_again(make_graph: MakeGraph) -> None:
    graph = make_graph(after=FIRST_FORECAST)
    closes = make_history().closes.copy()
    closes[100] *= 1.1
    revised = History("Coffee", make_history().dates, closes)
    write_prices(graph.settings.folder / "prices" / "Coffee.csv", revised)
    load(graph)
    trained, drawn = (
        of[FIRST]
        for of in events_of(catch_up(graph, ("trained_models", "distributions"), FIRST, FIRST))
    )
    assert value(trained, "outcome") == "4 fitted, 0 kept"
    assert value(drawn, "forecasts_redrawn") == 65 * 2  # arima_111 and garch: the parameters moved
    assert value(drawn, "forecasts_stale") == 65 * 2  # the walks have none, and the same payload


def test_another_version_lives_beside_and_changes_no_row(make_graph: MakeGraph) -> None:
    graph = make_graph(after=FIRST_FORECAST)
    before = graph.store.paths.read("Coffee", [date(2020, 1, 1)], "v1.0")
    config = {"model_version": "experiment_gdelt_v1"}
    catch_up(graph, ("trained_models", "distributions"), FIRST, FIRST, **config)
    assert graph.store.paths.read("Coffee", [date(2020, 1, 1)], "v1.0").equals(before)
    assert len(graph.store.paths.read("Coffee", [date(2020, 1, 1)])) == 2 * len(before)
    assert {row.model_version for row in graph.store.models.find()} == {
        "v1.0",
        "experiment_gdelt_v1",
    }


def test_an_unsafe_version_in_a_runs_config_fails_before_anything_is_done(graph: Graph) -> None:
    result = graph.run("train", FIRST, config={"model_version": "a b"}, raise_on_error=False)
    assert not result.success
    assert graph.store.models.find() == []


def test_a_corrupted_payload_fails_its_partition_and_everything_else_lands(graph: Graph) -> None:
    graph.run("train", FIRST, LAST)
    corrupt(graph, "2020-04-01", "naive")
    result = graph.run("forecast", FIRST, LAST, raise_on_error=False)
    assert not result.success
    described = materializations(result)
    assert sorted(described) == [FIRST, LAST]
    assert value(described[FIRST], "rows_written") == 65 * 4 * 20
    landed = graph.store.paths.read("Coffee", [date(2020, 4, 1)])
    assert sorted(set(landed.column("model_name").to_pylist())) == [
        "arima_111",
        "garch",
        "random_walk",
    ]
    with pytest.raises(PartitionsFailed, match=r"PayloadCorrupted: Coffee_naive_2020-04-01_v1.0"):
        graph.run("forecast", FIRST, LAST)


def test_a_corrupted_model_is_trained_again_and_its_forecasts_land(
    make_graph: MakeGraph,
) -> None:
    graph = make_graph(after=FIRST_TRAINED)
    corrupt(graph, "2020-01-01", "garch")
    (trained,) = materializations(graph.run("train", FIRST)).values()
    assert value(trained, "outcome") == "1 fitted, 3 kept"
    (drawn,) = materializations(graph.run("forecast", FIRST)).values()
    assert value(drawn, "rows_written") == 65 * 4 * 20


def test_a_window_that_every_model_declines_holds_nothing_and_says_so(
    make_graph: MakeGraph,
) -> None:
    history = make_history()
    closes = history.closes.copy()
    closes[400:406] = -1.0  # 6 of the 522 before the window: more than 1 %
    graph = make_graph(History("Coffee", history.dates, closes), models=["garch", "arima_111"])
    load(graph)
    (trained,) = materializations(graph.run("train", FIRST)).values()
    assert (value(trained, "outcome"), value(trained, "models_failed")) == ("0 fitted, 0 kept", 2)
    failures = graph.store.failures.find("Coffee", "v1.0")
    assert [(failure.model_name, failure.declined) for failure in failures] == [
        ("arima_111", True),
        ("garch", True),
    ]
    (drawn,) = materializations(graph.run("forecast", FIRST)).values()
    assert "every model of the roster declined" in str(value(drawn, "outcome"))


def test_a_window_whose_models_all_break_fails_with_every_reason(
    make_graph: MakeGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(self: Naive, history: History, start: object) -> None:
        raise CannotFit("no convergence")

    monkeypatch.setattr(Naive, "estimate", breaks)
    graph = make_graph(models=["naive"])
    load(graph)
    with pytest.raises(PartitionsFailed, match=r"no model could be fitted.*no convergence"):
        graph.run("train", FIRST)


def test_a_range_without_partitions_is_an_error(graph: Graph) -> None:
    with pytest.raises(PartitionsFailed, match="holds no partition"):
        graph.run("train", LAST, FIRST)


def test_a_change_of_cadence_keeps_what_was_forecast_and_counts_it_apart(
    make_graph: MakeGraph,
) -> None:
    make_graph(after=FIRST_FORECAST)
    monthly = make_graph(training={"cadence": "monthly", "start": date(2020, 2, 1)})
    monthly.run("train", "Coffee|2020-02-01")
    (drawn,) = materializations(monthly.run("forecast", "Coffee|2020-02-01")).values()
    assert value(drawn, "forecasts_of_other_training_dates") == 20 * 4  # weekdays of February
    assert value(drawn, "dagster/partition_row_count") == 0
    assert len(monthly.store.paths.read("Coffee", [date(2020, 1, 1)])) == 65 * 4 * (20 + 1)


def test_forecasting_without_models_says_what_there_is(graph: Graph) -> None:
    graph.run("train", LAST)
    with pytest.raises(PartitionsFailed, match=r"there are: v1.0 \(2020-07-01\)"):
        graph.run("forecast", FIRST)


def test_training_without_prices_says_what_to_do(make_graph: MakeGraph) -> None:
    result = make_graph().run("train", FIRST, raise_on_error=False)
    data = result.failure_data_for_node("trained_models")
    assert data is not None
    assert data.error is not None
    assert "materialize `prices` for it first" in str(data.error.cause)


@pytest.mark.parametrize("job", ["train", "forecast"])
def test_a_run_of_windows_that_begin_after_the_newest_price_is_not_green(
    graph: Graph, job: str
) -> None:
    asset = {"train": "trained_models", "forecast": "distributions"}[job]
    for beyond, last in (
        ("2020-10-01", None),
        ("2021-01-01", "Coffee|2026-04-01"),
        ("2026-01-01", None),
    ):
        result = graph.run(job, f"Coffee|{beyond}", last, raise_on_error=False)
        assert materializations(result) == {}
        data = result.failure_data_for_node(asset)
        assert data is not None
        assert data.error is not None
        said = f"Coffee|{beyond}: begins after the session that follows the newest price"
        assert said in str(data.error.cause)
    assert not graph.run("score", f"Coffee|{beyond}", raise_on_error=False).success
    assert graph.store.models.find() == []


def test_in_a_range_with_others_a_window_beyond_the_data_says_that_nothing_is_due(
    graph: Graph,
) -> None:
    first, beyond = "Coffee|2020-07-01", "Coffee|2020-10-01"
    trained = materializations(graph.run("train", first, beyond))
    assert "no session in the window" in str(value(trained[beyond], "outcome"))
    drawn = materializations(graph.run("forecast", first, beyond))
    assert "no session in the window" in str(value(drawn[beyond], "outcome"))
    assert len(graph.store.models.find()) == 4


def test_rejected_rows_are_listed_and_the_good_ones_land(make_graph: MakeGraph) -> None:
    graph = make_graph()
    with (graph.settings.folder / "prices" / "Coffee.csv").open("a") as file:
        file.write("2020-09-07,x\n2020-09-08,51.5\n")
    (event,) = materializations(graph.run("load_prices", "Coffee"), "prices").values()
    assert value(event, "dagster/partition_row_count") == 701
    refused = event.metadata["rejections"]
    assert isinstance(refused, TableMetadataValue)
    (record,) = refused.records
    assert record.data["line"] == 702
    assert record.data["value"] == "x"


def test_a_partition_loads_back_as_a_table(make_graph: MakeGraph) -> None:
    from forecast_assets.defs.build import build_definitions

    graph = make_graph(after=FIRST_FORECAST)
    definitions: Any = build_definitions(graph.settings)
    table = definitions.load_asset_value(
        "distributions", partition_key=FIRST, instance=graph.instance
    )
    assert table.num_rows == 65 * 4 * (20 + 1)
    models = definitions.load_asset_value(
        "trained_models", partition_key=FIRST, instance=graph.instance
    )
    window = Partitions(graph.settings).window_of(FIRST)
    assert [row.model_name for row, _ in models.of(window, "v1.0", ["naive", "garch"])[0]] == [
        "garch",
        "naive",
    ]
    prices = definitions.load_asset_value("prices", partition_key="Coffee", instance=graph.instance)
    assert prices["Coffee"].fingerprint == graph.store.prices.history("Coffee").fingerprint


def test_the_naive_model_in_disguise_is_called_so_where_models_are_listed(
    make_graph: MakeGraph,
) -> None:
    made = make_graph(models=["naive", "arima_auto"])
    load(made)
    (trained,) = materializations(made.run("train", "Coffee|2020-04-01")).values()
    models = trained.metadata["models"]
    assert isinstance(models, TableMetadataValue)
    notes = {record.data["model_name"]: record.data["notes"] for record in models.records}
    assert notes == {"arima_auto": DISGUISED, "naive": ""}
