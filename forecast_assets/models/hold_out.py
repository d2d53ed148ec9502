"""A hold-out: what a model would have said, fitted on the older part of a history, of the newer.

Whatever is learnt from it is learnt from the history before a training date alone, so a window
depends on its own history and on nothing that happens to be stored.
"""

from dataclasses import dataclass, replace
from datetime import date

import numpy as np
from numpy.typing import NDArray

from forecast_assets.models.recalibration import stretch
from forecast_assets.timeline.history import History

LONGEST, SHORTEST = 1000, 250
"""Sessions that are held out, if the history is long enough for it: four years, one at least."""

OLDER = 500
"""Sessions that are left to be fitted on, at least."""

ORIGINS_EVERY = 4
"""Sessions from one origin of a hold-out to the next."""

SESSIONS_TRIED = 14
"""Sessions ahead that are tried, by a model that reaches so far."""

LEAST_UNIT = 0.2
"""Of the median close, what a forecast is measured in at least."""

PATHS_TRIED, LEVELS = 500, 50
"""Paths drawn from an origin, and the quantiles that they are kept as."""


@dataclass(frozen=True, eq=False)
class Trial:
    """Forecasts of a hold-out and what came of them.

    ``quantiles``: prices in units of the origin's close, equally likely, ascending, shape
    (n_origins, sessions, LEVELS); NaN where the model declined. ``outcomes``: what came, in the
    same unit, shape (n_origins, sessions).
    """

    quantiles: NDArray[np.float64]
    outcomes: NDArray[np.float64]

    @property
    def known(self) -> NDArray[np.bool_]:
        """Which origins the model forecast from, shape (n_origins,)."""
        return np.asarray(np.isfinite(self.quantiles).all(axis=(1, 2)))

    def stretch(self) -> tuple[float, ...]:
        """What each session's paths should be stretched by, from their coverage here."""
        return stretch(self.quantiles[self.known], self.outcomes[self.known], ORIGINS_EVERY)


@dataclass(frozen=True, eq=False)
class HoldOut:
    """The older part of a history, all of it, and origins in the newer part."""

    older: History
    history: History
    origins: list[date]

    @classmethod
    def of(cls, history: History) -> "HoldOut | None":
        """Hold out the newer part; None where the history is too short for it."""
        length = min(LONGEST, len(history) - OLDER)
        if length < SHORTEST:
            return None
        first = len(history) - length
        kept = slice(first - 1, len(history) - SESSIONS_TRIED, ORIGINS_EVERY)
        positive = history.closes[kept] > 0
        origins: list[date] = history.dates[kept][positive].tolist()
        return cls(history.known_before(history.dates[first].item()), history, origins)

    def select(self, names: tuple[str, ...]) -> "HoldOut":
        """With these covariates only. Raises MissingCovariate."""
        return replace(self, older=self.older.select(names), history=self.history.select(names))

    @property
    def commodity(self) -> str:
        """Whose prices these are."""
        return self.history.commodity

    def trial(self, able: list[date], paths: NDArray[np.float32]) -> Trial:
        """Forecasts from the origins ``able`` to be, shape (n_able, PATHS_TRIED, sessions).

        Everything is taken over the close at its origin; over a share of the median close where
        that is more, or one close near zero would outweigh all others.
        """
        sessions = paths.shape[2]
        at = self.history.positions(self.origins)
        closes = self.history.closes[at]
        units = np.maximum(closes, LEAST_UNIT * np.median(closes))
        ahead = at[:, None] + np.arange(1, sessions + 1)
        every = PATHS_TRIED // LEVELS
        quantiles = np.full((len(at), sessions, LEVELS), np.nan)
        ascending = np.sort(paths, axis=1)[:, every // 2 :: every].transpose(0, 2, 1)
        quantiles[np.searchsorted(at, self.history.positions(able))] = ascending
        outcomes = self.history.closes[ahead] / units[:, None]
        return Trial(quantiles / units[:, None, None], outcomes)
