"""The console script ``forecast``: the same graph, the same Dagster instance, one terminal."""

import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date, datetime
from threading import Event
from typing import Annotated, TypeVar

import pandas as pd
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as RichBar
from rich.table import Table

from forecast_assets.configuration import Settings, load_settings
from forecast_assets.due import due_windows
from forecast_assets.errors import (
    ConfigurationError,
    ForecastAssetsError,
    Interrupted,
    ModelNotFound,
)
from forecast_assets.partitions import Partitions
from forecast_assets.progress import BarProgress
from forecast_assets.reading import Paths, Reader
from forecast_assets.store.contract import Fan, RecordedFailure
from forecast_assets.store.duckdb import DuckDBStore
from forecast_assets.terminal import fan_table

Done = TypeVar("Done")

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells expect it."""

PLAIN_WIDTH = 120
"""Columns where the output is not a terminal."""

app = typer.Typer(
    help="Commodity price distributions: train once, forecast many.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

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
    train_on: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            help="Train on this day, inside a window, under a --model-version of its own.",
        ),
    ] = None,
) -> None:
    """Do all that is due, from prices to the report; exit with 1 if anything failed."""
    console = open_console()
    with reported(console):
        settings = load_settings()
        # Only now: Dagster's graph is made from the configuration when it is imported.
        from forecast_assets.worker import Span, work

        names = commodities(settings, commodity)
        version = settings.version(model_version)
        span = Span(from_.date() if from_ else date.min, to.date() if to else date.max)
        if span.first > span.last:
            raise ConfigurationError(f"--from {span.first} is later than --to {span.last}")
        day = train_on.date() if train_on else None
        if day is not None:
            require_retraining(settings, names, version, day, narrowed=bool(from_ or to))
        with bar(console) as shown:
            worker = interruptible(
                lambda stopping: work(
                    settings, names, version, span, recompute, BarProgress(shown, stopping), day
                )
            )
        console.print(overview(settings, names, version))
        console.print(
            f"Tables: {settings.database_path}, a DuckDB file:"
            " commodity.forecast.distributions has a row a path",
            soft_wrap=True,
        )
        console.print(f"Report: {settings.report_path}", soft_wrap=True)
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


@app.command()
def report(
    open_: Annotated[bool, typer.Option("--open", help="Show it in a browser.")] = False,
) -> None:
    """Rank the models, publish, and write the page that says how the forecasts are."""
    console = open_console()
    with reported(console):
        settings = load_settings()
        from forecast_assets.worker import EVER, work

        with bar(console) as shown:
            worker = interruptible(
                lambda stopping: work(
                    settings,
                    [],
                    settings.model_version,
                    EVER,
                    False,
                    BarProgress(shown, stopping),
                )
            )
        tell(console, [], worker.problems)
        console.print(f"Report: {settings.report_path}", soft_wrap=True)
        if open_:
            typer.launch(settings.report_path.as_uri())


@app.command()
def show(
    commodity: Annotated[str, typer.Argument(help="Whose newest forecast.")],
    model: Annotated[
        str | None, typer.Option("--model", help="The published one by default.")
    ] = None,
    model_version: Version = None,
) -> None:
    """Print the newest forecast of a commodity: a table, and the fan beside it."""
    console = open_console()
    with reported(console):
        settings = load_settings()
        unit = settings.commodity(commodity).unit
        reader = Reader.of_configuration()
        history = reader.prices(commodity)
        for newest in newest_of(reader, commodity, model, settings.version(model_version)):
            cutoff, start = newest.cutoffs[0].item(), newest.starts[0].item()
            fan = Fan(cutoff, start, newest.prices[0])
            close = float(history.known_at(cutoff).closes[-1])
            console.print(
                f"{commodity}, {newest.model_name} {newest.model_version}: {close:g} {unit} on"
                f" {cutoff}, and the sessions from {start} on",
                highlight=False,
            )
            console.print(fan_table(fan, unit, close, console.width))


def newest_of(reader: Reader, commodity: str, model: str | None, version: str) -> list[Paths]:
    """The newest published forecasts, or the newest of one model."""
    if model is None:
        newest = reader.newest_published(commodity)
        published = [paths for paths in newest if paths.model_version == version]
        if not published:
            raise ModelNotFound(
                f"{commodity}: nothing of {version} is published: run `forecast report`, or name a"
                " --model"
            )
        return published
    known = reader.models()
    known = known[(known.commodity == commodity) & (known.model_name == model)]
    last = known[known.model_version == version].last_forecast_start_date.max()
    day = None if pd.isna(last) else last.date()
    return [reader.paths(commodity, model, version, day, day)]


def interruptible(job: Callable[[Event], Done]) -> Done:
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


def commodities(settings: Settings, names: list[str] | None) -> list[str]:
    """The commodities asked for, or all. Raises ConfigurationError for an unknown one."""
    for name in names or []:
        settings.commodity(name)
    return list(dict.fromkeys(names or settings.commodities))


def require_retraining(
    settings: Settings, names: list[str], version: str, day: date, *, narrowed: bool
) -> None:
    """Raise ConfigurationError unless ``--train-on`` can be: inside a window that has begun."""
    if version == settings.model_version:
        raise ConfigurationError(f"--train-on {day} needs a --model-version of its own")
    if narrowed:
        raise ConfigurationError(f"--train-on {day}: allowed: without --from and --to")
    windows = Partitions(settings).windows_of(names[0])
    if not any(window.training_date < day < window.end for window in windows):
        raise ConfigurationError(
            f"--train-on {day}: allowed: a day inside a window that has begun, after its training"
            " date"
        )


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


if __name__ == "__main__":
    app()
