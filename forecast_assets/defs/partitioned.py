"""Partitioned values, and the IO manager that writes them one by one."""

from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from typing import Any

from dagster import (
    AssetExecutionContext,
    AssetMaterialization,
    AssetObservation,
    ConfigurableIOManager,
    DagsterEvent,
    DataVersion,
    OutputContext,
)

from forecast_assets.boundary import told_of
from forecast_assets.defs.checks import check_events, require_sound
from forecast_assets.defs.metadata import ROWS, Metadata, drawn, with_picture
from forecast_assets.defs.partitions import commodity_of
from forecast_assets.defs.past import (
    CONTENTS,
    VERSION,
    Past,
    last_contents,
    last_materialization,
    last_past,
    versions_by_contents,
)
from forecast_assets.defs.progress import Progress
from forecast_assets.defs.resources import StoreResource
from forecast_assets.errors import Interrupted, ModelsFailed, PartitionsFailed, StoreLocked
from forecast_assets.evaluation.findings import Finding
from forecast_assets.store.contract import Store
from forecast_assets.timeline.history import History


@dataclass(frozen=True)
class Partitioned:
    """The value of an asset: its partitions, each computed when it is asked for.

    ``training_dates``: those that have begun, where partitions are told apart by their past.
    Filled in as they are computed: ``findings``, what was found in each before it was committed;
    ``described``, what each says of itself; ``contents``, the fingerprint of what each holds,
    where partitions are told apart by that; ``versions``, the data version of each that has one.
    """

    context: AssetExecutionContext
    progress: Progress
    compute: Callable[[str], Any]
    training_dates: Sequence[date] = ()
    findings: dict[str, list[Finding]] = field(default_factory=dict)
    described: dict[str, Metadata] = field(default_factory=dict)
    contents: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)

    def track(self) -> Iterable[str]:
        """The partition keys of the run, in order, shown as progress."""
        name, keys = self.context.asset_key.to_user_string(), sorted(self.context.partition_keys)
        if not keys:
            raise PartitionsFailed(f"{name}: the range of this run holds no partition")
        unit, stage = UNITS.get(name, "windows"), stage_of(name, keys)
        return self.progress.track(self.context.log, stage, unit, keys, len(keys))

    def tell_apart(self) -> None:
        """Give the partitions that are known by what they hold their data versions."""
        asset, instance = self.context.asset_key, self.context.instance
        before = {key: last_contents(instance, asset, key) for key in self.contents}
        self.versions.update(versions_by_contents(self.contents, before))

    @property
    def version(self) -> str | None:
        """The data version that most partitions of the run have, which Dagster gives to all."""
        return Counter(self.versions.values()).most_common(1)[0][0] if self.versions else None

    @property
    def newest_of_each(self) -> list[str]:
        """The newest partition of each commodity that holds rows, or else its last, in order.

        Only these have a picture, which Dagster's history keeps for ever.
        """
        order = sorted(self.described, key=lambda key: (bool(self.described[key][ROWS]), key))
        return sorted({key.rpartition("|")[0] or key: key for key in order}.values())

    @property
    def newest(self) -> str | None:
        """The newest window of the run that holds rows; None where there are no windows."""
        windows = [key for key in self.newest_of_each if "|" in key]
        held = [key for key in windows if self.described[key][ROWS]] or windows
        return max(held, key=lambda key: key.rpartition("|")[2], default=None)

    def again(self) -> Iterator[AssetMaterialization]:
        """Partitions whose materialization Dagster could not log as it should be, once more.

        Dagster logs the partitions of a run in any order, and gives one data version to all. So
        those with another version follow, and last of all the newest window, since the page of an
        asset shows what was logged last.
        """
        asset, instance = self.context.asset_key, self.context.instance
        for key, version in self.versions.items():
            logged = last_materialization(instance, asset, key)
            if logged and version != (logged.tags or {}).get(VERSION):
                tags = {**(logged.tags or {}), VERSION: version}
                yield AssetMaterialization(
                    asset, metadata=logged.metadata, partition=key, tags=tags
                )
        shown = last_materialization(instance, asset)
        if self.newest and shown and shown.partition != self.newest:
            logged = last_materialization(instance, asset, self.newest)
            if logged:
                yield logged


STAGES = {
    "features": "prices",
    "trained_models": "train",
    "distributions": "forecast",
    "scores": "score",
}
"""What the work on an asset is called; that on any other has the asset's name."""


UNITS = {"prices": "sources", "features": "covariate sets"}
"""What the partitions of an asset are counted as, where they are no windows."""


COMMODITIES_NAMED = 3
"""A stage of more commodities than these counts the others."""


def stage_of(asset: str, keys: Sequence[str]) -> str:
    """What the work on some partitions of an asset is called: ``WTI train``."""
    names = list(dict.fromkeys(commodity_of(key) or key for key in keys))
    named, more = ", ".join(names[:COMMODITIES_NAMED]), len(names) - COMMODITIES_NAMED
    others = f" and {more} more" if more > 0 else ""
    return f"{named}{others} {STAGES.get(asset, asset)}"


class PartitionedIOManager(ConfigurableIOManager):
    """Writes partitions one by one; one that fails does not stop the others."""

    store: StoreResource

    def tables(self) -> Store:
        """The tables behind their contract."""
        resource: Any = self.store  # Dagster types a nested resource as what may become one
        store: Store = resource.tables()
        return store

    def inspect(self, value: Any) -> list[Finding]:
        """What is found in a partition before it is committed; nothing unless overridden."""
        return []

    @abstractmethod
    def write(self, value: Any, run_id: str) -> Metadata:
        """Commit one partition, and say what it holds now."""

    def picture(self, key: str, metadata: Metadata) -> str | None:
        """A picture of a committed partition, as Markdown; None where there is nothing to see."""
        return None

    def history(self, key: str) -> History | None:
        """The history by whose past a committed partition is known; None where a run is enough."""
        return None

    def contents(self, value: Any) -> str | None:
        """The fingerprint of what a committed partition holds; None where its past is enough."""
        return None

    # Dagster runs a generator here as well, and keeps what it yielded when it raises.
    def handle_output(  # type: ignore[override]
        self, context: OutputContext, obj: Partitioned
    ) -> Iterator[DagsterEvent]:
        """Compute and commit each partition; raise PartitionsFailed at the end if any failed."""
        failed = self._commit_all(context, obj)
        obj.tell_apart()
        if not failed:
            self._describe(obj)
            return
        for key in sorted(obj.described, key=lambda key: key == obj.newest):
            tags = {VERSION: obj.versions[key]} if key in obj.versions else {}
            metadata = obj.described[key]
            context.log_event(
                AssetMaterialization(context.asset_key, metadata=metadata, partition=key, tags=tags)
            )
        yield from context.consume_events()  # else an in-process result would not have them
        yield from check_events(obj.context, context.asset_key, obj.findings)
        raise PartitionsFailed("\n".join(failed.values()))

    def _commit_all(self, context: OutputContext, obj: Partitioned) -> dict[str, str]:
        """Commit each partition; what became of those that failed, by key."""
        failed: dict[str, str] = {}
        try:
            for key in obj.track():
                try:
                    self._commit(obj, key, context.run_id)
                except Interrupted:
                    raise
                except Exception as error:  # a partition's boundary; told at the end
                    failed[key] = told_of(key, error)
                    context.log.exception(failed[key])
                    observe_the_committed(context, key, error)
                    if isinstance(error, StoreLocked):
                        break  # what the others compute could not be written
        except Interrupted as error:
            failed["the rest"] = str(error)
        return failed

    def _describe(self, obj: Partitioned) -> None:
        """Give Dagster what the partitions say of themselves, the newest ones with a picture."""
        context = obj.context
        for key in obj.newest_of_each:
            shown = drawn(context.log, partial(self.picture, key, obj.described[key]))
            obj.described[key] = with_picture(obj.described[key], shown)
        for key, metadata in obj.described.items():
            context.add_asset_metadata(metadata, partition_key=key)
        if obj.version:
            context.set_data_version(context.asset_key, DataVersion(obj.version))

    def _commit(self, obj: Partitioned, key: str, run_id: str) -> None:
        """Compute, inspect and commit one partition, and keep what it says of itself."""
        context, asset = obj.context, obj.context.asset_key
        value = obj.compute(key)
        obj.findings[key] = self.inspect(value)
        require_sound(obj.findings[key])
        metadata = self.write(value, run_id)
        if (history := self.history(key)) is not None:
            before = last_past(context.instance, asset, key)
            past = Past.of(history, obj.training_dates, before)
            metadata |= past.metadata
            obj.versions[key] = past.version
        if (held := self.contents(value)) is not None:
            metadata |= {CONTENTS: held}
            obj.contents[key] = held
        obj.described[key] = metadata


def observe_the_committed(context: OutputContext, key: str, error: Exception) -> None:
    """Log what is committed of a partition although a part of it failed: it is still due."""
    if isinstance(error, ModelsFailed) and error.committed:
        asset = context.asset_key
        context.log_event(AssetObservation(asset, partition=key, metadata=error.committed))
