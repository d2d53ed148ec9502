"""The terminal of the commands: a wish to stop is answered at once, and once."""

import os
import signal
from threading import Event

import pytest

from forecast_assets.cli.console import interruptible

SECONDS = 60.0
"""An answer that does not come by then never does."""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_wish_to_stop_is_answered_while_the_job_goes_on(number: int) -> None:
    stopping, answered, answers = Event(), Event(), []
    before = signal.signal(number, signal.default_int_handler)

    def hear() -> None:
        answers.append(stopping.is_set())
        answered.set()

    def job() -> str:
        for _ in range(2):
            os.kill(os.getpid(), number)
            assert answered.wait(SECONDS)
        return "done"

    try:
        assert interruptible(job, stopping, hear) == "done"
        assert signal.getsignal(number) is signal.default_int_handler
    finally:
        signal.signal(number, before)
    assert answers == [True]
