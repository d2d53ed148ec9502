"""Patience with a locked file: how long it is waited for, and who is told whom we wait for."""

import logging
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
BudgetOf = Literal["wait", "run", "command"]
Told = Callable[[str], object]
"""Is told a line about the wait. What it raises ends the wait."""

SHORTEST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.05, 2.0
"""Pauses between two attempts at a locked file."""

PAUSES = wait_random_exponential(multiplier=SHORTEST_PAUSE_SECONDS, max=LONGEST_PAUSE_SECONDS)

SILENT_SECONDS = 1.0
"""A wait is told once it has lasted this long: programs that read briefly come and go."""

REPEAT_SECONDS = 5.0
"""A wait that goes on is told again after this."""

BRIEF_SECONDS = 2.0
"""A wait up to this is not taken from the budget, or many brief readers would use it up."""

KEPT = "another process kept this file for"
"""What the message of whoever gave up waiting says, among other things."""


class Kept(Exception):
    """Another connection has the file open in a way that excludes ours. ``holder``: whose it is."""

    def __init__(self, holder: str) -> None:
        super().__init__(holder)
        self.holder = holder


@dataclass
class Patience:
    """How long locks are waited for, in seconds, and who is told.

    ``budget_of``: what the seconds are for: one ``wait``; all waits of one ``run`` of Dagster; or
    all of one ``command``, whatever runs it makes. Whoever holds the file for longer is not
    waited for again until the file could be written: every other part fails at once.
    """

    seconds: float
    budget_of: BudgetOf = "wait"
    told: Told = logging.getLogger(__name__).warning
    spent: float = 0.0
    given_up: str | None = None
    run_id: str | None = field(default=None, repr=False)

    def begin(self, run_id: str) -> None:
        """Begin a run of Dagster, with a whole budget, unless it is a part of a command."""
        if self.budget_of == "run" and run_id != self.run_id:
            self.run_id, self.spent, self.given_up = run_id, 0.0, None

    @property
    def left(self) -> float:
        """How many seconds the next wait may take."""
        if self.budget_of == "wait":
            return self.seconds
        brief = min(BRIEF_SECONDS, self.seconds)
        return 0.0 if self.given_up else max(self.seconds - self.spent, brief)

    def open(
        self, path: Path, connect: Callable[[], Opened], *, writing: bool, also: Told | None
    ) -> Opened:
        """Connect to a file as soon as it is free; ``also`` is told, too.

        ``connect`` raises Kept while it is not. Raises StoreLocked, with the program that holds
        it, where that takes too long.
        """
        wait = Wait(path, self.left, tuple(told for told in (self.told, also) if told))
        try:
            connection = wait.until(connect)
        except RetryError as error:
            holder = _holder(error.last_attempt.exception())
            self.spent, self.given_up = self.seconds, holder
            lost = "; what was computed to be written is lost" if writing else ""
            raise StoreLocked(
                f"{path}: {KEPT} {wait.waited:.3g} s, and no more is"
                f" waited (database.lock_timeout_seconds: {self.seconds:g}): it is open in"
                f" {holder}. Nothing was written{lost}. Close it there, let that program read a"
                " copy (`forecast snapshot` makes one), and run again"
            ) from error
        if wait.waited > BRIEF_SECONDS:
            self.spent += wait.waited
        if writing:
            self.given_up = None
        return connection


@dataclass
class Wait:
    """One wait for a file, of so many seconds at most."""

    path: Path
    seconds: float
    told: tuple[Told, ...]
    began: float = field(default_factory=time.monotonic)
    said_at: float | None = None

    @property
    def waited(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self.began

    def until(self, connect: Callable[[], Opened]) -> Opened:
        """Connect, again and again. Raises RetryError."""
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
        """Longer and longer, by chance, but no longer than there is left."""
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
    """Who has the file open, by what an attempt raised."""
    return error.holder if isinstance(error, Kept) else "another program"
