"""Scores: how far the paths of forecasts were from the outcomes.

All scores are losses except the PIT, the coverages, the widths and the directional accuracy.
Gneiting and Raftery (2007), Strictly Proper Scoring Rules, Prediction, and Estimation.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecast_assets.forecast.points import (
    LEVELS,
    Ordered,
    Points,
    centred,
    chunks,
    in_order,
    points_of,
)

Values = NDArray[np.float64]
Part = tuple[dict[str, Values], dict[str, Values]]
"""The scores of a few origins: by session, and by path."""

AVERAGED = (
    "absolute_error",
    "squared_error",
    "absolute_percentage_error",
    "pinball_loss",
    "crps",
    "log_score",
    "covered_80",
    "covered_95",
    "width_80",
    "width_95",
)
"""The scores of a session whose mean over sessions is a score of the path."""

SESSION_SCORES = (*AVERAGED, "pit")
"""The scores of a session."""

ALWAYS_DEFINED = ("absolute_error", "squared_error", "pinball_loss", "crps")
"""The scores of a session that are defined unless its numbers are too large to be computed with."""

PATH_SCORES = (*SESSION_SCORES, "energy_score", "variogram_score", "directional_accuracy")
"""The scores of a path up to one of its sessions."""

SUMMARIZED = (1, 7, 14)
"""A path is scored up to each of these sessions that it goes beyond, and up to its end."""

PERMUTATION_SEED = 20_111
"""The seed of the permutation of paths for the energy score; it is the same for all forecasts."""


@dataclass(frozen=True, eq=False)
class Scores:
    """Scores: float64, NaN if a score is not defined or an outcome is not known; never infinite.

    A score is not defined if its formula gives no number, such as the log score of an outcome of
    density 0, or none that float64 can hold, such as the square of an error of 1e200.

    ``sessions``: SESSION_SCORES, each of shape (n_origins, horizon). ``paths``: PATH_SCORES up to
    each of ``horizons``, each of shape (n_origins, len(horizons)).
    """

    sessions: dict[str, Values]
    paths: dict[str, Values]
    horizons: tuple[int, ...]

    @property
    def undefined(self) -> NDArray[np.bool_]:
        """Whether an outcome of a forecast is too far away to be scored, shape (n_origins,)."""
        known = ~np.isnan(self.sessions["pit"])
        lost = np.logical_or.reduce([np.isnan(self.sessions[name]) for name in ALWAYS_DEFINED])
        found: NDArray[np.bool_] = (known & lost).any(axis=1)
        return found


def summary_horizons(horizon: int) -> tuple[int, ...]:
    """The sessions up to which paths of ``horizon`` sessions are scored, in ascending order."""
    return (*(sessions for sessions in SUMMARIZED if sessions < horizon), horizon)


def score(
    paths: NDArray[np.float32],
    closes: Values,
    outcomes: Values,
    spread: Callable[[Callable[[slice], Part], Iterable[slice]], Iterable[Part]] = map,
    ordered: Ordered | None = None,
    points: Points | None = None,
) -> Scores:
    """Score forecasts by their outcomes.

    ``paths``: shape (n_origins, n_paths, horizon). ``closes``: the close at each cutoff, shape
    (n_origins,). ``outcomes``: the closes after it, shape (n_origins, horizon); those at the end of
    a row are NaN if they are not known. ``spread``: ``map`` or a function with the same result,
    such as ``ThreadPoolExecutor.map``; it is given a few origins at a time, which are independent
    of all others. ``ordered`` and ``points``: the paths ``in_order`` and ``points_of`` them, if
    somebody has them.

    Raises ValueError if the shapes do not fit, and for fewer than two paths.
    """
    n_origins, _, horizon = paths.shape
    if closes.shape != (n_origins,) or outcomes.shape != (n_origins, horizon):
        raise ValueError(f"{paths.shape} paths, {closes.shape} closes, {outcomes.shape} outcomes")
    horizons = summary_horizons(horizon)
    sessions = {name: np.full((n_origins, horizon), np.nan) for name in SESSION_SCORES}
    whole = {name: np.full((n_origins, len(horizons)), np.nan) for name in PATH_SCORES}
    begun = np.flatnonzero(~np.isnan(outcomes).all(axis=1))

    def score_some(some: slice) -> Part:
        rows = begun[some]
        sorted_paths = in_order(paths[rows]) if ordered is None else ordered[rows]
        told = points_of(sorted_paths) if points is None else points.only(rows)
        with np.errstate(over="ignore", invalid="ignore"):  # such scores are not defined
            return _score(paths[rows], sorted_paths, told, closes[rows], outcomes[rows])

    parts = list(chunks(len(begun)))
    for some, (by_session, by_path) in zip(parts, spread(score_some, parts), strict=True):
        for name, values in by_session.items():
            sessions[name][begun[some]] = _defined(values)
        for name, values in by_path.items():
            whole[name][begun[some]] = _defined(values)
    return Scores(sessions, whole, horizons)


def _defined(values: Values) -> Values:
    """The scores, with NaN for those that float64 cannot hold."""
    return np.where(np.isfinite(values), values, np.nan)


def _score(
    paths: NDArray[np.float32], ordered: Ordered, points: Points, closes: Values, outcomes: Values
) -> Part:
    """Score a few origins at once."""
    by_session = _of_points(points, outcomes) | _of_distributions(ordered, points, outcomes)
    last = [sessions - 1 for sessions in summary_horizons(outcomes.shape[1])]
    by_path = {name: _up_to(by_session[name], last) for name in AVERAGED}
    by_path["pit"] = by_session["pit"][:, last]
    by_path |= _of_paths(paths, outcomes, last)
    by_path["directional_accuracy"] = _up_to(direction(points.median, closes, outcomes), last)
    return by_session, by_path


def _up_to(values: Values, last: list[int]) -> Values:
    """Means over the sessions up to and including each of ``last``, (n_origins, len(last))."""
    return np.stack([values[:, : place + 1].mean(axis=1) for place in last], axis=1)


def _of_points(points: Points, outcomes: Values) -> dict[str, Values]:
    """Scores of medians, means and quantiles, each of shape (n_origins, horizon)."""
    absolute = np.abs(points.median - outcomes)
    relative = np.full_like(absolute, np.nan)
    np.divide(100 * absolute, np.abs(outcomes), out=relative, where=outcomes != 0)
    over, levels = outcomes - points.quantiles, np.array(LEVELS)[:, None, None]
    losses = np.maximum(levels * over, (levels - 1) * over)
    scores = {
        "absolute_error": absolute,
        "squared_error": (points.mean - outcomes) ** 2,
        "absolute_percentage_error": relative,
        "pinball_loss": losses.mean(axis=0),
    }
    came = _as_paths_hold(outcomes)
    for coverage, name in ((0.8, "80"), (0.95, "95")):
        lower, upper = points.bounds(coverage)
        inside = (lower <= came) & (came <= upper)
        scores[f"covered_{name}"] = np.where(np.isnan(outcomes), np.nan, inside)
        scores[f"width_{name}"] = np.where(np.isnan(outcomes), np.nan, upper - lower)
    return scores


def _of_distributions(ordered: Ordered, points: Points, outcomes: Values) -> dict[str, Values]:
    """CRPS, log score and pit, each of shape (n_origins, horizon).

    The middle price is subtracted first, since sums of large prices would lose their differences.
    """
    centre, rest = centred(ordered)
    away = rest - (outcomes - centre)[..., None]
    return {
        "crps": crps(rest, away),
        "log_score": log_score(away, bandwidth(points, rest.shape[-1])),
        "pit": pit(ordered, outcomes),
    }


def crps(rest: Values, away: Values) -> Values:
    """The CRPS, shape (n_origins, horizon), from probability-weighted moments of the paths.

    ``rest``: prices in ascending order, relative to any price of their session; ``away``: the same
    relative to the outcome; both of shape (n_origins, horizon, n_paths). Half the mean distance of
    two paths is the sum of their (2 rank - n_paths - 1) times the price, divided by n_paths
    (n_paths - 1): Taillardat et al. (2016), Calibrated Ensemble Forecasts.
    """
    n_paths = rest.shape[-1]
    weights = np.arange(1 - n_paths, n_paths, 2) / (n_paths * (n_paths - 1))
    spread: Values = np.einsum("ijk,k->ij", rest, weights)
    distance: Values = np.abs(away).mean(axis=-1)
    return distance - spread


def log_score(away: Values, widths: Values) -> Values:
    """Minus the logarithm of the density of Gaussian kernels at the outcome, (n_origins, horizon).

    ``away``: paths relative to the outcome, shape (n_origins, horizon, n_paths); their memory is
    used. ``widths``: the standard deviations of the kernels, shape (n_origins, horizon).
    """
    with np.errstate(divide="ignore", invalid="ignore"):  # a width or a density may be zero
        np.multiply(away, (np.sqrt(0.5) / widths)[..., None], out=away)
        np.square(away, out=away)
        np.exp(np.negative(away, out=away), out=away)
        score: Values = np.log(widths * np.sqrt(2 * np.pi)) - np.log(away.mean(axis=-1))
    return score


def bandwidth(points: Points, n_paths: int) -> Values:
    """Silverman's (1986, section 3.4.2) width of a Gaussian kernel, shape (n_origins, horizon).

    The deviation is that of the paths themselves, with n_paths in its denominator.
    """
    lower, upper = points.bounds(0.5)
    deviation = points.standard_deviation * np.sqrt((n_paths - 1) / n_paths)
    width: Values = 1.06 * np.minimum(deviation, (upper - lower) / 1.34) * n_paths**-0.2
    return width


def pit(ordered: Ordered, outcomes: Values) -> Values:
    """Probability integral transform of outcomes, in (0, 1), shape (n_origins, horizon).

    It is (paths below + (paths equal + 1) / 2) / (n_paths + 1), the middle of the ranks that the
    outcome may have among the paths, so that ties need no random number. Outcomes are rounded to
    float32, the type of paths, since otherwise they could not equal any path.
    """
    came = _as_paths_hold(outcomes)[..., None].astype(np.float32)
    below = np.count_nonzero(ordered < came, axis=-1)
    equal = np.count_nonzero(ordered == came, axis=-1)
    ranks = (below + (equal + 1) / 2) / (ordered.shape[-1] + 1)
    return np.where(np.isnan(outcomes), np.nan, ranks)


def _of_paths(paths: NDArray[np.float32], outcomes: Values, last: list[int]) -> dict[str, Values]:
    """Energy and variogram scores of sessions up to each of ``last``, (n_origins, len(last))."""
    centre = paths[:, :1, :].mean(axis=(1, 2), dtype=np.float64)
    rest = np.subtract(permuted(paths), centre[:, None, None], dtype=np.float64)
    came = outcomes - centre[:, None]
    return {
        "energy_score": energy_scores(came, rest, last),
        "variogram_score": variogram_scores(came, rest, last),
    }


def permuted(paths: NDArray[np.float32]) -> NDArray[np.float32]:
    """Permute paths, in the same way for every forecast; shape (n_origins, horizon, n_paths)."""
    order = np.random.default_rng(PERMUTATION_SEED).permutation(paths.shape[1])
    return np.ascontiguousarray(paths.transpose(0, 2, 1)).take(order, axis=2)


def energy_scores(outcomes: Values, blocks: Values, last: list[int]) -> Values:
    """Energy scores: the mean distance of paths from the outcome, minus half of that of pairs.

    ``outcomes``: shape (n_origins, sessions). ``blocks``: ``permuted`` paths, shape (n_origins,
    sessions, n_paths). The result has shape (n_origins, len(last)): a score of the sessions up to
    and including each of ``last``. Only neighbouring paths are used as pairs, since all pairs would
    take n_paths times as long; so neighbours must be independent. They are not in a pooled model
    without permutation, which keeps the paths of a member together.
    """
    n_origins, _, n_paths = blocks.shape
    away, apart = np.zeros((2, n_origins, n_paths))
    squares = np.empty((n_origins, n_paths))
    scores = np.empty((n_origins, len(last)))
    for session in range(last[-1] + 1):
        prices = blocks[:, session]
        np.subtract(prices, outcomes[:, session, None], out=squares)
        away += np.square(squares, out=squares)
        np.subtract(prices[:, 1:], prices[:, :-1], out=squares[:, 1:])
        np.subtract(prices[:, 0], prices[:, -1], out=squares[:, 0])
        apart += np.square(squares, out=squares)
        if session in last:
            distance, pairs = (np.sqrt(each).mean(axis=-1) for each in (away, apart))
            scores[:, last.index(session)] = distance - pairs / 2
    return scores


def variogram_scores(outcomes: Values, blocks: Values, last: list[int]) -> Values:
    """Squared errors of the variogram of order 0.5, over all pairs: Scheuerer and Hamill (2015).

    ``outcomes``: shape (n_origins, sessions). ``blocks``: shape (n_origins, sessions, n_paths).
    The result has shape (n_origins, len(last)), for the pairs of sessions up to and including each
    of ``last``. Both are relative to a price near them, since they are compared as float32: pairs
    of sessions with the same sessions between them are compared at once.
    """
    rest, came = blocks.astype(np.float32), outcomes.astype(np.float32)
    n_origins, sessions, _ = rest.shape
    errors = np.zeros((n_origins, sessions, sessions))
    for lag in range(1, sessions):
        first = np.arange(sessions - lag)
        expected = _root_of_distance(rest[:, lag:], rest[:, :-lag]).mean(axis=-1)
        happened = _root_of_distance(came[:, lag:], came[:, :-lag])
        errors[:, first, first + lag] = np.square(happened - expected, dtype=np.float64)
    each_pair_twice = [2 * errors[:, : end + 1, : end + 1].sum(axis=(1, 2)) for end in last]
    return np.stack(each_pair_twice, axis=1)


def _root_of_distance(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float32]:
    """The square root of distances, which is what a variogram of order 0.5 compares."""
    distance = one - other
    np.abs(distance, out=distance)
    np.sqrt(distance, out=distance)
    return distance


def direction(medians: Values, closes: Values, outcomes: Values) -> Values:
    """1 if median and outcome moved from the close in the same direction, 0 if in opposite ones.

    It is 0.5 if one of them did not move. ``closes``: shape (n_origins,); the others have shape
    (n_origins, horizon). Closes are rounded to float32, the type of paths, since otherwise a median
    could not equal its close.
    """
    expected = np.sign(medians - _as_paths_hold(closes)[:, None])
    came = np.sign(outcomes - closes[:, None])
    unmoved = (expected == 0) | (came == 0)
    right = np.where(unmoved, 0.5, expected == came)
    return np.where(np.isnan(outcomes), np.nan, right)


def _as_paths_hold(prices: Values) -> Values:
    """Prices rounded to float32, the type of paths."""
    return prices.astype(np.float32).astype(np.float64)
