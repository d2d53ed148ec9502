"""Running tasks on all cores, by joblib with the backend that the configuration names."""

import importlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import joblib

from forecast_assets.configuration.sections import Parallel
from forecast_assets.errors import ConfigurationError
from forecast_assets.forecast.tasks import Done, Task, Whole, inline

ALL = -1
"""The value of ``n_jobs`` by which joblib uses every processor of its backend."""


Numbered = tuple[int, list[Done[Any]]]
"""The place of a task among all tasks, and its results by training date."""

Watch = Callable[[Iterator[Whole], int], Iterator[Whole]]
"""Passes on each model when all its tasks are done, in any order, and may show the progress.

The second argument is the number of models in all.
"""


def unwatched(done: Iterator[Whole], total: int) -> Iterator[Whole]:
    """Pass on the models without showing progress."""
    return done


@dataclass(frozen=True)
class Processes:
    """Runs tasks in as many processes as the configuration says; with one, in this process.

    ``watch`` is told of each model of the roster as soon as its own tasks are done.
    """

    parallel: Parallel
    watch: Watch = unwatched

    def __call__(self, tasks: Sequence[Task]) -> Iterator[list[Done[Any]]]:
        """Yield the results of each task, in the order of the tasks, as early as possible.

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
                    n_jobs=self.parallel.processes or ALL,
                    return_as="generator_unordered",
                    max_nbytes=None,  # large arrays would pass through pickles in files
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
    """Run a task and return its results with its place."""
    return place, task.run()


def watched(done: Iterator[Numbered], tasks: Sequence[Task], watch: Watch) -> Iterator[Numbered]:
    """Pass on the results of tasks, and tell ``watch`` each model whose last task is done.

    A task may serve several models, as a member of an ensemble does, and several windows.
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
    """Yield the results of each task in the order of their places, as early as possible."""
    early: dict[int, list[Done[Any]]] = {}
    due = 0
    for place, outcome in done:
        early[place] = outcome
        while due in early:
            yield early.pop(due)
            due += 1
