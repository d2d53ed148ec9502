"""History: the closes of one commodity, and the only cuts that keep the future out."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecast_assets.errors import LookAheadError, MissingCovariate

Dates = NDArray[np.datetime64]

EPOCH = date(1970, 1, 1)
"""Day 0 of NumPy."""


def frozen(values: NDArray[Any], dtype: str) -> NDArray[Any]:
    """A read-only array of this type: the array itself if it is one already, otherwise a copy."""
    array = np.asarray(values)
    whole = array if array.base is None else array.base
    if array.dtype == dtype and isinstance(whole, np.ndarray) and not whole.flags.writeable:
        return array
    copied = np.array(values, dtype=dtype, order="C")
    copied.flags.writeable = False
    return copied


def as_days(days: Sequence[date]) -> Dates:
    """Dates as datetime64[D], by their ordinals: NumPy's own conversion takes ten times as long."""
    ordinals = np.fromiter(map(date.toordinal, days), np.int64, len(days))
    return (ordinals - EPOCH.toordinal()).astype("datetime64[D]")


def found_in(
    days: NDArray[Any], wanted: NDArray[Any]
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Where each wanted day is among days in ascending order, and whether it is there.

    The place of a day that is not there is that of another one, or 0 if there is no day at all.
    """
    if len(days) == 0:
        return np.zeros(len(wanted), np.intp), np.zeros(len(wanted), np.bool_)
    places = np.minimum(np.searchsorted(days, wanted), len(days) - 1)
    return places, days[places] == wanted


@dataclass(frozen=True, eq=False)
class History:
    """Daily closes in order, one for each session, with the covariates known at each close.

    ``dates``: datetime64[D], shape (n,), strictly increasing. ``closes``: float64, shape (n,),
    finite, in the commodity's unit. ``features``: float64, shape (n, k), one column for each of
    ``feature_names``: the covariates as they were known at the session's close, NaN where one was
    not. All are read-only.
    """

    commodity: str
    dates: Dates
    closes: NDArray[np.float64]
    features: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 0)))
    feature_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Make the arrays read-only. Raises ValueError if they are not as the class says."""
        shape, names = (len(self.dates), len(self.feature_names)), self.feature_names
        features = frozen(self.features, "float64")
        if features.size == 0 and 0 in shape:
            features = frozen(np.empty(shape), "float64")
        if features.shape != shape or len(set(names)) < len(names):
            raise ValueError(f"{self.commodity}: {features.shape} features for {names} and dates")
        dates = frozen(self.dates, "datetime64[D]")
        closes = frozen(self.closes, "float64")
        if dates.ndim != 1 or dates.shape != closes.shape:
            raise ValueError(f"{self.commodity}: {dates.shape} dates and {closes.shape} closes")
        if not np.all(dates[1:] > dates[:-1]):
            raise ValueError(f"{self.commodity}: dates are not strictly increasing")
        if np.any(np.isnat(dates)) or not np.all(np.isfinite(closes)):
            raise ValueError(f"{self.commodity}: a date or a close is missing, or infinite")
        object.__setattr__(self, "features", features)
        object.__setattr__(self, "dates", dates)
        object.__setattr__(self, "closes", closes)

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

    def count_before(self, day: date) -> int:
        """How many sessions are dated strictly earlier than ``day``."""
        return int(np.searchsorted(self.dates, np.datetime64(day), side="left"))

    def known_before(self, day: date) -> "History":
        """What was known before ``day``: the sessions dated strictly earlier."""
        return self._slice(0, self.count_before(day))

    def known_at(self, cutoff: date) -> "History":
        """What was known after the close of ``cutoff``: the sessions up to and including it."""
        return self._slice(0, int(np.searchsorted(self.dates, np.datetime64(cutoff), side="right")))

    def since(self, day: date) -> "History":
        """The sessions dated ``day`` or later."""
        return self._slice(self.count_before(day), len(self))

    def positive(self) -> "History":
        """The sessions with a close above zero; models of logarithms ignore the others."""
        return self._take(self.closes > 0)

    def since_missing(self) -> "History":
        """The sessions after the last one at which the value of a covariate is missing."""
        missing = np.flatnonzero(np.isnan(self.features).any(axis=1))
        return self._slice(int(missing[-1]) + 1 if len(missing) else 0, len(self))

    def select(self, names: Sequence[str]) -> "History":
        """The same sessions with these covariates only, in this order.

        Raises MissingCovariate for one that the commodity does not have.
        """
        if tuple(names) == self.feature_names:
            return self
        for name in names:
            if name not in self.feature_names:
                raise MissingCovariate(
                    f"{self.commodity}: no covariate {name!r}; it has:"
                    f" {', '.join(self.feature_names) or 'none'}: give it one at"
                    f" commodities.{self.commodity}.covariates.{name} and materialize `features`"
                )
        columns = [self.feature_names.index(name) for name in names]
        return History(
            self.commodity, self.dates, self.closes, self.features[:, columns], tuple(names)
        )

    def positions(self, origins: list[date]) -> NDArray[np.intp]:
        """Index of each origin, shape (n_origins,).

        Raises LookAheadError for an origin later than the history, ValueError for one that is
        not a session.
        """
        days = as_days(origins)
        if len(days) and (len(self) == 0 or np.any(days > self.dates[-1])):
            raise LookAheadError(
                f"{self.commodity}: the origin {max(origins)} is later than the newest close known"
            )
        found, there = found_in(self.dates, days)
        if not there.all():
            raise ValueError(f"{self.commodity}: {days[~there][0]} is not a session")
        return found

    @cached_property
    def fingerprints(self) -> list[str]:
        """SHA-256 of every prefix: item i covers sessions 0 to i. Shape (n,).

        Two histories share item i exactly when they share their covariates' names, and every
        date, close and covariate up to i.
        """
        digest, rows = self._digest(), self._rows()
        content, size = rows.tobytes(), rows.itemsize
        prefixes = []
        for first in range(0, len(content), size):
            digest.update(content[first : first + size])
            prefixes.append(digest.hexdigest())
        return prefixes

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the whole history. Raises IndexError on an empty one."""
        if len(self) == 0:
            raise IndexError(f"{self.commodity}: an empty history has no fingerprint")
        digest = self._digest()
        digest.update(self._rows().tobytes())
        return digest.hexdigest()

    def _digest(self) -> "hashlib._Hash":
        digest = hashlib.sha256(self.commodity.encode())
        for name in self.feature_names:
            encoded = name.encode()
            digest.update(len(encoded).to_bytes(4, "little") + encoded)
        return digest

    def _rows(self) -> NDArray[np.void]:
        fields = [("day", "<i8"), ("close", "<f8")]
        rows = np.empty(len(self), dtype=[*fields, ("features", "<f8", (len(self.feature_names),))])
        rows["day"] = self.dates.astype(np.int64)
        rows["close"] = self.closes
        rows["features"] = np.where(np.isnan(self.features), np.nan, self.features)
        return rows

    def _slice(self, first: int, stop: int) -> "History":
        return self._take(slice(first, stop))

    def _take(self, kept: slice | NDArray[np.bool_]) -> "History":
        return History(
            self.commodity,
            self.dates[kept],
            self.closes[kept],
            self.features[kept],
            self.feature_names,
        )
