"""The records that scoring and publishing produce and the store writes and reads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from forecast_assets.evaluation.outlook import Outlook
from forecast_assets.evaluation.scoring import Scores
from forecast_assets.forecast.records import IssuedForecast
from forecast_assets.timeline.outcomes import Outcomes


@dataclass(frozen=True, slots=True)
class ScoredForecast:
    """A forecast as it was when it was scored.

    ``cutoff_close``: the close at the cutoff then. ``outcome``: the closes known then.
    """

    model_name: str
    data_cutoff_date: date
    forecast_start_date: date
    generation_timestamp: datetime
    cutoff_close: float
    outcome: list[float]


@dataclass(frozen=True, eq=False)
class ScoredModel:
    """Forecasts of one model with their outcomes and scores, one item for each forecast."""

    model_name: str
    forecasts: Sequence[IssuedForecast]
    happened: Outcomes
    scores: Scores


@dataclass(frozen=True)
class PublicationChanges:
    """What a write of publications did, in numbers of forecasts.

    ``withdrawn``: forecasts that were published before and no longer are, or are for another reason
    or as another drawing.
    """

    added: int
    withdrawn: int
    unchanged: int


@dataclass(frozen=True, order=True)
class Publication:
    """A forecast that is published for downstream programs, and the reason for its choice."""

    data_cutoff_date: date
    model_name: str
    reason: str


Numbers = Mapping[tuple[str, date], Sequence[Outlook]]
"""The numbers of a page, by the model and the cutoff of the forecast."""
