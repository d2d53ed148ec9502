"""The worker: launches the runs that are due, and remembers what failed and what to know."""

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from dagster import (
    AssetKey,
    AssetMaterialization,
    AssetObservation,
    DagsterEventType,
    DagsterInstance,
    Definitions,
    ExecuteInProcessResult,
    TableMetadataValue,
)
from dagster_shared.error import SerializableErrorInfo
from filelock import FileLock

from forecast_assets import errors
from forecast_assets.automation.due import (
    Ledger,
    due_windows,
    holding,
    lacks_models,
    stretches,
    undue,
    windows_with_news,
    windows_without_forecasts,
    windows_without_scores,
)
from forecast_assets.automation.waiting import held_files, to_look_at
from forecast_assets.boundary import boundary
from forecast_assets.configuration.home import Places
from forecast_assets.configuration.settings import Settings
from forecast_assets.defs.build import build_definitions
from forecast_assets.defs.metadata import HALF_A_FILE, NOTES
from forecast_assets.defs.partitioned import stage_of
from forecast_assets.defs.progress import TerminalProgress
from forecast_assets.defs.summary import Summaries
from forecast_assets.errors import StoreLocked
from forecast_assets.forecast.records import IssuedForecast, RecordedFailure
from forecast_assets.forecast.training import not_due
from forecast_assets.market.landing import LandingFolder
from forecast_assets.market.rows import Rejection
from forecast_assets.store.opening import open_store
from forecast_assets.store.patience import KEPT, Patience
from forecast_assets.store.saved_models import ModelStore
from forecast_assets.timeline.window import Window

LOG = logging.getLogger(__name__)

RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"


NOT_BEGUN = "the rest was not begun, since the tables are still kept from us"


@dataclass(frozen=True)
class Span:
    """The days that a run is asked for."""

    first: date
    last: date

    def touches(self, window: Window) -> bool:
        """Whether a window has a day of the span."""
        return window.end > self.first and window.training_date <= self.last


EVER = Span(date.min, date.max)


@dataclass
class Worker:
    """Launches what is due, one commodity after the other, and remembers what failed."""

    settings: Settings
    version: str
    span: Span
    instance: DagsterInstance
    progress: TerminalProgress
    recompute: bool
    train_on: date | None = None
    reading: dict[str, object] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    summaries: Summaries = field(default_factory=Summaries)
    windows: set[Window] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Build the graph that runs are made of, and open the tables."""
        seconds = self.settings.database.lock_timeout_seconds
        self.patience = Patience(seconds, "command", self.progress.say)
        self.definitions: Definitions = build_definitions(
            self.settings, self.progress, self.patience
        )
        self.store = open_store(self.settings, self.patience)
        self.models = ModelStore.over(self.store, self.settings)

    def land(self) -> None:
        """Merge the whole files of the landing folder, if there are any; tell which are held."""
        folder = LandingFolder(self.settings)
        if folder.waiting(time.time()).whole:
            landed = self._execute("land", "landed_files", {}, stage="landing")
            self.problems += [*rejected_files(landed), *rejections(landed, "landed_files")]
        self.notes += held_files(folder)

    def serve(self, name: str) -> None:
        """All that is due for one commodity; an error of it is told, and stops no other."""
        began, before, summary = time.monotonic(), len(self.problems), self.summaries.of(name)
        summary.begun = True
        try:
            with boundary(name, self.problems):
                self.work(name)
        finally:
            summary.seconds += time.monotonic() - began
            summary.failed = len(self.problems) > before

    def work(self, name: str) -> None:
        """Prices and covariates, then models, then forecasts of one commodity."""
        stage, reading = stage_of("prices", [name]), self.reading
        loaded = self._execute("load_prices", "prices", reading, stage=stage, partition_key=name)
        self.notes += to_look_at(self.settings, self.store, name)
        self.problems += [
            *rejections(loaded, "prices"),
            *half_files(loaded),
            *rejections(loaded, "features"),
            *not_refreshed(loaded),
        ]
        history = self.store.prices.history(name)
        if len(history) == 0:
            return
        begun = self._begun(name)
        windows = due_windows(self.settings, begun, history)
        if self.train_on is None and (reason := undue(self.settings, begun, history)):
            self.notes.append(reason)
        self.windows.update(windows)
        if self.train_on is not None:
            reasons = [not_due(self.settings, window, history) for window in begun]
            self.problems += [reason for reason in reasons if reason]
        ledger = self._ledger(name)
        untrained = [x for x in windows if lacks_models(self.settings, x, ledger)]
        for first, last in stretches(untrained, windows):
            self._range("train", "trained_models", {}, first, last)
        ledger, again = self._ledger(name), self.recompute
        lacking = windows_without_forecasts(
            self.settings, windows, ledger, recompute=again
        ) or windows_with_news(self.settings, begun, ledger)
        for first, last in stretches(lacking, begun):
            self._range("forecast", "distributions", {"recompute": again}, first, last)
        self._score(name, ledger.issued)

    def _begun(self, name: str) -> list[Window]:
        """The windows of the days asked for, or the rest of one from a day to train on."""
        windows = self.settings.windows.of(name)
        day = self.train_on
        if day is not None:
            return [x.retrained(day) for x in windows if x.training_date < day < x.end]
        return [window for window in windows if self.span.touches(window)]

    def publish(self) -> None:
        """Rank the models, publish, and write the page."""
        self._execute("publish", "report", {}, stage="publish")

    def _score(self, name: str, before: Sequence[IssuedForecast]) -> None:
        """Score the forecasts of a commodity of which something new is known.

        A price may be news to forecasts before the days that the run is asked for. Windows whose
        forecasts are others than ``before`` are looked into though nothing has happened after
        them yet, or Dagster would call their scores unsynced.
        """
        windows = self.settings.windows.of(name)
        issued = self.store.paths.issued(name, self.version)
        lacking = windows_without_scores(
            self.settings,
            windows,
            self.store.prices.history(name),
            issued,
            self.store.scores.scored(name, self.version),
        )
        known = {identity_of(each) for each in before}
        drawn = holding(windows, [each for each in issued if identity_of(each) not in known])
        for first, last in stretches([*lacking, *drawn], windows):
            self._range("score", "scores", {}, first, last)

    def attempted(self, failure: RecordedFailure) -> bool:
        """Whether a failure belongs to the windows of this run."""
        wanted = (failure.commodity, failure.training_date)
        return wanted in {(x.commodity, x.training_date) for x in self.windows}

    def _ledger(self, name: str) -> Ledger:
        return Ledger(
            self.store.features.read(self.store.prices.history(name)),
            self.models.intact(self.models.store.models.find(name, model_version=self.version)),
            self.store.paths.issued(name, self.version),
        )

    def _range(
        self, job: str, asset: str, config: dict[str, object], first: Window, last: Window
    ) -> None:
        config = config | {"model_version": self.version}
        if self.train_on is not None and job != "score":
            config = config | {"training_date": self.train_on.isoformat()}
        windows = self.settings.windows.of(first.commodity)
        meant = [x for x in windows if first.training_date <= x.training_date < last.end]
        self._execute(
            job,
            asset,
            config,
            stage=stage_of(asset, [first.key]),
            windows=max(len(meant), 1),  # the rest of one, trained on a day inside it
            tags={RANGE_START: first.key, RANGE_END: last.key},
        )

    def _execute(
        self,
        job: str,
        asset: str,
        config: dict[str, object],
        *,
        stage: str,
        windows: int = 0,
        partition_key: str | None = None,
        tags: dict[str, str] | None = None,
    ) -> ExecuteInProcessResult:
        with self.progress.stage(stage, "windows" if windows else None, windows):
            result = self.definitions.resolve_job_def(job).execute_in_process(
                instance=self.instance,
                raise_on_error=False,
                run_config={
                    "ops": {asset: {"config": config}} if config else {},
                    "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
                },
                partition_key=partition_key,
                tags=tags,
            )
        self.progress.require_going_on()
        self.notes += noted(result)
        self.summaries.add(said_of_partitions(result))
        if not result.success:
            self.problems += failure_lines(result, job)
            self._require_tables()
        return result

    def _require_tables(self) -> None:
        """Raise StoreLocked once nothing more can be written."""
        if self.patience.given_up:
            raise StoreLocked(NOT_BEGUN)

    def give_up(self, error: StoreLocked) -> None:
        """Tell that nothing more can be written, and of its cause unless that is told already."""
        if not any(KEPT in problem for problem in self.problems):
            self.problems.append(str(error))
        self.notes.append(NOT_BEGUN)


def work(
    settings: Settings,
    names: list[str],
    version: str,
    span: Span,
    recompute: bool,
    progress: TerminalProgress,
    train_on: date | None = None,
    *,
    allow_withdrawals: bool = False,
) -> Worker:
    """Do what is due for each commodity in turn; one that cannot go on stops no other."""
    reading: dict[str, object] = {"allow_withdrawals": True} if allow_withdrawals else {}
    filled = settings.places.prepare()
    with instance(settings.places) as dagster:
        worker = Worker(settings, version, span, dagster, progress, recompute, train_on, reading)
        worker.notes += filled
        try:
            if names:
                with boundary("landing", worker.problems):
                    worker.land()
            served = progress.track(LOG, "forecast run", "commodities", names, len(names))
            for name in served:
                worker.serve(name)
            with boundary("report", worker.problems):
                worker.publish()
        except StoreLocked as error:
            worker.give_up(error)
    return worker


@contextmanager
def instance(places: Places) -> Iterator[DagsterInstance]:
    """The Dagster instance of a home that is prepared."""
    with ExitStack() as stack:
        with FileLock(places.dagster / ".lock"):  # two that make its databases would spoil them
            dagster = stack.enter_context(DagsterInstance.from_config(str(places.dagster)))
            dagster.get_runs(limit=1)
        yield dagster


def identity_of(forecast: IssuedForecast) -> tuple[str, date, datetime]:
    """What no other drawing of any forecast of a commodity and version shares."""
    return forecast.model_name, forecast.data_cutoff_date, forecast.generation_timestamp


def said_of_partitions(
    result: ExecuteInProcessResult,
) -> list[AssetMaterialization | AssetObservation]:
    """What a run said of partitions, those among them that only a part of could be done for."""
    observed = result.get_asset_observation_events()
    return [
        *materializations(result),
        *(event.asset_observation_data.asset_observation for event in observed),
    ]


def rejections(result: ExecuteInProcessResult, asset: str) -> list[str]:
    """What was refused in the sources of an asset, a line each."""
    lines: list[str] = []
    for materialization in materialized(result, asset):
        refused = materialization.metadata["rejections"]
        if isinstance(refused, TableMetadataValue):
            rows: list[dict[str, Any]] = [dict(record.data) for record in refused.records]
            lines += [str(Rejection(**row)) for row in rows]
            said = int(str(materialization.metadata["values_rejected"].value))
            more = said - sum(int(row["count"]) for row in rows)
            lines += [f"{rows[0]['commodity']}: and {more} more refused values"] if more else []
    return lines


def noted(result: ExecuteInProcessResult) -> list[str]:
    """What the assets of a run say that a reader should know although nothing failed."""
    tables = [each.metadata.get(NOTES) for each in materializations(result)]
    return [
        str(record.data["note"])
        for table in tables
        if isinstance(table, TableMetadataValue)
        for record in table.records
    ]


def rejected_files(result: ExecuteInProcessResult) -> list[str]:
    """The files of the landing folder that held nothing usable, a line each."""
    tables = [each.metadata["files"] for each in materialized(result, "landed_files")]
    return [
        f"{record.data['outcome']}; it is now {record.data['put_away_to']}"
        for table in tables
        if isinstance(table, TableMetadataValue)
        for record in table.records
        if not (record.data["accepted"] or record.data["held"])
    ]


def not_refreshed(result: ExecuteInProcessResult) -> list[str]:
    """The covariates whose files cannot be read, a line each."""
    tables = [
        each.metadata["covariates_not_refreshed"] for each in materialized(result, "features")
    ]
    return [
        f"{record.data['reason']}; what is stored of it stays as it was"
        for table in tables
        if isinstance(table, TableMetadataValue)
        for record in table.records
    ]


def half_files(result: ExecuteInProcessResult) -> list[str]:
    """Whether a source lacks so many stored sessions that they were kept, in a line."""
    told = [each.metadata.get(HALF_A_FILE) for each in materialized(result, "prices")]
    return [str(line.value) for line in told if line]


def materialized(result: ExecuteInProcessResult, asset: str) -> list[AssetMaterialization]:
    """What a run materialized of an asset; nothing where an asset before it failed."""
    return [event for event in materializations(result) if event.asset_key == AssetKey(asset)]


def materializations(result: ExecuteInProcessResult) -> list[AssetMaterialization]:
    """What a run materialized, each partition once: the newest window may be logged again."""
    events = [each.materialization for each in result.get_asset_materialization_events()]
    return list({(event.asset_key, event.partition): event for event in events}.values())


OURS = f"{errors.__name__}."
"""What the kind of an error begins with that is raised on purpose: its message says all."""


def failure_lines(result: ExecuteInProcessResult, job: str) -> list[str]:
    """Why a run failed: a line for each partition, or each error that stopped a step or all."""
    steps = [each.step_failure_data.error for each in result.get_step_failure_events()]
    runs = [
        event.job_failure_data.error  # of what is outside of any step: resources, mostly
        for event in result.all_events
        if event.event_type == DagsterEventType.RUN_FAILURE
    ]
    found = [error for error in steps if error] or [error for error in runs if error]
    lines = [line for error in found for line in lines_of(error, job)]
    return list(dict.fromkeys(lines)) or [f"{job}: the run failed; the Dagster UI has its log"]


def lines_of(error: SerializableErrorInfo, job: str) -> list[str]:
    """What was wrong in the first place, as far as a message for users was made of it."""
    while error.cause is not None and not error.message.startswith(OURS):
        error = error.cause
    if error.message.startswith(OURS):
        return error.message.partition(": ")[2].strip().splitlines()
    return [f"{job}: {' '.join(error.message.split())}"]
