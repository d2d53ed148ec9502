"""What the hook in ``hook/sitecustomize.py`` noted in the processes that it watched."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HOOK = Path(__file__).parent / "hook"

PIPES = {
    "multiprocessing.connection:recv",
    "multiprocessing.queues:get",
    "multiprocessing.spawn:_main",
}
"""The functions that unpickle what a process of ours was sent by another through a pipe."""

LOADS = "sitecustomize:load"
"""The function of the hook through which each pickle is loaded."""

WORKER = "joblib.externals.loky.backend.popen_loky_posix"
"""The program of a process for training: it reads from a pipe what its parent wants of it."""


@dataclass(frozen=True)
class Noted:
    """An event in a watched process: its kind, what it was about, and who caused it."""

    event: str
    what: str
    stack: tuple[str, ...]
    argv: tuple[str, ...]

    @property
    def is_unpickling(self) -> bool:
        """Whether something was unpickled."""
        return self.event.startswith(("pickle.", "marshal."))

    @property
    def is_call(self) -> bool:
        """Whether an address was looked up, called or listened at."""
        return self.event.startswith(("socket.", "urllib."))

    @property
    def is_from_a_pipe(self) -> bool:
        """Whether it was read from a pipe between processes of the project, and from no file.

        That says the function that had it unpickled. In a process for training, those of pipes are
        also on each stack below it, since they called the task.
        """
        reader = next((each for each in self.stack if each != LOADS), "")
        begins = WORKER in self.argv and reader == "__main__:<module>"
        return begins or reader in PIPES

    def __str__(self) -> str:
        return f"{self.event} {self.what} in {' '.join(self.argv)}: {' < '.join(self.stack)}"


def environment(folder: Path) -> dict[str, str]:
    """The environment in which a process and all its children are watched."""
    path = os.pathsep.join([str(HOOK), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {"PYTHONPATH": path, "FORECAST_WATCHED": str(folder)}


def noted(folder: Path) -> Iterator[Noted]:
    """All that was noted by the processes that wrote into a folder."""
    for file in sorted(folder.glob("*.jsonl")):
        for line in file.read_text().splitlines():
            event = json.loads(line)
            yield Noted(event["event"], event["what"], tuple(event["stack"]), tuple(event["argv"]))
