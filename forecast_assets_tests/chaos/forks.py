"""Children of the harness: forked, so that they have loaded everything, in groups of their own."""

import ctypes
import gc
import importlib.util
import json
import os
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forecast_assets.errors import ForecastAssetsError
from forecast_assets_tests.chaos.small_disk import told_full

LIMIT_SECONDS = 240.0
"""A child that takes longer hangs."""

PR_SET_PDEATHSIG = 1
"""The option of prctl(2) that names a signal for the death of a parent; Linux only."""

CRASHED = 70
"""The exit code of a child that ended by an exception."""

STARVED = 71
"""The exit code of a child that ended by an exception which says that a disk is full."""

FAILED = 73
"""The exit code of a child that ended by an error that the project tells."""

HUNG = 72
"""The exit code that stands for a child that took too long, and was killed for it."""

ROUND_OBJECTS = 50_000
"""How many new objects let the garbage collector make a round in a child."""

SAID = "said.txt"
"""The file in a child's folder with what it wrote to its terminal."""


@dataclass(frozen=True)
class Ended:
    """How a child ended: its exit code, None if it was killed, and what it gave back."""

    code: int | None
    seconds: float
    given: Any = None

    @property
    def killed(self) -> bool:
        """Whether it was killed."""
        return self.code is None


class Child:
    """A forked process that does one thing in a folder."""

    def __init__(
        self, folder: Path, act: Callable[["Child"], Any], limit: float = LIMIT_SECONDS
    ) -> None:
        """Fork. ``act``: gives back what can be written as JSON. ``limit``: for all of it."""
        self.folder, self.limit = folder, limit
        self.began = time.monotonic()
        hears, says = os.pipe()
        given, gives = os.pipe()
        self._waits, self._goes = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            self._live(act, says, gives)
        os.close(says)
        os.close(gives)
        self._hears, self._given = hears, given

    def _live(self, act: Callable[["Child"], Any], says: int, gives: int) -> None:
        os.setsid()
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGINT)  # as by Ctrl-C, if its parent dies
        code = CRASHED
        try:
            self._says = says
            self._settle()
            given = act(self)
            os.write(gives, json.dumps(given).encode())
            code = 0
        except BaseException as error:  # noqa: BLE001 - the end of a child, told by its exit code
            code = FAILED if isinstance(error, ForecastAssetsError) else CRASHED
            code = STARVED if told_full(error) else code
            with (self.folder / SAID).open("a") as said:  # streams may lead to a full disk
                traceback.print_exc(file=said)
        finally:
            try:
                sys.stdout.flush()
                sys.stderr.flush()
            finally:  # there may be no room for what it says, and it must not live on as its parent
                os._exit(code)

    def _settle(self) -> None:
        """Be where the folder's places are, and write what is said into its file."""
        said = os.open(self.folder / SAID, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        for stream in (1, 2):
            os.dup2(said, stream)
        sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115 - for the life of the child
        sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115
        os.chdir(self.folder)
        os.environ |= {
            "FORECAST_CONFIG": str(self.folder / "forecast.yaml"),
            "FORECAST_HOME": str(self.folder / "home"),
            "DAGSTER_HOME": str(self.folder / "dagster"),
        }

    def reach(self, *, waits: bool) -> None:
        """In the child: say that the point has come; ``waits``: and wait to be killed or told."""
        os.write(self._says, b"!")
        if waits:
            os.read(self._waits, 1)

    def reached(self, seconds: float) -> bool:
        """Whether the child says within a time that its point has come; False if it ends."""
        heard, _, _ = select.select([self._hears], [], [], max(seconds, 0.0))
        return bool(heard) and os.read(self._hears, 1) == b"!"

    def go_on(self) -> None:
        """Let a child go on that waits."""
        os.write(self._goes, b"!")

    def kill(self) -> None:
        """Kill the process group, as the system does when memory or the machine ends."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

    @property
    def lives(self) -> bool:
        """Whether it has not ended yet."""
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None

    def ended(self) -> Ended:
        """Wait for the end. A child that hangs is killed, and its code is ``HUNG``."""
        text, hung = b"", False
        until = self.began + self.limit
        while True:
            left = until - time.monotonic()
            ready, _, _ = select.select([self._given], [], [], max(left, 0.0))
            if hung := not ready:
                self.kill()
                break
            part = os.read(self._given, 1 << 16)
            if not part:
                break
            text += part
        _, status = os.waitpid(self.pid, 0)
        self.kill()  # what the child has started, if anything still lives
        for end in (self._hears, self._given, self._waits, self._goes):
            os.close(end)
        seconds = time.monotonic() - self.began
        if hung:
            return Ended(HUNG, seconds)
        code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else None
        return Ended(code, seconds, json.loads(text) if text else None)


def done(folder: Path, act: Callable[[], Any], limit: float = LIMIT_SECONDS) -> Ended:
    """What a child did that nobody disturbs."""
    return Child(folder, lambda child: act(), limit).ended()


def preload(folder: Path, act: Callable[[], Any]) -> None:
    """Import what ``act`` imports, so that the children of this process need not."""

    def named() -> list[str]:
        act()
        return [name for name, module in sys.modules.items() if getattr(module, "__spec__", None)]

    ended = done(folder, named)
    if ended.code != 0:
        raise RuntimeError((folder / SAID).read_text())
    for name in ended.given:
        if name not in sys.modules and importlib.util.find_spec(name.partition(".")[0]):
            with suppress(ImportError):  # what a package makes for itself
                importlib.import_module(name)
    gc.collect()
    gc.freeze()
    gc.set_threshold(ROUND_OBJECTS)
