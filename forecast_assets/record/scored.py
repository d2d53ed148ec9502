"""Scores: each is of a forecast, its closes are those that came, and its numbers those of paths."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast_assets.evaluation.scoring import PATH_SCORES, SESSION_SCORES, score, summary_horizons
from forecast_assets.record.damage import FORECAST, MODEL, Damage, damages, without
from forecast_assets.record.mending import BACKUP
from forecast_assets.record.paths import Block
from forecast_assets.record.rows import Rows, numbers_at
from forecast_assets.timeline.history import History
from forecast_assets.timeline.outcomes import Outcomes

SCORES, PATHS = "forecast.scores", "forecast.path_scores"

ROUNDING = 1e-6
"""Scores differ if they do by more than this share, since variogram scores are sums of float32."""


def of_rows(rows: Rows) -> list[Damage]:
    """Scores of forecasts that do not exist, and scores that are not there once each."""
    gone = without(rows.scores, rows.ledger, FORECAST).drop_duplicates(FORECAST)
    lost = without(rows.path_scores, rows.ledger, FORECAST).drop_duplicates(FORECAST)
    known = rows.scores.groupby(FORECAST, as_index=False).agg(
        last=("day_ahead", "max"), count=("day_ahead", "size")
    )
    gaps = known[known["last"] != known["count"]]
    horizons = pd.DataFrame({"horizon": summary_horizons(rows.horizon)})
    due = known.merge(horizons, how="cross").query("horizon <= last")
    key = [*FORECAST, "horizon"]
    some = without(due, rows.path_scores, key).drop_duplicates(FORECAST)
    early = without(rows.path_scores, due, key).drop_duplicates(FORECAST)

    def run(row: Any) -> str:
        return rows.mending.run(row.model_version)

    name, found = rows.commodity, "the ledger has no forecast of these scores"
    return [
        *damages("scores of no forecast", SCORES, name, gone, found, run),
        *damages("scores of no forecast", PATHS, name, lost, found, run),
        *damages("missing scores", SCORES, name, gaps, "a session before the last has none", run),
        *damages("missing scores", PATHS, name, some, "a horizon that has come has none", BACKUP),
        *damages("scores too early", PATHS, name, early, "the horizon has not come", BACKUP),
        *_other_closes(rows),
    ]


def _other_closes(rows: Rows) -> list[Damage]:
    """Scores by closes that are neither those of now nor those of when they were written."""
    there = without(rows.scores, without(rows.scores, rows.ledger, FORECAST), FORECAST)
    sessions = set(rows.history.dates.tolist())
    there = there[there.data_cutoff_date.dt.date.isin(sessions)].reset_index(drop=True)
    if there.empty:
        return []
    wrong = ~_right(there, rows.history, rows.horizon)
    for moment, mine in there[wrong].groupby("scored_at"):
        then = rows.past.at(pd.Timestamp(moment))
        known = mine[mine.data_cutoff_date.dt.date.isin(set(then.dates.tolist()))]
        if len(known):
            wrong[known.index] = ~_right(known, then, rows.horizon)
    some = there[wrong].drop_duplicates(FORECAST)
    found = "its cutoff_close, session or actual is not that of the prices"
    return damages(
        "scores of other closes",
        SCORES,
        rows.commodity,
        some,
        found,
        lambda row: rows.mending.run(row.model_version),
    )


def _right(scores: pd.DataFrame, history: History, horizon: int) -> NDArray[np.bool_]:
    """Whether each score has the closes of a history."""
    cutoffs = scores.data_cutoff_date.dt.date
    days = sorted(set(cutoffs))
    came = Outcomes.after(history, days, horizon)
    place = np.searchsorted(np.array(days, "datetime64[D]"), np.array(cutoffs, "datetime64[D]"))
    ahead = scores.day_ahead.to_numpy() - 1
    inside = (ahead >= 0) & (ahead < horizon)
    ahead = np.where(inside, ahead, 0)
    found: NDArray[np.bool_] = (
        inside
        & (scores.cutoff_close.to_numpy() == came.cutoff_closes[place])
        & (scores.actual.to_numpy() == came.closes[place, ahead])
        & (scores.session.to_numpy().astype("datetime64[D]") == came.sessions[place, ahead])
    )
    return found


@dataclass(frozen=True, eq=False)
class Sample:
    """The forecasts to score again, with their rows of ``scores`` and of ``path_scores``."""

    chosen: pd.DataFrame
    scores: pd.DataFrame
    path_scores: pd.DataFrame


def sample(rows: Rows, most: int | None) -> Sample:
    """Of each model so many forecasts that are scored, spread over all; None for all of them."""
    found = rows.scores[FORECAST].drop_duplicates().sort_values(FORECAST)
    places = [
        mine.iloc[_spread(len(mine), most)]
        for _, mine in found.groupby(["model_name", "model_version"])
    ]
    chosen = pd.concat(places) if places else found
    return Sample(chosen, rows.scores.merge(chosen), rows.path_scores.merge(chosen))


def _spread(there: int, most: int | None) -> NDArray[np.intp]:
    """So many places of those that there are, from the first to the last; None for all."""
    return np.unique(np.linspace(0, there - 1, there if most is None else most).astype(np.intp))


def of_paths(rows: Rows, block: Block, sample: Sample) -> list[Damage]:
    """Of the chosen forecasts, those whose scores are not those of paths and closes.

    The closes are those that are stored with the scores; ``of_rows`` compares them with the prices.
    A forecast that was drawn after it was scored is left out: its scores are due.
    """
    first = block.issued.iloc[0]
    is_mine = (sample.chosen[MODEL] == [first.model_name, first.model_version]).all(axis=1)
    days = sample.chosen.data_cutoff_date[is_mine]
    places = np.flatnonzero(block.issued.data_cutoff_date.isin(days))
    if not len(places):
        return []
    issued, paths = block.issued.iloc[places], block.paths[places].transpose(0, 2, 1)
    mine = sample.scores.merge(issued[[*FORECAST, "generation_timestamp"]])
    keys = _keys(issued, range(1, rows.horizon + 1), "day_ahead")
    stored = numbers_at(mine, keys, ["cutoff_close", "actual", *SESSION_SCORES])
    stored = stored.reshape(len(issued), rows.horizon, -1)
    computed = score(paths, stored[:, 0, 0], stored[:, :, 1])
    by_session = np.stack([computed.sessions[name] for name in SESSION_SCORES], axis=2)
    there = ~np.isnan(stored[:, :, 1])
    wrong = (_unlike(stored[:, :, 2:], by_session) & there[:, :, None]).any(axis=(1, 2))
    keys = _keys(issued, computed.horizons, "horizon")
    whole = numbers_at(sample.path_scores, keys, PATH_SCORES).reshape(
        len(issued), len(computed.horizons), -1
    )
    by_path = np.stack([computed.paths[name] for name in PATH_SCORES], axis=2)
    come = there.sum(axis=1)[:, None] >= np.array(computed.horizons)
    other = (_unlike(whole, by_path) & come[:, :, None]).any(axis=(1, 2))
    found = "they are not those of its paths and closes"
    kind, name = "scores of other paths", rows.commodity
    return [
        *damages(kind, SCORES, name, issued[wrong], found, BACKUP),
        *damages(kind, PATHS, name, issued[other], found, BACKUP),
    ]


def _keys(issued: pd.DataFrame, places: range | tuple[int, ...], name: str) -> pd.MultiIndex:
    """An index of each forecast with each place."""
    rows = issued[FORECAST].merge(pd.DataFrame({name: list(places)}), how="cross")
    return pd.MultiIndex.from_frame(rows)


def _unlike(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Where two arrays differ by more than rounding; a missing number is like a missing one."""
    alike: NDArray[np.bool_] = np.isclose(one, other, rtol=ROUNDING, atol=1e-9, equal_nan=True)
    return ~alike
