"""Paths: forecasts of one model as a program reads them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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
