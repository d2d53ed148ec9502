"""The terminal of the commands: its width, how errors are shown, and Ctrl-C."""

import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import TypeVar

import typer
from rich.console import Console

from forecast_assets.configuration.file_modes import keep_others_from_writing
from forecast_assets.configuration.home import Places
from forecast_assets.errors import ForecastAssetsError, Interrupted

Done = TypeVar("Done")

INTERRUPTED = 130
"""The exit code after Ctrl-C, as shells expect it."""

PLAIN_WIDTH = 120
"""The width of the output, in columns, if it is not a terminal."""


def open_console() -> Console:
    """The terminal; a file or a pipe is treated as a wide one."""
    console = Console()
    return console if console.is_terminal else Console(width=PLAIN_WIDTH)


@contextmanager
def reported(
    console: Console,
    *,
    configured: bool = True,
    writes: bool = False,
    commodities: Sequence[str] | None = None,
) -> Iterator[None]:
    """Turn an error meant for users into one line and exit code 1.

    First it prints which places are used, and checks them, the configuration and the names of
    ``commodities``. A user so learns of a mistake before the command loads its libraries.
    ``configured``: False for a command that needs no configuration, which is then not checked.
    ``writes``: whether the command writes to the data folder.
    """
    keep_others_from_writing()
    try:
        if configured:
            say_places()
            require_configuration(commodities or ())
            Places.here().require_data(made=writes)
        yield
    except Interrupted as error:
        console.print(str(error), style="red")
        raise typer.Exit(INTERRUPTED) from error
    except ForecastAssetsError as error:
        console.print(f"error: {error}", style="red", soft_wrap=True, markup=False)
        raise typer.Exit(1) from error


def say_places() -> None:
    """Print the three places to stderr, and a warning if newer data are in other places."""
    places = Places.here()
    errors = Console(stderr=True)
    errors.print(
        f"configuration {places.configuration}, data {places.data}, Dagster's home"
        f" {places.dagster}",
        style="dim",
        soft_wrap=True,
        markup=False,
        highlight=False,
    )
    for line in places.elsewhere(rows_in):
        errors.print(f"warning: {line}", style="yellow", soft_wrap=True, markup=False)


def rows_in(database: Path) -> bool:
    """Whether a database file has any row."""
    from forecast_assets.store.opening import holds_rows

    return holds_rows(database)


def require_configuration(commodities: Sequence[str]) -> None:
    """Read the configuration. Raises ConfigurationError, also if a commodity is not in it."""
    from forecast_assets.configuration.settings import load_settings

    settings = load_settings()
    for name in commodities:
        settings.commodity(name)


def interruptible(job: Callable[[], Done], stopping: Event) -> Done:
    """Do a job in a thread, and set ``stopping`` on Ctrl-C or SIGTERM.

    In the main thread Dagster and DuckDB install their own handlers of these signals, which lose
    some of them.
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
