"""Asking a file system that may never answer: each question has a limited time.

If one question got no answer, the next ones fail at once for a while, and as long as that one is
open. Otherwise a store with a hundred files, none of which can be reached, would cost a hundred
times the limit, and a process that runs for days would collect threads that wait for ever.
"""

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import lru_cache
from time import monotonic
from typing import Any, TypeVar

from forecast_assets.market.deadline import Timeout, answer_within

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
    """The answer of a place.

    Raises Timeout if there is none in time. Raises TimeoutError without a further thread for a
    place that was silent a short while ago, or whose thread has not come back.
    """
    place = place_of(name)
    if place.is_silent:
        raise TimeoutError("it gave no answer before, and is asked again later")
    try:
        found = answer_within(seconds, ask)
    except Timeout as late:
        place.unanswered, place.silent_since = late.unanswered, monotonic()
        raise
    place.unanswered = None
    return found
