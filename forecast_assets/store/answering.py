"""Asking a file system that may never answer: each question has a limited time.

If one question got no answer, the next ones fail at once for a while. Otherwise a store with a
hundred files, none of which can be reached, would cost a hundred times the limit.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

from forecast_assets.market.deadline import Timeout, answer_within

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
    """The answer of a place.

    Raises TimeoutError if there is none in time, or if there was none a short while ago.
    """
    place = place_of(name)
    if place.is_silent:
        raise TimeoutError("it gave no answer a moment ago")
    try:
        found = answer_within(seconds, ask)
    except Timeout:
        place.silent_since = time.monotonic()
        raise
    place.silent_since = None
    return found
