"""Paths: each forecast of the ledger has all of its own, and what was computed from them fits."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast_assets.forecast.points import Ordered
from forecast_assets.record.damage import FORECAST, Damage, damages, without
from forecast_assets.record.rows import Rows
from forecast_assets.store.ledger import of, paths_if_whole
from forecast_assets.timeline.history import History
from forecast_assets.timeline.outcomes import Outcomes

TABLE = "forecast.distributions"

AT_ONCE = 260_000
"""So many paths are in memory at the same time: about 30 MB of 14 sessions."""

HEADER = ["model_id", "training_date", "forecast_start_date", "generation_timestamp"]
"""The columns that the paths of a forecast have from its row in the ledger."""

PLAUSIBLE = 1000.0
"""No price is further from zero than this many times the most distant close before it."""


def counted(rows: Rows) -> pd.DataFrame:
    """The ledger's forecasts that have paths, and how many with which numbers; ``is_whole``."""
    drawn = rows.tally[~rows.tally.is_outcome]
    found = drawn.groupby(FORECAST, as_index=False).agg(
        paths=("paths", "sum"), lowest=("lowest", "min"), highest=("highest", "max")
    )
    both = rows.ledger.merge(found, on=FORECAST)
    right = (both.paths == both.n_paths) & (both.lowest == 1) & (both.highest == both.n_paths)
    return both.assign(is_whole=right)


def of_counts(rows: Rows) -> list[Damage]:
    """Forecasts without paths or with other ones than theirs, and paths without a forecast."""
    drawn, there = rows.tally[~rows.tally.is_outcome], counted(rows)
    wrong = there[~there.is_whole]
    strays = without(rows.tally, rows.ledger, FORECAST).drop_duplicates(FORECAST)
    return [
        *damages(
            "no paths",
            TABLE,
            rows.commodity,
            without(rows.ledger, there, FORECAST),
            lambda row: f"the ledger has {row.n_paths} paths of it, and there are none",
            rows.mending.restoring,
        ),
        *damages(
            "wrong number of paths",
            TABLE,
            rows.commodity,
            wrong,
            lambda row: (
                f"{row.paths} paths numbered {row.lowest} to {row.highest}, and not {row.n_paths}"
            ),
            rows.mending.restoring,
        ),
        *damages(
            "paths of no forecast",
            TABLE,
            rows.commodity,
            strays,
            "the ledger has no forecast of these paths",
            rows.mending.drawing,
        ),
        *_headers(rows, drawn),
    ]


def _headers(rows: Rows, drawn: pd.DataFrame) -> list[Damage]:
    """Paths whose columns besides the prices are not those of their forecast."""
    both = drawn.merge(rows.ledger[[*FORECAST, *HEADER]], on=FORECAST, suffixes=("", "_issued"))
    unlike = np.logical_or.reduce([both[name] != both[f"{name}_issued"] for name in HEADER])
    wrong = both[unlike | both.is_actuals | both.has_data_leakage]
    return damages(
        "paths of another forecast",
        TABLE,
        rows.commodity,
        wrong,
        lambda row: f"{row.paths} paths have another {', '.join(HEADER)} or flag than the ledger",
        rows.mending.restoring,
    )


def of_outcomes(rows: Rows) -> list[Damage]:
    """Forecasts without one path 0, or with other outcomes than the closes that came.

    An outcome that was right when it was written is not wrong: the next run brings it up to date.
    """
    marked = rows.tally[rows.tally.is_outcome]
    several = marked.groupby(FORECAST, as_index=False).paths.sum().query("paths > 1")
    unmarked = marked[~marked.is_actuals | marked.has_data_leakage]
    there = rows.outcomes.drop_duplicates(FORECAST)
    sessions = set(rows.history.dates.tolist())
    known = there.data_cutoff_date.dt.date.isin(sessions)
    told = there[known & np.isin(np.arange(len(there)), _behind(rows, there, known.to_numpy()))]
    kinds = {
        "no outcome": (without(rows.ledger, there, FORECAST), "it has no path 0"),
        "several outcomes": (several, "it has more than one path 0"),
        "outcome of other flags": (unmarked, "its path 0 is not marked as what happened"),
        "wrong outcome": (told, "its path 0 has not the closes that came"),
    }
    way = {
        "several outcomes": rows.mending.restoring,
        "outcome of other flags": rows.mending.restoring,
    }
    return [
        each
        for kind, (some, found) in kinds.items()
        for each in damages(
            kind,
            TABLE,
            rows.commodity,
            some,
            found,
            way.get(kind, lambda row: rows.mending.run(row.model_version)),
        )
    ]


def _behind(rows: Rows, there: pd.DataFrame, known: NDArray[np.bool_]) -> list[int]:
    """Places of outcomes that are neither those of now nor those of when they were written."""
    columns = [f"day_{session}" for session in range(1, rows.horizon + 1)]
    stored = there[columns].to_numpy(dtype=np.float32)
    places = np.flatnonzero(known)
    days = there.data_cutoff_date.dt.date.to_numpy()
    now = happened(rows.history, days[places].tolist(), rows.horizon)
    places = places[~_same(stored[places], now)]
    wrong = []
    for place in places.tolist():
        moment = there.generation_timestamp.iloc[place]
        then = rows.past.at(moment)
        was = days[place] in set(then.dates.tolist())
        if not was or not _same(stored[[place]], happened(then, [days[place]], rows.horizon))[0]:
            wrong.append(place)
    return wrong


def happened(history: History, cutoffs: list[date], horizon: int) -> NDArray[np.float32]:
    """The closes after cutoffs as paths 0 have them: (n_cutoffs, horizon)."""
    return Outcomes.after(history, cutoffs, horizon).as_paths


def _same(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.bool_]:
    same: NDArray[np.bool_] = ((one == other) | (np.isnan(one) & np.isnan(other))).all(axis=1)
    return same


@dataclass(frozen=True, eq=False)
class Block:
    """The paths of some forecasts of one model, all of them whole.

    ``issued``: their rows of the ledger. ``paths``: (n_forecasts, horizon, n_paths), in order of
    path_id, and ``ordered``: the same in ascending order of prices.
    """

    issued: pd.DataFrame
    paths: NDArray[np.float32]
    ordered: Ordered


def blocks(rows: Rows) -> Iterator[Block | pd.DataFrame]:
    """The paths of all forecasts that have as many as the ledger says, some forecasts at a time.

    Instead of a block there are the ledger's rows of forecasts whose path_ids repeat.
    """
    there = counted(rows)
    whole = there[there.is_whole]
    for _, mine in whole.groupby(["model_name", "model_version", "n_paths"], sort=True):
        step = max(1, AT_ONCE // int(mine.n_paths.iloc[0]))
        for first in range(0, len(mine), step):
            yield from _read(rows, mine.iloc[first : first + step])


def _read(rows: Rows, issued: pd.DataFrame) -> Iterator[Block | pd.DataFrame]:
    model = of(rows.commodity, issued.model_name.iloc[0], issued.model_version.iloc[0])
    cutoffs = issued.data_cutoff_date.to_numpy().astype("datetime64[D]")
    path_ids = np.arange(1, 1 + issued.n_paths.iloc[0], dtype=np.int32)
    paths = paths_if_whole(rows.tables, model, cutoffs, path_ids)
    if paths is not None:
        yield Block(issued, paths, np.sort(paths, axis=-1))
    elif len(issued) == 1:
        yield issued
    else:
        for place in range(len(issued)):
            yield from _read(rows, issued.iloc[place : place + 1])


def of_repeated(rows: Rows, issued: pd.DataFrame) -> list[Damage]:
    """Forecasts with the right number of paths, of which some have the same number."""
    found = "some path_id occurs twice, and another is missing"
    return damages("repeated path", TABLE, rows.commodity, issued, found, rows.mending.restoring)


def of_prices(rows: Rows, block: Block) -> list[Damage]:
    """Forecasts with prices that no close has ever been near to.

    Prices that are no numbers break a declaration of the table.
    """
    dates, closes = rows.history.dates, np.abs(rows.history.closes)
    if not len(dates):
        return []
    cutoffs = block.issued.data_cutoff_date.to_numpy().astype("datetime64[D]")
    places = np.maximum(np.searchsorted(dates, cutoffs, side="right") - 1, 0)
    most = np.maximum.accumulate(closes)[places]
    far = block.issued[np.abs(block.paths).max(axis=(1, 2)) > PLAUSIBLE * most]
    found = f"a price is over {PLAUSIBLE:g} times all closes before it"
    return damages("price beyond reason", TABLE, rows.commodity, far, found, rows.mending.restoring)
