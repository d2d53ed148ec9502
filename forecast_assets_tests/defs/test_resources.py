"""The store as a resource: assets of one's own use SQL beside the tables of the graph."""

import pytest
from dagster import AssetExecutionContext, ResourceParam, asset, materialize
from dagster_duckdb import DuckDBResource

from forecast_assets.configuration.sections import Execution, Executor
from forecast_assets.defs.pulse import pulses_beside
from forecast_assets.defs.resources import StoreResource
from forecast_assets.defs.run_history import DUE, TABLES
from forecast_assets.defs.run_process import PROCESS
from forecast_assets.errors import StoreError
from forecast_assets.store.duckdb.engine import Engine
from forecast_assets_tests.graphs import Graph, MakeGraph

COUNT = "SELECT count(*) FROM commodity.market.prices"


@pytest.fixture
def graph(make_graph: MakeGraph) -> Graph:
    return make_graph(after=[("load_prices", "Coffee")])


def test_an_asset_of_ones_own_reads_the_tables_with_sql(graph: Graph) -> None:
    seen: list[tuple[int]] = []

    @asset
    def counted(context: AssetExecutionContext, store: ResourceParam[DuckDBResource]) -> None:
        with store.get_connection() as connection:
            seen.extend(connection.execute(COUNT).fetchall())

    assert materialize([counted], resources={"store": StoreResource.of(graph.settings)}).success
    assert seen == [(700,)]


@pytest.mark.parametrize("executor", ["in_process", "multiprocess"])
def test_a_run_has_a_pulse_only_if_its_own_process_works_all_of_it(
    graph: Graph, executor: Executor
) -> None:
    settings = graph.settings.model_copy(update={"execution": Execution(executor=executor)})
    store, alive = StoreResource.of(settings), list[str]()

    @asset
    def looks(context: AssetExecutionContext, store: ResourceParam[DuckDBResource]) -> None:
        alive.extend(pulses_beside(settings.database_path).alive())

    made = materialize(
        [looks], resources={"store": store}, instance=graph.instance, tags={DUE: "{}"}
    )
    assert alive == [made.run_id] * (executor == "in_process")
    run = graph.instance.get_run_by_id(made.run_id)
    assert run is not None
    assert (PROCESS in run.tags) == (executor == "in_process")
    assert graph.store.marks.found()[-1] == run.tags[TABLES] == made.run_id


def test_a_connection_is_read_only_unless_a_transaction_is_asked_for(graph: Graph) -> None:
    store = StoreResource.of(graph.settings)
    statement = "CREATE TABLE market.notes AS SELECT 1 AS note"
    with pytest.raises(StoreError, match="read-only"), store.get_connection() as connection:
        connection.execute(statement)
    with store.get_connection(read_only=False) as connection:
        connection.execute(statement)

    def fail_after_a_row() -> None:
        with store.get_connection(read_only=False) as connection:
            connection.execute("INSERT INTO market.notes VALUES (2)")
            raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        fail_after_a_row()
    with store.get_connection() as connection:
        assert connection.execute("SELECT note FROM market.notes").fetchall() == [(1,)]


def test_tables_at_one_moment_are_opened_once(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[bool] = []
    attach = Engine._attach

    def counted(engine: Engine, *, read_only: bool) -> None:
        opened.append(read_only)
        attach(engine, read_only=read_only)

    monkeypatch.setattr(Engine, "_attach", counted)
    with StoreResource.of(graph.settings).at_one_moment() as tables:
        for _ in range(3):
            assert len(tables.prices.history("Coffee")) == 700
    assert opened == [True]
