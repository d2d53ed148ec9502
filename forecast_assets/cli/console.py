"""The terminal that commands talk to: its width, its errors, and Ctrl-C."""

import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event
from typing import TypeVar

import typer
from rich.console import Console

from forecast_assets.errors import ForecastAssetsError, Interrupted

Done = TypeVar("Done")

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells expect it."""

PLAIN_WIDTH = 120
"""Columns where the output is not a terminal."""


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


def interruptible(job: Callable[[], Done], stopping: Event) -> Done:
    """Do a job in a thread, and set ``stopping`` on Ctrl-C or SIGTERM.

    In the main thread Dagster and DuckDB catch these signals for themselves, and lose some.
    """
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with ThreadPoolExecutor(max_workers=1) as threads:
            done = threads.submit(job)
            while True:
                try:
                    return done.result()
                except KeyboardInterrupt:
                    stopping.set()
    finally:
        signal.signal(signal.SIGTERM, before)
