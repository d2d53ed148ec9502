"""Hold-outs: a model is fitted on the older part of a history and forecasts the newer part.

A hold-out uses only the history before a training date. So what is learnt from it depends on the
window's own history, and not on what happens to be stored.
"""

from dataclasses import dataclass, replace
from datetime import date

import numpy as np
from numpy.typing import NDArray

from forecast_assets.models.recalibration import stretch
from forecast_assets.timeline.history import History

LONGEST, SHORTEST = 1000, 250
"""The most and the fewest sessions that are held out: four years and one year."""

OLDER = 500
"""At least this many sessions remain for the fit."""

ORIGINS_EVERY = 4
"""The sessions from one origin of a hold-out to the next."""

SESSIONS_TRIED = 14
"""How many sessions ahead are forecast, or fewer if the model cannot reach so far."""

LEAST_UNIT = 0.2
"""Forecasts are measured in units of the origin's close, but at least this share of the median."""

PATHS_TRIED, N_QUANTILES = 500, 50
"""How many paths are drawn from an origin, and how many quantiles of them are kept."""


@dataclass(frozen=True, eq=False)
class Trial:
    """The forecasts of a model in a hold-out, and the outcomes.

    ``quantiles``: prices in units of the origin's close, equally likely, ascending, shape
    (n_origins, sessions, N_QUANTILES); NaN where the model declined. ``outcomes``: the closes that
    came, in the same unit, shape (n_origins, sessions).
    """

    quantiles: NDArray[np.float64]
    outcomes: NDArray[np.float64]

    @property
    def known(self) -> NDArray[np.bool_]:
        """Whether the model forecast from each origin, shape (n_origins,)."""
        return np.asarray(np.isfinite(self.quantiles).all(axis=(1, 2)))

    def stretch(self) -> tuple[float, ...]:
        """By session ahead, the factor that would have given these forecasts nominal coverage."""
        return stretch(self.quantiles[self.known], self.outcomes[self.known], ORIGINS_EVERY)


@dataclass(frozen=True, eq=False)
class HoldOut:
    """A history, its older part for the fit, and the origins in its newer part."""

    older: History
    history: History
    origins: list[date]

    @classmethod
    def of(cls, history: History) -> "HoldOut | None":
        """Hold out the newer part of a history; None if the history is too short."""
        length = min(LONGEST, len(history) - OLDER)
        if length < SHORTEST:
            return None
        first = len(history) - length
        kept = slice(first - 1, len(history) - SESSIONS_TRIED, ORIGINS_EVERY)
        positive = history.closes[kept] > 0
        origins: list[date] = history.dates[kept][positive].tolist()
        return cls(history.known_before(history.dates[first].item()), history, origins)

    def select(self, names: tuple[str, ...]) -> "HoldOut":
        """The same hold-out with only these covariates. Raises MissingCovariate."""
        return replace(self, older=self.older.select(names), history=self.history.select(names))

    @property
    def commodity(self) -> str:
        """The commodity of the prices."""
        return self.history.commodity

    def trial(self, able: list[date], paths: NDArray[np.float32]) -> Trial:
        """Compare paths from the origins ``able`` with the outcomes.

        ``able``: the origins that the model did not decline. ``paths``: shape (n_able, PATHS_TRIED,
        sessions). Prices are divided by the close at their origin, or by a share of the median
        close if that is larger, since otherwise one close near zero would outweigh all others.
        """
        sessions = paths.shape[2]
        at = self.history.positions(self.origins)
        closes = self.history.closes[at]
        units = np.maximum(closes, LEAST_UNIT * np.median(closes))
        ahead = at[:, None] + np.arange(1, sessions + 1)
        every = PATHS_TRIED // N_QUANTILES
        quantiles = np.full((len(at), sessions, N_QUANTILES), np.nan)
        ascending = np.sort(paths, axis=1)[:, every // 2 :: every].transpose(0, 2, 1)
        quantiles[np.searchsorted(at, self.history.positions(able))] = ascending
        outcomes = self.history.closes[ahead] / units[:, None]
        return Trial(quantiles / units[:, None, None], outcomes)
