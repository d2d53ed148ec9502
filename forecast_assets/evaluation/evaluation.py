"""Evaluation: how good and how calibrated each model is, by its scores for one commodity.

Forecasts of successive days share most of their sessions, so their scores are not independent.
Means and shares are over all of them; tests are over forecasts that have no session in common.

Records are a frame with a row for each forecast whose whole outcome is known: model_name,
data_cutoff_date, first_session and last_session (datetime64), crps (mean over the path, in the
unit of the price; NaN where it is not defined), covered_80 and covered_95 (shares of sessions),
pit (of the last session). A CRPS that is not defined is left out of skill and tests.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import date

import numpy as np
import pandas as pd
import scipy
from numpy.typing import NDArray
from scipy.stats._hypotests import _cdf_cvm_inf, _psi1_mod

from forecast_assets.evaluation.skill import skill
from forecast_assets.models.naive import Naive
from forecast_assets.timeline.history import Dates

MINIMUM = 30
"""A test needs at least this many forecasts without a common session."""

SIGNIFICANCE = 0.05
"""The level of the test whether a model differs from the naive model."""

ROUNDING = 1e-9
"""This is added to tolerances, so that a share exactly at its limit is within it."""


@dataclass(frozen=True)
class Tolerance:
    """The limits within which a model counts as calibrated.

    ``coverage_80`` and ``coverage_95``: the largest error of a coverage, as a share.
    ``pit_p_value``: the smallest p-value of the test that its PIT is uniform.
    """

    coverage_80: float
    coverage_95: float
    pit_p_value: float


@dataclass(frozen=True)
class Standing:
    """The evaluation of one model at one time; numbers are NaN if there are too few forecasts.

    ``effective_forecasts``: how many forecasts have no common session. ``skill``: 1 - CRPS / CRPS
    of the naive model, from the same cutoffs. ``coverage_error_80`` and ``_95``: coverage minus
    nominal coverage. ``calibration``: "calibrated", "too narrow", "too wide", "not uniform" or "too
    few". ``dm_statistic``: negative if the model has a smaller CRPS than the naive model.
    ``dm_verdict``: "better", "worse", "no difference", "too few" or "is naive".
    """

    model_name: str
    forecasts: int
    effective_forecasts: int
    skill: float
    coverage_80: float
    coverage_95: float
    coverage_error_80: float
    coverage_error_95: float
    pit_p_value: float
    calibration: str
    dm_statistic: float
    dm_p_value: float
    dm_verdict: str


COLUMNS = tuple(field.name for field in fields(Standing))


def non_overlapping(first_sessions: Dates, last_sessions: Dates) -> NDArray[np.bool_]:
    """Choose forecasts that have no session in common; a mask of shape (n,).

    The arguments are in order of cutoff. The first forecast is chosen, then each one that begins
    after the end of the one chosen before. So the choice does not change when later forecasts are
    added.
    """
    taken = np.zeros(len(first_sessions), dtype=np.bool_)
    after = None
    for place, (first, last) in enumerate(zip(first_sessions, last_sessions, strict=True)):
        if after is None or first > after:
            taken[place], after = True, last
    return taken


def diebold_mariano(differences: NDArray[np.float64]) -> tuple[float, float]:
    """Statistic and two-sided p-value of the test that two models are equally good.

    ``differences``: loss of a model minus loss of the other, from origins without a common
    session, shape (n,); negative values favour the model. Diebold and Mariano (1995) with the
    correction of Harvey, Leybourne and Newbold (1997) for one step: sqrt((n - 1) / n) times
    mean / sqrt(variance / n), with n in the denominator of the variance, is Student's t with
    n - 1 degrees of freedom. Both are NaN for fewer differences than MINIMUM, or if all are equal.
    """
    statistic, p_value = _tests(differences, np.array([len(differences)]))
    return float(statistic[0]), float(p_value[0])


def standings(records: pd.DataFrame, tolerance: Tolerance) -> list[Standing]:
    """The standing of each model by all its records, in order of names.

    Raises ValueError if a model has two records with the same cutoff.
    """
    found = []
    for track in _tracks(records):
        [row] = _rows(track, np.array([len(track.crps)]), tolerance).to_dict("records")
        found.append(Standing(**row))
    return found


def as_of(
    records: pd.DataFrame, dates: Sequence[date] | Dates, tolerance: Tolerance
) -> pd.DataFrame:
    """The standings at each date, by the records whose last session is not after it.

    The result has a row for each date and each model that has such a record: ``date`` and the
    fields of a Standing, in order of date and name. Later records do not change it. Raises
    ValueError as ``standings`` does.
    """
    days = np.unique(np.asarray(dates, dtype="datetime64[us]"))
    found = []
    for track in _tracks(records):
        ended = np.searchsorted(track.last_sessions, days, side="right")
        counts, rows = np.unique(ended[ended > 0], return_inverse=True)
        table = _rows(track, counts, tolerance).iloc[rows].reset_index(drop=True)
        table.insert(0, "date", days[ended > 0])
        found.append(table)
    if not found:
        return pd.DataFrame(columns=["date", *COLUMNS]).astype({"date": "datetime64[us]"})
    return pd.concat(found).sort_values(["date", "model_name"], ignore_index=True)


@dataclass(frozen=True, eq=False)
class _Track:
    """The records of one model in order of cutoff; each array has shape (n,).

    ``naive_crps``: that of the naive model from the same cutoff, or NaN. ``effective``: a choice of
    records without a common session. ``paired``: whether both have a CRPS. ``compared``: a choice
    of these without a common session.
    """

    model_name: str
    last_sessions: Dates
    crps: NDArray[np.float64]
    naive_crps: NDArray[np.float64]
    covered_80: NDArray[np.float64]
    covered_95: NDArray[np.float64]
    pit: NDArray[np.float64]
    effective: NDArray[np.bool_]
    paired: NDArray[np.bool_]
    compared: NDArray[np.bool_]


def _tracks(records: pd.DataFrame) -> Iterator[_Track]:
    naive = records.loc[records["model_name"] == Naive.name, ["data_cutoff_date", "crps"]]
    naive = naive.rename(columns={"crps": "naive_crps"})
    for name, mine in records.groupby("model_name", sort=True):
        ordered = mine.sort_values("data_cutoff_date")
        _require_one_each(str(name), ordered)
        in_order = ordered[_follows(ordered.first_session) & _follows(ordered.last_session)]
        yield _track(str(name), in_order.merge(naive, how="left", on="data_cutoff_date"))


def _require_one_each(name: str, ordered: pd.DataFrame) -> None:
    if ordered["data_cutoff_date"].duplicated().any():
        raise ValueError(f"{name}: two records have one cutoff")


def _follows(sessions: pd.Series) -> pd.Series:
    """Whether each session is not before that of an earlier record.

    It may be before one after a session was inserted late. Such records are left out until they are
    scored again, since their forecasts' sessions have changed.
    """
    return sessions >= sessions.cummax()


def _track(name: str, ordered: pd.DataFrame) -> _Track:
    first, last = ordered["first_session"].to_numpy(), ordered["last_session"].to_numpy()
    naive_crps = ordered["naive_crps"].to_numpy(dtype=np.float64)
    paired = ~np.isnan(naive_crps) & ordered["crps"].notna().to_numpy()
    compared = np.zeros(len(first), dtype=np.bool_)
    compared[paired] = non_overlapping(first[paired], last[paired])
    columns = {
        column: ordered[column].to_numpy(dtype=np.float64)
        for column in ("crps", "covered_80", "covered_95", "pit")
    }
    return _Track(
        model_name=name,
        last_sessions=last,
        naive_crps=naive_crps,
        effective=non_overlapping(first, last),
        paired=paired,
        compared=compared,
        **columns,
    )


def _rows(track: _Track, counts: NDArray[np.intp], tolerance: Tolerance) -> pd.DataFrame:
    """A row of COLUMNS for each of ``counts``, by the first so many records; counts are above 0."""
    last = counts - 1
    effective = np.cumsum(track.effective, dtype=np.intp)[last]
    compared = np.cumsum(track.compared, dtype=np.intp)[last]
    pit_p_value = _pit_p_values(track.pit[track.effective], effective)
    differences = (track.crps - track.naive_crps)[track.compared]
    statistic, p_value = _tests(differences, compared)
    coverage_80 = np.cumsum(track.covered_80)[last] / counts
    coverage_95 = np.cumsum(track.covered_95)[last] / counts
    error_80, error_95 = coverage_80 - 0.8, coverage_95 - 0.95
    columns = {
        "forecasts": counts,
        "effective_forecasts": effective,
        "skill": _skill(track)[last],
        "coverage_80": coverage_80,
        "coverage_95": coverage_95,
        "coverage_error_80": error_80,
        "coverage_error_95": error_95,
        "pit_p_value": pit_p_value,
        "calibration": _calibration(effective, error_80, error_95, pit_p_value, tolerance),
        "dm_statistic": statistic,
        "dm_p_value": p_value,
        "dm_verdict": verdicts(track.model_name, compared, statistic, p_value),
    }
    table = pd.DataFrame(columns)
    table.insert(0, "model_name", track.model_name)
    return table


def _skill(track: _Track) -> NDArray[np.float64]:
    """The skill by all records up to each one, for which both models have a CRPS."""
    mine = np.cumsum(np.where(track.paired, track.crps, 0.0))
    naive = np.cumsum(np.where(track.paired, track.naive_crps, 0.0))
    return skill(mine, naive)


def _pit_p_values(pit: NDArray[np.float64], counts: NDArray[np.intp]) -> NDArray[np.float64]:
    """P-values of the Cramer-von Mises test that the first ``counts`` values are uniform.

    Equal counts are computed only once. All p-values come from one call, since SciPy's public test
    takes a millisecond for each, and a commodity has a count for every cutoff.
    """
    distinct, places = np.unique(counts, return_inverse=True)
    enough = distinct >= MINIMUM
    found = np.full(len(distinct), np.nan)
    if enough.any():
        statistics = np.array([_cramer_von_mises(pit[:count]) for count in distinct[enough]])
        found[enough] = _uniform_p_values(statistics, distinct[enough])
    return found[places]


def _cramer_von_mises(values: NDArray[np.float64]) -> float:
    """The statistic of the test that some values are uniform on [0, 1]."""
    n = len(values)
    expected = (2 * np.arange(1, n + 1) - 1) / (2 * n)
    return float(1 / (12 * n) + np.sum((expected - np.sort(values)) ** 2))


def _uniform_p_values(
    statistics: NDArray[np.float64], counts: NDArray[np.intp]
) -> NDArray[np.float64]:
    """The p-value of each statistic of so many values, as ``scipy.stats.cramervonmises`` has it.

    Csorgo and Faraway (1996), The Exact and Asymptotic Distributions of Cramer-von Mises
    Statistics, equation 1.8.
    """
    below = np.zeros(len(statistics))
    inside = (statistics > 1 / (12 * counts)) & (statistics < counts / 3)
    w, n = statistics[inside], counts[inside]
    if len(w):
        below[inside] = _cdf_cvm_inf(w) * (1 + 1 / (12 * n)) + _psi1_mod(w) / n
    below[statistics >= counts / 3] = 1.0
    return np.clip(1.0 - below, 0.0, None)


def _tests(
    differences: NDArray[np.float64], counts: NDArray[np.intp]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Diebold-Mariano statistics and p-values of the first ``counts`` differences.

    Equal counts are computed only once.
    """
    distinct, places = np.unique(counts, return_inverse=True)
    statistic = np.array([_student(differences[:count]) for count in distinct])
    p_value = 2 * scipy.special.stdtr(np.maximum(distinct - 1, 1), -np.abs(statistic))
    return statistic[places], p_value[places]


def _student(differences: NDArray[np.float64]) -> float:
    """Student's statistic for a mean of zero; NaN for too few differences, or if all are equal."""
    n = len(differences)
    if n < MINIMUM or np.ptp(differences) <= 1e-12 * np.abs(differences).max():
        return np.nan
    return float(differences.mean() / np.sqrt(differences.var(ddof=1) / n))


def _calibration(
    effective: NDArray[np.intp],
    error_80: NDArray[np.float64],
    error_95: NDArray[np.float64],
    pit_p_value: NDArray[np.float64],
    tolerance: Tolerance,
) -> NDArray[np.object_]:
    """The calibration in words for each row: the first condition that holds."""
    limit_80, limit_95 = tolerance.coverage_80 + ROUNDING, tolerance.coverage_95 + ROUNDING
    return np.select(
        [
            effective < MINIMUM,
            (error_80 < -limit_80) | (error_95 < -limit_95),
            (error_80 > limit_80) | (error_95 > limit_95),
            pit_p_value < tolerance.pit_p_value,
        ],
        ["too few", "too narrow", "too wide", "not uniform"],
        default="calibrated",
    ).astype(object)


def verdicts(
    name: str,
    compared: NDArray[np.intp],
    statistic: NDArray[np.float64],
    p_value: NDArray[np.float64],
) -> NDArray[np.object_]:
    """The verdict in words for each row: the first condition that holds."""
    differs = p_value < SIGNIFICANCE
    return np.select(
        [
            np.full(len(compared), name == Naive.name),
            compared < MINIMUM,
            differs & (statistic < 0),
            differs & (statistic > 0),
        ],
        ["is naive", "too few", "better", "worse"],
        default="no difference",
    ).astype(object)
