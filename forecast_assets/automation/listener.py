"""Listeners: who is told of each result of a run while it goes on.

The UI reads materializations and needs no listener. A terminal collects results, and takes them
after each run that it launches.
"""

from dataclasses import dataclass, field
from typing import Protocol

from forecast_assets.automation.results import Result


class Listener(Protocol):
    """Somebody who is told what came of each piece of a run's work."""

    def hear(self, result: Result) -> None:
        """Be told of a result: what it says is committed."""


class Nobody:
    """Whoever needs no results; what is said to it is forgotten."""

    def hear(self, result: Result) -> None:
        """Forget it."""


@dataclass
class Collector:
    """Keeps results, in the order in which they came, until they are taken."""

    results: list[Result] = field(default_factory=list)

    def hear(self, result: Result) -> None:
        """Keep it."""
        self.results.append(result)

    def take(self) -> list[Result]:
        """What was heard since this was last asked."""
        taken, self.results = self.results, []
        return taken
