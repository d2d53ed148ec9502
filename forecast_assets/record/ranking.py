"""The leaderboard: it is what its scores and models give, unless some are newer than it."""

import numpy as np
import pandas as pd

from forecast_assets.configuration.settings import Settings
from forecast_assets.evaluation.leaderboard import leaderboard
from forecast_assets.evaluation.publishing import tolerance_of
from forecast_assets.record.damage import Damage
from forecast_assets.record.mending import PUBLISH
from forecast_assets.store.contract import Reading, Store
from forecast_assets.store.frames import frame

TABLE = "commodity.forecast.leaderboard"

KEY = ["commodity", "model_version", "model_name"]

LATER = ["created_at", "created_by", "calibration"]
"""What is not compared: who wrote it, and verdicts by tolerances that may have changed since."""

ROUNDING = 1e-9
"""Numbers differ if they do by more than this share."""


def of_leaderboard(settings: Settings, store: Store, tables: Reading) -> list[Damage]:
    """Rows of the leaderboard that are not what the scores give.

    A leaderboard that is older than a score or model, or than a change of commodities, is due and
    is not compared.
    """
    stored = frame(store.leaderboard.read())
    if stored.empty or stored.created_at.max() < _newest(tables):
        return []
    records = {
        (name, version): frame(store.scores.records(name, version))
        for name, version in store.scores.versions()
        if name in settings.commodities
    }
    cost = frame(store.leaderboard.training_cost())
    again = leaderboard(records, cost, tolerance_of(settings), [])
    if again.empty:
        return []
    both = stored.merge(again, how="outer", on=KEY, suffixes=("", "_again"), indicator="there")
    columns = [name for name in stored.columns if name not in [*KEY, *LATER]]
    wrong = (both["there"] != "both") | np.logical_or.reduce(
        [_unlike(both[name], both[f"{name}_again"]) for name in columns]
    )
    return [
        Damage(
            "other leaderboard",
            TABLE,
            row.commodity,
            row.model_name,
            row.model_version,
            None,
            "a row is not what the scores and models give",
            PUBLISH,
        )
        for row in both[wrong].itertuples(index=False)
    ]


def _newest(tables: Reading) -> pd.Timestamp:
    """When the newest score or model was written."""
    moments = [
        frame(tables.read("commodity.forecast.scores", ["scored_at"])).scored_at.max(),
        frame(tables.read("commodity.forecast.trained_models", ["created_at"])).created_at.max(),
    ]
    return max((each for each in moments if pd.notna(each)), default=pd.Timestamp.min)


def _unlike(one: pd.Series, other: pd.Series) -> np.ndarray:
    """Where two columns differ by more than rounding; a missing value is like a missing one."""
    if pd.api.types.is_numeric_dtype(one):
        close: np.ndarray = np.isclose(
            one.to_numpy(dtype=np.float64),
            other.to_numpy(dtype=np.float64),
            rtol=ROUNDING,
            atol=1e-12,
            equal_nan=True,
        )
        return ~close
    differ: np.ndarray = ((one != other) & ~(one.isna() & other.isna())).to_numpy(dtype=bool)
    return differ
