"""A way to do the job: how it fits, draws and keeps."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

from benchmarks.peers.job import Job, Paths
from benchmarks.peers.keeping import from_frame


class Way(ABC):
    """The job by one library. ``name``: as a reader of the table knows it."""

    name: str

    @abstractmethod
    def fit(self, job: Job) -> Any:
        """Fit on the job's sample."""

    @abstractmethod
    def draw(self, job: Job, fitted: Any) -> Paths:
        """Draw from each origin with what was fitted, knowing the sessions up to the origin."""

    def keep(self, job: Job, paths: Paths, file: Path) -> None:
        """Add the paths to a file of DuckDB, by default as a frame."""
        from_frame(job, paths, file)

    def whole(self, job: Job, file: Path) -> None:
        """Fit, draw and keep."""
        self.keep(job, self.draw(job, self.fit(job)), file)
