"""``python file_copy.py SOURCE TARGET``: copy a file, and have the disk keep it before it ends.

It is run as a process of its own. Where a process closes a file, the system takes back all locks
that the same process holds on it: a copy made beside an open DuckDB connection would unlock it.
"""

import os
import shutil
import sys
from pathlib import Path

LARGEST_STEP_BYTES = 1 << 30


def copy(source: str, target: str) -> None:
    """Copy by the file system where it can: it may share the bytes until one file changes."""
    with Path(source).open("rb") as original, Path(target).open("wb") as fresh:
        try:
            while os.copy_file_range(original.fileno(), fresh.fileno(), LARGEST_STEP_BYTES):
                pass
        except (OSError, AttributeError):  # another file system, or none that knows of it
            original.seek(0)
            fresh.seek(0)
            fresh.truncate()
            shutil.copyfileobj(original, fresh, 1 << 20)
        fresh.flush()
        os.fsync(fresh.fileno())


if __name__ == "__main__":
    copy(sys.argv[1], sys.argv[2])
