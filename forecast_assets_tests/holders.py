"""Programs that keep a DuckDB file open, as a forgotten notebook does."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HOLD = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1], read_only=sys.argv[2] == "read")
print("held", flush=True)
sys.stdin.read()
"""


@dataclass(frozen=True)
class Holder:
    """A process that holds a file until it is released."""

    process: subprocess.Popen[bytes]

    @property
    def named(self) -> str:
        """What a message about it says."""
        return f"{Path(sys.executable).resolve()} (PID {self.process.pid})"

    def release(self) -> None:
        """End it, and so its hold."""
        self.process.kill()


@contextmanager
def holding(path: Path, mode: str = "read") -> Iterator[Holder]:
    """A process that has a file open, to ``read`` or to ``write``, until it is released."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path), mode],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        yield Holder(process)
    finally:
        process.kill()
        process.communicate()
