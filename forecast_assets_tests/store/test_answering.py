"""A place that gives no answer costs one limit and one thread, and is asked again later."""

from collections.abc import Callable
from threading import Event, active_count

import pytest

from forecast_assets.store import answering
from forecast_assets.store.answering import PAUSE_SECONDS, answer_of

BRIEF, AMPLE = 0.05, 60.0
"""Seconds that a place has: it never answers in the first, and always within the second."""


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Move the clock by so many seconds."""
    time = [1000.0]
    monkeypatch.setattr(answering, "monotonic", lambda: time[0])

    def moved(seconds: float) -> None:
        time[0] += seconds

    return moved


class Hanging:
    """A place that answers only after it was let go."""

    def __init__(self, name: str) -> None:
        self.name, self.asked, self.let_go, self.answered = name, 0, Event(), Event()

    def ask(self) -> str:
        self.asked += 1
        self.let_go.wait()
        self.answered.set()
        return "an answer"

    def refuses(self, said: str) -> None:
        with pytest.raises(TimeoutError, match=said):
            answer_of(self.name, BRIEF, self.ask)


def test_a_silent_place_is_asked_by_one_thread_until_that_has_its_answer(
    later: Callable[[float], None],
) -> None:
    place = Hanging("a place that hangs")
    place.refuses("no answer in 0.05 seconds")
    threads = active_count()
    for _ in range(3):
        place.refuses("it gave no answer before")
        later(PAUSE_SECONDS + 1)  # the thread still waits, so another would too
    assert (place.asked, active_count()) == (1, threads)
    place.let_go.set()
    assert place.answered.wait(AMPLE)
    answering.place_of(place.name).unanswered.result(AMPLE)  # type: ignore[union-attr]
    assert answer_of(place.name, AMPLE, place.ask) == "an answer"
    assert answer_of(place.name, AMPLE, place.ask) == "an answer"
    assert place.asked == 3


def test_a_place_that_answers_too_late_is_not_asked_for_a_while(
    later: Callable[[float], None],
) -> None:
    place = Hanging("a place that is late")
    place.refuses("no answer in 0.05 seconds")
    place.let_go.set()
    answering.place_of(place.name).unanswered.result(AMPLE)  # type: ignore[union-attr]
    later(PAUSE_SECONDS - 1)
    place.refuses("it gave no answer before")
    assert place.asked == 1
    later(2)
    assert answer_of(place.name, AMPLE, place.ask) == "an answer"


def test_another_place_is_asked_all_the_same() -> None:
    place = Hanging("a place beside another")
    place.refuses("no answer in 0.05 seconds")
    assert answer_of("the other", AMPLE, lambda: "an answer") == "an answer"
    place.let_go.set()


def test_an_error_of_a_place_is_its_answer() -> None:
    def ask() -> None:
        raise TimeoutError("of its own")

    for _ in range(2):
        with pytest.raises(TimeoutError, match="of its own"):
            answer_of("a place with errors", AMPLE, ask)
