"""Converting Arrow tables to pandas frames and NumPy arrays."""

from typing import Any

import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from forecast_assets.timeline.history import Dates


def frame(rows: pa.Table) -> pd.DataFrame:
    """Convert rows to a frame: dates are datetime64[us], and missing values NaN or NaT."""
    for place, field in enumerate(rows.schema):
        if pa.types.is_date(field.type):
            moments = rows.column(place).cast(pa.timestamp("us"))
            rows = rows.set_column(place, field.name, moments)
    found: pd.DataFrame = rows.to_pandas()
    return found


def column(rows: pa.Table, name: str) -> NDArray[Any]:
    """A column as an array, NaN where a number is missing."""
    values: NDArray[Any] = rows.column(name).to_numpy()
    return values


def days_of(rows: pa.Table, name: str) -> Dates:
    """A column of dates as an array of datetime64[D]."""
    return column(rows, name).astype("datetime64[D]")


def in_order_of(rows: pa.Table, *names: str) -> pa.Table:
    """The rows in ascending order of some columns."""
    return rows.sort_by([(name, "ascending") for name in names])
