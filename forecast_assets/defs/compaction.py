"""The job that compacts the tables, where their engine needs it."""

from collections.abc import Sequence

from dagster import JobDefinition, OpExecutionContext, job, op

from forecast_assets.configuration.settings import Settings
from forecast_assets.defs.run_history import OURS
from forecast_assets.store.compacted import Compacted
from forecast_assets.store.opening import open_store


def compact_tables(settings: Settings) -> list[Compacted]:
    """Compact the tables of a configuration; returns what was done by table."""
    return open_store(settings).compact(settings.store.keep)


def line_of(done: Sequence[Compacted]) -> str:
    """What was done, in one line."""
    before, after = sum(each.before for each in done), sum(each.after for each in done)
    deleted = sum(each.deleted for each in done)
    return f"{before:,} files became {after:,}; {deleted:,} old files deleted"


def compact_job(settings: Settings) -> JobDefinition:
    """The job that compacts the tables."""

    @op(name="compact_tables")
    def merge_small_files(context: OpExecutionContext) -> None:
        context.log.info("%s", line_of(compact_tables(settings)))

    says = "Merge small files of Delta tables, and delete those that were replaced long ago."

    @job(name="compact", description=says, tags=OURS)
    def compact() -> None:
        merge_small_files()

    return compact
