"""Scores of forecasts that were scored when they were drawn, until they are stored.

A backfill knows most outcomes when it draws. To score the paths then, while the process has them,
saves reading them back from the tables.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

import numpy as np

from forecast_assets.evaluation.scoring import Scores
from forecast_assets.forecast.records import Draw, IssuedForecast, Written
from forecast_assets.timeline.outcomes import Outcomes

MOST = 30_000
"""So many forecasts are kept, in about 60 MB; others are scored by the paths in the tables."""

Name = tuple[str, str, str, date]
"""The commodity, version, model and cutoff of a forecast."""


@dataclass(frozen=True, eq=False)
class DrawnForecast:
    """The scores of one forecast: those of ``row``; and what they were made from.

    ``outcome``: the bytes of its closes. No other drawing has the same ``generation_timestamp``.
    """

    generation_timestamp: datetime
    n_paths: int
    cutoff_close: float
    outcome: bytes
    scores: Scores
    row: int

    def is_of(self, forecast: IssuedForecast, happened: Outcomes, place: int) -> bool:
        """Whether these are scores of an issued forecast, and of its outcome at a place."""
        return (
            self.generation_timestamp == forecast.generation_timestamp
            and self.n_paths == forecast.n_paths
            and self.cutoff_close == happened.cutoff_closes[place]
            and self.outcome == happened.closes[place].tobytes()
        )


@dataclass
class DrawnScores:
    """Keeps scores in this process; each is given once."""

    kept: dict[Name, DrawnForecast] = field(default_factory=dict)

    def clear(self) -> None:
        """Forget the scores that nobody has asked for."""
        self.kept.clear()

    def keep(self, written: Written, draw: Draw, happened: Outcomes, scores: Scores) -> None:
        """Keep the scores of a draw, unless there are too many; one item for each of its cutoffs.

        ``written``: the columns that the forecasts will share in the tables.
        """
        if len(self.kept) + len(draw.cutoffs) > MOST:
            return
        for row, cutoff in enumerate(draw.cutoffs):
            name = (written.commodity, written.model_version, draw.model.model_name, cutoff)
            self.kept[name] = DrawnForecast(
                written.at,
                draw.paths.shape[1],
                float(happened.cutoff_closes[row]),
                happened.closes[row].tobytes(),
                scores,
                row,
            )

    def take(
        self,
        commodity: str,
        model_version: str,
        forecasts: Sequence[IssuedForecast],
        happened: Outcomes,
    ) -> Scores | None:
        """The scores of some issued forecasts of one model; None if those of one are not kept.

        ``happened``: the outcome of each of them, with which its scores must have been made.
        """
        found = [
            self.kept.pop((commodity, model_version, x.model_name, x.data_cutoff_date), None)
            for x in forecasts
        ]
        mine = [
            each
            for place, (each, forecast) in enumerate(zip(found, forecasts, strict=True))
            if each is not None and each.is_of(forecast, happened, place)
        ]
        if not mine or len(mine) < len(forecasts):
            return None
        first = mine[0].scores
        return Scores(
            {
                x: np.stack([each.scores.sessions[x][each.row] for each in mine])
                for x in first.sessions
            },
            {x: np.stack([each.scores.paths[x][each.row] for each in mine]) for x in first.paths},
            first.horizons,
        )
