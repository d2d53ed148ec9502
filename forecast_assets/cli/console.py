"""The terminal of the commands: its width, how errors are shown, and Ctrl-C."""

import io
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from types import FrameType
from typing import TypeVar

import typer
from rich.console import Console
from rich.text import Text

from forecast_assets.boundary import told_of
from forecast_assets.configuration.file_modes import keep_others_from_writing
from forecast_assets.configuration.home import Places
from forecast_assets.errors import ForecastAssetsError, Interrupted
from forecast_assets.outside import plain

Done = TypeVar("Done")

INTERRUPTED = 130
"""The exit code after Ctrl-C, as shells expect it."""

TRACEBACK = "FORECAST_TRACEBACK"
"""The environment variable that shows where an error happened which is not of this package."""

HEARD_SECONDS = 0.2
"""After so long at most a wish to stop is heard."""

UNEXPECTED = f"not expected ({TRACEBACK}=1 shows where it happened)"
"""What is said of such an error before its own words."""

PLAIN_WIDTH = 120
"""The width of the output, in columns, if it is not a terminal."""


def open_console(*, stderr: bool = False) -> Console:
    """The terminal; a file or a pipe is treated as a wide one.

    Brackets in texts are never interpreted as styles, and characters that the terminal's encoding
    lacks are written as escapes.
    """
    stream = sys.stderr if stderr else sys.stdout
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")
    console = Console(stderr=stderr, markup=False, emoji=False)
    if console.is_terminal:
        return console
    return Console(stderr=stderr, markup=False, emoji=False, width=PLAIN_WIDTH)


def write(console: Console, line: str, style: str | None = None) -> None:
    """Print one line, whatever characters it holds; it is not broken to the terminal's width."""
    console.print(Text(plain(line), style or ""), soft_wrap=True)


def note(console: Console, line: str) -> None:
    """Print a line of advice."""
    write(console, f"note: {line}", "yellow")


def cell(text: str) -> Text:
    """A text as a cell of a table; it may have several lines."""
    return Text("\n".join(map(plain, text.split("\n"))))


def write_json(console: Console, document: object) -> None:
    """Print a document for programs."""
    console.print_json(json.dumps(document), ensure_ascii=True)


def write_error(console: Console, error: Exception) -> None:
    """Print an error, one line for each of its mistakes."""
    first, *more = str(error).split("\n") or [""]
    for line in [f"error: {first}", *more]:
        write(console, line, "red")


@contextmanager
def reported(
    console: Console,
    *,
    configured: bool = True,
    writes: bool = False,
    commodities: Sequence[str] | None = None,
) -> Iterator[None]:
    """Turn an error into one line and exit code 1.

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
        for line in str(error).split("\n"):
            write(console, line, "red")
        raise typer.Exit(INTERRUPTED) from error
    except ForecastAssetsError as error:
        write_error(console, error)
        raise typer.Exit(1) from error
    except (typer.Exit, typer.Abort, typer.BadParameter, BrokenPipeError):
        raise
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        write(console, f"error: {where}{error.strerror or error}: mend that, and try again", "red")
        raise typer.Exit(1) from error
    except Exception as error:  # the boundary of a command: the error is told by its name
        if os.environ.get(TRACEBACK):
            raise
        write(console, f"error: {told_of(UNEXPECTED, error)}", "red")
        raise typer.Exit(1) from error


def say_places() -> None:
    """Print the three places to stderr, and a warning if newer data are in other places."""
    places = Places.here()
    errors = open_console(stderr=True)
    write(
        errors,
        f"configuration {places.configuration}, data {places.data}, Dagster's home"
        f" {places.dagster}",
        "dim",
    )
    for line in places.elsewhere(rows_in):
        write(errors, f"warning: {line}", "yellow")


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


def interruptible(job: Callable[[], Done], stopping: Event, heard: Callable[[], object]) -> Done:
    """Do a job in a thread, and set ``stopping`` on Ctrl-C or SIGTERM.

    ``heard``: is called once after that, at once, since it may take minutes until the job ends.
    Ctrl-C is ignored where it was before, as in the background of a script.

    In the main thread Dagster and DuckDB install their own handlers of these signals, which lose
    some of them. This thread wakes up now and then, since the system may give a signal to another
    one, where Python does not handle it.
    """
    signals: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        signals.append(number)
        if len(signals) == 1:
            stopping.set()
            heard()

    handled = [signal.SIGTERM]
    if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
        handled.append(signal.SIGINT)
    before = {number: signal.signal(number, stop) for number in handled}
    try:
        with ThreadPoolExecutor(max_workers=1) as threads:
            done = threads.submit(job)
            while not done.done():
                wait([done], HEARD_SECONDS)
            return done.result()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
