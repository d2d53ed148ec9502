"""History: the closes of one commodity, and the one cut that keeps the future out."""

import hashlib
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from forecast_assets.errors import LookAheadError

Dates = NDArray[np.datetime64]


@dataclass(frozen=True, eq=False)
class History:
    """Daily closes, one a session, in order.

    ``dates``: datetime64[D], shape (n,), strictly increasing. ``closes``: float64, shape (n,),
    finite, in the commodity's unit. ``features``: float64, shape (n, k), the covariates known at
    the close of each session, NaN where one is missing; ``feature_names`` names its columns. All
    arrays are read-only.
    """

    commodity: str
    dates: Dates
    closes: NDArray[np.float64]
    features: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 0)))
    feature_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Freeze the arrays and refuse what is not a history. Raises ValueError."""
        dates = np.array(self.dates, dtype="datetime64[D]")
        closes = np.array(self.closes, dtype=np.float64)
        if dates.ndim != 1 or dates.shape != closes.shape:
            raise ValueError(f"{self.commodity}: {dates.shape} dates and {closes.shape} closes")
        if not np.all(dates[1:] > dates[:-1]):
            raise ValueError(f"{self.commodity}: dates are not strictly increasing")
        if np.any(np.isnat(dates)) or not np.all(np.isfinite(closes)):
            raise ValueError(f"{self.commodity}: a date or a close is missing, or infinite")
        features = np.array(self.features, dtype=np.float64).reshape(
            len(dates), len(self.feature_names)
        )
        for array in (dates, closes, features):
            array.flags.writeable = False
        object.__setattr__(self, "dates", dates)
        object.__setattr__(self, "closes", closes)
        object.__setattr__(self, "features", features)

    def __len__(self) -> int:
        """Return the number of sessions."""
        return len(self.dates)

    @property
    def first(self) -> date:
        """The first session. Raises IndexError on an empty history."""
        day: date = self.dates[0].item()
        return day

    @property
    def newest(self) -> date:
        """The last session. Raises IndexError on an empty history."""
        day: date = self.dates[-1].item()
        return day

    def known_before(self, day: date) -> "History":
        """What was known before ``day``: sessions dated strictly earlier."""
        return self._slice(0, int(np.searchsorted(self.dates, np.datetime64(day), side="left")))

    def known_at(self, cutoff: date) -> "History":
        """What was known after the close of ``cutoff``: sessions up to and with it."""
        return self._slice(0, int(np.searchsorted(self.dates, np.datetime64(cutoff), side="right")))

    def since(self, day: date) -> "History":
        """Sessions dated ``day`` or later."""
        first = int(np.searchsorted(self.dates, np.datetime64(day), side="left"))
        return self._slice(first, len(self))

    def since_nonpositive(self) -> "History":
        """Sessions after the last close at or below zero; all of them where there is none."""
        nonpositive = np.flatnonzero(self.closes <= 0)
        return self._slice(int(nonpositive[-1]) + 1 if len(nonpositive) else 0, len(self))

    def positions(self, origins: list[date]) -> NDArray[np.intp]:
        """Index of each origin, shape (n_origins,).

        Raises LookAheadError for an origin later than the history, ValueError for one that is
        not a session.
        """
        days = np.array(origins, dtype="datetime64[D]")
        if len(days) and (len(self) == 0 or np.any(days > self.dates[-1])):
            raise LookAheadError(
                f"{self.commodity}: the origin {max(origins)} is later than the newest close known"
            )
        found = np.searchsorted(self.dates, days)
        missing = days[self.dates[found] != days]
        if len(missing):
            raise ValueError(f"{self.commodity}: {missing[0]} is not a session")
        return found

    @cached_property
    def fingerprints(self) -> list[str]:
        """SHA-256 of every prefix: item i covers sessions 0 to i. Shape (n,).

        Two histories share item i exactly when they share every date and close up to i.
        """
        rows = np.empty(len(self), dtype=[("day", "<i8"), ("close", "<f8")])
        rows["day"] = self.dates.astype(np.int64)
        rows["close"] = self.closes
        digest = hashlib.sha256(self.commodity.encode())
        prefixes = []
        for row in rows:
            digest.update(row.tobytes())
            prefixes.append(digest.hexdigest())
        return prefixes

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the whole history. Raises IndexError on an empty one."""
        return self.fingerprints[-1]

    def _slice(self, first: int, stop: int) -> "History":
        kept = slice(first, stop)
        return History(
            self.commodity,
            self.dates[kept],
            self.closes[kept],
            self.features[kept],
            self.feature_names,
        )
