"""Point forecasts: those of each forecast are there once, and are those of its paths."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast_assets.forecast.points import INTERVALS, points_of
from forecast_assets.record.damage import FORECAST, Damage, damages, without
from forecast_assets.record.paths import Block
from forecast_assets.record.rows import Rows, numbers_at

TABLE = "forecast.point_estimates"

ROUNDING = 1e-12
"""Numbers differ if they do by more than this share of the mean and deviation together.

The sum of 2,000 prices in float64 is exact to about 1e-15 of it. A path whose last bit was changed
in float32 moves the mean by 3e-11 of it.
"""


def of_counts(rows: Rows) -> list[Damage]:
    """Forecasts that lack point forecasts, and point forecasts of no forecast."""
    counted = rows.points.groupby(FORECAST, as_index=False).day_ahead.agg(["count", "min", "max"])
    both = rows.ledger.merge(counted, how="left", on=FORECAST)
    whole = both[["count", "min", "max"]].eq([rows.horizon, 1, rows.horizon]).all(axis=1)
    strays = without(counted, rows.ledger, FORECAST)
    found = f"its {rows.horizon} point forecasts are not there once each"
    said = "the ledger has no forecast of these point forecasts"
    return [
        *damages(
            "missing points", TABLE, rows.commodity, both[~whole], found, rows.mending.restoring
        ),
        *damages(
            "points of no forecast", TABLE, rows.commodity, strays, said, rows.mending.drawing
        ),
    ]


def of_paths(rows: Rows, block: Block) -> list[Damage]:
    """Forecasts whose point forecasts are not those of their paths."""
    finite = np.isfinite(block.paths).all(axis=(1, 2))
    stored = _stored(rows, block.issued)
    computed = _computed(block)
    scale = np.abs(computed[:, :, :1]) + computed[:, :, 2:3]
    with np.errstate(invalid="ignore"):
        unlike = (np.abs(stored - computed) > ROUNDING * scale).any(axis=(1, 2))
    wrong = block.issued[unlike & finite]
    found = "they are not the mean, deviation and quantiles of its paths"
    return damages(
        "points of other paths", TABLE, rows.commodity, wrong, found, rows.mending.restoring
    )


NUMBERS = [
    *("mean", "median", "standard_deviation"),
    *(f"{side}_{100 * coverage:.0f}" for coverage in INTERVALS for side in ("lower", "upper")),
]


def _stored(rows: Rows, issued: pd.DataFrame) -> NDArray[np.float64]:
    """The stored numbers of forecasts: (n_forecasts, horizon, len(NUMBERS)), NaN where absent."""
    mine, shape = rows.points_by_model.of(issued), (len(issued), rows.horizon, len(NUMBERS))
    due = {
        "data_cutoff_date": np.repeat(issued.data_cutoff_date.to_numpy(), rows.horizon),
        "day_ahead": np.tile(np.arange(1, rows.horizon + 1, dtype=np.int32), len(issued)),
    }
    if all(np.array_equal(mine[name], values) for name, values in due.items()):
        stored: NDArray[np.float64] = mine[NUMBERS].to_numpy(dtype=np.float64)
        return stored.reshape(shape)
    keys = pd.MultiIndex.from_arrays([*due.values()], names=[*due])
    return numbers_at(mine, keys, NUMBERS).reshape(shape)


def _computed(block: Block) -> NDArray[np.float64]:
    """The same, computed from the paths."""
    with np.errstate(invalid="ignore", over="ignore"):
        points = points_of(block.ordered)
    bounds = [bound for coverage in INTERVALS for bound in points.bounds(coverage)]
    return np.stack([points.mean, points.median, points.standard_deviation, *bounds], axis=2)
