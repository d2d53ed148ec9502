"""What was read of a file, kept while the file rests.

Plans, checks and the report read all that there is of a commodity, and mostly nothing was written
since another of them has.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, TypeVar

Read = TypeVar("Read")

MOST = 16
"""How many readings are kept: with four kinds of rows, those of four commodities."""


@dataclass
class Readings:
    """The last readings, each with the state of the file in which it was made.

    Threads may share them, so whatever is read must not change.
    """

    kept: dict[Hashable, tuple[str, Any]] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)

    def of(self, key: Hashable, state: str, read: Callable[[], Read]) -> Read:
        """What is read by this name in this state; it is read if it is not known."""
        with self.lock:
            known = self.kept.pop(key, None)
        if known is None or known[0] != state:
            known = state, read()
        with self.lock:
            self.kept[key] = known
            while len(self.kept) > MOST:
                del self.kept[next(iter(self.kept))]
        found: Read = known[1]
        return found

    def forget(self) -> None:
        """Have everything be read again, since the file is written."""
        with self.lock:
            self.kept.clear()
