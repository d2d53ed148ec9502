"""Live sources: their interface, how often they are asked, and which closes are final."""

import threading
import time
from collections.abc import Callable
from datetime import date, datetime
from typing import Any, Protocol

from tenacity import (
    RetryCallState,
    RetryError,
    Retrying,
    retry_if_exception,
    stop_after_attempt,
    wait_random_exponential,
)

from forecast_assets.configuration.sections import PLAUSIBLE, Bounds, Fetch
from forecast_assets.errors import ForecastAssetsError
from forecast_assets.market.deadline import Timeout
from forecast_assets.market.finality import newest_final
from forecast_assets.market.observations import Observations
from forecast_assets.timeline.sessions import FROM_DATA

AGAIN = (408, 425, 429, 500, 502, 503, 504)
"""HTTP status codes after which another attempt may succeed."""

LONGEST_WAIT_SECONDS = 60.0
"""The longest wait that an answer's Retry-After header may demand."""


class NotAnswered(ForecastAssetsError):
    """A service did not answer, or refused to, at every attempt."""


class Busy(Exception):
    """An answer that asks for another attempt, ``after`` so many seconds if it says so."""

    def __init__(self, status: int, after: str | None) -> None:
        super().__init__(f"status {status}")
        self.after = float(after) if after and after.isdecimal() else None


class PriceSource(Protocol):
    """A service that offers prices."""

    def read(
        self, name: str, symbol: str, since: date | None, final: date, bounds: Bounds = PLAUSIBLE
    ) -> Observations:
        """Daily prices of the commodity called ``name`` up to ``final``, as the service has them.

        ``since``: the first day to ask for; None for all prices. ``bounds``: what is plausible. The
        observations are not complete, so stored days that they lack are not withdrawn. Raises
        SourceError, which names commodity and symbol, if the service does not answer or has no such
        prices.
        """


class Asker:
    """Sends requests to a service: not too often, with a time-out, and again after some errors."""

    def __init__(
        self,
        fetch: Fetch,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.fetch = fetch
        self._sleep, self._clock = sleep, clock
        self._next = 0.0
        self._turn = threading.Lock()

    def ask(self, send: Callable[[float], Any], broken: type[Exception]) -> Any:
        """Return the answer of ``send``, a function of the time-out in seconds.

        ``broken``: the errors of its library after which another attempt may succeed. Raises
        NotAnswered.
        """

        def once() -> Any:
            self._wait_for_turn()
            answer = send(self.fetch.timeout_seconds)
            if answer.status_code in AGAIN:
                raise Busy(answer.status_code, answer.headers.get("Retry-After"))
            return answer

        attempts = Retrying(
            retry=retry_if_exception(lambda error: isinstance(error, (Busy, Timeout, broken))),
            stop=stop_after_attempt(self.fetch.attempts),
            wait=_pause,
            sleep=self._sleep,
        )
        try:
            return attempts(once)
        except RetryError as error:
            found = error.last_attempt.exception()
            said = str(found) if isinstance(found, Busy) else f"{type(found).__name__}: {found}"
            raise NotAnswered(f"{said}, {self.fetch.attempts} times") from error

    def _wait_for_turn(self) -> None:
        with self._turn:
            pause = self._next - self._clock()
            if pause > 0:
                self._sleep(pause)
            self._next = self._clock() + 60 / self.fetch.requests_per_minute


def _pause(state: RetryCallState) -> float:
    """The seconds to wait: what the answer asks for, or an exponential pause with jitter."""
    found = state.outcome.exception() if state.outcome else None
    if isinstance(found, Busy) and found.after is not None:
        return min(found.after, LONGEST_WAIT_SECONDS)
    return float(wait_random_exponential(multiplier=1, max=LONGEST_WAIT_SECONDS)(state))


def final_day(fetch: Fetch, now: datetime, calendar: str = FROM_DATA) -> date:
    """The last day whose close is final at ``now``, which has a time zone.

    Futures trade almost around the clock, so the newest daily bar of a service changes until the
    session has ended on its exchange. Raises ConfigurationError for a moment that the calendar does
    not reach.
    """
    return newest_final(now, calendar, fetch)
