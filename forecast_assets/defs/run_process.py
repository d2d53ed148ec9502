"""The process of a run, as a tag of the run says it, and whether that process still lives.

A process is known by its machine and by its number together with the moment at which it started,
since a system gives the number of a dead process to a new one.
"""

import json
import os
import socket
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

PROCESS = "forecast_assets/process"
"""The tag with the process that executes a run, as JSON."""

CLOCK_SECONDS = 2.0
"""The start of a process is known to so much: that of the machine is told in whole seconds."""

Fate = Literal["alive", "gone", "unseen", "elsewhere"]
"""What is known of a process. ``unseen``: it is on this machine, in another container, where its
number says nothing. ``elsewhere``: it is, or was, on another machine."""

DEAD_STATES = ("Z", "X")
"""The states of a process that has ended and that nobody has waited for yet."""

STATE, STARTED = 0, 19
"""The places of a process's state and of its start, after its name in ``/proc/PID/stat``."""


@dataclass(frozen=True)
class RunProcess:
    """The process that executes a run.

    ``run_id``: the run; a run that is executed again has the tags of the first one, and so the
    process of another run. ``host``: the name of the machine. ``boot``: which start of the machine.
    ``space``: the space of its numbers, such as a container. ``started``: when it started, in ticks
    since the machine did. Where the system has no ``/proc``, the last three are empty.
    """

    run_id: str
    host: str
    boot: str
    space: str
    pid: int
    started: str

    @classmethod
    def here(cls, run_id: str) -> "RunProcess":
        """This process, as that of a run."""
        pid = os.getpid()
        return cls(run_id, socket.gethostname(), _boot(), _space(), pid, _started(pid) or "")

    @classmethod
    def of(cls, run_id: str, tags: Mapping[str, str]) -> "RunProcess | None":
        """The process in the tags of a run; None if they do not say it."""
        try:
            said = cls(**json.loads(tags[PROCESS]))
        except (KeyError, TypeError, ValueError):
            return None
        return said if said.run_id == run_id else None

    @property
    def tag(self) -> dict[str, str]:
        """The tag that says this process."""
        return {PROCESS: json.dumps(asdict(self))}

    @property
    def fate(self) -> Fate:
        """Whether the process lives, as far as this process can know."""
        if self.boot != _boot():
            return "gone" if self.boot and self.host == socket.gethostname() else "elsewhere"
        if not self.boot and self.host != socket.gethostname():
            return "elsewhere"
        if self.space != _space():
            return "unseen"
        return "alive" if _started(self.pid) == self.started else "gone"

    def __str__(self) -> str:
        """The process as people look for it."""
        return f"PID {self.pid} on {self.host}"


def lives_since(pid: int, moment: float) -> bool:
    """Whether a process of this number lives that was there at a moment, in seconds since 1970."""
    ticks = _started(pid)
    if not ticks:
        return ticks is not None
    booted = Path("/proc/stat").read_text(encoding="ascii").partition("btime ")[2].split()[0]
    return int(booted) + int(ticks) / os.sysconf("SC_CLK_TCK") <= moment + CLOCK_SECONDS


def _boot() -> str:
    """Which start of this machine it is."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _space() -> str:
    """The space of process numbers that this process is in."""
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""


def _started(pid: int) -> str | None:
    """When a process started; None if there is none, and empty if the system does not tell."""
    try:
        said = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "" if not Path("/proc/self/stat").exists() and _exists(pid) else None
    told = said.rpartition(")")[2].split()
    return None if told[STATE] in DEAD_STATES else told[STARTED]


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
