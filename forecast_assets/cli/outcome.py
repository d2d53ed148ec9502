"""The outcome of ``forecast run`` and ``forecast report``: what they print at their end."""

from dataclasses import dataclass
from typing import Protocol

import typer
from rich.console import Console

from forecast_assets.boundary import boundary
from forecast_assets.cli.console import write
from forecast_assets.cli.overview import failures_of, line, overview
from forecast_assets.configuration.settings import Settings
from forecast_assets.defs.progress import spoken
from forecast_assets.defs.summary import Summaries, spoken_bytes
from forecast_assets.errors import StoreLocked
from forecast_assets.forecast.records import RecordedFailure
from forecast_assets.store.contract import Store
from forecast_assets.store.patience import GIVEN_UP


class Working(Protocol):
    """What is told of who worked, or found nothing to do.

    ``version``: the model version that it worked for. ``problems`` and ``notes``: lines for users
    on failures, and on what else to know.
    """

    settings: Settings
    store: Store
    version: str
    problems: list[str]
    notes: list[str]
    summaries: Summaries

    def attempted(self, failure: RecordedFailure) -> bool:
        """Whether a recorded failure is of what this command is about."""


@dataclass(frozen=True)
class Outcome:
    """The outcome of a command that has ended.

    ``worker``: who executed the runs and has their results. ``names``: the commodities.
    ``seconds``: how long the command took. ``bytes_before``: the size of the tables before it.
    """

    worker: Working
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
            return [failure for failure in found if worker.attempted(failure)]
        except StoreLocked as error:
            worker.problems.append(str(error))
            return []

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
        store = self.worker.store
        size = store.size()
        grown = size - self.bytes_before
        more = f"{spoken_bytes(abs(grown))} {'more' if grown > 0 else 'less'} than before"
        return (
            f"Tables: {store.place}, {spoken_bytes(size)}{f', {more}' if grown else ''};"
            f" in {store.engine}"
            " commodity.forecast.distributions has a row a path"
        )


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
