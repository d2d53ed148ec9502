"""Partitioned values: what an asset of partitions yields, and how Dagster learns what became."""

from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any, Generic, TypeVar

from dagster import (
    AssetCheckResult,
    AssetExecutionContext,
    AssetMaterialization,
    AssetObservation,
    ConfigurableIOManager,
    DagsterEvent,
    DataVersion,
    Output,
    OutputContext,
)

from forecast_assets.automation.listener import Listener
from forecast_assets.automation.partition_loop import (
    Done,
    Failed,
    Steps,
    each_by_itself,
    nothing_found,
)
from forecast_assets.automation.results import Result
from forecast_assets.defs.checks import check_events, check_results
from forecast_assets.defs.descriptions import Description, Draw
from forecast_assets.defs.metadata import ROWS, Metadata, drawn, with_picture
from forecast_assets.defs.partitions import newest_of_each, newest_window
from forecast_assets.defs.past import (
    CODE_VERSION,
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
from forecast_assets.defs.stages import stage_of, unit_of
from forecast_assets.errors import Interrupted, PartitionsFailed
from forecast_assets.evaluation.findings import Finding
from forecast_assets.store.contract import Store

Value = TypeVar("Value")
Outcome = TypeVar("Outcome", bound=Result)

Save = Callable[[Value, str], Outcome]
"""Commits the value of one partition, and says what came of it. The text is the id of the run."""


Given = Output[Any] | AssetMaterialization | AssetCheckResult
"""What an asset of partitions yields: its value, and what is said once all of it is committed."""


@dataclass(frozen=True)
class Shown:
    """What is shown of a committed partition, and by what it is told apart from before.

    ``past`` or ``contents``: see past.py; the other one is None.
    """

    metadata: Metadata
    draw: Draw
    past: Past | None
    contents: str | None

    @property
    def rows(self) -> int:
        """How many rows it holds."""
        return int(self.metadata[ROWS])


def of_this_code(key: str) -> None:
    """The code version that a partition keeps where the run makes all that it holds."""


@dataclass(frozen=True)
class Partitioned(Generic[Value, Outcome]):
    """The value of an asset: its partitions, each worked when it can be committed.

    ``work`` computes a partition, ``inspect`` finds what is wrong with it before it is committed,
    and ``description`` says what the UI shows of it. ``training_dates``: those that have begun,
    where partitions are told apart by their past. ``code_kept``: the code version that a partition
    keeps, where the run leaves in it what other code made.

    Filled in as partitions are committed: ``shown`` and ``findings``, by key, and ``tags``, the
    data version of each that has one, and the code version that it keeps.
    """

    context: AssetExecutionContext
    progress: Progress
    listener: Listener
    description: Description[Outcome]
    work: Callable[[str], Value]
    inspect: Callable[[Value], Sequence[Finding]] | None = None
    training_dates: Sequence[date] = ()
    code_kept: Callable[[str], str | None] = of_this_code
    shown: dict[str, Shown] = field(default_factory=dict)
    findings: dict[str, Sequence[Finding]] = field(default_factory=dict)
    tags: dict[str, dict[str, str]] = field(default_factory=dict)

    def given(self) -> Iterator[Given]:
        """What the asset yields: itself, and what can be said once every partition is committed."""
        yield Output(self)  # Dagster goes on from here when the IO manager has written all of it
        yield from self._again()
        if self.inspect is not None:
            yield from check_results(self.findings)

    @cached_property
    def keys(self) -> list[str]:
        """The partition keys of the run, in order."""
        return sorted(self.context.partition_keys)

    def committed_by(
        self, save: Save[Value, Outcome], context: OutputContext
    ) -> Iterator[DagsterEvent]:
        """Commit each partition, and tell Dagster of all of them.

        Raises PartitionsFailed at the end if any failed. A step that fails gives no metadata and
        no check results, so that these are logged as events before.
        """
        steps = Steps(
            self.work,
            lambda value: save(value, context.run_id),
            self._describe,
            self.inspect or nothing_found,
        )
        failures = []
        for became in each_by_itself(self._tracked(), steps):
            self.findings[became.key] = became.findings
            if isinstance(became, Failed):
                failures.append(became.line)
                self._tell(context, became)
            else:
                self._keep(became)
        self._tell_apart()
        if not failures:
            self._show()
            return
        self._log(context)
        yield from context.consume_events()  # else an in-process result would not have them
        yield from check_events(self.context, context.asset_key, self.findings)
        raise PartitionsFailed("\n".join(failures))

    def _tracked(self) -> Iterable[str]:
        """The partition keys, shown as progress."""
        name = self.context.asset_key.to_user_string()
        if not self.keys:
            raise PartitionsFailed(f"{name}: the range of this run holds no partition")
        stage, unit, log = stage_of(name, self.keys), unit_of(name), self.context.log
        return self.progress.track(log, stage, unit, self.keys, len(self.keys))

    def _describe(self, key: str, result: Outcome) -> Shown:
        """What is shown of a partition that is committed, and what it is told apart by."""
        metadata, past = self.description.metadata(result), None
        if (history := self.description.history(result)) is not None:
            before = last_past(self.context.instance, self.context.asset_key, key)
            past = Past.of(history, self.training_dates, before)
            metadata |= past.metadata
        if (contents := self.description.contents(result)) is not None:
            metadata |= {CONTENTS: contents}
        return Shown(metadata, self.description.picture(result), past, contents)

    def _keep(self, done: Done[Outcome, Shown]) -> None:
        self.shown[done.key] = done.shown
        self.listener.hear(done.result)

    def _tell(self, context: OutputContext, failed: Failed[Outcome]) -> None:
        """Log a failure, and what is committed of its partition all the same: it is still due."""
        if not isinstance(failed.error, Interrupted):
            context.log.error(failed.line, exc_info=failed.error)
        if failed.result is None:
            return
        self.listener.hear(failed.result)
        metadata = self.description.in_part(failed.result)
        if metadata is not None:
            observed = AssetObservation(context.asset_key, partition=failed.key, metadata=metadata)
            context.log_event(observed)

    def _tell_apart(self) -> None:
        """Give the partitions their data versions, by their past or by what they hold."""
        asset, instance = self.context.asset_key, self.context.instance
        held = {key: each.contents for key, each in self.shown.items() if each.contents is not None}
        before = {key: last_contents(instance, asset, key) for key in held}
        pasts = {key: each.past.version for key, each in self.shown.items() if each.past}
        versions = pasts | versions_by_contents(held, before)
        codes = {key: code for key in versions if (code := self.code_kept(key))}
        for key, version in versions.items():
            kept = {CODE_VERSION: codes[key]} if key in codes else {}
            self.tags[key] = {VERSION: version} | kept

    @property
    def _rows(self) -> dict[str, int]:
        return {key: each.rows for key, each in self.shown.items()}

    def _show(self) -> None:
        """Give Dagster what the partitions say of themselves, and the version that most have.

        Only the newest ones have a picture, since Dagster's history keeps it for ever.
        """
        context, newest = self.context, newest_of_each(self._rows)
        for key, shown in self.shown.items():
            picture = drawn(context.log, shown.draw) if key in newest else None
            context.add_asset_metadata(with_picture(shown.metadata, picture), partition_key=key)
        if self.tags:  # Dagster gives one to all partitions of a run
            versions = Counter(tags[VERSION] for tags in self.tags.values())
            ((version, _),) = versions.most_common(1)
            context.set_data_version(context.asset_key, DataVersion(version))

    def _log(self, context: OutputContext) -> None:
        """Log the partitions that are committed as materialized, the newest window last."""
        newest = newest_window(self._rows)
        for key in sorted(self.shown, key=lambda key: key == newest):
            tags = self.tags.get(key, {})
            metadata = self.shown[key].metadata
            context.log_event(
                AssetMaterialization(context.asset_key, metadata=metadata, partition=key, tags=tags)
            )

    def _again(self) -> Iterator[AssetMaterialization]:
        """Partitions whose materialization Dagster could not log as it should be, once more.

        Dagster logs the partitions of a run in any order, and gives one data version and one code
        version to all. So those with another one follow, and last of all the newest window, since
        the page of an asset shows what was logged last.
        """
        asset, instance = self.context.asset_key, self.context.instance
        for key, tags in self.tags.items():
            logged = last_materialization(instance, asset, key)
            told = dict(logged.tags or {}) if logged else {}
            if logged and told != told | tags:
                yield AssetMaterialization(
                    asset, metadata=logged.metadata, partition=key, tags=told | tags
                )
        newest, shown = newest_window(self._rows), last_materialization(instance, asset)
        if newest and shown and shown.partition != newest:
            logged = last_materialization(instance, asset, newest)
            if logged:
                yield logged


class PartitionedIOManager(ConfigurableIOManager):
    """Saves the partitions of an asset one by one, as they are worked.

    Dagster carries values to it without their types: each manager names those of its own.
    """

    store: StoreResource

    def tables(self) -> Store:
        """The tables behind their contract."""
        resource: Any = self.store  # Dagster types a nested resource as what may become one
        store: Store = resource.tables()
        return store

    @abstractmethod
    def save(self, value: Any, by: str) -> Result:
        """Commit one partition, written by a run, in one transaction; say what came of it."""

    # Dagster runs a generator here as well, and keeps what it yielded when it raises.
    def handle_output(  # type: ignore[override]
        self, context: OutputContext, obj: Partitioned[Any, Any]
    ) -> Iterator[DagsterEvent]:
        """Work and save each partition. Raises PartitionsFailed at the end if any failed."""
        yield from obj.committed_by(self.save, context)
