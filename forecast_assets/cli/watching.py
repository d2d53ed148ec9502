"""Showing the progress of a command: as bars in a terminal, as lines in a file or pipe."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event

from rich.console import Console
from rich.progress import BarColumn, SpinnerColumn, TextColumn
from rich.progress import Progress as RichBar

from forecast_assets.defs.progress import Bars, Display, Lines, TerminalProgress, write_line


@contextmanager
def watching(console: Console, command: str) -> Iterator[TerminalProgress]:
    """Show the progress of a command, at once and every few seconds, until it ends."""
    with displayed(console) as display:
        progress = TerminalProgress(display, Event())
        with progress.stage(command), progress.beating():
            yield progress


@contextmanager
def displayed(console: Console) -> Iterator[Display]:
    """Bars in a terminal; lines in a file or a pipe, where text cannot be overwritten."""
    if not console.file.isatty() or console.is_dumb_terminal:
        yield Lines(lambda line: write_line(console, line))
        return
    with bars(console) as bar:
        yield Bars(bar)


def bars(console: Console) -> RichBar:
    """A bar for each stage: its name, how much of it is done, and the time left."""
    name, counted, left = (
        TextColumn(f"{{task.{field}}}", markup=False)
        for field in ("description", "fields[counted]", "fields[left]")
    )
    return RichBar(SpinnerColumn(), name, BarColumn(), counted, left, console=console)
