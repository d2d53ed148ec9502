"""Histories of a commodity as they were known at any moment: closes and covariates."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from forecast_assets.store.contract import Reading
from forecast_assets.store.frames import column, days_of, in_order_of
from forecast_assets.store.ledger import of
from forecast_assets.store.price_revisions import REVISIONS
from forecast_assets.timeline.history import Dates, History

FEATURES = "commodity.market.features"
SUPERSEDED_FEATURES = "commodity.market.superseded_features"
RENAMES = "commodity.market.commodity_renames"

VALUE = ["date", "covariate", "value", "created_at"]


def joined(
    history: History, dates: Dates, names: NDArray[np.str_], values: NDArray[np.float64]
) -> History:
    """The history with covariates from rows of them; in order of names, NaN where there is no row.

    ``dates``, ``names`` and ``values``: one item for each row; rows of other days are left out.
    """
    covariates, place = np.unique(names, return_inverse=True)
    row = np.searchsorted(history.dates, dates)
    held = row < len(history)
    held[held] = history.dates[row[held]] == dates[held]
    features = np.full((len(history), len(covariates)), np.nan)
    features[row[held], place[held]] = values[held]
    return History(
        history.commodity, history.dates, history.closes, features, tuple(covariates.tolist())
    )


@dataclass(frozen=True, eq=False)
class PastHistories:
    """All that was ever known of a commodity, from which any moment's history is made.

    ``closes``: the revisions of closes in order of dates and revisions. ``values``: rows of
    covariates with the moments between which each was what the table said. ``renames``: the former
    names of the commodity, the oldest first.
    """

    commodity: str
    closes: pa.Table
    values: pa.Table
    renames: pa.Table

    @classmethod
    def of(cls, tables: Reading, commodity: str) -> "PastHistories":
        """Those of a commodity, read from the tables."""
        mine = of(commodity)
        told = tables.read(REVISIONS, ["date", "revision", "close", "ingested_at"], mine)
        now = tables.read(FEATURES, VALUE, mine)
        past = tables.read(SUPERSEDED_FEATURES, [*VALUE, "superseded_at"], mine)
        never = pa.nulls(len(now), pa.timestamp("us"))
        values = pa.concat_tables([now.append_column("superseded_at", never), past])
        renames = tables.read(RENAMES, ["old_name", "renamed_at"], mine)
        return cls(
            commodity,
            in_order_of(told, "date", "revision"),
            values,
            in_order_of(renames, "renamed_at"),
        )

    def at(self, moment: datetime) -> History:
        """The history as it was known at a moment, in UTC, with all covariates of then."""
        then = np.datetime64(moment, "us")
        told = self.closes.filter(pa.array(column(self.closes, "ingested_at") <= then))
        days, closes = days_of(told, "date"), column(told, "close")
        is_newest = np.append(days[1:] != days[:-1], True)[: len(days)] & ~np.isnan(closes)
        history = History(self.commodity, days[is_newest], closes[is_newest])
        until = column(self.values, "superseded_at")
        held = (column(self.values, "created_at") <= then) & (np.isnat(until) | (then < until))
        rows = self.values.filter(pa.array(held))
        names = np.array(rows.column("covariate").to_pylist(), dtype=str)
        return joined(history, days_of(rows, "date"), names, column(rows, "value"))

    def name_at(self, moment: datetime) -> str:
        """What the commodity was called at a moment, in UTC."""
        for old_name, renamed_at in zip(*self.renames.to_pydict().values(), strict=True):
            if moment < renamed_at:
                return str(old_name)
        return self.commodity
