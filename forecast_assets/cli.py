"""The console script ``forecast``: the same graph, the same Dagster instance, one terminal."""

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from threading import Event
from typing import Annotated, Any

import typer
from dagster import (
    DagsterInstance,
    Definitions,
    ExecuteInProcessResult,
    TableMetadataValue,
)
from filelock import FileLock
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as RichBar
from rich.table import Table

from forecast_assets.configuration import Settings, load_settings
from forecast_assets.due import (
    Ledger,
    due_windows,
    lacks_models,
    stretches,
    windows_without_forecasts,
)
from forecast_assets.errors import ConfigurationError, ForecastAssetsError, Interrupted
from forecast_assets.model_store import ModelStore
from forecast_assets.partitions import Partitions, Window
from forecast_assets.progress import BarProgress
from forecast_assets.sources import Rejection
from forecast_assets.store.contract import RecordedFailure
from forecast_assets.store.duckdb import DuckDBStore

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells expect it."""

PLAIN_WIDTH = 120
"""Columns where the output is not a terminal."""

app = typer.Typer(
    help="Commodity price distributions: train once, forecast many.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"

CommodityNames = Annotated[
    list[str] | None, typer.Option("--commodity", help="Only this one; may be given repeatedly.")
]
Version = Annotated[
    str | None, typer.Option("--model-version", help="The configuration's by default.")
]


@app.command()
def run(
    commodity: CommodityNames = None,
    model_version: Version = None,
    from_: Annotated[
        datetime | None,
        typer.Option("--from", formats=["%Y-%m-%d"], help="Windows that reach this day or later."),
    ] = None,
    to: Annotated[
        datetime | None,
        typer.Option("--to", formats=["%Y-%m-%d"], help="Windows that begin by this day."),
    ] = None,
    recompute: Annotated[
        bool, typer.Option("--recompute", help="Draw again what was forecast from revised prices.")
    ] = False,
) -> None:
    """Load prices, train and forecast what is missing; exit with 1 if anything failed."""
    console = open_console()
    with reported(console):
        settings = load_settings()
        names = commodities(settings, commodity)
        version = settings.version(model_version)
        span = Span(from_.date() if from_ else date.min, to.date() if to else date.max)
        if span.first > span.last:
            raise ConfigurationError(f"--from {span.first} is later than --to {span.last}")
        worker = interruptible(
            lambda stopping: work(settings, names, version, span, recompute, console, stopping)
        )
        console.print(overview(settings, names, version))
        console.print(
            f"Tables: {settings.database_path}, a DuckDB file:"
            " commodity.forecast.distributions has a row a path",
            soft_wrap=True,
        )
        failures = [x for name in names for x in failures_of(settings, name, version)]
        tell(console, [x for x in failures if worker.attempted(x)], worker.problems)


@app.command()
def status(commodity: CommodityNames = None, model_version: Version = None) -> None:
    """Say what the tables hold for each commodity, and what failed."""
    console = open_console()
    with reported(console):
        settings = load_settings()
        names = commodities(settings, commodity)
        version = settings.version(model_version)
        console.print(overview(settings, names, version))
        for failure in (x for name in names for x in failures_of(settings, name, version)):
            console.print(line(failure), soft_wrap=True, markup=False, highlight=False)


def interruptible(job: Callable[[Event], "Worker"]) -> "Worker":
    """Do a job in a thread, and tell it to stop on Ctrl-C or SIGTERM.

    In the main thread Dagster and DuckDB catch these signals for themselves, and lose some.
    """
    stopping = Event()
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with ThreadPoolExecutor(max_workers=1) as threads:
            done = threads.submit(job, stopping)
            while True:
                try:
                    return done.result()
                except KeyboardInterrupt:
                    stopping.set()
    finally:
        signal.signal(signal.SIGTERM, before)


def work(
    settings: Settings,
    names: list[str],
    version: str,
    span: "Span",
    recompute: bool,
    console: Console,
    stopping: Event,
) -> "Worker":
    """Do what is due for each commodity in turn."""
    with instance(settings) as dagster, bar(console) as progress:
        shown = BarProgress(progress, stopping)
        worker = Worker(settings, version, span, dagster, shown, recompute)
        for name in names:
            worker.work(name)
    return worker


@dataclass(frozen=True)
class Span:
    """The days that a run is asked for."""

    first: date
    last: date

    def touches(self, window: Window) -> bool:
        """Whether a window has a day of the span."""
        return window.end > self.first and window.training_date <= self.last


@dataclass
class Worker:
    """Launches what is due, one commodity after the other, and remembers what failed."""

    settings: Settings
    version: str
    span: Span
    instance: DagsterInstance
    progress: BarProgress
    recompute: bool
    problems: list[str] = field(default_factory=list)
    windows: set[Window] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Build the graph that runs are made of, and open the tables."""
        from forecast_assets.definitions import build_definitions

        self.definitions: Definitions = build_definitions(self.settings, self.progress)
        self.models = ModelStore.of(self.settings)
        self.store = self.models.store

    def work(self, name: str) -> None:
        """Prices, then models, then forecasts of one commodity."""
        loaded = self._execute("load_prices", "prices", {}, partition_key=name)
        self.problems += rejections(loaded) + half_files(loaded, name)
        history = self.store.prices.history(name)
        if len(history) == 0:
            return
        begun = [x for x in Partitions(self.settings).windows_of(name) if self.span.touches(x)]
        windows = due_windows(self.settings, begun, history)
        self.windows.update(windows)
        ledger = self._ledger(name)
        untrained = [x for x in windows if lacks_models(self.settings, x, ledger)]
        for first, last in stretches(untrained, windows):
            self._range("train", "trained_models", {}, first, last)
        ledger, again = self._ledger(name), self.recompute
        lacking = windows_without_forecasts(self.settings, windows, ledger, recompute=again)
        for first, last in stretches(lacking, windows):
            self._range("forecast", "distributions", {"recompute": again}, first, last)

    def attempted(self, failure: RecordedFailure) -> bool:
        """Whether a failure belongs to the windows of this run."""
        wanted = (failure.commodity, failure.training_date)
        return wanted in {(x.commodity, x.training_date) for x in self.windows}

    def _ledger(self, name: str) -> Ledger:
        return Ledger(
            self.store.prices.history(name),
            self.models.intact(self.models.store.models.find(name, model_version=self.version)),
            self.store.paths.issued(name, self.version),
        )

    def _range(
        self, job: str, asset: str, config: dict[str, object], first: Window, last: Window
    ) -> None:
        config = config | {"model_version": self.version}
        self._execute(job, asset, config, tags={RANGE_START: first.key, RANGE_END: last.key})

    def _execute(
        self,
        job: str,
        asset: str,
        config: dict[str, object],
        *,
        partition_key: str | None = None,
        tags: dict[str, str] | None = None,
    ) -> ExecuteInProcessResult:
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
        if not result.success:
            self.problems += failure_lines(result, asset)
        return result


def commodities(settings: Settings, names: list[str] | None) -> list[str]:
    """The commodities asked for, or all. Raises ConfigurationError for an unknown one."""
    for name in names or []:
        settings.commodity(name)
    return names or list(settings.commodities)


def open_console() -> Console:
    """The terminal; wide where the output goes to a file or a pipe."""
    console = Console()
    return console if console.is_terminal else Console(width=PLAIN_WIDTH)


@contextmanager
def reported(console: Console) -> Iterator[None]:
    """Turn an error meant for users into one line and exit code 1."""
    try:
        yield
    except Interrupted as error:
        console.print(str(error), style="red")
        raise typer.Exit(INTERRUPTED) from error
    except ForecastAssetsError as error:
        console.print(f"error: {error}", style="red", soft_wrap=True, markup=False)
        raise typer.Exit(1) from error


@contextmanager
def instance(settings: Settings) -> Iterator[DagsterInstance]:
    """The Dagster instance of ``DAGSTER_HOME``, or of ``.dagster`` beside the configuration."""
    given = os.environ.get("DAGSTER_HOME")
    home = Path(given).resolve() if given else settings.folder / ".dagster"
    os.environ["DAGSTER_HOME"] = str(home)
    home.mkdir(parents=True, exist_ok=True)
    ours, theirs = settings.folder / "dagster.yaml", home / "dagster.yaml"
    with ExitStack() as stack:
        with FileLock(home / ".lock"):  # two that make its databases at once would spoil them
            if not theirs.exists() and ours.exists():
                shutil.copyfile(ours, theirs)
            theirs.touch()
            dagster = stack.enter_context(DagsterInstance.get())
            dagster.get_runs(limit=1)
        yield dagster


def bar(console: Console) -> RichBar:
    """A bar for each piece of work, with its count and time."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    return RichBar(*columns, TimeElapsedColumn(), console=console)


def overview(settings: Settings, names: list[str], version: str) -> Table:
    """Per commodity: newest price and forecast, windows trained, forecasts, models failed."""
    store = DuckDBStore.of(settings)
    table = Table(title=f"model version {version}")
    for heading in ("commodity", "newest price", "newest forecast", "windows trained"):
        table.add_column(heading)
    for heading in ("models", "forecasts", "failed", "declined"):
        table.add_column(heading, justify="right")
    for name in names:
        history = store.prices.history(name)
        models = store.models.find(name, model_version=version)
        issued = store.paths.issued(name, version)
        failures = failures_of(settings, name, version)
        windows = due_windows(settings, Partitions(settings).windows_of(name), history)
        trained = {row.training_date for row in models} & {x.training_date for x in windows}
        newest = f"{history.closes[-1]:g} on {history.newest}" if len(history) else "none"
        starts = [forecast.forecast_start_date for forecast in issued]
        table.add_row(
            name,
            f"{newest} ({settings.commodities[name].unit})" if len(history) else newest,
            str(max(starts)) if starts else "none",
            f"{len(trained)} of {len(windows)}",
            str(len(models)),
            f"{len(issued):,}",
            str(sum(not failure.declined for failure in failures)),
            str(sum(failure.declined for failure in failures)),
        )
    return table


def failures_of(settings: Settings, name: str, version: str) -> list[RecordedFailure]:
    """What is absent for a commodity, of the models that the roster still names."""
    recorded = DuckDBStore.of(settings).failures.find(name, version)
    return [failure for failure in recorded if failure.model_name in settings.models]


def tell(console: Console, failures: list[RecordedFailure], problems: list[str]) -> None:
    """Say what was declined and what failed, a line each; exit with 1 if anything failed."""
    for failure in (failure for failure in failures if failure.declined):
        console.print(line(failure), soft_wrap=True, markup=False, highlight=False)
    broken = [failure.reason for failure in failures if not failure.declined]
    unsaid = [reason for reason in broken if not any(reason in said for said in problems)]
    for problem in dict.fromkeys([*problems, *unsaid]):
        console.print(f"failed: {problem}", style="red", soft_wrap=True, markup=False)
    if problems or broken:
        raise typer.Exit(1)


def line(failure: RecordedFailure) -> str:
    """A failure in one line."""
    return f"{'declined' if failure.declined else 'failed'}: {failure.reason}"


def rejections(result: ExecuteInProcessResult) -> list[str]:
    """What was refused in a price source, a line each."""
    lines: list[str] = []
    for materialization in result.asset_materializations_for_node("prices"):
        refused = materialization.metadata["rejections"]
        if isinstance(refused, TableMetadataValue):
            rows: list[dict[str, Any]] = [dict(record.data) for record in refused.records]
            lines += [str(Rejection(**row)) for row in rows]
            more = int(str(materialization.metadata["rows_rejected"].value)) - len(rows)
            lines += [f"{rows[0]['commodity']}: and {more} more refused values"] if more else []
    return lines


def half_files(result: ExecuteInProcessResult, name: str) -> list[str]:
    """Whether a source lacks so many stored sessions that they were kept, in a line."""
    return [
        f"{name}: its source lacks {missing} of the stored sessions, which were kept: is the file"
        " whole? Materialize `prices` with allow_withdrawals to take them back"
        for materialization in result.asset_materializations_for_node("prices")
        if (missing := materialization.metadata["sessions_missing_from_source"].value)
        and not materialization.metadata["rows_rejected"].value
    ]


def failure_lines(result: ExecuteInProcessResult, asset: str) -> list[str]:
    """Why a run failed: a line for each partition, or the error that stopped it."""
    data = result.failure_data_for_node(asset)
    error = data.error if data else None
    if error is None:
        return [f"{asset}: the run failed; the Dagster UI has its log"]
    while error.cause is not None:
        error = error.cause
    return error.message.partition(": ")[2].strip().splitlines()


if __name__ == "__main__":
    app()
