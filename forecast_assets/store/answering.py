"""Asking a file system that may never answer: each question has a limited time.

If one question got no answer, the next ones fail at once for a while. Otherwise a store with a
hundred files, none of which can be reached, would cost a hundred times the limit.
"""

import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NoAnswer
from dataclasses import dataclass
from functools import lru_cache
from threading import Thread
from typing import TypeVar

PAUSE_SECONDS = 60.0
"""How long a place that did not answer is not asked again by this process."""

MOST_PLACES = 32
"""How many places a process remembers; it rarely has more than one."""

Answer = TypeVar("Answer")


@dataclass
class Place:
    """A place that is asked: since when, in seconds of a steady clock, it gives no answer."""

    silent_since: float | None = None

    @property
    def is_silent(self) -> bool:
        """Whether it gave no answer a short while ago."""
        since = self.silent_since
        return since is not None and time.monotonic() - since < PAUSE_SECONDS


@lru_cache(MOST_PLACES)
def place_of(name: str) -> Place:
    """The place of a name, as this process knows it."""
    return Place()


def answer_of(name: str, seconds: float, ask: Callable[[], Answer]) -> Answer:
    """The answer of a place, which is asked in a thread.

    The thread is left to itself if there is no answer in time, since a system call cannot be
    ended. Raises TimeoutError then, and also for a place that was silent a short while ago.
    """
    place = place_of(name)
    if place.is_silent:
        raise TimeoutError("it gave no answer a moment ago")
    answer: Future[Answer] = Future()
    Thread(target=_ask, args=(ask, answer), daemon=True, name="forecast-artifact").start()
    try:
        found = answer.result(seconds)
    except NoAnswer as error:
        if answer.done():
            raise  # it is the answer: the file system's own time was over
        place.silent_since = time.monotonic()
        raise TimeoutError(f"no answer in {seconds:g} seconds") from error
    place.silent_since = None
    return found


def _ask(ask: Callable[[], Answer], answer: "Future[Answer]") -> None:
    try:
        answer.set_result(ask())
    except Exception as error:  # noqa: BLE001 - it is raised again where the answer is awaited
        answer.set_exception(error)
