"""Partitioned values: what assets with partitions yield, and how Dagster learns their results."""

from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
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
    nothing_ahead,
    nothing_found,
)
from forecast_assets.automation.results import Result
from forecast_assets.defs.after_commit import (
    AfterCommit,
    Metadata,
    accepted,
    not_shown,
    with_picture,
)
from forecast_assets.defs.checks import check_events, check_results
from forecast_assets.defs.descriptions import Description, Draw, nothing_to_see
from forecast_assets.defs.metadata import ROWS
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
"""A function that commits a partition's value and returns its result; the text is the run's id."""


Given = Output[Any] | AssetMaterialization | AssetCheckResult
"""What an asset with partitions yields: its value, then events once all of it is committed."""


@dataclass(frozen=True)
class Shown:
    """What is shown of a committed partition, and the basis of its data version.

    ``draw``: draws its picture. The basis is ``past`` or ``contents`` (see past.py); the other one
    is None.
    """

    metadata: Metadata
    draw: Draw
    past: Past | None
    contents: str | None

    @property
    def rows(self) -> int:
        """How many rows the partition holds."""
        return int(self.metadata.get(ROWS, 0))


def of_this_code(key: str) -> None:
    """Keep no older code version, since the run makes all contents of the partition."""


@dataclass(frozen=True)
class Partitioned(Generic[Value, Outcome]):
    """The value of an asset: its partitions, each of which is computed just before its commit.

    ``work``: computes a partition. ``inspect``: finds what is wrong with it before the commit.
    ``ahead``: begins the next one meanwhile (see ``Steps``).
    ``description``: decides what the UI shows of it. ``training_dates``: those that have come, if
    data versions depend on the past. ``code_kept``: the older code version that a partition keeps
    if the run leaves contents in it that older code has made; otherwise None.

    The other fields are filled when partitions are committed: ``shown`` and ``findings`` by key,
    and ``tags`` by key with the data version and an older code version that is kept.
    """

    context: AssetExecutionContext
    progress: Progress
    listener: Listener
    description: Description[Outcome]
    work: Callable[[str], Value]
    inspect: Callable[[Value], Sequence[Finding]] | None = None
    ahead: Callable[[Value, str], Callable[[], Value] | None] = nothing_ahead
    training_dates: Sequence[date] = ()
    code_kept: Callable[[str], str | None] = of_this_code
    shown: dict[str, Shown] = field(default_factory=dict)
    findings: dict[str, Sequence[Finding]] = field(default_factory=dict)
    tags: dict[str, dict[str, str]] = field(default_factory=dict)

    def given(self) -> Iterator[Given]:
        """What the asset yields: this value, then the events after all partitions are committed."""
        yield Output(self)  # Dagster resumes here when the IO manager has written all of it
        # One by one, since each looks at what Dagster has logged of those before it.
        yield from self.after.each("the order of partitions", self._again())
        if self.inspect is not None:
            yield from check_results(self.findings)

    @property
    def after(self) -> AfterCommit:
        """The boundary of what is told of committed partitions."""
        return AfterCommit(self.context.log, self.listener)

    @cached_property
    def keys(self) -> list[str]:
        """The partition keys of the run, in order."""
        return sorted(self.context.partition_keys)

    def committed_by(
        self, save: Save[Value, Outcome], context: OutputContext
    ) -> Iterator[DagsterEvent]:
        """Commit each partition, and report all of them to Dagster.

        Raises PartitionsFailed at the end if any failed. Dagster ignores metadata and check results
        of a step that fails, so they are logged as events before.
        """
        steps = Steps(
            self.work,
            lambda value: save(value, context.run_id),
            self._described,
            self.inspect or nothing_found,
            self.ahead,
        )
        failures = []
        for became in each_by_itself(self._tracked(), steps, self.keys):
            self.findings[became.key] = became.findings
            if isinstance(became, Failed):
                failures.append(became.line)
                self._tell(context, became)
            else:
                self._keep(became)
        self.after.attempt("data versions", self._tell_apart, None)
        if not failures:
            self._show()
            return
        self._log(context)
        yield from context.consume_events()  # otherwise the result of a run in process lacks them
        yield from check_events(self.context, context.asset_key, self.findings)
        raise PartitionsFailed(*failures)

    def _tracked(self) -> Iterable[str]:
        """Yield the partition keys, and show the progress."""
        name = self.context.asset_key.to_user_string()
        if not self.keys:
            raise PartitionsFailed(f"{name}: the range of this run holds no partition")
        stage, unit, log = stage_of(name, self.keys), unit_of(name), self.context.log
        return self.progress.track(log, stage, unit, self.keys, len(self.keys))

    def _described(self, key: str, result: Outcome) -> Shown:
        """What is shown of a committed partition, by the tables as they are at one moment.

        What cannot be shown becomes a note, since the partition is committed.
        """
        notes: list[str] = []

        def describe() -> Shown:
            with self.description.store.at_one_moment():
                return self._describe(key, result, notes)

        blank = Shown({}, nothing_to_see, None, None)
        shown = self.after.attempt(key, describe, blank, notes)
        return replace(shown, metadata=shown.metadata | not_shown(notes))

    def _describe(self, key: str, result: Outcome, notes: list[str]) -> Shown:
        """What is shown of a committed partition, and the basis of its data version."""
        attempt, said = self.after.attempt, self.description
        blank: Metadata = {}
        metadata = attempt(
            f"{key}: its metadata", lambda: accepted(said.metadata(result)), blank, notes
        )
        past = attempt(f"{key}: its past", lambda: self._past(key, result), None, notes)
        contents = attempt(f"{key}: its contents", lambda: said.contents(result), None, notes)
        if past is not None:
            metadata |= past.metadata
        if contents is not None:
            metadata |= {CONTENTS: contents}
        none: Draw = nothing_to_see
        draw = attempt(f"{key}: its picture", lambda: said.picture(result), none, notes)
        return Shown(metadata, draw, past, contents)

    def _past(self, key: str, result: Outcome) -> Past | None:
        """The past of a partition whose data version depends on it."""
        history = self.description.history(result)
        if history is None:
            return None
        before = last_past(self.context.instance, self.context.asset_key, key)
        return Past.of(history, self.training_dates, before)

    def _keep(self, done: Done[Outcome, Shown]) -> None:
        self.shown[done.key] = done.shown
        self.after.hear(done.result)

    def _tell(self, context: OutputContext, failed: Failed[Outcome]) -> None:
        """Log a failure, and report what was committed of the partition nevertheless.

        That is an observation and not a materialization, since the partition is still due.
        """
        if not isinstance(failed.error, Interrupted):
            context.log.error(failed.line, exc_info=failed.error)
        if failed.result is None:
            return
        result = failed.result
        self.after.hear(result)
        metadata = self.after.metadata(
            f"{failed.key}: its metadata", lambda: self.description.in_part(result) or {}
        )
        if metadata:
            observed = AssetObservation(context.asset_key, partition=failed.key, metadata=metadata)
            self.after.attempt(failed.key, lambda: context.log_event(observed), None)

    def _tell_apart(self) -> None:
        """Compute the data versions of the partitions, from their past or their contents."""
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
        """Give Dagster the metadata of the partitions, and the data version that most have.

        Only the newest partitions of a run have a picture, since to draw takes long.
        """
        context, newest = self.context, newest_of_each(self._rows)
        for key, shown in self.shown.items():
            is_newest = key in newest
            picture = self.after.picture(f"{key}: its picture", shown.draw) if is_newest else None
            metadata = with_picture(shown.metadata, picture)
            context.add_asset_metadata(metadata, partition_key=key)
        if self.tags:  # Dagster allows only one data version for all partitions of a run
            versions = Counter(tags[VERSION] for tags in self.tags.values())
            ((version, _),) = versions.most_common(1)
            context.set_data_version(context.asset_key, DataVersion(version))

    def _log(self, context: OutputContext) -> None:
        """Log the committed partitions as materialized, the newest window last."""
        newest = newest_window(self._rows)
        for key in sorted(self.shown, key=lambda key: key == newest):
            tags = self.tags.get(key, {})
            metadata = self.shown[key].metadata
            context.log_event(
                AssetMaterialization(context.asset_key, metadata=metadata, partition=key, tags=tags)
            )

    def _again(self) -> Iterator[AssetMaterialization]:
        """Log some partitions again, whose materialization Dagster has logged wrongly.

        Dagster gives all partitions of a run the same data version and code version, so partitions
        with other versions are logged again. It also logs partitions in any order, while the page
        of an asset shows the last one, so the newest window is logged again at the end.
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

    Dagster passes values without their types, so each subclass declares the type of its own.
    """

    store: StoreResource

    def tables(self) -> Store:
        """The tables."""
        resource: Any = self.store  # Dagster's type of a nested resource lacks its methods
        store: Store = resource.tables()
        return store

    @abstractmethod
    def save(self, value: Any, by: str) -> Result:
        """Commit one partition in one transaction, and return its result; ``by``: the run's id."""

    # Dagster accepts a generator here, and keeps the events that it yielded before an error.
    def handle_output(  # type: ignore[override]
        self, context: OutputContext, obj: Partitioned[Any, Any]
    ) -> Iterator[DagsterEvent]:
        """Compute and save each partition. Raises PartitionsFailed at the end if any failed."""
        yield from obj.committed_by(self.save, context)
