"""``python file_copy.py SOURCE TARGET``: copy a file and write it through to the disk.

It runs as a process of its own. When a process closes a file, the system drops all locks of that
process on it. A copy made by a process with a DuckDB connection would so unlock the tables.
"""

import os
import shutil
import sys
from pathlib import Path

LARGEST_STEP_BYTES = 1 << 30


def copy(source: str, target: str) -> None:
    """Copy a file; the file system may share its bytes until one of both files changes."""
    with Path(source).open("rb") as original, Path(target).open("wb") as fresh:
        try:
            while os.copy_file_range(original.fileno(), fresh.fileno(), LARGEST_STEP_BYTES):
                pass
        except (OSError, AttributeError):  # another file system, or one that cannot share bytes
            original.seek(0)
            fresh.seek(0)
            fresh.truncate()
            shutil.copyfileobj(original, fresh, 1 << 20)
        fresh.flush()
        os.fsync(fresh.fileno())


if __name__ == "__main__":
    copy(sys.argv[1], sys.argv[2])
