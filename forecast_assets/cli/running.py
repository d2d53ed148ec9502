"""``forecast run`` and ``forecast report``: the runs that are due, and what came of them."""

from dataclasses import dataclass
from datetime import date

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as RichBar

from forecast_assets.cli.console import interruptible
from forecast_assets.cli.overview import commodities, failures_of, line, overview
from forecast_assets.configuration import Settings, load_settings
from forecast_assets.errors import ConfigurationError
from forecast_assets.partitions import Partitions
from forecast_assets.progress import BarProgress
from forecast_assets.store.contract import RecordedFailure
from forecast_assets.worker import EVER, Span, work


@dataclass(frozen=True)
class Wish:
    """What a run was asked for."""

    commodity: list[str] | None
    model_version: str | None
    first: date | None
    last: date | None
    recompute: bool
    train_on: date | None
    allow_withdrawals: bool


def run_due(console: Console, wish: Wish) -> None:
    """Do all that is due of what was asked for; exit with 1 if anything failed."""
    settings = load_settings()
    names = commodities(settings, wish.commodity)
    version = settings.version(wish.model_version)
    span = Span(wish.first or date.min, wish.last or date.max)
    if span.first > span.last:
        raise ConfigurationError(f"--from {span.first} is later than --to {span.last}")
    if wish.train_on is not None:
        narrowed = bool(wish.first or wish.last)
        require_retraining(settings, names, version, wish.train_on, narrowed=narrowed)
    with bar(console) as shown:
        worker = interruptible(
            lambda stopping: work(
                settings,
                names,
                version,
                span,
                wish.recompute,
                BarProgress(shown, stopping),
                wish.train_on,
                allow_withdrawals=wish.allow_withdrawals,
            )
        )
    console.print(overview(settings, names, version, worker.problems))
    console.print(
        f"Tables: {settings.database_path}, a DuckDB file:"
        " commodity.forecast.distributions has a row a path",
        soft_wrap=True,
    )
    console.print(f"Report: {settings.report_path}", soft_wrap=True)
    failures = failures_of(settings, names, version, worker.problems)
    tell(console, [x for x in failures if worker.attempted(x)], worker.problems, worker.notes)


def make_report(console: Console, *, opened: bool) -> None:
    """Rank the models, publish, and write the page; show it in a browser if asked to."""
    settings = load_settings()
    with bar(console) as shown:
        worker = interruptible(
            lambda stopping: work(
                settings, [], settings.model_version, EVER, False, BarProgress(shown, stopping)
            )
        )
    console.print(f"Report: {settings.report_path}", soft_wrap=True)
    tell(console, [], worker.problems, worker.notes)
    if opened:
        typer.launch(settings.report_path.as_uri())


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


def bar(console: Console) -> RichBar:
    """A bar for each piece of work, with its count and time."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    return RichBar(*columns, TimeElapsedColumn(), console=console)


def tell(
    console: Console, failures: list[RecordedFailure], problems: list[str], notes: list[str]
) -> None:
    """Say what to know, what was declined and what failed, a line each.

    Exits with 1 if anything failed.
    """
    for note in dict.fromkeys(notes):
        console.print(f"note: {note}", style="yellow", soft_wrap=True, markup=False)
    for failure in (failure for failure in failures if failure.declined):
        console.print(line(failure), soft_wrap=True, markup=False, highlight=False)
    broken = [failure.reason for failure in failures if not failure.declined]
    unsaid = [reason for reason in broken if not any(reason in said for said in problems)]
    for problem in dict.fromkeys([*problems, *unsaid]):
        console.print(f"failed: {problem}", style="red", soft_wrap=True, markup=False)
    if problems or broken:
        raise typer.Exit(1)
