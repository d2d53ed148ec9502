"""Schedules: prices are fetched on each session's evening, and their age is looked at daily."""

from datetime import date

from dagster import (
    DefaultScheduleStatus,
    RunRequest,
    ScheduleDefinition,
    ScheduleEvaluationContext,
    SkipReason,
    schedule,
)

from forecast_assets.boundary import boundary
from forecast_assets.configuration import Commodity, LandingSource, SampleSource, Settings
from forecast_assets.due import stretches
from forecast_assets.resources import impatient_store
from forecast_assets.sessions import expected_sessions, trading_week
from forecast_assets.store.contract import PriceTable

WATCH_CRON = "0 6 * * *"
"""When the age of prices and forecasts is looked at, in UTC."""


def schedules(settings: Settings) -> list[ScheduleDefinition]:
    """The schedules of a configuration."""
    return [fetch_prices(settings), check_freshness(settings)]


def fetch_prices(settings: Settings) -> ScheduleDefinition:
    """Reads prices and covariates of the commodities that trade that day, in the evening."""
    hour, minute = settings.fetch.at.split(":")

    @schedule(
        name="fetch_prices",
        cron_schedule=f"{int(minute)} {int(hour)} * * *",
        execution_timezone=settings.fetch.timezone,
        job_name="load_prices",
        default_status=status(settings),
        description="Live sources, files and covariates, on the evening of each session.",
    )
    def look(context: ScheduleEvaluationContext) -> list[RunRequest] | SkipReason:
        day = context.scheduled_execution_time.date()
        wanted = [name for name, each in settings.commodities.items() if may_change(each)]
        prices = impatient_store(settings).prices
        failures: list[str] = []
        trading = []
        for name in wanted:
            with boundary(name, failures):
                if trades(settings, prices, name, day):
                    trading.append(name)
        for failure in failures:
            context.log.error("%s", failure)
        if not wanted:
            return SkipReason("no commodity has a source that changes by itself")
        if not trading:
            said = "; ".join([f"no session on {day}: {', '.join(wanted)}", *failures])
            return SkipReason(said)
        order = list(settings.commodities)
        return [fetched(day, first, last) for first, last in stretches(trading, order)]

    return look


def check_freshness(settings: Settings) -> ScheduleDefinition:
    """Looks daily at the age of prices and forecasts, which grows while nothing runs."""
    return ScheduleDefinition(
        name="check_freshness",
        cron_schedule=WATCH_CRON,
        execution_timezone="UTC",
        job_name="watch",
        default_status=status(settings),
        description="How old the newest price and forecast of each commodity are.",
    )


def may_change(commodity: Commodity) -> bool:
    """Whether reading a commodity again may bring something new."""
    still = isinstance(commodity.source, LandingSource | SampleSource)
    return not still or bool(commodity.covariates)


def trades(settings: Settings, prices: PriceTable, name: str, day: date) -> bool:
    """Whether a commodity is expected to trade on a day: by its calendar, or its own weekdays."""
    week = trading_week(prices.history(name).dates)
    return len(expected_sessions(day, day, settings.commodity(name).calendar, week)) > 0


def fetched(day: date, first: str, last: str) -> RunRequest:
    """One run for neighbouring commodities; asked for once a day."""
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
