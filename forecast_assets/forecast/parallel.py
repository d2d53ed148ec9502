"""Running tasks on all cores, by joblib and whichever of its backends is configured."""

import importlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import joblib

from forecast_assets.configuration.sections import Parallel
from forecast_assets.errors import ConfigurationError
from forecast_assets.forecast.tasks import Done, Task, Whole, inline

ALL = -1
"""joblib's number for as many as its backend has."""


Numbered = tuple[int, list[Done[Any]]]
"""The place of a task among all, and what came of it."""

Watch = Callable[[Iterator[Whole], int], Iterator[Whole]]
"""Passes on the models whose tasks are all done, in any order, of so many in all; and sees it."""


def unwatched(done: Iterator[Whole], total: int) -> Iterator[Whole]:
    """Pass it on."""
    return done


@dataclass(frozen=True)
class Processes:
    """As many processes as the configuration says; one means this one.

    ``watch`` sees each model of the roster when all its tasks are done, though others are not.
    """

    parallel: Parallel
    watch: Watch = unwatched

    def __call__(self, tasks: Sequence[Task]) -> Iterator[list[Done[Any]]]:
        """What came of each task, in their order, as soon as it and those before it are there.

        Raises ConfigurationError for a backend that joblib does not know.
        """
        return in_order(watched(self._as_done(tasks), tasks, self.watch))

    def _as_done(self, tasks: Sequence[Task]) -> Iterator[Numbered]:
        if self.parallel.processes == 1 or len(tasks) < 2:
            return enumerate(inline(tasks))
        try:
            if self.parallel.module is not None:
                importlib.import_module(self.parallel.module)
            with joblib.parallel_config(backend=self.parallel.backend):
                pool = joblib.Parallel(
                    n_jobs=self.parallel.processes or ALL, return_as="generator_unordered"
                )
        except (ImportError, ValueError) as error:
            raise ConfigurationError(
                f"parallel.backend: found {self.parallel.backend!r}; allowed: a backend of joblib"
                " that gives results as they come, registered by parallel.module if it is not"
                f" joblib's own ({error})"
            ) from error
        done: Iterator[Numbered] = pool(
            joblib.delayed(numbered)(place, task) for place, task in enumerate(tasks)
        )
        return done


def numbered(place: int, task: Task) -> Numbered:
    """Run a task and keep its place."""
    return place, task.run()


def watched(done: Iterator[Numbered], tasks: Sequence[Task], watch: Watch) -> Iterator[Numbered]:
    """Pass on what came of tasks, while ``watch`` sees which models have all that they need.

    One task may serve several models, as the members of an ensemble do, and several windows.
    """
    left: dict[Whole, set[int]] = {}
    for place, task in enumerate(tasks):
        for whole in task.serves:
            left.setdefault(whole, set()).add(place)
    arrived: list[Numbered] = []

    def complete() -> Iterator[Whole]:
        for place, outcome in done:
            arrived.append((place, outcome))
            for whole in tasks[place].serves:
                left[whole].discard(place)
                if not left[whole]:
                    yield whole

    for _ in watch(complete(), len(left)):
        yield from arrived
        arrived.clear()
    yield from arrived


def in_order(done: Iterator[Numbered]) -> Iterator[list[Done[Any]]]:
    """What came of each task in the order of their places, each as soon as it can be."""
    early: dict[int, list[Done[Any]]] = {}
    due = 0
    for place, outcome in done:
        early[place] = outcome
        while due in early:
            yield early.pop(due)
            due += 1
