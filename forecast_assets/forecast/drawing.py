"""Drawing the paths of one model, with the seeds that its forecasts have."""

from collections.abc import Sequence
from datetime import date

import numpy as np
from numpy.typing import NDArray

from forecast_assets.forecast.records import TrainedModel
from forecast_assets.models.base import FittedForecaster
from forecast_assets.models.simulation import seed_of
from forecast_assets.timeline.history import History

Loaded = tuple[TrainedModel, FittedForecaster]
"""The row of a model, and the model rebuilt from its payload."""


def drawn_paths(
    loaded: Loaded,
    known: History,
    cutoffs: Sequence[date],
    n_paths: int,
    horizon: int,
    *,
    commodity: str | None = None,
) -> NDArray[np.float32]:
    """The paths from each cutoff: float32, shape (n_cutoffs, n_paths, horizon).

    ``known``: a history that reaches the last cutoff and has the model's covariates; the paths of
    a cutoff depend only on its sessions up to it. ``commodity``: the name of which the seeds are
    made, which is that of the row unless the commodity had another when the forecast was drawn.
    """
    row, model = loaded
    if not cutoffs:
        return np.empty((0, n_paths, horizon), dtype=np.float32)
    named = (
        commodity or row.commodity,
        row.model_name,
        row.model_version,
        row.training_date.isoformat(),
    )
    return model.simulate(
        known,
        list(cutoffs),
        horizon=horizon,
        n_paths=n_paths,
        seeds=[seed_of(*named, cutoff.isoformat()) for cutoff in cutoffs],
    )
