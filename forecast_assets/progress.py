"""How long work shows where it is: in a run's log, or as a bar in a terminal."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from threading import Event
from typing import Protocol

from rich.progress import Progress as RichBar

from forecast_assets.errors import Interrupted


class Progress(Protocol):
    """Something that watches keys being worked through."""

    def track(self, log: logging.Logger, label: str, keys: Sequence[str]) -> Iterable[str]:
        """Yield the keys in order; the work on one is done when the next is asked for."""


class LogProgress:
    """A line in the log for every key."""

    def track(self, log: logging.Logger, label: str, keys: Sequence[str]) -> Iterator[str]:
        """Yield the keys in order."""
        for done, key in enumerate(keys, start=1):
            yield key
            log.info("%s: %s done, %d of %d", label, key, done, len(keys))


class BarProgress:
    """A bar in the terminal for every label."""

    def __init__(self, bar: RichBar, stopping: Event) -> None:
        self.bar = bar
        self.stopping = stopping

    def require_going_on(self) -> None:
        """Raise Interrupted once the user asked to stop."""
        if self.stopping.is_set():
            raise Interrupted("interrupted: what was committed stays; run again for the rest")

    def track(self, log: logging.Logger, label: str, keys: Sequence[str]) -> Iterator[str]:
        """Yield the keys in order. Raises Interrupted between two of them."""
        task = self.bar.add_task(label, total=len(keys))
        for key in keys:
            self.require_going_on()
            self.bar.update(task, description=f"{label} {key}")
            yield key
            self.bar.advance(task)
        self.bar.update(task, description=label)
