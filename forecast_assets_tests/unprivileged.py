"""``python -m forecast_assets_tests.unprivileged ARGUMENTS``: Python, with the rights of a user.

Root may read and write every file. Linux asks a process for a capability before it lets root do so,
and a process that gives it up starts only processes that lack it. Then the permissions of its files
hold for root as they do for any other owner, and nothing has to change hands. A process of another
user has no such capability, and is left as it is.
"""

import ctypes
import os
import subprocess
import sys
from collections.abc import Mapping

DROP = 24
"""PR_CAPBSET_DROP of prctl(2)."""

OVERRIDES = 1, 2, 3
"""CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH and CAP_FOWNER of capabilities(7)."""

MOST_SECONDS = 300
"""A process that takes longer hangs."""


def python(
    *arguments: str, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Have Python do something in a process of its own, as a user who is not root."""
    return subprocess.run(
        [sys.executable, "-m", __name__, *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=MOST_SECONDS,
        env={**os.environ, **(environment or {})},
    )


def give_up() -> None:
    """Give up what root has beyond a user, for all programs that this process becomes or starts."""
    libc = ctypes.CDLL(None, use_errno=True)
    for capability in OVERRIDES:
        if libc.prctl(DROP, capability, 0, 0, 0):
            raise OSError(ctypes.get_errno(), "prctl")


if __name__ == "__main__":
    if os.geteuid() == 0:
        give_up()
    os.execv(sys.executable, [sys.executable, *sys.argv[1:]])  # noqa: S606 - the tests' own
