"""Patience with a locked file: how long a process waits for it, and whom it tells."""

import logging
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeVar

from tenacity import (
    RetryCallState,
    RetryError,
    Retrying,
    retry_if_exception_type,
    stop_after_delay,
    wait_random_exponential,
)

from forecast_assets.errors import StoreLocked

Opened = TypeVar("Opened")
Scope = Literal["wait", "run", "command"]
Told = Callable[[str], object]
"""A function that receives lines about the wait. If it raises an error, the wait ends."""

SHORTEST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.05, 0.25
"""The pauses between two attempts to open a locked file; an attempt takes 2 ms.

A process that reads while another writes window after window must find one of the gaps.
"""

PAUSES = wait_random_exponential(multiplier=SHORTEST_PAUSE_SECONDS, max=LONGEST_PAUSE_SECONDS)

SILENT_SECONDS = 1.0
"""Users are told of a wait only after this time, since brief readers come and go."""

REPEAT_SECONDS = 5.0
"""The time after which users are told again of a wait that goes on."""

KEPT = "another process kept this file for"
"""A part of the message of every wait that was given up."""

GIVEN_UP = re.compile(rf": {KEPT} [0-9.e+-]+ s, and no more is waited \(")
"""What only such a message holds, whatever the names of files are."""


class Kept(Exception):
    """Another connection holds a lock that excludes ours. ``holder``: the program that has it."""

    def __init__(self, holder: str) -> None:
        super().__init__(holder)
        self.holder = holder


@dataclass
class Patience:
    """How many seconds a lock is waited for, and the function that is told of waits.

    ``scope``: what ends with a wait that was given up. A ``wait`` for itself; or a ``run`` of
    Dagster, or a ``command`` with all its runs, whose further waits fail at once until the file
    could be written again: so a forgotten reader is waited for once. A wait that ends well leaves
    the next one as many seconds, since programs that come and go let everybody have a turn.
    ``limit``: what sets the number of seconds, for users.
    """

    seconds: float
    scope: Scope = "wait"
    told: Told = logging.getLogger(__name__).warning
    given_up: bool = False
    limit: str = "database.lock_timeout_seconds"
    run_id: str | None = field(default=None, repr=False)

    def begin(self, run_id: str) -> None:
        """Begin a run of Dagster: it is patient again, unless the command has given up."""
        if self.scope == "run" and run_id != self.run_id:
            self.run_id, self.given_up = run_id, False

    @property
    def left(self) -> float:
        """How many seconds the next wait may take."""
        return 0.0 if self.given_up and self.scope != "wait" else self.seconds

    def open(
        self, path: Path, connect: Callable[[], Opened], *, writing: bool, also: Told | None
    ) -> Opened:
        """Connect to a file as soon as it is free.

        ``connect``: raises Kept while the file is locked. ``also``: another function to tell of the
        wait. Raises StoreLocked, which names the program that holds the lock, after too long.
        """
        wait = Wait(path, self.left, tuple(told for told in (self.told, also) if told))
        try:
            connection = wait.until(connect)
        except RetryError as error:
            holder = _holder(error.last_attempt.exception())
            self.given_up = True
            lost = "; what was computed to be written is lost" if writing else ""
            raise StoreLocked(
                f"{path}: {KEPT} {wait.waited:.3g} s, and no more is"
                f" waited ({self.limit}: {self.seconds:g}): it is open in"
                f" {holder}. Nothing was written{lost}. Close it there, let that program read a"
                " copy (`forecast snapshot` makes one), and run again"
            ) from error
        if writing:
            self.given_up = False
        return connection


@dataclass
class Wait:
    """One wait for a file, for at most ``seconds``."""

    path: Path
    seconds: float
    told: tuple[Told, ...]
    began: float = field(default_factory=time.monotonic)
    said_at: float | None = None

    @property
    def waited(self) -> float:
        """The seconds since the wait began."""
        return time.monotonic() - self.began

    def until(self, connect: Callable[[], Opened]) -> Opened:
        """Try to connect until it succeeds. Raises RetryError after ``seconds``."""
        attempts = Retrying(
            retry=retry_if_exception_type(Kept),
            wait=self._pause,
            stop=stop_after_delay(self.seconds),
            before_sleep=self._tell,
        )
        connection: Opened = attempts(connect)
        if self.said_at is not None:
            self._say(f"{self.path.name} is free again after {self.waited:.0f} s")
        return connection

    def _pause(self, state: RetryCallState) -> float:
        """The next pause: it grows, with jitter, but not beyond the time that is left."""
        return min(PAUSES(state), max(self.seconds - self.waited, SHORTEST_PAUSE_SECONDS))

    def _tell(self, state: RetryCallState) -> None:
        silent = SILENT_SECONDS if self.said_at is None else self.said_at + REPEAT_SECONDS
        if self.waited < silent or state.outcome is None:
            return
        self.said_at = self.waited
        self._say(
            f"waiting for {self.path.name}: it is open in {_holder(state.outcome.exception())}"
            f" (waited {self.waited:.0f} of {self.seconds:.0f} s)"
        )

    def _say(self, line: str) -> None:
        for told in self.told:
            told(line)


def _holder(error: BaseException | None) -> str:
    """The program that has the file open, from the error of an attempt."""
    return error.holder if isinstance(error, Kept) else "another program"
