"""Features: the values of a commodity's covariates that were known at each of its sessions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from forecast_assets.configuration.commodities import Commodity, Covariate
from forecast_assets.configuration.sections import PLAUSIBLE, Bounds
from forecast_assets.configuration.version_meaning import Options, values_of
from forecast_assets.errors import SourceError
from forecast_assets.market.covariates import CovariateSeries, read_covariate
from forecast_assets.market.meaning import Meaning
from forecast_assets.market.rows import Rejection
from forecast_assets.timeline.history import Dates

RECENT_SESSIONS = 60
"""A covariate must have a value at one of this many newest sessions, or users are told."""


@dataclass(frozen=True, eq=False)
class Feature:
    """One covariate at every session.

    ``values``: float64, shape (n_sessions,), NaN where none was known. ``observed_on``:
    datetime64[D], same shape: the day that the value belongs to, NaT where there is none.
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
        """Whether a session has the same observation as the session before, shape (n_sessions,)."""
        same = self.observed_on[1:] == self.observed_on[:-1]
        return np.concatenate([np.zeros(min(len(self.values), 1), dtype=bool), same])


@dataclass(frozen=True, eq=False)
class Features:
    """The covariates of one commodity at its sessions.

    ``sessions``: datetime64[D], shape (n_sessions,). ``missing``: the covariates whose files cannot
    be read, each with the reason. ``unmatched``: a line for each covariate or region without a
    value where models need one; this does not fail the run. ``kept``: covariates that are not
    configured any more and that models still use. ``read_as``: for each that was read, the keys
    that decide its values.
    """

    commodity: str
    sessions: Dates
    present: list[Feature]
    missing: Mapping[str, str] = field(default_factory=dict)
    rejections: list[Rejection] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    unmatched: list[str] = field(default_factory=list)
    kept: Sequence[str] = ()
    read_as: Mapping[str, Options] = field(default_factory=dict)

    @property
    def unread(self) -> list[str]:
        """The covariates whose rows stay as they are."""
        return [*self.missing, *self.kept]


def read_features(
    name: str,
    commodity: Commodity,
    sessions: Dates,
    folder: Path,
    today: date,
    bounds: Bounds = PLAUSIBLE,
) -> Features:
    """The covariates of the commodity called ``name`` at its sessions.

    ``sessions``: datetime64[D], increasing. ``folder``: where relative paths start. ``today``:
    values dated after it are left out or refused. ``bounds``: what is plausible. A covariate whose
    files cannot be read goes to ``missing`` with the reason.
    """
    meaning = Meaning.of(name, commodity, bounds)
    present, missing, rejections, notes, unmatched = [], {}, [], [], []
    for covariate, source in sorted(commodity.covariates.items()):
        try:
            series = read_covariate(name, covariate, source, folder, today, meaning)
        except SourceError as error:
            missing[covariate] = str(error)
            continue
        present.append(known_at(sessions, series, source, meaning.known_ahead))
        lines = mismatches(sessions, series, source, meaning.known_ahead)
        unmatched += [f"{name}: covariate {line}" for line in lines]
        rejections += series.rejections
        notes += series.notes
    read_as = {each.name: values_of(commodity.covariates[each.name]) for each in present}
    return Features(name, sessions, present, missing, rejections, notes, unmatched, read_as=read_as)


def mismatches(
    sessions: Dates, series: CovariateSeries, source: Covariate, known_ahead: int
) -> list[str]:
    """Lines for users if a covariate, or else one of its regions, lacks values.

    A line says whether it has no value at any session or at none of the newest sessions, and which
    days it has.
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
    """A text if no session, or none of the newest ones, has a value; otherwise None."""
    recent = known[-RECENT_SESSIONS:]
    if len(sessions) == 0 or recent.any():
        return None
    if known.any():
        return f"no value at any of the newest {len(recent)} sessions, up to {sessions[-1]}"
    return f"no value at any of the {len(known):,} sessions, {sessions[0]} to {sessions[-1]}"


def known_at(
    sessions: Dates, series: CovariateSeries, source: Covariate, known_ahead: int = 0
) -> Feature:
    """The newest observation of a covariate that was known when each session's price was.

    The observation is at least ``delay_days`` older than the session, and at most ``fill_days``
    older than that. A price that is known ``known_ahead`` days before its session was set without
    knowledge of these days, so they are added to the delay.
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
