"""What scoring and publishing hand on."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from forecast_assets.evaluation.scoring import Scores
from forecast_assets.forecast.records import IssuedForecast
from forecast_assets.timeline.outcomes import Outcomes


@dataclass(frozen=True)
class ScoredForecast:
    """A forecast that was scored: as it was, the close it began from, and the outcomes known."""

    model_name: str
    data_cutoff_date: date
    forecast_start_date: date
    generation_timestamp: datetime
    cutoff_close: float
    outcome: list[float]


@dataclass(frozen=True, eq=False)
class ScoredModel:
    """Some forecasts of one model with their outcomes and their scores, an item a forecast."""

    model_name: str
    forecasts: Sequence[IssuedForecast]
    happened: Outcomes
    scores: Scores


@dataclass(frozen=True)
class PublicationChanges:
    """What a write of publications did, in forecasts.

    ``withdrawn``: published before, and not any more, or for another reason.
    """

    added: int
    withdrawn: int
    unchanged: int


@dataclass(frozen=True, order=True)
class Publication:
    """A forecast that downstream programs are given, and why it is this one."""

    data_cutoff_date: date
    model_name: str
    reason: str
