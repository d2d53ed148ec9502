"""Asking a file system that may never answer: each question has a limited time.

If one question got no answer, the next ones fail at once for a while, and as long as that one is
open. Otherwise a store with a hundred files, none of which can be reached, would cost a hundred
times the limit, and a process that runs for days would collect threads that wait for ever.
"""

from collections.abc import Callable
from concurrent.futures import Future, wait
from dataclasses import dataclass
from functools import lru_cache
from threading import Thread
from time import monotonic
from typing import Any, TypeVar

PAUSE_SECONDS = 60.0
"""The least time for which a place that did not answer is not asked again by this process."""

MOST_PLACES = 32
"""How many places a process remembers; it rarely has more than one."""

Answer = TypeVar("Answer")


@dataclass
class Place:
    """A place that is asked: the last question without an answer in time, and when that was over.

    ``silent_since``: in seconds of a steady clock.
    """

    unanswered: "Future[Any] | None" = None
    silent_since: float = 0.0

    @property
    def is_silent(self) -> bool:
        """Whether it gave no answer a short while ago, or still owes one."""
        if self.unanswered is None:
            return False
        return not self.unanswered.done() or monotonic() - self.silent_since < PAUSE_SECONDS


@lru_cache(MOST_PLACES)
def place_of(name: str) -> Place:
    """The place of a name, as this process knows it."""
    return Place()


def answer_of(name: str, seconds: float, ask: Callable[[], Answer]) -> Answer:
    """The answer of a place, which is asked in a thread.

    The thread is left to itself if there is no answer in time, since a system call cannot be
    ended. Raises TimeoutError then. Raises it without a further thread for a place that was silent
    a short while ago, or whose thread has not come back.
    """
    place = place_of(name)
    if place.is_silent:
        raise TimeoutError("it gave no answer before, and is asked again later")
    answer: Future[Answer] = Future()
    Thread(target=_ask, args=(ask, answer), daemon=True, name="forecast-artifact").start()
    wait([answer], seconds)
    if not answer.done():
        place.unanswered, place.silent_since = answer, monotonic()
        raise TimeoutError(f"no answer in {seconds:g} seconds")
    place.unanswered = None
    return answer.result()


def _ask(ask: Callable[[], Answer], answer: "Future[Answer]") -> None:
    try:
        answer.set_result(ask())
    except Exception as error:  # noqa: BLE001 - it is raised again where the answer is awaited
        answer.set_exception(error)
