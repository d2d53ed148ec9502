"""The pulse of a run: a lock that its process holds, and that the system takes when it dies.

Dagster's history says of a run whose machine or daemon was killed that it is still going on, for
ever. Whoever can take its lock knows better. It works between processes of one machine.
"""

from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from forecast_assets.errors import StoreError


@dataclass(frozen=True)
class Pulses:
    """The locks of runs: a file each, in one folder."""

    folder: Path

    def begin(self, run_id: str) -> FileLock:
        """Hold the lock of a run until ``end``, or until this process ends.

        A run may begin it several times, and ends it as often. Raises StoreError where the folder
        cannot be written to.
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
        """Give a lock back; the last time its file goes."""
        lock.release()
        if not lock.is_locked:
            Path(lock.lock_file).unlink(missing_ok=True)

    def beats(self, run_id: str) -> bool:
        """Whether another process has the lock of this run."""
        if not self._file(run_id).exists():
            return False
        try:
            with FileLock(self._file(run_id)).acquire(timeout=0):
                return False
        except Timeout:
            return True

    def forget(self, run_id: str) -> None:
        """Remove what a dead run has left."""
        self._file(run_id).unlink(missing_ok=True)

    def alive(self) -> list[str]:
        """The runs that are going on, in order."""
        known = sorted(file.stem for file in self.folder.glob("*.lock"))
        return [run_id for run_id in known if self.beats(run_id)]

    def _file(self, run_id: str) -> Path:
        return self.folder / f"{run_id}.lock"
