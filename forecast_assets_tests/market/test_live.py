"""Live sources: asked patiently, and not for what is not final."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import pytest

from forecast_assets.configuration.sections import Fetch
from forecast_assets.market.live import LONGEST_WAIT_SECONDS, Asker, NotAnswered, final_day


@dataclass
class Said:
    status_code: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Time:
    """A clock that only sleeping moves."""

    now: float = 100.0
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def clock(self) -> float:
        return self.now


class Lost(Exception):
    """A connection that broke."""


def asking(answers: list[Any], **keys: Any) -> tuple[Any, Time, list[float]]:
    """What an asker makes of some answers: its own, the time it took, the time-outs it gave."""
    time, given, left = Time(), [], iter(answers)

    def send(seconds: float) -> Said:
        given.append(seconds)
        answer = next(left)
        if isinstance(answer, Exception):
            raise answer
        return answer  # type: ignore[no-any-return]

    asker = Asker(Fetch(**{"requests_per_minute": 1e6} | keys), time.sleep, time.clock)
    try:
        return asker.ask(send, Lost), time, given
    except NotAnswered as error:
        return str(error), time, given


def test_a_good_answer_is_given_at_once() -> None:
    answer, time, given = asking([Said()], timeout_seconds=7)
    assert (answer.status_code, time.slept, given) == (200, [], [7.0])


def test_a_refusal_is_an_answer() -> None:
    answer, _, given = asking([Said(404)])
    assert (answer.status_code, len(given)) == (404, 1)


@pytest.mark.parametrize("bad", [Said(500), Said(503), Said(429), Lost("gone")])
def test_what_another_attempt_may_mend_is_asked_again(bad: Any) -> None:
    answer, time, given = asking([bad, bad, Said()])
    assert (answer.status_code, len(given), len(time.slept)) == (200, 3, 2)


def test_it_gives_up_after_the_attempts_allowed() -> None:
    said, _, given = asking([Said(503)] * 9, attempts=3)
    assert (said, len(given)) == ("status 503, 3 times", 3)
    said, _, given = asking([Lost("gone")] * 9, attempts=2)
    assert (said, len(given)) == ("Lost: gone, 2 times", 2)


def test_another_error_is_nobodys_to_mend() -> None:
    with pytest.raises(ZeroDivisionError):
        asking([ZeroDivisionError()])


def test_retry_after_is_kept_to_within_reason() -> None:
    _, time, _ = asking([Said(429, {"Retry-After": "7"}), Said()])
    assert time.slept == [7.0]
    _, time, _ = asking([Said(429, {"Retry-After": "²"}), Said()])
    assert len(time.slept) == 1
    _, time, _ = asking([Said(429, {"Retry-After": "86400"}), Said()])
    assert time.slept == [LONGEST_WAIT_SECONDS]


def test_requests_keep_their_distance() -> None:
    time = Time()
    asker = Asker(Fetch(requests_per_minute=20), time.sleep, time.clock)
    moments = []

    def send(seconds: float) -> Said:
        moments.append(time.now)
        return Said()

    for _ in range(4):
        asker.ask(send, Lost)
    assert moments == [100.0, 103.0, 106.0, 109.0]
    time.now += 1.0
    asker.ask(send, Lost)
    assert moments[-1] == 112.0


@pytest.mark.parametrize(
    ("now", "final"),
    [
        (datetime(2026, 11, 20, 21, 59, tzinfo=UTC), date(2026, 11, 19)),  # 16:59 in New York
        (datetime(2026, 11, 20, 22, 0, tzinfo=UTC), date(2026, 11, 20)),  # 17:00
        (datetime(2026, 11, 21, 4, 59, tzinfo=UTC), date(2026, 11, 20)),
        (datetime(2026, 7, 20, 21, 0, tzinfo=UTC), date(2026, 7, 20)),  # summer: 17:00
    ],
)
@pytest.mark.parametrize("calendar", ["CMES", "from_data"])
@pytest.mark.parametrize("at", ["06:00", "19:00"])
def test_a_close_is_final_when_the_exchange_has_closed_whenever_it_is_asked_for(
    now: datetime, final: date, calendar: str, at: str
) -> None:
    assert final_day(Fetch(at=at, timezone="Asia/Singapore"), now, calendar) == final
    assert final_day(Fetch(), now) == final
