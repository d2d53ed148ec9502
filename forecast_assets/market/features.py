"""Features: the sessions of a commodity joined with what was known of its covariates at each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from forecast_assets.configuration.commodities import Commodity, Covariate
from forecast_assets.errors import SourceError
from forecast_assets.market.covariates import CovariateSeries, read_covariate
from forecast_assets.market.meaning import Meaning
from forecast_assets.market.rows import Rejection
from forecast_assets.timeline.history import Dates

RECENT_SESSIONS = 60
"""The newest sessions, at one of which at least a covariate must have a value."""


@dataclass(frozen=True, eq=False)
class Feature:
    """One covariate at every session.

    ``values``: float64, shape (n_sessions,), NaN where nothing was known. ``observed_on``:
    datetime64[D], same shape, the day that the value is of, NaT where there is none.
    """

    name: str
    values: NDArray[np.float64]
    observed_on: Dates

    @property
    def known(self) -> NDArray[np.bool_]:
        """Whether a session has a value, shape (n_sessions,)."""
        found: NDArray[np.bool_] = ~np.isnat(self.observed_on)
        return found

    @property
    def carried(self) -> NDArray[np.bool_]:
        """Whether a session has the very observation of the session before it."""
        same = self.observed_on[1:] == self.observed_on[:-1]
        return np.concatenate([np.zeros(min(len(self.values), 1), dtype=bool), same])


@dataclass(frozen=True, eq=False)
class Features:
    """The covariates of one commodity at its sessions.

    ``missing``: those whose files cannot be read, each with the reason. ``unmatched``: what has no
    value where one is needed, a line each: it fails nothing, and helps nobody.
    """

    commodity: str
    sessions: Dates
    present: list[Feature]
    missing: Mapping[str, str] = field(default_factory=dict)
    rejections: list[Rejection] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    unmatched: list[str] = field(default_factory=list)


def read_features(
    name: str, commodity: Commodity, sessions: Dates, folder: Path, today: date
) -> Features:
    """The covariates of the commodity called ``name`` at its sessions.

    ``sessions``: datetime64[D], increasing. ``folder`` is where relative paths start; values dated
    after ``today`` are refused. A covariate whose files cannot be read stands in ``missing``.
    """
    meaning = Meaning.of(name, commodity)
    present, missing, rejections, notes, unmatched = [], {}, [], [], []
    for covariate, source in sorted(commodity.covariates.items()):
        try:
            series = read_covariate(name, covariate, source, folder, today, meaning.zone)
        except SourceError as error:
            missing[covariate] = str(error)
            continue
        present.append(known_at(sessions, series, source, meaning.known_ahead))
        lines = mismatches(sessions, series, source, meaning.known_ahead)
        unmatched += [f"{name}: covariate {line}" for line in lines]
        rejections += series.rejections
        notes += series.notes
    return Features(name, sessions, present, missing, rejections, notes, unmatched)


def mismatches(
    sessions: Dates, series: CovariateSeries, source: Covariate, known_ahead: int
) -> list[str]:
    """Where a covariate, or a region that it names, has no value at any session, or at no new one.

    A line each, which says its days and those of the sessions.
    """
    regions = {f"{series.name}, region {name}": days for name, days in series.regions.items()}
    for parts in ({series.name: series.dates}, regions):
        lines = []
        for whose, days in parts.items():
            part = CovariateSeries(series.name, days, np.zeros(len(days)))
            known = known_at(sessions, part, source, known_ahead).known
            if line := _without_value(sessions, known):
                lines.append(f"{whose}: {line}: it has {len(days):,} days, {days[0]} to {days[-1]}")
        if lines:
            return lines
    return []


def _without_value(sessions: Dates, known: NDArray[np.bool_]) -> str | None:
    """At which sessions there is no value: at all of them, at the newest ones, or None."""
    recent = known[-RECENT_SESSIONS:]
    if len(sessions) == 0 or recent.any():
        return None
    if known.any():
        return f"no value at any of the newest {len(recent)} sessions, up to {sessions[-1]}"
    return f"no value at any of the {len(known):,} sessions, {sessions[0]} to {sessions[-1]}"


def known_at(
    sessions: Dates, series: CovariateSeries, source: Covariate, known_ahead: int = 0
) -> Feature:
    """The newest observation that was known when the price of each session was.

    It is dated ``delay_days`` before the session or earlier, and ``fill_days`` more at most. A
    price that is known ``known_ahead`` days before its session was fixed without what those days
    brought, so that they are a delay, too.
    """
    since = series.dates + np.timedelta64(source.delay_days + known_ahead, "D")
    newest = np.searchsorted(since, sessions, side="right") - 1
    found = np.maximum(newest, 0)
    last = since[found] + np.timedelta64(source.fill_days, "D")
    known = (newest >= 0) & (last >= sessions)
    return Feature(
        series.name,
        np.where(known, series.values[found], np.nan),
        np.where(known, series.dates[found], np.datetime64("NaT")),
    )
