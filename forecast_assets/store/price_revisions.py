"""Closes as they were known at a moment, computed from all their revisions."""

from datetime import datetime

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from forecast_assets.store.contract import Reading
from forecast_assets.store.frames import column, days_of, in_order_of
from forecast_assets.timeline.history import Dates

REVISIONS = "commodity.market.price_revisions"


def newest_closes(tables: Reading, commodity: str, moment: datetime) -> pa.Table:
    """Date and close of each session as they were known at ``moment`` (UTC), in order of dates."""
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
    """The close of each cutoff as it was known at the moment of the same position, in UTC.

    ``cutoffs``: in ascending order. The result has shape (n_cutoffs,), NaN if none was known.
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
    closes[places[known]] = column(ordered, "close")[known]  # a later revision overwrites
    return closes
