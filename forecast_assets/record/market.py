"""Prices and covariates: their revisions are in order, and each session has its covariates."""

import numpy as np
import pandas as pd

from forecast_assets.record.damage import Damage, damages
from forecast_assets.record.mending import BACKUP
from forecast_assets.record.rows import Rows

REVISIONS, FEATURES = "market.price_revisions", "market.features"


def of_prices(rows: Rows) -> list[Damage]:
    """Revisions that are not 1, 2, 3 and so on, or were written before the one before them."""
    told = rows.revisions
    sessions = told.groupby("date")
    gaps = told[told.revision != sessions.cumcount() + 1]
    earlier = told[told.ingested_at < sessions.ingested_at.shift(1)]
    kinds = {
        "gap in revisions": (gaps, "revisions are not 1, 2, 3 and so on"),
        "revisions out of order": (earlier, "a revision was written before the one before it"),
    }
    return [
        each
        for kind, (some, found) in kinds.items()
        for each in damages(kind, REVISIONS, rows.commodity, some, found, BACKUP, "date")
    ]


def of_features(rows: Rows) -> list[Damage]:
    """Sessions that lack the row of a covariate although later work saw them.

    A session that came after the covariate was last written may lack it: its file may be late.
    """
    if rows.features.empty:
        return []
    prices = rows.read("market.prices", ["date", "ingested_at"])
    told = []
    for name, mine in rows.features.groupby("covariate"):
        due = prices[prices.ingested_at <= mine.created_at.max()]
        lost = due[~np.isin(due["date"], mine["date"])]
        found = f"the session has no row of the covariate {name}"
        way = rows.mending.run("")
        told += damages(
            "session without covariate", FEATURES, rows.commodity, lost, found, way, "date"
        )
    return told


def of_schemas(schemas: pd.DataFrame) -> list[Damage]:
    """Schemas that the tables have had in another order than that of their numbers."""
    ordered = schemas.sort_values("schema_version")
    wrong = ordered[ordered.since < ordered.since.shift(1)]
    found = "an older schema is newer than the one after it"
    table = "market.schema_versions"
    return damages("schemas out of order", table, "", wrong, found, BACKUP, "since")
