"""Paths: forecasts of one model as a program reads them."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from forecast_assets.store.frames import column, days_of
from forecast_assets.timeline.history import Dates


@dataclass(frozen=True, eq=False)
class Paths:
    """Forecasts of one model, in the order of their dates.

    ``cutoffs``, the last session that each knows, and ``starts``, the session of its first price:
    datetime64[D], shape (n_dates,). ``prices``: float32, shape (n_dates, n_paths, horizon), paths
    in the order of their ``path_id``. ``actuals``, what really happened: float32, shape
    (n_dates, horizon), NaN where it has not yet. ``closes``, at the cutoffs, as they were when the
    paths were drawn, even if revised since: float64, shape (n_dates,), NaN where that is not
    known. Prices are in the commodity's unit.
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
    """Prices of forecasts from ``cutoffs``, in ascending order, each with the paths ``path_ids``.

    ``rows``: data_cutoff_date, path_id and then a column a session, in any order of the rows, which
    are put in order here: that is faster than an engine's. Shape (n_cutoffs, horizon, n_paths),
    NaN where a price is missing. None unless each path is there once, and no other.
    """
    days = days_of(rows, "data_cutoff_date")
    found = column(rows, "path_id")
    order = np.lexsort((found, days))
    whole = np.array_equal(days[order], np.repeat(cutoffs, len(path_ids)))
    if not (whole and np.array_equal(found[order], np.tile(path_ids, len(cutoffs)))):
        return None
    sessions = rows.column_names[2:]
    blocks = np.empty((len(cutoffs), len(sessions), len(path_ids)), dtype=np.float32)
    for place, name in enumerate(sessions):
        blocks[:, place] = column(rows, name)[order].reshape(len(cutoffs), len(path_ids))
    return blocks
