"""Sensors: they notice new files, due work and failures, and ask for runs or send alerts."""

import json
import time
from datetime import UTC, datetime

from dagster import (
    AssetKey,
    DefaultSensorStatus,
    RunRequest,
    SensorDefinition,
    SensorEvaluationContext,
    SensorResult,
    SkipReason,
    sensor,
)

from forecast_assets.automation.attempts import Attempts
from forecast_assets.automation.plan import PlannedRun, plan, plan_inputs, sorted_out
from forecast_assets.automation.version_differences import version_lines
from forecast_assets.automation.waiting import files_in_brief, prices_in_brief
from forecast_assets.automation.work import file_work
from forecast_assets.configuration.settings import Settings
from forecast_assets.defs.alerts import Told, deliver, failed_runs, untold
from forecast_assets.defs.dead_runs import buried_by
from forecast_assets.defs.jobs import JOBS
from forecast_assets.defs.pruning import kept_since
from forecast_assets.defs.resources import impatient_store, require_free
from forecast_assets.defs.run_history import (
    DUE_WORK,
    FILES,
    RunHistory,
    request_tags,
    tags,
)
from forecast_assets.errors import AlertFailed, LandingError, StoreLocked
from forecast_assets.market.landing import LandingFolder
from forecast_assets.store.pinning import PinnedVersion

ALERT_SECONDS = 30
"""The seconds between two ticks of the sensor for alerts."""


def sensors(settings: Settings) -> list[SensorDefinition]:
    """The sensors of a configuration."""
    always = [new_market_data(settings), due_work(settings)]
    return [*always, tell(settings)] if settings.alerts.webhook else always


def new_market_data(settings: Settings) -> SensorDefinition:
    """The sensor that asks for a run when complete files wait in the landing folder."""

    @sensor(
        name=FILES,
        job_name="land",
        minimum_interval_seconds=settings.automation.interval_seconds,
        default_status=status(settings),
        description="Files in the landing folder: one run merges all that are whole.",
    )
    def look(context: SensorEvaluationContext) -> SensorResult:
        folder = LandingFolder(settings)
        try:
            folder.make()
            waiting, held = folder.waiting(time.time()), files_in_brief(folder)
        except LandingError as error:
            return SensorResult(skip_reason=str(error))
        marks = impatient_store(settings).marks
        history = RunHistory.of(context.instance, FILES)
        attempts = history.attempts(settings.automation, marks)
        now = datetime.now(UTC)
        said = [f"{len(waiting.unfinished)} being written"] if waiting.unfinished else []
        said += held
        if not waiting.whole:
            return SensorResult(skip_reason="; ".join(["no file is waiting", *said]))
        said = [f"{len(waiting.whole)} files waiting", *said]
        buried = buried_by(settings, context.instance, now)
        if alive := buried.of_plan(FILES):
            said.append(f"run {alive[0][:8]} is landing files")
            return SensorResult(skip_reason="; ".join(said))
        try:
            able, reasons = sorted_out([file_work(each) for each in waiting.whole], attempts, now)
            work = [piece.work for piece in able]
            request = RunRequest(run_key=attempts.key(work), tags=tags(FILES, attempts, work))
            if able:
                require_free(settings)
        except StoreLocked as error:
            return SensorResult(skip_reason="; ".join([*said, str(error)]))
        if not able:
            return SensorResult(skip_reason="; ".join([*said, *reasons]))
        return SensorResult(run_requests=[request])

    return look


def due_work(settings: Settings) -> SensorDefinition:
    """The sensor that asks for the runs of the plan, which make what the tables lack."""

    @sensor(
        name=DUE_WORK,
        jobs=[job for job in JOBS if job.name in ("load_prices", "catch_up")],
        minimum_interval_seconds=settings.automation.interval_seconds,
        default_status=status(settings),
        description="Models, forecasts and scores that are due: the fewest runs that make them.",
    )
    def look(context: SensorEvaluationContext) -> SensorResult:
        store = impatient_store(settings)
        history = RunHistory.of(context.instance, DUE_WORK)
        attempts = history.attempts(settings.automation, store.marks)
        now = datetime.now(UTC)
        buried = buried_by(settings, context.instance, now)
        alive = [*buried.of_plan(DUE_WORK), *buried.working]
        if alive:
            return SensorResult(skip_reason=f"run {alive[0][:8]} is going on", cursor="")
        seen = plan_inputs(settings, store, now)
        told = json.loads(context.cursor or "{}")
        if told.get("seen") == seen:
            return SensorResult(skip_reason=told["said"], cursor=context.cursor)
        try:
            with store.reading():  # all of this is of one moment
                version = PinnedVersion.of(settings, store)
                found = plan(version.settings, store, attempts, now)
                requests = [run_request(request, attempts) for request in found.requests]
                differing = version_lines(version, now)
                said = "; ".join([*found.reasons, *differing, *prices_in_brief(settings, store)])
            if requests:
                require_free(settings)  # which opens the tables anew
        except StoreLocked as error:
            return SensorResult(skip_reason=str(error), cursor="")
        for failure in found.failures:
            context.log.error("%s", failure)
        for line in differing:
            context.log.warning("%s", line)
        cursor = json.dumps({"seen": seen, "said": said}) if found.settled else ""
        return SensorResult(
            run_requests=requests, skip_reason=None if requests else said, cursor=cursor
        )

    return look


def tell(settings: Settings) -> SensorDefinition:
    """The sensor that sends alerts to the webhook about changed checks and failed runs."""

    @sensor(
        name="alerts",
        minimum_interval_seconds=ALERT_SECONDS,
        default_status=status(settings),
        description="Checks that turned and runs that failed: one document each to the webhook.",
    )
    def look(context: SensorEvaluationContext) -> SkipReason:
        graph = context.repository_def.asset_graph if context.repository_def else None
        keys = graph.asset_check_keys if graph else ()
        names = {f"{key.asset_key.to_user_string()}.{key.name}": key for key in keys}
        told = Told.from_cursor(context.cursor)
        since = kept_since(settings, datetime.now(UTC))
        before = Told(runs=list(failed_runs(context.instance, since)))
        context.update_cursor((told or before).cursor)
        count = 0
        for each in untold(context.instance, dict(sorted(names.items())), told, since):
            try:
                deliver(settings.alerts, each.alert)
            except AlertFailed as error:
                context.log.warning("%s", error)
                return SkipReason(str(error))  # a failed tick would not store the cursor
            context.update_cursor(each.told.cursor)
            count += 1
        return SkipReason(f"{count} alerts sent" if count else "nothing turned")

    return look


def run_request(request: PlannedRun, attempts: Attempts) -> RunRequest:
    """Dagster's request for a run of these assets, over its range of partitions."""
    return RunRequest(
        run_key=attempts.key(request.work),
        job_name=request.job,
        asset_selection=[AssetKey(name) for name in request.assets],
        tags=request_tags(request, attempts),
    )


def status(settings: Settings) -> DefaultSensorStatus:
    """Whether sensors run until someone stops them."""
    running = settings.automation.running
    return DefaultSensorStatus.RUNNING if running else DefaultSensorStatus.STOPPED
