"""Listeners: objects that receive each result of a run as soon as it is committed.

The UI needs no listener, since it reads materializations. A terminal collects the results of each
run that it launches, and prints a summary of them after the run.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from forecast_assets.automation.results import Result


class Listener(Protocol):
    """Receives the result of each piece of a run's work."""

    def hear(self, result: Result) -> None:
        """Receive a result whose rows are already committed."""


class Nobody:
    """A listener that ignores results, for runs that nobody waits for."""

    def hear(self, result: Result) -> None:
        """Ignore the result."""


@dataclass
class Collector:
    """A listener that keeps results, in the order in which they came, until they are taken."""

    results: list[Result] = field(default_factory=list)

    def hear(self, result: Result) -> None:
        """Keep the result."""
        self.results.append(result)

    def take(self) -> list[Result]:
        """Return the results since the last call, and forget them."""
        taken, self.results = self.results, []
        return taken


@dataclass(frozen=True)
class Several:
    """Listeners that receive each result one after the other; the first that raises is the last."""

    listeners: Sequence[Listener]

    def hear(self, result: Result) -> None:
        """Give all of them the result."""
        for listener in self.listeners:
            listener.hear(result)
