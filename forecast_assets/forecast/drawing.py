"""Drawing the paths of one model, with the seeds that its forecasts have."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from forecast_assets.forecast.records import TrainedModel
from forecast_assets.models.base import FittedForecaster
from forecast_assets.models.simulation import seed_of
from forecast_assets.timeline.history import History

LOG = logging.getLogger(__name__)

Value = TypeVar("Value")

Loaded = tuple[TrainedModel, FittedForecaster]
"""The row of a model, and the model rebuilt from its payload."""


@dataclass(frozen=True)
class Broken:
    """Why a model has drawn nothing: the class and the words of its error."""

    reason: str


def attempted(draw: Callable[[], Value]) -> Value | Broken:
    """Do what draws from a stored model; an error of it, of whatever class, becomes a reason.

    This is the boundary of a stored model, whose state may be absurd in any way: the other models
    go on. An error that says that it asked for a later day than it is given is none but its own.
    """
    try:
        return draw()
    except Exception as error:
        LOG.debug("a model broke down", exc_info=True)
        return Broken(f"{type(error).__name__}: {error}")


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
