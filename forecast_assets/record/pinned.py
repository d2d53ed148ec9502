"""Versions: what each means is pinned revision by revision, and all that was trained has a pin."""

import pandas as pd

from forecast_assets.record.damage import Damage, damages
from forecast_assets.record.mending import BACKUP

TABLE = "forecast.versions"

KEPT = 4
"""The schema from which on versions are pinned."""

BY_HAND = "save_model"
"""Who wrote a model that was saved in a notebook, which pins nothing."""


def of_versions(pins: pd.DataFrame, models: pd.DataFrame, since: pd.Timestamp) -> list[Damage]:
    """What is wrong with pins; ``since``: the models that were trained later have one.

    ``pins``: rows of ``versions``. ``models``: model_version, created_at and created_by of all.
    """
    ordered = pins.sort_values(["model_version", "revision"], ignore_index=True)
    versions = ordered.groupby("model_version")
    gaps = ordered[ordered.revision != versions.cumcount() + 1]
    early = ordered[ordered.pinned_at < versions.pinned_at.shift(1)]
    trained = models[(models.created_at >= since) & (models.created_by != BY_HAND)]
    lost = trained[~trained.model_version.isin(pins.model_version)]
    kinds = {
        "gap in revisions": (gaps, "revisions are not 1, 2, 3 and so on", "pinned_at"),
        "revisions out of order": (early, "it was pinned before the one before it", "pinned_at"),
        "version without a pin": (
            lost.drop_duplicates("model_version"),
            "models were trained under it, and nothing says what it means",
            "created_at",
        ),
    }
    return [
        each
        for kind, (some, found, day) in kinds.items()
        for each in damages(kind, TABLE, "", some, found, BACKUP, day)
    ]
