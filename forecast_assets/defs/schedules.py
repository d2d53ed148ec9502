"""Schedules: fetching prices after sessions have ended, and looking at what the tables hold."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from dagster import (
    DefaultScheduleStatus,
    RunRequest,
    ScheduleDefinition,
    ScheduleEvaluationContext,
    SkipReason,
    schedule,
)

from forecast_assets.automation.due import stretches
from forecast_assets.boundary import boundary
from forecast_assets.configuration.commodities import (
    Commodity,
    FredSource,
    LandingSource,
    SampleSource,
    YahooSource,
)
from forecast_assets.configuration.sections import DeltaLake
from forecast_assets.configuration.settings import Settings
from forecast_assets.defs.resources import impatient_store
from forecast_assets.errors import ConfigurationError
from forecast_assets.market.finality import has_ended
from forecast_assets.store.contract import PriceTable
from forecast_assets.timeline.sessions import expected_sessions, trading_week

WATCH_CRON = "0 6 * * *"
"""When the age of prices and forecasts is checked, in UTC."""


VERIFY_CRON = "0 4 * * 0"
"""When all rows of the tables are verified, in UTC: early on Sundays, when nothing is fetched."""


PRUNE_CRON = "0 3 * * 0"
"""When old runs are deleted, in UTC."""


COMPACT_CRON = "0 5 * * 0"
"""When small files of Delta tables are merged, in UTC."""


def schedules(settings: Settings) -> list[ScheduleDefinition]:
    """The schedules of a configuration."""
    return [
        fetch_prices(settings),
        check_freshness(settings),
        prune_history(settings),
        verify_record(settings),
        *([merge_files(settings)] if isinstance(settings.store, DeltaLake) else []),
    ]


def fetch_prices(settings: Settings) -> ScheduleDefinition:
    """The schedule that reads prices and covariates once a day, if a session has ended."""
    hour, minute = settings.fetch.at.split(":")

    @schedule(
        name="fetch_prices",
        cron_schedule=f"{int(minute)} {int(hour)} * * *",
        execution_timezone=settings.fetch.timezone,
        job_name="load_prices",
        default_status=status(settings),
        description="Live sources, files and covariates, once a session of theirs has ended.",
    )
    def look(context: ScheduleEvaluationContext) -> list[RunRequest] | SkipReason:
        fire = context.scheduled_execution_time.astimezone(ZoneInfo(settings.fetch.timezone))
        since = fire_before(fire)
        wanted = [name for name, each in settings.commodities.items() if may_change(each)]
        prices = impatient_store(settings).prices
        failures: list[str] = []
        due = []
        for name in wanted:
            with boundary(name, failures):
                if has_new_session(settings, prices, name, since, fire):
                    due.append(name)
        for failure in failures:
            context.log.error("%s", failure)
        if not wanted:
            return SkipReason("no commodity has a source that changes by itself")
        if not due:
            said = f"no session has ended since {since}: {', '.join(wanted)}"
            return SkipReason("; ".join([said, *failures]))
        order = list(settings.commodities)
        return [fetched(fire.date(), first, last) for first, last in stretches(due, order)]

    return look


def check_freshness(settings: Settings) -> ScheduleDefinition:
    """The schedule that checks daily the age of prices and forecasts, which grows without runs."""
    return ScheduleDefinition(
        name="check_freshness",
        cron_schedule=WATCH_CRON,
        execution_timezone="UTC",
        job_name="watch",
        default_status=status(settings),
        description="How old the newest price and forecast of each commodity are.",
    )


def prune_history(settings: Settings) -> ScheduleDefinition:
    """The schedule that deletes old runs once a week."""
    return ScheduleDefinition(
        name="prune_history",
        cron_schedule=PRUNE_CRON,
        execution_timezone="UTC",
        job_name="prune",
        default_status=status(settings),
        description="Runs that are older than `history.keep_days` are deleted.",
    )


def verify_record(settings: Settings) -> ScheduleDefinition:
    """The schedule that walks every row of the tables once a week."""
    return ScheduleDefinition(
        name="verify_record",
        cron_schedule=VERIFY_CRON,
        execution_timezone="UTC",
        job_name="verify",
        default_status=status(settings),
        description="Whether every row of the tables is as it was written.",
    )


def merge_files(settings: Settings) -> ScheduleDefinition:
    """The schedule that compacts the tables once a week."""
    return ScheduleDefinition(
        name="compact_tables",
        cron_schedule=COMPACT_CRON,
        execution_timezone="UTC",
        job_name="compact",
        default_status=status(settings),
        description="Small files are merged; those replaced before `store.keep_days` are deleted.",
    )


def may_change(commodity: Commodity) -> bool:
    """Whether reading a commodity's sources again may give new values."""
    still = isinstance(commodity.source, LandingSource | SampleSource)
    return not still or bool(commodity.covariates)


def has_new_session(
    settings: Settings, prices: PriceTable, name: str, since: datetime, until: datetime
) -> bool:
    """Whether a session of a commodity ended between two ticks of the schedule.

    Files are also read if the day of the tick is a session, since they may be written by another
    clock than that of the exchange. If the calendar does not reach these days, the answer is True,
    so that the commodity's own partition fails and names the error.
    """
    commodity, day = settings.commodity(name), until.date()
    week = trading_week(prices.history(name).dates)
    live = isinstance(commodity.source, YahooSource | FredSource)
    try:
        return has_ended(since, until, commodity.calendar, settings.fetch, week) or (
            not live and len(expected_sessions(day, day, commodity.calendar, week)) > 0
        )
    except ConfigurationError:
        return True


def fire_before(fire: datetime) -> datetime:
    """The tick of the day before, at the same local time.

    If the clock was set back that night there may be two such moments; the first one counts.
    """
    day_before = fire - timedelta(days=1)
    moments = [day_before.replace(fold=fold).astimezone(UTC) for fold in (0, 1)]
    return min(moments).astimezone(fire.tzinfo)


def fetched(day: date, first: str, last: str) -> RunRequest:
    """The request for one run of neighbouring commodities, with one key for a day."""
    return RunRequest(
        run_key=f"{day} {first}",
        tags={
            "dagster/asset_partition_range_start": first,
            "dagster/asset_partition_range_end": last,
        },
    )


def status(settings: Settings) -> DefaultScheduleStatus:
    """Whether schedules run until someone stops them."""
    running = settings.automation.running
    return DefaultScheduleStatus.RUNNING if running else DefaultScheduleStatus.STOPPED
