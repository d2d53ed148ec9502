"""What training and forecasting hand on."""

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, field
from datetime import date, datetime
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from forecast_assets.forecast.points import Points
from forecast_assets.timeline.history import History
from forecast_assets.timeline.outcomes import Outcomes

Stage = Literal["train", "forecast"]


@dataclass(frozen=True)
class TrainedModel:
    """One row of ``trained_models``: see docs/tables.md for each column."""

    model_id: str
    commodity: str
    model_name: str
    model_version: str
    training_date: date
    training_start_date: date
    training_end_date: date
    training_samples: int
    options: str
    parameters: str
    fitted_model_json: str | None
    fitted_model_uri: str | None
    payload_format: str
    payload_schema_version: int
    payload_sha256: str
    model_size_bytes: int
    data_fingerprint: str
    library_versions: str
    fit_metrics: str
    fit_seconds: float
    created_at: datetime
    created_by: str
    is_active: bool
    year: int
    month: int


@dataclass(frozen=True)
class ModelFailure:
    """A model that is absent from a window, and why.

    ``declined``: the model does not apply there, by its nature, and nothing broke. ``origins``:
    the forecasts that are absent where the model itself is not.
    """

    model_name: str
    reason: str
    declined: bool = False
    origins: int = 0


@dataclass(frozen=True)
class IssuedForecast:
    """One forecast that the tables hold, and what it was made from.

    ``outcome``: what the tables say of each session ahead, None where it has not happened; None
    as a whole where they have no row for it. ``cutoff_close``: the close at the cutoff that it was
    drawn from; None where the tables do not know.
    """

    model_name: str
    model_id: str
    training_date: date
    data_cutoff_date: date
    forecast_start_date: date
    payload_sha256: str
    history_fingerprint: str
    n_paths: int
    generation_timestamp: datetime
    outcome: list[float | None] | None
    cutoff_close: float | None = None


@dataclass(frozen=True)
class RevisedForecast:
    """A forecast that used closes which have changed since, all of them up to its cutoff.

    ``used`` and ``newest``: the close at the cutoff, when the forecast was drawn and as it is now.
    """

    model_name: str
    model_version: str
    data_cutoff_date: date
    revised_sessions: int
    first_revised: date
    last_revised: date
    used: float | None
    newest: float | None

    def told(self, newest: date) -> str:
        """What is revised, in words. ``newest``: the newest session that has a price.

        A forecast whose outcome has begun is a record, and is drawn again only if that is asked.
        """
        how = "forecast run --recompute" if newest > self.data_cutoff_date else "forecast run"
        days = str(self.first_revised)
        if self.first_revised != self.last_revised:
            days = f"{self.revised_sessions} sessions from {days} to {self.last_revised}"
        at_cutoff = ""
        if self.used is not None and self.newest is not None and self.used != self.newest:
            at_cutoff = f" (its last close was {self.used:.10g} and is {self.newest:.10g} now)"
        return (
            f"the newest forecast of {self.model_name} {self.model_version}, from"
            f" {self.data_cutoff_date}, was drawn before the close of {days} was"
            f" revised{at_cutoff}; `{how}` draws it again"
        )


@dataclass(frozen=True, eq=False)
class Draw:
    """New paths of one model: float32, shape (n_origins, n_paths, horizon), all finite.

    ``cutoffs``, ``starts``, ``fingerprints`` (of the history up to the cutoff) and ``closes`` (at
    the cutoff, in the commodity's unit) have one item an origin, ``points`` are the same paths in
    a few numbers. ``why``: by cutoff, why the forecast that was issued before is replaced.
    """

    model: TrainedModel
    cutoffs: list[date]
    starts: list[date]
    fingerprints: list[str]
    closes: list[float]
    paths: NDArray[np.float32]
    points: Points
    why: Mapping[date, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class WindowChange:
    """What one write does to the forecasts of a commodity and version: all of it, or nothing.

    ``draws`` take the place of the same forecasts, if there are any; what is replaced or withdrawn
    stays as a record, without its paths, of what was said. ``failures``: of this attempt at the
    window, in place of the last one's. ``moved``: (cutoff, start) of forecasts whose first session
    turned out to be another day. ``withdrawn``: cutoffs that are no session any more; forecasts
    from them are deleted. ``happened``: what came after some cutoffs; every forecast from them gets
    it beside its paths, as path 0. A draw from another cutoff gets a row that knows nothing yet.
    """

    draws: Sequence[Draw] = ()
    failures: Sequence[ModelFailure] = ()
    moved: Sequence[tuple[date, date]] = ()
    withdrawn: Sequence[date] = ()
    happened: Outcomes | None = None


@dataclass(frozen=True)
class Written:
    """Who writes, when, and for which window: columns that every row of one write shares."""

    commodity: str
    model_version: str
    training_date: date
    at: datetime
    by: str


@dataclass(frozen=True, eq=False)
class Fan:
    """One forecast: float32 paths, shape (n_paths, horizon).

    ``close``: what it was drawn from at its cutoff; None where the tables do not know.
    """

    cutoff: date
    start: date
    paths: NDArray[np.float32]
    close: float | None = None

    def opens_at(self, history: History) -> float:
        """The close that the paths begin at, even if it was revised since.

        That of the history where the tables do not know: raises IndexError when it has none.
        """
        known = history.known_at(self.cutoff)
        return float(known.closes[-1]) if self.close is None else self.close


@dataclass(frozen=True)
class RecordedFailure:
    """A row of ``failures``."""

    commodity: str
    model_name: str
    model_version: str
    training_date: date
    stage: Stage
    declined: bool
    origins: int
    reason: str


def same_failures(recorded: Sequence[RecordedFailure], failures: Sequence[ModelFailure]) -> bool:
    """Whether an attempt failed as the last one did, so that nothing need be written."""
    before = {(row.model_name, row.reason, row.declined, row.origins) for row in recorded}
    return before == {astuple(failure) for failure in failures}
