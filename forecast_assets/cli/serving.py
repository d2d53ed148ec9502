"""``forecast ui``: Dagster's webserver and daemon, on the same history as the other commands."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from http.client import HTTPConnection, HTTPException
from importlib.resources import files
from ipaddress import ip_address
from pathlib import Path
from types import FrameType

import typer
from filelock import FileLock, Timeout
from rich.console import Console

from forecast_assets.cli.allocator import ONE_ARENA
from forecast_assets.cli.console import note, write
from forecast_assets.configuration.home import Places
from forecast_assets.errors import ConfigurationError, ForecastAssetsError
from forecast_assets.store.patience import Told

STOP_SECONDS = 60.0
"""How long the programs may take to end; they first tell their runs to stop."""

LAST_SECONDS = 5.0
"""How long processes that the programs started may run after them."""

LOOK_SECONDS = 0.5
"""The pause between two checks of the programs."""

SUPERSEDED = "Function `dev_command` is superseded"
"""The beginning of Dagster's advice to use ``dg dev``, which works only in a project's folder."""

EVERYWHERE = {"0.0.0.0": "localhost", "127.0.0.1": "localhost", "::": "localhost"}  # noqa: S104 - of addresses that were asked for
"""For each address to listen at, the name by which a browser on this machine reaches it."""

UNGUARDED = (
    "warning: whoever reaches this address can launch and delete runs: Dagster's UI asks for no"
    " password; docs/behind_a_proxy.md puts one in front of it"
)
"""What is said about an address that other machines may reach."""


@dataclass(frozen=True)
class Address:
    """The address at which the webserver listens."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """The URL to open in a browser on this machine."""
        name = EVERYWHERE.get(self.host, self.host)
        return f"http://{f'[{name}]' if ':' in name else name}:{self.port}"

    @property
    def is_local(self) -> bool:
        """Whether only programs of this machine can reach it."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def warnings(self) -> list[str]:
        """What users should know before anything listens at the address."""
        return [] if self.is_local else [UNGUARDED]

    def require_free(self) -> None:
        """Raise ConfigurationError if no program can listen at this address."""
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        try:
            socket.create_server((self.host, self.port), family=family).close()
        except OSError as error:
            raise ConfigurationError(
                f"cannot listen on {self.host}:{self.port}: {error.strerror}; choose another with"
                " --port or --host"
            ) from error

    def answers(self) -> bool:
        """Whether the webserver answers."""
        name = EVERYWHERE.get(self.host, self.host)
        connection = HTTPConnection(name, self.port, timeout=LOOK_SECONDS)
        try:
            connection.request("GET", "/server_info")
            return connection.getresponse().status == 200
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()


def serve(console: Console, address: Address, *, opened: bool) -> None:
    """Run the UI and the daemon until Ctrl-C or SIGTERM, and end all their processes.

    Raises ConfigurationError if the address or Dagster's home is already in use, and
    ForecastAssetsError if the programs end by themselves.
    """
    places = Places.here()
    for line in places.prepare():
        note(console, line)
    with only_one(places), stopped_by_signals():
        address.require_free()
        make_databases(places, partial(write, console))
        write(console, f"Starting Dagster on {address.url}; Ctrl-C ends it")
        for line in address.warnings:
            write(console, line, style="yellow")
        with programs(places, address) as process:
            watch(console, process, address, opened=opened)


def watch(
    console: Console, process: subprocess.Popen[bytes], address: Address, *, opened: bool
) -> None:
    """Print when the UI is ready, and wait. Raises ForecastAssetsError if it ends by itself."""
    ready = False
    try:
        while process.poll() is None:
            if not ready and address.answers():
                ready = True
                write(console, f"Ready: {address.url}")
                if opened:
                    typer.launch(address.url)
            time.sleep(LOOK_SECONDS)
    except KeyboardInterrupt:
        write(console, "Ending Dagster")
        return
    raise ForecastAssetsError(
        f"Dagster's programs ended by themselves, with {process.returncode}: the reason is above"
    )


@contextmanager
def programs(places: Places, address: Address) -> Iterator[subprocess.Popen[bytes]]:
    """Start ``dagster dev`` in a process group of its own, which ends with the block.

    Its working folder is Dagster's home, so that a ``.env`` or ``dagster.yaml`` in the current
    folder does not affect it.
    """
    command = [sys.executable, "-W", f"ignore:{SUPERSEDED}", "-m", "dagster", "dev"]
    command += ["--workspace", str(workspace()), "--log-level", "warning"]
    command += ["--host", address.host, "--port", str(address.port)]
    process = subprocess.Popen(  # noqa: S603 - Dagster's own program
        command,
        cwd=places.dagster,
        env={**ONE_ARENA, **os.environ, **places.environment},
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """End a program and its process group by SIGINT; after a time or a second Ctrl-C, kill them."""
    with suppress(KeyboardInterrupt, subprocess.TimeoutExpired):
        process.send_signal(signal.SIGINT)
        process.wait(STOP_SECONDS)
        within = time.monotonic() + LAST_SECONDS
        while alive(process.pid) and time.monotonic() < within:
            time.sleep(LOOK_SECONDS / 5)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def alive(group: int) -> bool:
    """Whether a process group still has a process."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


@contextmanager
def only_one(places: Places) -> Iterator[None]:
    """Hold a lock of Dagster's home, since two daemons would ask for every run twice.

    Raises ConfigurationError if another ``forecast ui`` holds it.
    """
    lock = FileLock(places.dagster / ".ui.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise ConfigurationError(
            f"{places.dagster}: a `forecast ui` over this home is running already: use it, or end"
            " it first"
        ) from error
    try:
        yield
    finally:
        lock.release()


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """In the block, SIGINT, SIGTERM and the end of the terminal raise KeyboardInterrupt."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    ending = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # nohup ignores it, and so do we
        ending.append(signal.SIGHUP)
    before = {number: signal.signal(number, stop) for number in ending}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def make_databases(places: Places, told: Told) -> None:
    """Make the databases of a new Dagster home, before several programs try to at once.

    ``told``: receives lines about a wait for another process that does so. Settings that a user has
    changed are tried too. Raises ConfigurationError if they are wrong.
    """
    is_new = not (places.dagster / "history" / "runs.db").exists()
    if is_new or places.has_own_settings:
        from forecast_assets.defs.launching import instance

        with instance(places, told):
            pass


def workspace() -> Path:
    """The package's workspace file, which tells Dagster in any folder where the graph is."""
    return Path(str(files("forecast_assets") / "workspace.yaml"))
