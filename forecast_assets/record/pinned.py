"""Versions: what each means is pinned revision by revision, and all that was trained has a pin."""

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from forecast_assets.configuration.in_force import pinned_model
from forecast_assets.errors import ConfigurationError, VersionCorrupted
from forecast_assets.forecast.records import IMPORTED_BY
from forecast_assets.record.damage import Damage, damages, day_of
from forecast_assets.record.mending import BACKUP
from forecast_assets.store.pinned_meaning import meaning_of

TABLE = "forecast.versions"

ORDER = [("model_version", "ascending"), ("revision", "ascending")]

KEPT = 4
"""The schema from which on versions are pinned."""

BY_HAND = "save_model"
"""Who wrote a model that was saved in a notebook, which pins nothing."""

UNPINNED = (BY_HAND, IMPORTED_BY)
"""Who wrote models that need no pin: by hand, or another system."""


OTHER_RELEASE = f"the release that made it, or {BACKUP}"


def of_versions(pins: pd.DataFrame, models: pd.DataFrame, since: pd.Timestamp) -> list[Damage]:
    """What is wrong with pins; ``since``: the models that were trained later have one.

    ``pins``: rows of ``versions``. ``models``: model_version, created_at and created_by of all.
    """
    ordered = pins.sort_values(["model_version", "revision"], ignore_index=True)
    versions = ordered.groupby("model_version")
    gaps = ordered[ordered.revision != versions.cumcount() + 1]
    early = ordered[ordered.pinned_at < versions.pinned_at.shift(1)]
    trained = models[(models.created_at >= since) & ~models.created_by.isin(UNPINNED)]
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


def of_meanings(pins: Iterable[Mapping[str, Any]]) -> Iterable[Damage]:
    """The rows of which no meaning can be read, and the models in force that cannot be made.

    ``pins``: rows of ``versions``, in order of version and revision.
    """
    rows = list(pins)
    newest = {row["model_version"]: row["revision"] for row in rows}
    for row in rows:
        version, day = row["model_version"], day_of(row["pinned_at"])
        place = (f"commodity.{TABLE}", "", "", version, day)
        try:
            models = meaning_of(row).models
        except VersionCorrupted as error:
            yield Damage("changed meaning", *place, str(error), BACKUP)
            continue
        for name, options in models.items() if row["revision"] == newest[version] else ():
            try:
                pinned_model(version, name, options)
            except ConfigurationError as error:
                yield Damage("pinned model cannot be made", *place, str(error), OTHER_RELEASE)
