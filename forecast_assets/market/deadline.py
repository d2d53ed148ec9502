"""Deadlines: an answer is waited for so long in all.

The time-out of a library bounds each of its reads, so who sends a byte now and then is waited for
without end, and the system's own look-up of names has no time-out.
"""

from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NoAnswer
from threading import Thread
from typing import Any, TypeVar

Answer = TypeVar("Answer")


class Timeout(TimeoutError):
    """There was no answer in time; ``unanswered`` may still come to have one."""

    def __init__(self, seconds: float, unanswered: "Future[Any]") -> None:
        """``seconds``: how long it was waited for."""
        super().__init__(f"no answer in {seconds:g} seconds")
        self.unanswered = unanswered


def answer_within(seconds: float, ask: Callable[[], Answer]) -> Answer:
    """The answer of ``ask``, which is called in a thread. Raises Timeout, and what ``ask`` raises.

    The thread is left to itself if there is no answer in time, since a system call cannot be ended.
    """
    answer: Future[Answer] = Future()
    Thread(target=_ask, args=(ask, answer), daemon=True, name="forecast-answer").start()
    try:
        return answer.result(seconds)
    except NoAnswer as error:
        if answer.done():
            raise  # it is the answer: the library's own time was over
        raise Timeout(seconds, answer) from error


def _ask(ask: Callable[[], Answer], answer: "Future[Answer]") -> None:
    try:
        answer.set_result(ask())
    except Exception as error:  # noqa: BLE001 - it is raised again where the answer is awaited
        answer.set_exception(error)
