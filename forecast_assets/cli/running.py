"""``forecast run`` and ``forecast report``: executing the due runs, and printing their results."""

import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import typer
from rich.console import Console

from forecast_assets.automation.scope import Scope
from forecast_assets.boundary import boundary
from forecast_assets.cli.console import interruptible, write
from forecast_assets.cli.first_fan import FirstFan
from forecast_assets.cli.overview import commodities, failures_of, line, overview
from forecast_assets.cli.wish import Wish
from forecast_assets.configuration.settings import load_settings
from forecast_assets.defs.launching import Worker, work
from forecast_assets.defs.progress import TerminalProgress, spoken
from forecast_assets.defs.summary import spoken_bytes
from forecast_assets.errors import StoreLocked
from forecast_assets.forecast.records import RecordedFailure
from forecast_assets.store.opening import ENGINE
from forecast_assets.store.patience import GIVEN_UP


@dataclass(frozen=True)
class Outcome:
    """The outcome of a command that has ended.

    ``worker``: it executed the runs and has their results. ``names``: the commodities.
    ``seconds``: how long the command took. ``bytes_before``: the size of the tables before it.
    """

    worker: Worker
    names: list[str]
    seconds: float
    bytes_before: int

    def tell(self, console: Console, *, opened: bool = False) -> None:
        """Print what the tables hold, what was done and what failed; exit with 1 for a failure.

        Failures come last, so that the end of the output says how the command ended. ``opened``:
        whether to show the report in a browser.
        """
        settings, failures = self.worker.settings, self._overview(console)
        if self.names:
            with boundary("the summary", self.worker.notes):
                self._summary(console)
                write(console, self._tables())
        if settings.report_path.is_file():
            write(console, f"Report: {settings.report_path}")
            if opened:
                typer.launch(settings.report_path.as_uri())
        tell(console, failures, self.worker.problems, self.worker.notes)

    def _overview(self, console: Console) -> list[RecordedFailure]:
        """Print what the tables hold now; return the failures in the windows of this run."""
        worker, names = self.worker, self.names
        try:
            if names:
                console.print(
                    overview(worker.store, worker.settings, names, worker.version, worker.problems)
                )
            found = failures_of(
                worker.store, worker.settings, names, worker.version, worker.problems
            )
        except StoreLocked as error:
            worker.problems.append(str(error))
            return []
        return [failure for failure in found if worker.attempted(failure)]

    def _summary(self, console: Console) -> None:
        """Print a line for each commodity on what this command did."""
        summaries = [self.worker.summaries.of(name) for name in self.names]
        worked = sum(not summary.nothing_done for summary in summaries)
        said = f"{worked} of {len(summaries)} commodities" if worked else "nothing was due"
        if not worked and self.worker.problems:
            said = "nothing was done"
        write(console, f"This run: {said}, in {spoken(self.seconds)}")
        for summary in summaries:
            write(console, f"  {summary.line()}")

    def _tables(self) -> str:
        """A text with the path and size of the tables, and by how much they grew."""
        path = self.worker.settings.database_path
        size, grown = size_of(path), size_of(path) - self.bytes_before
        more = f"{spoken_bytes(abs(grown))} {'more' if grown > 0 else 'less'} than before"
        return (
            f"Tables: {path}, {spoken_bytes(size)}{f', {more}' if grown else ''}; in {ENGINE}"
            " commodity.forecast.distributions has a row a path"
        )


def run_due(console: Console, progress: TerminalProgress, wish: Wish) -> Outcome:
    """Do all due work that the options select; they are possible.

    ``console``: shows the first fan of many.
    """
    settings = load_settings()
    names = commodities(settings, wish.commodity)
    version = settings.version(wish.model_version)
    first, last = wish.first or date.min, wish.last or date.max
    scope = Scope(tuple(names), first, last, wish.recompute, wish.train_on)
    before, began = size_of(settings.database_path), time.monotonic()
    worker = interruptible(
        lambda: work(
            settings,
            version,
            scope,
            progress,
            allow_withdrawals=wish.allow_withdrawals,
            rewrite=wish.rewrite,
            show=FirstFan(console, settings).show,
        ),
        progress.stopping,
        progress.hear_stop,
    )
    return Outcome(worker, names, time.monotonic() - began, before)


def make_report(progress: TerminalProgress) -> Outcome:
    """Rank the models, publish forecasts, and write the report."""
    settings = load_settings()
    before, began = size_of(settings.database_path), time.monotonic()
    worker = interruptible(
        lambda: work(settings, settings.model_version, Scope(commodities=()), progress),
        progress.stopping,
        progress.hear_stop,
    )
    return Outcome(worker, [], time.monotonic() - began, before)


def size_of(path: Path) -> int:
    """The size of a file in bytes; 0 if there is none."""
    return path.stat().st_size if path.exists() else 0


def told_once(problems: list[str]) -> list[str]:
    """Problems without duplicates; locked tables are one problem, however often they were met."""
    locked = [problem for problem in problems if GIVEN_UP.search(problem)]
    return list(dict.fromkeys(x for x in problems if x not in locked or x == locked[0]))


def tell(
    console: Console, failures: list[RecordedFailure], problems: list[str], notes: list[str]
) -> None:
    """Print notes, then declined models, then failures, a line each.

    Exits with 1 if anything failed; the last line then says so.
    """
    for note in dict.fromkeys(notes):
        write(console, f"note: {note}", "yellow")
    for failure in (failure for failure in failures if failure.declined):
        write(console, line(failure))
    broken = [failure.reason for failure in failures if not failure.declined]
    unsaid = [reason for reason in broken if not any(reason in said for said in problems)]
    failed = told_once([*problems, *unsaid])
    for problem in failed:
        write(console, f"failed: {problem}", "red")
    if failed:
        many = "1 problem" if len(failed) == 1 else f"{len(failed)} problems"
        write(console, f"The run failed: {many} above; exit 1", "bold red")
        raise typer.Exit(1)
