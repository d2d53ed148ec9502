"""``python file_copy.py SOURCE TARGET``: copy a file and write it through to the disk.

It runs as a process of its own. When a process closes a file, the system drops all locks of that
process on it. A copy made by a process with a DuckDB connection would so unlock the tables.
"""

import os
import shutil
import sys
from pathlib import Path
from stat import S_IMODE

LARGEST_STEP_BYTES = 1 << 30


def copy(source: str, target: str) -> None:
    """Copy a file; the file system may share its bytes until one of both files changes.

    Nobody may do more with the copy than with the original.
    """
    mode = S_IMODE(Path(source).stat().st_mode)
    handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with Path(source).open("rb") as original, os.fdopen(handle, "wb") as fresh:
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
