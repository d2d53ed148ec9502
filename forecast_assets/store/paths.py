"""Paths: the forecasts of one model as arrays, for programs that read them."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from forecast_assets.store.frames import column, days_of
from forecast_assets.timeline.history import Dates


@dataclass(frozen=True, eq=False)
class Paths:
    """The forecasts of one model, in order of their dates.

    ``cutoffs``: the last session that each forecast knows, and ``starts``: the session of its first
    price, both datetime64[D], shape (n_dates,). ``prices``: float32, shape (n_dates, n_paths,
    horizon); paths are in order of their ``path_id``. ``actuals``: the closes that came, float32,
    shape (n_dates, horizon), NaN for sessions that have not happened. ``closes``: those at the
    cutoffs when the paths were drawn, even if they were revised since, float64, shape (n_dates,),
    NaN if they are not known. Prices are in the commodity's unit.
    """

    commodity: str
    model_name: str
    model_version: str
    cutoffs: Dates
    starts: Dates
    prices: NDArray[np.float32]
    actuals: NDArray[np.float32]
    closes: NDArray[np.float64]

    def __len__(self) -> int:
        """Return the number of forecasts."""
        return len(self.cutoffs)


def in_blocks(
    rows: pa.Table, cutoffs: Dates, path_ids: NDArray[np.int32]
) -> NDArray[np.float32] | None:
    """Arrange rows of paths into an array of shape (n_cutoffs, horizon, n_paths).

    ``rows``: columns data_cutoff_date, path_id and one for each session. The rows may be in any
    order, since sorting them here is faster than in an engine. ``cutoffs``: in ascending order.
    ``path_ids``: the paths that each forecast must have. Prices are NaN if they are missing. The
    result is None unless each path occurs exactly once and there are no others.
    """
    days, found = days_of(rows, "data_cutoff_date"), column(rows, "path_id")
    due = np.repeat(cutoffs, len(path_ids)), np.tile(path_ids, len(cutoffs))
    order: slice | NDArray[np.intp] = slice(None)  # as most engines give rows that were not deleted
    if not (np.array_equal(days, due[0]) and np.array_equal(found, due[1])):
        order = np.lexsort((found, days))
        if not (np.array_equal(days[order], due[0]) and np.array_equal(found[order], due[1])):
            return None
    sessions = rows.column_names[2:]
    blocks = np.empty((len(cutoffs), len(sessions), len(path_ids)), dtype=np.float32)
    for place, name in enumerate(sessions):
        blocks[:, place] = column(rows, name)[order].reshape(len(cutoffs), len(path_ids))
    return blocks
