"""The pulse of a run: a lock file that its process holds; if it can be taken, the process is dead.

When the machine or the daemon of a run is killed, Dagster's history shows the run as going on for
ever. The lock shows that it is not, since the system releases it when the process ends. This works
for processes on one machine.
"""

import time
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from forecast_assets.errors import StoreError


@dataclass(frozen=True)
class Pulses:
    """The lock files of runs, in one folder."""

    folder: Path

    def begin(self, run_id: str) -> FileLock:
        """Hold the lock of a run until ``end``, or until this process ends.

        A run may begin its pulse several times, and must end it as often. Raises StoreError if the
        folder cannot be written.
        """
        lock = FileLock(self._file(run_id), is_singleton=True)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock.acquire()
        except OSError as error:
            raise StoreError(
                f"{self.folder} cannot be written to: {error.strerror or error}; every run holds a"
                " file there while it is alive"
            ) from error
        return lock

    def end(self, lock: FileLock) -> None:
        """Release a lock once; the last release deletes its file."""
        lock.release()
        if not lock.is_locked:
            Path(lock.lock_file).unlink(missing_ok=True)

    def has(self, run_id: str) -> bool:
        """Whether this run has a lock file here, held or not."""
        return self._file(run_id).exists()

    def beats(self, run_id: str) -> bool:
        """Whether another process holds the lock of this run."""
        if not self.has(run_id):
            return False
        try:
            with FileLock(self._file(run_id)).acquire(timeout=0):
                return False
        except Timeout:
            return True

    def forget(self, run_id: str) -> None:
        """Delete the lock file of a dead run."""
        self._file(run_id).unlink(missing_ok=True)

    def alive(self) -> list[str]:
        """The runs that are going on, in order."""
        known = sorted(file.stem for file in self.folder.glob("*.lock"))
        return [run_id for run_id in known if self.beats(run_id)]

    def silent(self) -> list[tuple[str, float]]:
        """The runs whose lock no process holds, and since when the file is there, since 1970."""
        known = sorted((file.stem, changed(file)) for file in self.folder.glob("*.lock"))
        return [(run_id, since) for run_id, since in known if not self.beats(run_id)]

    def _file(self, run_id: str) -> Path:
        return self.folder / f"{run_id}.lock"


def pulses_beside(database: Path) -> Pulses:
    """The pulses of the runs that work on a database, in a folder beside it."""
    return Pulses(database.parent / ".runs")


def changed(file: Path) -> float:
    """When a file was made or written last, in seconds since 1970; now if it is gone."""
    try:
        return file.stat().st_mtime
    except FileNotFoundError:
        return time.time()
