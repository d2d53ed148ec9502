"""Closes as they were known at a moment, from all that was ever said of them."""

from datetime import datetime

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from forecast_assets.store.contract import Reading
from forecast_assets.store.frames import column, days_of, in_order_of
from forecast_assets.timeline.history import Dates

REVISIONS = "commodity.market.price_revisions"


def newest_closes(tables: Reading, commodity: str, moment: datetime) -> pa.Table:
    """Date and close of every session as it was known at a moment, in UTC, in order of dates."""
    told = tables.read(
        REVISIONS,
        ["date", "revision", "close"],
        [("commodity", "=", commodity), ("ingested_at", "<=", moment)],
    )
    ordered = in_order_of(told, "date", "revision")
    days = days_of(ordered, "date")
    is_last = np.append(days[1:] != days[:-1], True)[: len(days)]
    return ordered.filter(pa.array(is_last)).select(["date", "close"]).drop_null()


def closes_known(
    tables: Reading, commodity: str, cutoffs: Dates, moments: NDArray[np.datetime64]
) -> NDArray[np.float64]:
    """The close of each cutoff, in ascending order, as it was known at its moment, in UTC.

    Shape (n_cutoffs,), NaN where none was known.
    """
    told = tables.read(
        REVISIONS,
        ["date", "revision", "close", "ingested_at"],
        [("commodity", "=", commodity), ("date", "in", cutoffs.tolist())],
    )
    ordered = in_order_of(told.drop_null(), "revision")
    places = np.searchsorted(cutoffs, days_of(ordered, "date"))
    known = column(ordered, "ingested_at") <= moments[places]
    closes = np.full(len(cutoffs), np.nan)
    closes[places[known]] = column(ordered, "close")[known]  # the last of several stays
    return closes
