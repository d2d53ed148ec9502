"""What this project relies on in Dagster, or works around: a failure here says what changed."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from dagster import (
    AssetExecutionContext,
    AssetIn,
    AssetKey,
    AssetMaterialization,
    AssetRecordsFilter,
    AssetsDefinition,
    BackfillPolicy,
    BetaWarning,
    ConfigurableIOManager,
    ConfigurableResource,
    DagsterInstance,
    DataVersion,
    ExecuteInProcessResult,
    InputContext,
    IOManager,
    MultiPartitionKey,
    MultiPartitionsDefinition,
    MultiToSingleDimensionPartitionMapping,
    Output,
    OutputContext,
    ResourceDependency,
    StaticPartitionsDefinition,
    TimeWindowPartitionsDefinition,
    asset,
    materialize,
)
from dagster._core.errors import DagsterHomeNotSetError, DagsterInvalidInvocationError
from pydantic import PydanticUserError

RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"

COMMODITIES = StaticPartitionsDefinition(["Coffee", "Sugar"])
DAYS = StaticPartitionsDefinition([f"2024-01-{day:02d}" for day in range(1, 10)])
WINDOWS = MultiPartitionsDefinition({"training_date": DAYS, "commodity": COMMODITIES})
SUGAR = [f"Sugar|{day}" for day in DAYS.get_partition_keys()]


class Recorder(IOManager):
    """Does with an output what ``handle`` does; remembers the partitions of every input."""

    def __init__(self, handle: Callable[[OutputContext, Any], Any]) -> None:
        self.handle = handle
        self.asked_for: list[list[str]] = []

    def handle_output(self, context: OutputContext, obj: Any) -> None:
        self.handle(context, obj)

    def load_input(self, context: InputContext) -> list[str]:
        self.asked_for.append(list(context.asset_partition_keys))
        return self.asked_for[-1]


class Streaming(Recorder):
    """The same with a generator for ``handle_output``, which Dagster takes but does not type."""

    def handle_output(  # type: ignore[override]
        self, context: OutputContext, obj: Any
    ) -> Iterator[Any]:
        yield from self.handle(context, obj)


def windows_asset(compute: Callable[[AssetExecutionContext], object]) -> AssetsDefinition:
    """An asset over WINDOWS, a whole range of which is one run."""
    with pytest.warns(BetaWarning, match="backfill_policy"):

        @asset(name="windows", partitions_def=WINDOWS, backfill_policy=BackfillPolicy.single_run())
        def windows(context: AssetExecutionContext) -> Output[object]:
            return Output(compute(context))

    return windows


@pytest.fixture
def instance(tmp_path: Path) -> DagsterInstance:
    return DagsterInstance.ephemeral(tempdir=str(tmp_path))


def run_sugar(
    assets: list[AssetsDefinition], manager: IOManager, instance: DagsterInstance, **options: Any
) -> ExecuteInProcessResult:
    """One run of every window of Sugar."""
    return materialize(
        assets,
        resources={"io_manager": manager},
        tags={RANGE_START: SUGAR[0], RANGE_END: SUGAR[-1]},
        instance=instance,
        **options,
    )


def test_multi_keys_order_their_dimensions_by_name() -> None:
    key = MultiPartitionKey({"training_date": "2024-01-01", "commodity": "Coffee"})
    assert str(key) == "Coffee|2024-01-01"
    (found,) = [x for x in WINDOWS.get_partition_keys() if x == key]
    assert dict(found.keys_by_dimension) == {"commodity": "Coffee", "training_date": "2024-01-01"}


def test_a_third_dimension_is_refused() -> None:
    with pytest.raises(DagsterInvalidInvocationError, match="with 2 partitions definitions"):
        MultiPartitionsDefinition({"a": COMMODITIES, "b": DAYS, "c": DAYS})


@pytest.mark.parametrize(("end_offset", "newest"), [(0, "2024-01-01"), (1, "2024-07-01")])
def test_the_window_that_has_not_ended_needs_an_end_offset(end_offset: int, newest: str) -> None:
    dates = TimeWindowPartitionsDefinition(
        start="2023-01-01", fmt="%Y-%m-%d", cron_schedule="0 0 1 1,7 *", end_offset=end_offset
    )
    assert dates.get_partition_keys(datetime(2024, 8, 15, tzinfo=UTC))[-1] == newest


def test_a_start_between_two_ticks_waits_for_the_next_one() -> None:
    dates = TimeWindowPartitionsDefinition(
        start="2023-02-15", fmt="%Y-%m-%d", cron_schedule="0 0 1 1,7 *"
    )
    assert dates.get_first_partition_key() == "2023-07-01"


def test_a_range_run_has_all_its_keys_at_once_in_no_order_to_rely_on(
    instance: DagsterInstance,
) -> None:
    seen: list[str] = []
    asked = windows_asset(lambda context: seen.extend(context.partition_keys))
    run_sugar([asked], Recorder(lambda *_: None), instance)
    assert sorted(seen) == SUGAR


def test_a_lazy_output_is_computed_in_the_io_manager_with_metadata_for_each_partition(
    instance: DagsterInstance,
) -> None:
    events: list[str] = []

    def stream(context: AssetExecutionContext) -> Iterator[str]:
        for key in sorted(context.partition_keys):
            events.append(f"compute {key}")
            context.add_asset_metadata({"key": key}, partition_key=key)
            yield key

    def store(_: OutputContext, keys: Iterator[str]) -> None:
        events.append("store")
        events.extend(f"stored {key}" for key in keys)

    ran = run_sugar([windows_asset(stream)], Recorder(store), instance)
    assert events[:3] == ["store", f"compute {SUGAR[0]}", f"stored {SUGAR[0]}"]
    found = {x.partition: x.metadata for x in ran.asset_materializations_for_node("windows")}
    assert {key: metadata["key"].value for key, metadata in found.items()} == {x: x for x in SUGAR}


def log_then_fail(context: OutputContext, _: object) -> None:
    context.log_event(AssetMaterialization(context.asset_key, partition=SUGAR[0]))
    raise ValueError("the second partition fails")


def log_hand_over_then_fail(context: OutputContext, _: object) -> Iterator[Any]:
    context.log_event(AssetMaterialization(context.asset_key, partition=SUGAR[0]))
    yield from context.consume_events()
    raise ValueError("the second partition fails")


def yield_then_fail(context: OutputContext, _: object) -> Iterator[Any]:
    yield AssetMaterialization(context.asset_key, partition=SUGAR[0])
    raise ValueError("the second partition fails")


@pytest.mark.parametrize(
    ("manager", "in_the_result", "in_the_instance"),
    [
        (Recorder(log_then_fail), 0, 1),
        (Streaming(log_hand_over_then_fail), 1, 1),
        (Streaming(yield_then_fail), 0, 0),
    ],
    ids=["logged", "logged and handed over", "yielded"],
)
def test_an_event_before_an_error_reaches_the_result_only_when_it_is_handed_over(
    instance: DagsterInstance, manager: IOManager, in_the_result: int, in_the_instance: int
) -> None:
    failing = windows_asset(lambda context: None)
    ran = run_sugar([failing], manager, instance, raise_on_error=False)
    stored = instance.fetch_materializations(AssetKey("windows"), limit=100).records
    assert not ran.success
    assert len(ran.asset_materializations_for_node("windows")) == in_the_result
    assert len(stored) == in_the_instance


def test_metadata_of_partitions_is_lost_when_the_output_fails(instance: DagsterInstance) -> None:
    def describe_then_fail(context: AssetExecutionContext) -> Iterator[str]:
        context.add_asset_metadata({"key": SUGAR[0]}, partition_key=SUGAR[0])
        raise ValueError("the second partition fails")
        yield

    failing = windows_asset(describe_then_fail)
    manager = Recorder(lambda _, stream: list(stream))
    assert not run_sugar([failing], manager, instance, raise_on_error=False).success
    assert instance.get_materialized_partitions(AssetKey("windows")) == set()


def test_the_windows_of_one_commodity_ask_for_its_prices_once(instance: DagsterInstance) -> None:
    with pytest.warns(BetaWarning, match="MultiToSingleDimensionPartitionMapping"):
        mapping = MultiToSingleDimensionPartitionMapping("commodity")

    @asset(partitions_def=COMMODITIES)
    def prices() -> None: ...

    with pytest.warns(BetaWarning, match="backfill_policy"):

        @asset(
            partitions_def=WINDOWS,
            backfill_policy=BackfillPolicy.single_run(),
            ins={"prices": AssetIn(partition_mapping=mapping)},
        )
        def models(prices: list[str]) -> None: ...

    manager = Recorder(lambda *_: None)
    run_sugar([prices, models], manager, instance, selection=[models])
    assert manager.asked_for == [["Sugar"]]


def test_a_configurable_io_manager_refuses_an_attribute_without_a_type() -> None:
    with pytest.raises(PydanticUserError, match="ClassVar"):
        type("Untyped", (ConfigurableIOManager,), {"table": "distributions"})


class Shelf(ConfigurableResource[None]):
    horizon: int = 14


class Configured(ConfigurableIOManager):
    """Has a resource of its own, as the project's IO managers have the store."""

    shelf: ResourceDependency[Shelf]

    def handle_output(self, context: OutputContext, obj: object) -> None: ...

    def load_input(self, context: InputContext) -> None: ...


def test_dagster_still_calls_its_own_deprecated_name_for_a_nested_resource(
    instance: DagsterInstance,
) -> None:
    """Once this fails, the filter in pyproject.toml can go."""
    asked = windows_asset(lambda context: None)
    with pytest.warns(DeprecationWarning, match=r"InitResourceContext\.dagster_run"):
        run_sugar([asked], Configured(shelf=Shelf()), instance)


def test_the_configured_instance_needs_a_dagster_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DAGSTER_HOME")
    with pytest.raises(DagsterHomeNotSetError):
        DagsterInstance.get()


def test_all_partitions_of_a_run_get_one_data_version_and_a_later_event_may_give_another(
    instance: DagsterInstance,
) -> None:
    tag = "dagster/data_version"
    with pytest.warns(BetaWarning, match="backfill_policy"):

        @asset(partitions_def=WINDOWS, backfill_policy=BackfillPolicy.single_run())
        def windows(
            context: AssetExecutionContext,
        ) -> Iterator[Output[None] | AssetMaterialization]:
            context.set_data_version(context.asset_key, DataVersion("one"))
            yield Output(None)
            wanted = AssetRecordsFilter(context.asset_key, asset_partitions=[SUGAR[2]])
            (logged,) = instance.fetch_materializations(wanted, limit=1).records
            assert logged.asset_materialization is not None  # it is stored by now
            tags = {**(logged.asset_materialization.tags or {}), tag: "another"}
            yield AssetMaterialization(context.asset_key, partition=SUGAR[2], tags=tags)

    run_sugar([windows], Recorder(lambda *_: None), instance)
    newest = {
        key: record.asset_materialization
        for key in SUGAR
        for record in instance.fetch_materializations(
            AssetRecordsFilter(AssetKey("windows"), asset_partitions=[key]), limit=1
        ).records
    }
    found = {key: (event.tags or {})[tag] for key, event in newest.items() if event}
    assert found == dict.fromkeys(SUGAR, "one") | {SUGAR[2]: "another"}
    last = instance.get_latest_materialization_event(AssetKey("windows"))
    assert last is not None
    assert last.asset_materialization is not None
    assert last.asset_materialization.partition == SUGAR[2]
