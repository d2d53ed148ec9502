"""Drawing again: what is kept of forecasts is what they give again, to the last bit."""

from collections.abc import Collection, Sequence
from itertools import groupby

import numpy as np
import pandas as pd

from forecast_assets.record.damage import FORECAST, MODEL, Damage, damages
from forecast_assets.record.issued import COVARIATES_KEPT, MADE_BY, uses_covariates
from forecast_assets.record.mending import BACKUP
from forecast_assets.record.rows import Rows
from forecast_assets.store.issued import Issued, all_issued
from forecast_assets.store.redrawing import Redrawing
from forecast_assets.store.saved_models import ModelStore

PATHS, POINTS = "forecast.distributions", "forecast.superseded_point_forecasts"


def of_sample(rows: Rows, most: int | None, broken: Collection[str]) -> tuple[int, list[Damage]]:
    """How many forecasts were drawn again, and which of them differ from what is kept.

    ``most``: how many of each model, spread over all; None for all of them. ``broken``: the ids of
    models that cannot be used; their forecasts are left out.
    """
    issued = able(rows, all_issued(rows.tables, rows.commodity))
    chosen = sample([each for each in issued if each.model_id not in broken], most)
    models = ModelStore.over(rows.store, rows.settings)
    redrawing = Redrawing.over(models, rows.tables, rows.commodity, rows.horizon)
    unlike = [(each.issued, each.problem) for each in redrawing.of(chosen) if each.problem]
    return len(chosen), [
        each
        for table, is_present in ((PATHS, True), (POINTS, False))
        for each in damages(
            "not as drawn again",
            table,
            rows.commodity,
            told([x for x in unlike if (x[0].superseded_at is None) == is_present]),
            lambda row: row.problem,
            rows.mending.restoring if is_present else BACKUP,
        )
    ]


def told(unlike: Sequence[tuple[Issued, str]]) -> pd.DataFrame:
    """A row for each forecast that differs."""
    found = [
        (x.model_name, x.model_version, pd.Timestamp(x.cutoff), problem) for x, problem in unlike
    ]
    return pd.DataFrame(found, columns=[*FORECAST, "problem"])


def able(rows: Rows, forecasts: Sequence[Issued]) -> list[Issued]:
    """The forecasts that have a model, and covariates: what these were is kept since a release."""
    since, uses = rows.kept_since(COVARIATES_KEPT), uses_covariates(rows)
    there = set(rows.models[MADE_BY].itertuples(index=False, name=None))
    return [
        x
        for x in forecasts
        if (x.model_id, x.payload_sha256) in there
        and (x.model_id not in uses or x.generation_timestamp >= since)
    ]


def sample(forecasts: Sequence[Issued], most: int | None) -> list[Issued]:
    """So many forecasts of each model, from the first to the last, always the same ones."""
    if most is None:
        return list(forecasts)
    found: list[Issued] = []
    for _, some in groupby(sorted(forecasts), key=lambda x: [getattr(x, name) for name in MODEL]):
        mine = list(some)
        places = np.unique(np.linspace(0, len(mine) - 1, most).astype(int))
        found += [mine[place] for place in places.tolist()]
    return found
