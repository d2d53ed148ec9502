"""The worker of the terminal: it launches the due runs, and collects their results and failures."""

import logging
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property

from dagster import (
    AssetKey,
    DagsterEventType,
    DagsterInstance,
    Definitions,
    ExecuteInProcessResult,
)

from forecast_assets.automation.attempts import Attempts, PastRun
from forecast_assets.automation.due import due_windows, undue
from forecast_assets.automation.first_forecasts import FirstForecasts, Show, show_nothing
from forecast_assets.automation.listener import Collector, Several
from forecast_assets.automation.plan import PlannedRun, plan
from forecast_assets.automation.scope import Scope
from forecast_assets.automation.settled import Settled, days_of
from forecast_assets.automation.state import CommodityState
from forecast_assets.automation.version_differences import version_lines
from forecast_assets.automation.waiting import held_files, to_look_at
from forecast_assets.automation.work import LOAD, STAGES, Work, file_work
from forecast_assets.boundary import boundary, told_of
from forecast_assets.configuration.home import INSTANCE_SETTINGS, Places
from forecast_assets.configuration.names import valid_reason
from forecast_assets.configuration.settings import Settings
from forecast_assets.defs.build import build_definitions
from forecast_assets.defs.dead_runs import buried_by
from forecast_assets.defs.failure_lines import failure_lines
from forecast_assets.defs.partitions import commodity_of
from forecast_assets.defs.progress import TerminalProgress
from forecast_assets.defs.pruning import prune_by
from forecast_assets.defs.resources import BRIEF_SECONDS
from forecast_assets.defs.run_history import DUE_WORK, FILES, RunHistory, request_tags, tags
from forecast_assets.defs.run_process import RunProcess
from forecast_assets.defs.stages import stage_of
from forecast_assets.defs.summary import Summaries
from forecast_assets.errors import ConfigurationError, Interrupted, StoreLocked
from forecast_assets.forecast.records import RecordedFailure
from forecast_assets.forecast.training import not_due
from forecast_assets.market.landing import LandingFolder
from forecast_assets.market.source_files import source_state
from forecast_assets.store.lock_file import one_at_a_time
from forecast_assets.store.opening import open_store
from forecast_assets.store.patience import GIVEN_UP, Patience, Told
from forecast_assets.store.pinning import PinnedVersion
from forecast_assets.store.saved_models import ModelStore
from forecast_assets.timeline.clock import now
from forecast_assets.timeline.window import Window

LOG = logging.getLogger(__name__)

NOT_BEGUN = "the rest was not begun, since the tables are still kept from us"


@dataclass
class Worker:
    """Launches the due runs of one command, one commodity after the other.

    ``version``: the model version to work for. ``reading``: the run configuration of ``prices``.
    ``problems`` and ``notes``: lines for users on failures, and on what else to know. ``windows``:
    the windows that the command is about. ``done``: the runs of this command so far, each with the
    pieces of work that it began. ``heard``: collects the results of the runs. ``first``: shows the
    first forecasts, if there are many to come.
    """

    settings: Settings
    version: str
    scope: Scope
    instance: DagsterInstance
    progress: TerminalProgress
    reading: dict[str, object] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    summaries: Summaries = field(default_factory=Summaries)
    windows: set[Window] = field(default_factory=set)
    done: list[PastRun] = field(default_factory=list)
    heard: Collector = field(default_factory=Collector)
    first: FirstForecasts = field(default_factory=FirstForecasts)

    def __post_init__(self) -> None:
        """Open the tables."""
        seconds = self.settings.database.lock_timeout_seconds
        self.patience = Patience(seconds, "command", self.progress.say)
        self.store = open_store(self.settings, self.patience)
        self.models = ModelStore.over(self.store, self.settings)

    @cached_property
    def definitions(self) -> Definitions:
        """The graph that runs are made of, built for the first of them."""
        listener = Several((self.heard, self.first))
        return build_definitions(self.settings, self.progress, self.patience, listener)

    @cached_property
    def pinned(self) -> PinnedVersion:
        """The model version of the command; a note for each difference from the configuration."""
        found = PinnedVersion.of(self.settings.of_run(self.version, None), self.store)
        if self.version != self.settings.model_version:
            found.require_covariates(PinnedVersion.of(self.settings, self.store))
        self.notes += version_lines(found, datetime.now(UTC))
        return found

    @property
    def meant(self) -> Settings:
        """The settings in force for the model version of the command."""
        return self.pinned.settings

    def bury(self) -> Sequence[str]:
        """Report the runs of killed processes as failed; a line for each of them."""
        return buried_by(self.settings, self.instance, datetime.now(UTC)).lines

    def rewrite(self, reason: str) -> bool:
        """Pin what the configuration means, so that serving draws again what differs from it.

        Returns whether anything differs; if not, nothing is done but a note. Raises
        ConfigurationError for a reason that cannot be stored.
        """
        valid_reason(reason)
        found = PinnedVersion.of(self.settings.of_run(self.version, None), self.store)
        if not found.differences:
            self.notes.append(
                f"model_version {self.version}: nothing differs from what it was trained with:"
                " there is nothing to rewrite"
            )
            return False
        found.rewrite(reason, now(), "forecast run --rewrite")
        return True

    def land(self) -> None:
        """Merge the complete files of the landing folder, if any, and note which are held."""
        folder = LandingFolder(self.settings)
        if whole := folder.waiting(time.time()).whole:
            work = [file_work(each).work for each in whole]
            tagged = tags(FILES, self._attempts(FILES), work)
            self._execute("land", "landing", tags=tagged)
        self.notes += held_files(folder)

    def serve(self, name: str) -> None:
        """Do all due work of one commodity; its errors become problems and stop no other."""
        began, before, summary = time.monotonic(), len(self.problems), self.summaries.of(name)
        summary.begun = True
        try:
            with boundary(name, self.problems):
                self.work(name)
        finally:
            summary.seconds += time.monotonic() - began
            summary.failed = len(self.problems) > before

    def work(self, name: str) -> None:
        """Read the prices and covariates of a commodity, then do what is due of it."""
        state = self._load(name)
        if len(state.history) == 0:
            return
        self._look_at(state)
        self.catch_up(name)

    def catch_up(self, name: str) -> None:
        """Launch runs until nothing is due of a commodity by the tables as they are.

        Each piece of work is tried once; if it is still due after that, it has failed.
        """
        mine = replace(self.scope, commodities=(name,))
        while True:
            with self.progress.doing(f"planning {name}"):
                attempts = self._attempts(DUE_WORK)
                found = plan(self.meant, self.store, attempts, datetime.now(UTC), mine)
            self.problems += found.failures
            if not found.requests:
                return
            for request in found.requests:
                self._launch(request, attempts)

    def _state(self, name: str) -> CommodityState:
        begun = self.settings.windows.of(name)
        return CommodityState(self.meant, self.models, begun, name, self.scope)

    def _load(self, name: str) -> CommodityState:
        """Read the sources of a commodity, even if nothing is due, and return its state after that.

        This run counts as a try of all loading that was due before it, and of all that is still due
        after it.
        """
        with self.progress.doing(f"planning {name}"):
            lacking = self._state(name).before_windows()
            work, stage = [piece.work for piece in lacking], stage_of("prices", [name])
            tagged = tags(DUE_WORK, self._attempts(DUE_WORK), work) if work else {}
        config = {"prices": self.reading} if self.reading else {}
        loaded = self._execute("load_prices", stage, config, tags=tagged, partition_key=name)
        with self.progress.doing(f"planning {name}"):
            state = self._state(name)
            still = [piece.work for piece in state.before_windows()]
            self._remember(loaded.run_id, [*work, *still])
            self.notes += to_look_at(self.settings, self.store, name)
        return state

    def _look_at(self, state: CommodityState) -> None:
        """Collect the windows that the command is about, and why others have nothing to do."""
        windows = due_windows(self.settings, state.windows, state.history)
        self.windows.update(windows)
        if self.scope.train_on is not None:
            reasons = [not_due(self.settings, x, state.history) for x in state.windows]
            self.problems += [reason for reason in reasons if reason]
        elif reason := undue(self.settings, state.windows, state.history):
            self.notes.append(reason)

    def _attempts(self, of: str) -> Attempts:
        """The tries of this command; runs before it are known but do not count as tries.

        So a command tries again at once what has failed before.
        """
        policy = self.settings.automation.model_copy(update={"attempts": 1, "retry_seconds": 0})
        earlier = RunHistory.of(self.instance, of).ended()
        return Attempts(self.done, policy, self.store.marks, earlier)

    def _launch(self, request: PlannedRun, attempts: Attempts) -> None:
        """Execute a requested run, with the same tags as a sensor's."""
        self.first.expect(request)
        first, last = request.bounds or ("", "")
        windows = [x for x in self.settings.windows.of(commodity_of(first)) if x.key <= last]
        result = self._execute(
            request.job,
            stage_of(request.assets[0], [first]),
            self._config(request),
            windows=sum(window.key >= first for window in windows),
            assets=request.assets,
            tags=request_tags(request, attempts),
        )
        begun = {
            event.step_key
            for event in result.all_events
            if event.event_type == DagsterEventType.STEP_START
        }
        able = [x for x in request.work if STAGES.get(x.stage, LOAD[-1]) in begun]
        self._remember(result.run_id, able or request.work)

    def _remember(self, run_id: str, work: Sequence[Work]) -> None:
        mark = self.store.marks.found()[-1]
        self.done.insert(0, PastRun(run_id, datetime.now(UTC), mark, work))

    def _config(self, request: PlannedRun) -> dict[str, dict[str, object]]:
        """The run configuration, for each asset that takes one."""
        version: dict[str, object] = {"model_version": self.version}
        day = self.scope.train_on
        of_models = version | ({"training_date": day.isoformat()} if day else {})
        of_paths = of_models | {"recompute": self.scope.recompute}
        known = {"trained_models": of_models, "distributions": of_paths, "scores": version}
        return {name: known[name] for name in request.assets if name in known}

    def publish(self) -> None:
        """Rank the models, publish forecasts, and write the report."""
        self._execute("publish", "publish")

    def settle(self, sources: Sequence[str] | None, began: datetime) -> None:
        """Note for the next command that nothing is left to do, if this one was to do everything.

        ``sources``: the state of the source files before they were read. ``began``: when the
        command began; over midnight, what it read is that of the day before.
        """
        settings, everything = self.settings, Scope(tuple(self.settings.commodities))
        asked, at = (self.scope, self.version, self.reading), datetime.now(UTC)
        if self.problems or asked != (everything, settings.model_version, {}):
            return
        if days_of(settings, began) != days_of(settings, at):
            return
        store = open_store(settings, at_most=BRIEF_SECONDS)
        token = store.token()
        attempts = replace(self._attempts(DUE_WORK), marks=store.marks)
        found = plan(self.meant, store, attempts, at)
        if found.settled:
            Settled(settings, store).note(sources, token, self.notes, at)

    def attempted(self, failure: RecordedFailure) -> bool:
        """Whether a failure belongs to the windows of this command."""
        wanted = (failure.commodity, failure.training_date)
        return wanted in {(x.commodity, x.training_date) for x in self.windows}

    def _execute(
        self,
        job: str,
        stage: str,
        config: Mapping[str, Mapping[str, object]] | None = None,
        *,
        windows: int = 0,
        assets: Sequence[str] | None = None,
        partition_key: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> ExecuteInProcessResult:
        run_id = str(uuid.uuid4())
        announced = self.progress.announce(stage, "windows", windows) if windows else None
        with announced or self.progress.stage(stage):
            result = self.definitions.resolve_job_def(job).execute_in_process(
                instance=self.instance,
                run_id=run_id,
                raise_on_error=False,
                asset_selection=[AssetKey(name) for name in assets] if assets else None,
                run_config={
                    "ops": {name: {"config": dict(each)} for name, each in (config or {}).items()},
                    "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
                },
                partition_key=partition_key,
                tags=RunProcess.here(run_id).tag | dict(tags or {}),
            )
        for each in self.heard.take():  # first, since files that were put away are told only once
            with boundary("the summary", self.notes):
                self.notes += [] if each.broken else each.notes
                self.problems += each.problems
                self.summaries.add([each])
        self.progress.require_going_on()
        if not result.success:
            self.problems += failure_lines(result, job)
            self._require_tables()
        return result

    def _require_tables(self) -> None:
        """Raise StoreLocked if waiting for the tables was given up."""
        if self.patience.given_up:
            raise StoreLocked(NOT_BEGUN)

    def give_up(self, error: StoreLocked) -> None:
        """Note that the rest was not begun, and add the reason unless a problem has it already."""
        if not any(GIVEN_UP.search(problem) for problem in self.problems):
            self.problems.append(str(error))
        self.notes.append(NOT_BEGUN)


def work(
    settings: Settings,
    version: str,
    scope: Scope,
    progress: TerminalProgress,
    *,
    allow_withdrawals: bool = False,
    rewrite: str | None = None,
    show: Show = show_nothing,
) -> Worker:
    """Do the due work of a scope, for each commodity in turn; one that fails stops no other.

    ``version``: the model version to work for. ``allow_withdrawals``: whether sources may withdraw
    all sessions that they lack. ``rewrite``: a user's reason to give the version the configured
    meaning; if nothing differs from it, nothing is done. ``show``: shows the first forecasts, if
    there are many to come. Returns the worker with its results.
    """
    reading: dict[str, object] = {"allow_withdrawals": True} if allow_withdrawals else {}
    names, sources = scope.names(list(settings.commodities)), source_state(settings)
    began = datetime.now(UTC)
    filled = settings.places.prepare()
    with instance(settings.places, progress.say) as dagster:
        first = FirstForecasts(show)
        worker = Worker(settings, version, scope, dagster, progress, reading, first=first)
        worker.notes += [*filled, *worker.bury()]
        try:
            if rewrite is not None and not worker.rewrite(rewrite):
                return worker
            if names:
                with boundary("landing", worker.problems):
                    worker.land()
            if names:
                for name in progress.track(LOG, "forecast run", "commodities", names, len(names)):
                    worker.serve(name)
            with boundary("report", worker.problems):
                worker.publish()
            with boundary("history", worker.problems), progress.doing("deleting old runs"):
                prune_by(settings, dagster)
            with boundary("nothing to do", worker.notes), suppress(StoreLocked):
                worker.settle(sources, began)
        except StoreLocked as error:
            worker.give_up(error)
        except Interrupted as error:
            raise Interrupted(*worker.problems, *error.args) from error
        worker.problems += settings.places.full() if worker.problems else []
    return worker


@contextmanager
def instance(places: Places, told: Told = LOG.warning) -> Iterator[DagsterInstance]:
    """Open the Dagster instance of a prepared home; only one process at a time makes its databases.

    ``told``: receives lines about a wait for another process. Raises ConfigurationError if its
    settings or its history cannot be used.
    """
    with ExitStack() as stack:
        with one_at_a_time(places.dagster / ".lock", "to make the databases of Dagster", told):
            try:
                dagster = stack.enter_context(DagsterInstance.from_config(str(places.dagster)))
                dagster.get_runs(limit=1)
            except Exception as error:  # the boundary: settings may name any class of any module
                raise ConfigurationError(
                    f"{told_of(str(places.dagster), error)}; Dagster cannot open its home: mend"
                    f" {INSTANCE_SETTINGS} there, or move its folder history away"
                ) from error
        yield dagster
