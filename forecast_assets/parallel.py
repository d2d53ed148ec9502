"""Running tasks on all cores, by joblib and whichever of its backends is configured."""

import importlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import joblib

from forecast_assets.configuration import Parallel
from forecast_assets.errors import ConfigurationError
from forecast_assets.tasks import Done, Task, inline

ALL = -1
"""joblib's number for as many as its backend has."""


@dataclass(frozen=True)
class Processes:
    """As many processes as the configuration says; one means this one."""

    parallel: Parallel

    def __call__(self, tasks: Sequence[Task]) -> Iterator[list[Done[Any]]]:
        """What came of each task, in their order, as soon as it is there.

        Raises ConfigurationError for a backend that joblib does not know.
        """
        if self.parallel.processes == 1 or len(tasks) < 2:
            return inline(tasks)
        try:
            if self.parallel.module is not None:
                importlib.import_module(self.parallel.module)
            with joblib.parallel_config(backend=self.parallel.backend):
                pool = joblib.Parallel(n_jobs=self.parallel.processes or ALL, return_as="generator")
        except (ImportError, ValueError) as error:
            raise ConfigurationError(
                f"parallel.backend: found {self.parallel.backend!r}; allowed: a backend of joblib"
                " that gives results as they come, registered by parallel.module if it is not"
                f" joblib's own ({error})"
            ) from error
        outcomes: Iterator[list[Done[Any]]] = pool(joblib.delayed(task.run)() for task in tasks)
        return outcomes
