"""An alarm for what must not hang, since a clock that is read afterwards tells of no hang."""

import faulthandler
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

GRACE_SECONDS = 60.0
"""How much longer a call may take that cannot be interrupted, before its process is ended."""


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Fail the test as soon as the block takes longer, wherever it waits.

    What waits in a library that does not let Python go on ends the whole process, with the stacks
    of its threads. For the main thread; a block may not be within another.
    """

    def over(*_: Any) -> None:
        pytest.fail(f"not within {seconds:g} seconds")

    before = signal.signal(signal.SIGALRM, over)
    faulthandler.dump_traceback_later(seconds + GRACE_SECONDS, exit=True)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        faulthandler.cancel_dump_traceback_later()
        signal.signal(signal.SIGALRM, before)
