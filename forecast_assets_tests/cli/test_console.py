"""The terminal of the commands: a wish to stop is answered at once, and once."""

import os
import signal
import sys
from threading import Event, get_ident
from time import sleep

import pytest

from forecast_assets.cli.console import interruptible

SECONDS = 60.0
"""An answer that does not come by then never does."""


LOOKS = 50
"""A thread that stands at the same instruction so often, a thousandth of a second apart, waits."""


def wait_until_it_waits(thread: int) -> None:
    """Return once a thread stands still."""
    same, last = 0, -1
    while same < LOOKS:
        sleep(0.001)
        now = sys._current_frames()[thread].f_lasti
        same, last = same + 1 if now == last else 0, now


@pytest.mark.parametrize("elsewhere", [False, True], ids=["to this thread", "to another thread"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_wish_to_stop_is_answered_while_the_job_goes_on(number: int, elsewhere: bool) -> None:
    stopping, answered, answers, main = Event(), Event(), [], get_ident()
    before = signal.signal(number, signal.default_int_handler)

    def hear() -> None:
        answers.append(stopping.is_set())
        answered.set()

    def job() -> str:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [number])
        wait_until_it_waits(main)
        for _ in range(2):
            os.kill(os.getpid(), number)
            assert answered.wait(SECONDS)
        return "done"

    masked = signal.pthread_sigmask(signal.SIG_BLOCK, [number] if elsewhere else [])
    try:
        assert interruptible(job, stopping, hear) == "done"
        assert signal.getsignal(number) is signal.default_int_handler
    finally:
        signal.signal(number, before)
        signal.pthread_sigmask(signal.SIG_SETMASK, masked)
    assert answers == [True]
