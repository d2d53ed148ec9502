"""Copying a file that this process may hold locks on."""

import subprocess
import sys
from pathlib import Path

from forecast_assets.errors import StoreError
from forecast_assets.store.duckdb import file_copy


def in_another_process(source: Path, target: Path) -> None:
    """Copy a file, even if this process holds locks on it. Raises StoreError."""
    command = [sys.executable, "-I", file_copy.__file__, str(source), str(target)]
    done = subprocess.run(  # noqa: S603 - this interpreter, our own file, paths as arguments
        command, capture_output=True, text=True, check=False
    )
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["the copying process was killed"])[-1]
        raise StoreError(f"{source}: the copy to {target.parent} failed: {reason}")
