"""Projection: the values of covariates that a model assumes after an origin.

``persist``: the value known at the origin. ``seasonal_mean``: the mean of the values known at the
same time of earlier years. ``none``: no projection; covariates enter the model ``lag`` sessions
late, so that a horizon up to ``lag`` needs only known values. Paths do not include the uncertainty
of a projection.
"""

from datetime import date
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from forecast_assets.timeline.history import Dates, History

Projection = Literal["persist", "seasonal_mean", "none"]
Ahead = NDArray[np.float64]
"""Covariates at the sessions after each origin, float64, shape (n_origins, horizon, k)."""

DAYS_A_YEAR = 365.25
SEASON_DAYS = 10
"""Sessions count as the same time of the year if they are at most this many calendar days apart."""


def late(history: History, lag: int) -> History:
    """The history with all covariates delayed by ``lag`` sessions; the first values are NaN."""
    features = np.full_like(history.features, np.nan)
    features[lag:] = history.features[: len(history) - lag] if lag else history.features
    return History(
        history.commodity, history.dates, history.closes, features, history.feature_names
    )


def projected(
    projection: Projection, history: History, origins: list[date], horizon: int, lag: int
) -> Ahead:
    """The assumed covariates at the sessions after each origin, NaN where there is no value.

    Only what was known at an origin is used. Raises LookAheadError for an origin after the history
    and, with ``none``, ValueError for a horizon longer than ``lag``.
    """
    positions = history.positions(origins)
    match projection:
        case "persist":
            return np.repeat(history.features[positions][:, None, :], horizon, axis=1)
        case "seasonal_mean":
            return seasonal_mean(history, origins, horizon)
        case "none":
            if horizon > lag:
                raise ValueError(f"a horizon of {horizon} sessions needs a lag as long, not {lag}")
            known = positions[:, None] + np.arange(1, horizon + 1) - lag
            values = history.features[np.maximum(known, 0)]
            return np.where(known[:, :, None] >= 0, values, np.nan)


def seasonal_mean(history: History, origins: list[date], horizon: int) -> Ahead:
    """The mean of each covariate at the same time of earlier years, for each session ahead.

    The h-th session after an origin is assumed to be the h-th weekday after it. The mean is over
    the sessions that are a whole number of years of 365.25 days before that day, plus or minus
    ``SEASON_DAYS``.
    """
    steps = np.arange(1, horizon + 1)
    days = np.busday_offset(
        np.array(origins, dtype="datetime64[D]")[:, None], steps, roll="backward"
    )
    found, place = np.unique(days, return_inverse=True)
    means = np.array([_mean_before(history, day) for day in found])
    return means.reshape(len(found), -1)[place.reshape(days.shape)]


def _mean_before(history: History, day: np.datetime64) -> NDArray[np.float64]:
    values = history.features[_same_season(history.dates, day)]
    counts = (~np.isnan(values)).sum(axis=0)
    means: NDArray[np.float64] = np.where(
        counts > 0, np.nansum(values, axis=0) / np.maximum(counts, 1), np.nan
    )
    return means


def _same_season(sessions: Dates, day: np.datetime64) -> NDArray[np.bool_]:
    age = (day - sessions).astype(np.int64)
    years = np.round(age / DAYS_A_YEAR)
    same: NDArray[np.bool_] = (years >= 1) & (np.abs(age - years * DAYS_A_YEAR) <= SEASON_DAYS)
    return same
