"""Children of a test: processes of their own, since limits and disks are those of a process."""

import os
import traceback
from collections.abc import Callable


def in_a_child(act: Callable[[], None]) -> None:
    """Have a process of its own do something, and fail if it fails."""
    child = os.fork()
    if child == 0:
        try:
            act()
        except BaseException:  # noqa: BLE001 - the end of a child, told by its exit code
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
